//! Rows: what one element of a request does to an indicator, and how two such changes become one.
//!
//! In: changes, as typed values or as encoded rows. Out: encoded rows. A *row* is everything known about one
//! indicator over some stretch of history: its tags, if that history set them, and one *holding* for each
//! supplier that the history touched. [`merge`] folds a newer row over an older one and is associative, so the
//! memtable, the background merges and the readers all use it, and a write does not need to read anything.
//!
//! Encoding: `varint(t)`, `t = 0` for unchanged tags, else `t - 1` tag numbers as varints; then to the end of
//! the row holdings ascending by supplier: `varint(supplier)`, a byte of flags, and unless released
//! `updated` (four bytes, big-endian) and, if the context is given, `varint(length)` and its bytes; the same of the sent
//! spelling, if there is one. A spelling is that of the last update, so nothing older ever lends one.
//!
//! For example, supplier 7 takes an indicator at second 1,000, with tags 3 and 300 and the context `{}`:
//! `03 03 ac 02 | 07 02 00 00 03 e8 02 7b 7d`.
//!
//! Pure functions over bytes; which suppliers and tags still exist is the caller's knowledge ([`drop_dead`]).

use std::{cmp::Ordering, iter::Peekable};

use crate::{
    SupplierId, TagId,
    varint::{push_varint, take, take_array, take_varint, take_varint_u32, varint_bytes},
};

/// What a row does to an indicator's tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagsChange<'a> {
    /// Leaves them.
    Keep,
    /// Replaces them all; an empty list clears them.
    Replace(&'a [TagId]),
}

/// What a row does to one supplier's holding of an indicator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldingChange<'a> {
    /// The supplier holds the indicator from now on.
    Hold {
        /// In seconds, as the store stamps updates.
        updated: u32,
        /// JSON text of the new context; `None` keeps the stored one.
        context: Option<&'a [u8]>,
        /// How the indicator was sent ([`normalize_spelled`](crate::normalize::normalize_spelled)), if its key does not tell;
        /// empty if it does.
        spelling: &'a [u8],
    },
    /// The supplier no longer holds it.
    Release,
}

const RELEASED: u8 = 1;
/// The context is given here; without it, it is that of the older row.
const CONTEXT: u8 = 2;
/// Nothing older counts: the supplier released the indicator before it took it again.
const FRESH: u8 = 4;
/// The sent spelling is given here.
const SPELLING: u8 = 8;

/// Appends the row of one change to `row`.
pub fn encode(supplier: SupplierId, holding: HoldingChange<'_>, tags: TagsChange<'_>, row: &mut Vec<u8>) {
    match tags {
        TagsChange::Keep => row.push(0),
        TagsChange::Replace(ids) => {
            push_varint(row, ids.len() as u64 + 1);
            for id in ids {
                push_varint(row, u64::from(id.0));
            }
        }
    }
    let (flags, updated, context, spelling) = match holding {
        HoldingChange::Release => (RELEASED, 0, &[][..], &[][..]),
        HoldingChange::Hold { updated, context: None, spelling } => (0, updated, &[][..], spelling),
        HoldingChange::Hold { updated, context: Some(context), spelling } => {
            (CONTEXT, updated, context, spelling)
        }
    };
    let flags = if spelling.is_empty() { flags } else { flags | SPELLING };
    RowHolding { supplier, flags, updated, context, spelling }.encode(row);
}

/// One supplier's part of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowHolding<'a> {
    /// Whose holding.
    pub supplier: SupplierId,
    flags: u8,
    /// Seconds since 1970-01-01 UTC of the last update; 0 when released.
    pub updated: u32,
    /// JSON text of the context as far as this row knows it; empty when it has none.
    pub context: &'a [u8],
    /// The sent spelling; empty when the key tells it.
    pub spelling: &'a [u8],
}

impl<'a> RowHolding<'a> {
    /// Returns true if the supplier gave the indicator up.
    pub fn is_released(&self) -> bool {
        self.flags & RELEASED != 0
    }

