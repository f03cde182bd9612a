//! What one element of a request does to an indicator, and how two such operations become one.
//!
//! In: operations, as typed values or as encoded rows. Out: encoded rows. A *row* is everything known about one
//! indicator over some stretch of history: its tags, if that history set them, and one *holding* for each
//! supplier that the history touched. [`merge`] folds a newer row over an older one and is associative, so the
//! memtable, the background merges and the readers all use it, and a write needs to read nothing.
//!
//! Encoding: `varint(t)`, `t = 0` for unchanged tags, else `t - 1` tag numbers as varints; then to the end of
//! the row holdings ascending by supplier: `varint(supplier)`, a byte of flags, and unless released
//! `updated` (four bytes, big-endian) and, if the context is given, `varint(length)` and its bytes.
//!
//! Pure functions over bytes; which suppliers and tags still exist is the caller's knowledge ([`settle`]).

use std::{cmp::Ordering, iter::Peekable};

use crate::{SupplierId, TagId};

/// What an operation does to an indicator's tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagsChange<'a> {
    /// Leaves them.
    Keep,
    /// Replaces them all; an empty list clears them.
    Replace(&'a [TagId]),
}

/// What an operation does to one supplier's holding of an indicator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldingChange<'a> {
    /// The supplier holds the indicator from now on.
    Hold {
        /// Seconds since 1970-01-01 UTC.
        updated: u32,
        /// JSON text of the new context; `None` keeps the stored one.
        context: Option<&'a [u8]>,
    },
    /// The supplier no longer holds it.
    Release,
}

const RELEASED: u8 = 1;
/// The context is given here; without it, it is that of the older row.
const CONTEXT: u8 = 2;
/// Nothing older counts: the supplier released the indicator before it took it again.
const FRESH: u8 = 4;

/// Appends the row of one operation to `row`.
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
    let (flags, updated, context) = match holding {
        HoldingChange::Release => (RELEASED, 0, None),
        HoldingChange::Hold { updated, context: None } => (0, updated, None),
        HoldingChange::Hold { updated, context } => (CONTEXT, updated, context),
    };
    RowHolding { supplier, flags, updated, context: context.unwrap_or_default() }.encode(row);
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
}

impl<'a> RowHolding<'a> {
    /// Tells whether the supplier gave the indicator up.
    pub fn is_released(&self) -> bool {
        self.flags & RELEASED != 0
    }

    /// Tells whether an older row of the same supplier still matters.
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
    }

    fn decode(bytes: &mut &'a [u8]) -> Option<Self> {
        let supplier = SupplierId(take_varint_u32(bytes)?);
        let flags = take(bytes, 1)?.first().copied()?;
        if flags & RELEASED != 0 {
            return Some(Self { supplier, flags, updated: 0, context: &[] });
        }
        let updated = u32::from_be_bytes(take(bytes, 4)?.try_into().ok()?);
        let context = if flags & CONTEXT != 0 {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            take(bytes, length)?
        } else {
            &[]
        };
        Some(Self { supplier, flags, updated, context })
    }

    fn merged_over(self, older: Self) -> Self {
        if !self.needs_older() {
            return self;
        }
        if older.is_released() {
            return Self { flags: FRESH, ..self };
        }
        Self { flags: older.flags & (CONTEXT | FRESH), context: older.context, ..self }
    }
}