    /// Returns true if an older holding of the same supplier still matters.
    fn needs_older(&self) -> bool {
        self.flags & (RELEASED | CONTEXT | FRESH) == 0
    }

    fn encode(&self, row: &mut Vec<u8>) {
        push_varint(row, u64::from(self.supplier.0));
        row.push(self.flags);
        if self.is_released() {
            return;
        }
        row.extend_from_slice(&self.updated.to_be_bytes());
        if self.flags & CONTEXT != 0 {
            push_varint(row, self.context.len() as u64);
            row.extend_from_slice(self.context);
        }
        if self.flags & SPELLING != 0 {
            push_varint(row, self.spelling.len() as u64);
            row.extend_from_slice(self.spelling);
        }
    }

    fn decode(bytes: &mut &'a [u8]) -> Option<Self> {
        let supplier = SupplierId(take_varint_u32(bytes)?);
        let [flags] = take_array(bytes)?;
        if flags & RELEASED != 0 {
            return Some(Self { supplier, flags, updated: 0, context: &[], spelling: &[] });
        }
        let updated = u32::from_be_bytes(take_array(bytes)?);
        let context = take_flagged(flags & CONTEXT, bytes)?;
        let spelling = take_flagged(flags & SPELLING, bytes)?;
        Some(Self { supplier, flags, updated, context, spelling })
    }

    /// Folds an older holding of the same supplier under this one.
    ///
    /// A holding without a context takes that of the older one, if there is one. If the older one is a release, this
    /// one becomes *fresh*: whatever lies below the release must not lend it a context. Hold(5, `{}`), Release,
    /// Hold(9, none) is Fresh(9, none), whichever pair is folded first.
    fn merged_over(self, older: Self) -> Self {
        if !self.needs_older() {
            return self;
        }
        let is_spelled = self.flags & SPELLING;
        if older.is_released() {
            return Self { flags: FRESH | is_spelled, ..self };
        }
        Self { flags: older.flags & (CONTEXT | FRESH) | is_spelled, context: older.context, ..self }
    }
}

/// Bytes that some take with their length before them.
fn prefixed_bytes(bytes: &[u8]) -> usize {
    varint_bytes(bytes.len()) + bytes.len()
}

/// Takes a length and so many bytes; nothing when the flag is not set.
#[inline]
fn take_flagged<'a>(flag: u8, bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    if flag == 0 {
        return Some(&[]);
    }
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    take(bytes, length)
}

/// An encoded row, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The encoded tag numbers; `None` when the row leaves the tags alone.
    tags: Option<&'a [u8]>,
    holdings: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads the outline of a row; `None` when the bytes are not a row.
    pub fn decode(mut bytes: &'a [u8]) -> Option<Self> {
        let count = take_varint(&mut bytes)?;
        if count == 0 {
            return Some(Self { tags: None, holdings: bytes });
        }
        let from = bytes;
        for _ in 1..count {
            take_varint(&mut bytes)?;
        }
        let tags = from.get(..from.len() - bytes.len())?;
        Some(Self { tags: Some(tags), holdings: bytes })
    }

    /// Reads the outline of what must be a row: tests see where it is not.
    #[inline]
    fn expect(bytes: &'a [u8]) -> Option<Self> {
        let row = Self::decode(bytes);
        debug_assert!(row.is_some(), "bytes that are not a row");
        row
    }

    /// Returns true if the row sets the tags at all.
    pub fn sets_tags(&self) -> bool {
        self.tags.is_some()
    }

    /// The tags that the row sets, in the order in which they were sent.
    pub fn tags(&self) -> impl Iterator<Item = TagId> + use<'a> {
        let mut bytes = self.tags.unwrap_or(&[]);
        std::iter::from_fn(move || take_varint_u32(&mut bytes).map(TagId))
    }

    /// The holdings, ascending by supplier, released ones included.
    pub fn holdings(&self) -> impl Iterator<Item = RowHolding<'a>> + use<'a> {
        let mut bytes = self.holdings;
        std::iter::from_fn(move || RowHolding::decode(&mut bytes))
    }

    fn encode_tags(&self, row: &mut Vec<u8>) {
        match self.tags {
            None => row.push(0),
            Some(tags) => {
                push_varint(row, self.tags().count() as u64 + 1);
                row.extend_from_slice(tags);
            }
        }
    }
}

/// Appends to `merged` the row that does what `older` and then `newer` do.
///
/// Cost: one pass over both. Bytes that are not a row count as an empty one in a release build, and stop a test: rows
/// are checked when they are pushed, and checksums keep what is damaged from getting here.
pub fn merge(newer: &[u8], older: &[u8], merged: &mut Vec<u8>) {
    let (Some(newer), Some(older)) = (Row::expect(newer), Row::expect(older)) else {
        merged.extend_from_slice(if Row::decode(newer).is_some() { newer } else { older });
        return;
    };
    if newer.sets_tags() {
        newer.encode_tags(merged);
    } else {
        older.encode_tags(merged);
    }
    let (mut newer, mut older) = (newer.holdings().peekable(), older.holdings().peekable());
    while let Some(holding) = next_holding(&mut newer, &mut older) {
        holding.encode(merged);
    }
}

/// Takes the holding with the smaller supplier, or both folded into one when they are of the same.
fn next_holding<'a>(
    newer: &mut Peekable<impl Iterator<Item = RowHolding<'a>>>,
    older: &mut Peekable<impl Iterator<Item = RowHolding<'a>>>,
) -> Option<RowHolding<'a>> {
    match (newer.peek(), older.peek()) {
        (Some(new), Some(old)) => match new.supplier.cmp(&old.supplier) {
            Ordering::Less => newer.next(),
            Ordering::Greater => older.next(),
            Ordering::Equal => Some(newer.next()?.merged_over(older.next()?)),
        },
        (Some(_), None) => newer.next(),
        (None, _) => older.next(),
    }
}

/// Appends to `live` what remains of a row that has nothing older below it; returns true if anything does.
///
/// `keeps` decides by supplier and last update whether a holding still counts (a removed supplier's or an
/// expired one does not); `knows` whether a tag still exists. A row that no supplier holds leaves nothing.
pub fn drop_dead(
    row: &[u8],
    keeps: impl Fn(SupplierId, u32) -> bool,
    knows: impl Fn(TagId) -> bool,
    live: &mut Vec<u8>,
) -> bool {
    let Some(row) = Row::expect(row) else { return false };
    let start = live.len();
    if !append_known_tags(&row, knows, live) {
        live.push(0);
    }
    let mut is_held = false;
    for holding in row.holdings() {
        if !holding.is_released() && keeps(holding.supplier, holding.updated) {
            RowHolding { flags: holding.flags & (CONTEXT | SPELLING), ..holding }.encode(live);
            is_held = true;
        }
    }
    if !is_held {
        live.truncate(start);
    }
    is_held
}

/// Appends to `live` the tags of a row that no supplier holds; returns true if there are any.
///
/// For a row that a newer one may lie above: the indicator keeps the tags that it was given before.
pub fn keep_tags(row: &[u8], knows: impl Fn(TagId) -> bool, live: &mut Vec<u8>) -> bool {
    let Some(row) = Row::expect(row) else { return false };
    append_known_tags(&row, knows, live)
}

/// Appends the tags of a row that still exist; nothing, and false, when there are none.
fn append_known_tags(row: &Row<'_>, knows: impl Fn(TagId) -> bool, live: &mut Vec<u8>) -> bool {
    let known_tags = || row.tags().filter(|tag| knows(*tag));
    let tags_count = known_tags().count() as u64;
    if tags_count == 0 {
        return false;
    }
    push_varint(live, tags_count + 1);
    for tag in known_tags() {
        push_varint(live, u64::from(tag.0));
    }
    true
}