/// An encoded row, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Encoded tag section, empty when the row leaves the tags alone.
    tags: Option<&'a [u8]>,
    holdings: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads the outline of a row; `None` when the bytes are no row.
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

    /// Tells whether the row sets the tags at all.
    pub fn sets_tags(&self) -> bool {
        self.tags.is_some()
    }

    /// The tags that the row sets, in the order in which they were sent.
    pub fn tags(&self) -> impl Iterator<Item = TagId> + use<'a> {
        let mut bytes = self.tags.unwrap_or_default();
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
/// Cost: one pass over both. Bytes that are no row count as an empty one; checksums above this layer keep
/// them from getting here.
pub fn merge(newer: &[u8], older: &[u8], merged: &mut Vec<u8>) {
    let (Some(newer), Some(older)) = (Row::decode(newer), Row::decode(older)) else {
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
    let (Some(new), Some(old)) = (newer.peek(), older.peek()) else {
        return newer.next().or_else(|| older.next());
    };
    match new.supplier.cmp(&old.supplier) {
        Ordering::Less => newer.next(),
        Ordering::Greater => older.next(),
        Ordering::Equal => Some(newer.next()?.merged_over(older.next()?)),
    }
}

/// Appends to `settled` what remains of a row that has nothing older below it, and tells whether anything does.
///
/// `keeps` decides by supplier and last update whether a holding still counts (a removed supplier's or an
/// expired one does not); `knows` whether a tag still exists. A row that nobody holds leaves nothing.
pub fn settle(
    row: &[u8],
    keeps: impl Fn(SupplierId, u32) -> bool,
    knows: impl Fn(TagId) -> bool,
    settled: &mut Vec<u8>,
) -> bool {
    let Some(row) = Row::decode(row) else { return false };
    let is_kept =
        |holding: &RowHolding<'_>| !holding.is_released() && keeps(holding.supplier, holding.updated);
    if !row.holdings().any(|holding| is_kept(&holding)) {
        return false;
    }
    if !encode_known_tags(&row, knows, settled) {
        settled.push(0);
    }
    for holding in row.holdings().filter(is_kept) {
        RowHolding { flags: holding.flags & CONTEXT, ..holding }.encode(settled);
    }
    true
}

/// Appends to `settled` the tags of a row that nobody holds, and tells whether there are any: for a row that a newer
/// one may lie above, whose holders have the indicator as it was tagged.
pub fn settle_tags(row: &[u8], knows: impl Fn(TagId) -> bool, settled: &mut Vec<u8>) -> bool {
    Row::decode(row).is_some_and(|row| encode_known_tags(&row, knows, settled))
}

/// Appends the tags of a row that still exist; nothing, and false, when there are none.
fn encode_known_tags(row: &Row<'_>, knows: impl Fn(TagId) -> bool, settled: &mut Vec<u8>) -> bool {
    let tags_count = row.tags().filter(|tag| knows(*tag)).count() as u64;
    if tags_count == 0 {
        return false;
    }
    push_varint(settled, tags_count + 1);
    for tag in row.tags().filter(|tag| knows(*tag)) {
        push_varint(settled, u64::from(tag.0));
    }
    true
}

/// The contexts that a row gives, without the empty ones. Bytes that are no row have none.
pub fn contexts(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    let holdings = Row::decode(row).into_iter().flat_map(|row| row.holdings());
    holdings.map(|holding| holding.context).filter(|context| !context.is_empty())
}

/// A row with one holding that is not released, taken apart at what neighbouring rows seldom share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SingleRow<'a> {
    /// Tags, supplier and flags.
    pub head: &'a [u8],
    /// Seconds since 1970-01-01 UTC of the last update.
    pub updated: u32,
    /// The context, if one is given here.
    pub context: Option<&'a [u8]>,
}

impl<'a> SingleRow<'a> {
    /// Takes a row apart; `None` when it has another number of holdings, or a released one.
    pub fn split(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Row::decode(bytes)?.holdings;
        let holding = RowHolding::decode(&mut rest)?;
        if !rest.is_empty() || holding.is_released() {
            return None;
        }
        let context = (holding.flags & CONTEXT != 0).then_some(holding.context);
        let tail_bytes = 4 + context.map_or(0, |context| context.len() + varint_bytes(context.len()));
        let head = bytes.get(..bytes.len() - tail_bytes)?;
        Some(Self { head, updated: holding.updated, context })
    }

    /// Tells whether a context follows a head.
    pub fn has_context(head: &[u8]) -> bool {
        head.last().is_some_and(|flags| flags & CONTEXT != 0)
    }

    /// Appends the row.
    pub fn join(&self, row: &mut Vec<u8>) {
        row.extend_from_slice(self.head);
        row.extend_from_slice(&self.updated.to_be_bytes());
        if let Some(context) = self.context {
            push_varint(row, context.len() as u64);
            row.extend_from_slice(context);
        }
    }
}

/// Appends `row` with each context that is given in it replaced by what `replace` makes of it; empty ones stay.
///
/// What stands in the place of a context is opaque to every other function here, so a store may keep contexts
/// elsewhere and merge rows that name them. Bytes that are no row leave nothing.
///
/// # Errors
///
/// The first error of `replace`; a part of the row may have been appended.
pub fn replace_contexts<C: AsRef<[u8]>, E>(
    row: &[u8],
    mut replace: impl FnMut(&[u8]) -> Result<C, E>,
    replaced: &mut Vec<u8>,
) -> Result<(), E> {
    let Some(row) = Row::decode(row) else { return Ok(()) };
    row.encode_tags(replaced);
    for holding in row.holdings() {
        if holding.context.is_empty() {
            holding.encode(replaced);
        } else {
            let context = replace(holding.context)?;
            RowHolding { context: context.as_ref(), ..holding }.encode(replaced);
        }
    }
    Ok(())
}

/// Appends an unsigned number, seven bits a byte, lowest first.
pub fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [.., low] = number.to_be_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Bytes that [`push_varint`] takes for a length.
pub fn varint_bytes(length: usize) -> usize {
    (1 + length.checked_ilog2().unwrap_or(0) / 7) as usize
}

/// Takes a number written by [`push_varint`] off the front; `None` when there is none.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    // Most are of one byte.
    if let Some((byte, rest)) = bytes.split_first().filter(|(byte, _)| **byte < 0x80) {
        *bytes = rest;
        return Some(u64::from(*byte));
    }
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number that must fit 32 bits off the front.
pub fn take_varint_u32(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take_varint(bytes)?).ok()
}

/// Takes `count` bytes off the front.
pub fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests;