/// Appends what a row is about: whether it sets tags, though none of them, and whose holdings it has, each held or released as
/// in the row, without anything else.
///
/// Outlines merge like rows. Bytes that are not a row leave nothing.
pub fn outline(row: &[u8], outline: &mut Vec<u8>) {
    let Some(row) = Row::expect(row) else { return };
    outline.push(u8::from(row.sets_tags()));
    for holding in row.holdings() {
        let flags = holding.flags & RELEASED;
        RowHolding { supplier: holding.supplier, flags, updated: 0, context: &[], spelling: &[] }
            .encode(outline);
    }
}

/// Whether a row sets tags, and whose its holding is; `None` when it has another number of holdings, or a released one. Rows of which it is the same
/// have the same [`outline`].
pub fn single_holder(mut bytes: &[u8]) -> Option<(bool, SupplierId)> {
    let row = Row::decode(bytes)?;
    bytes = row.holdings;
    let holding = RowHolding::decode(&mut bytes)?;
    if bytes.is_empty() && !holding.is_released() { Some((row.sets_tags(), holding.supplier)) } else { None }
}

/// A row with one holding that is not released, taken apart at what neighboring rows seldom share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SingleRow<'a> {
    /// Tags, supplier and flags.
    pub head: &'a [u8],
    /// Seconds since 1970-01-01 UTC of the last update.
    pub updated: u32,
    /// The context, if one is given here.
    pub context: Option<&'a [u8]>,
    /// The sent spelling, if one is given here.
    pub spelling: Option<&'a [u8]>,
}

impl<'a> SingleRow<'a> {
    /// Takes a row apart; `None` when it has another number of holdings, or a released one.
    pub fn split(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Row::decode(bytes)?.holdings;
        let holding = RowHolding::decode(&mut rest)?;
        if !rest.is_empty() || holding.is_released() {
            return None;
        }
        let context = if holding.flags & CONTEXT != 0 { Some(holding.context) } else { None };
        let spelling = if holding.flags & SPELLING != 0 { Some(holding.spelling) } else { None };
        let tail_bytes =
            size_of::<u32>() + context.map_or(0, prefixed_bytes) + spelling.map_or(0, prefixed_bytes);
        let head = bytes.get(..bytes.len() - tail_bytes)?;
        Some(Self { head, updated: holding.updated, context, spelling })
    }

    /// Returns true if a context follows a head.
    pub fn has_context(head: &[u8]) -> bool {
        head.last().is_some_and(|flags| flags & CONTEXT != 0)
    }

    /// Returns true if a sent spelling follows a head.
    pub fn has_spelling(head: &[u8]) -> bool {
        head.last().is_some_and(|flags| flags & SPELLING != 0)
    }

    /// Appends the row.
    pub fn join(&self, row: &mut Vec<u8>) {
        row.extend_from_slice(self.head);
        row.extend_from_slice(&self.updated.to_be_bytes());
        for given in [self.context, self.spelling].into_iter().flatten() {
            push_varint(row, given.len() as u64);
            row.extend_from_slice(given);
        }
    }
}

/// Appends `row` with each context that is given in it replaced by what `replace` makes of it; empty ones stay.
///
/// What stands in the place of a context is opaque to every other function here, so a store may keep contexts
/// elsewhere and merge rows that name them. Bytes that are not a row leave nothing.
///
/// # Errors
///
/// The first error of `replace`; a part of the row may have been appended.
pub fn replace_contexts<C: AsRef<[u8]>, E>(
    row: &[u8],
    mut replace: impl FnMut(&[u8]) -> Result<C, E>,
    replaced: &mut Vec<u8>,
) -> Result<(), E> {
    let Some(row) = Row::expect(row) else { return Ok(()) };
    row.encode_tags(replaced);
    let mut rest = row.holdings;
    while !rest.is_empty() {
        let Some(holding) = RowHolding::decode(&mut rest) else {
            debug_assert!(false, "a row ends within a holding");
            break;
        };
        if holding.context.is_empty() {
            holding.encode(replaced);
        } else {
            let context = replace(holding.context)?;
            RowHolding { context: context.as_ref(), ..holding }.encode(replaced);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
