//! Rows to a stored block and back: what neighbors have in common is written once.
//!
//! In: rows, ascending. Out: `crc32c`, then for each row `varint(bytes shared with the last key) varint(length)
//! rest of the key`, a byte that says how the row follows, and the row:
//!
//! * 0: `varint(length) row`, as it is;
//! * 255: `varint(length) head`, then as with the number of that head, which is the next free one, from 1;
//! * the number of a head: `varint(difference to the last update time)` and, when the head says so, a context
//!   reference: the slot of its table (a new slot is followed by the table), and the difference to the last number of
//!   that table; and, when the head says so, `varint(length) spelling`.
//!
//! A head is what comes before the update time in a row with one holding: tags, supplier, flags. Few differ among
//! neighbors. zstd over framed rows gives about the same length and takes several times as long, both ways.

mod restarts;

use std::cmp::Ordering;

use sluice_model::{
    ranges::bytes_at,
    row::SingleRow,
    varint::{push_varint, take, take_varint},
};

pub(crate) use self::restarts::RowsBlock;
use crate::{
    block::{self, CHECKSUM_BYTES},
    contexts::{ContextRef, TableId},
    rows::{push_prefixed, push_row, shared_bytes, take_prefixed},
};

/// What is said of a block that no builder made.
const NO_SENSE: &str = "block makes no sense";

const PLAIN: u8 = 0;
const NEW_HEAD: u8 = 255;
const HEADS_MAX: usize = 250;
const TABLES_MAX: usize = 250;
/// Places of the builder's index of heads.
const HEAD_PLACES: usize = 256;

/// Encodes one block.
#[derive(Debug)]
pub(crate) struct BlockBuilder {
    bytes: Vec<u8>,
    last_key: Vec<u8>,
    last_updated: u32,
    heads: Vec<Vec<u8>>,
    heads_count: usize,
    /// Number of the head last seen with a hash; 0 for none.
    places: [u8; HEAD_PLACES],
    /// Tables named in the block, and the number that was last named in each.
    tables: Vec<(TableId, u32)>,
}

impl BlockBuilder {
    /// Starts an empty block.
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; CHECKSUM_BYTES],
            last_key: Vec::new(),
            last_updated: 0,
            heads: Vec::new(),
            heads_count: 0,
            places: [0; HEAD_PLACES],
            tables: Vec::new(),
        }
    }

    /// Returns true if no row was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == CHECKSUM_BYTES
    }

    /// Bytes that the block would have.
    pub(crate) fn bytes_count(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a row; keys ascend.
    pub(crate) fn push(&mut self, key: &[u8], row: &[u8]) {
        let shared = shared_bytes(&self.last_key, key);
        let rest = bytes_at(key, shared..);
        push_varint(&mut self.bytes, shared as u64);
        push_prefixed(&mut self.bytes, rest);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(rest);
        if self.push_single(row).is_none() {
            self.bytes.push(PLAIN);
            push_prefixed(&mut self.bytes, row);
        }
    }

    /// Adds a row by its head; `None`, and nothing added, when that cannot be.
    fn push_single(&mut self, row: &[u8]) -> Option<()> {
        let single = SingleRow::split(row)?;
        let Some(encoded) = single.context else {
            self.push_head_and_time(&single)?;
            self.push_spelling(&single);
            return Some(());
        };
        let ContextRef { table, number } = ContextRef::read(encoded)?;
        let slot = self.slot_of(table)?;
        self.push_head_and_time(&single)?;
        self.bytes.push(u8::try_from(slot).ok()?);
        if slot == self.tables.len() {
            push_varint(&mut self.bytes, table.to_number());
            self.tables.push((table, 0));
        }
        let (_, last_number) = self.tables.get_mut(slot)?;
        push_signed(&mut self.bytes, i64::from(number) - i64::from(*last_number));
        *last_number = number;
        self.push_spelling(&single);
        Some(())
    }

    #[inline]
    fn push_spelling(&mut self, single: &SingleRow<'_>) {
        if let Some(spelling) = single.spelling {
            push_prefixed(&mut self.bytes, spelling);
        }
    }

    /// The slot of a table, or the next free one; `None` when all are taken.
    fn slot_of(&self, id: TableId) -> Option<usize> {
        let slot = self.tables.iter().position(|(known, _)| *known == id).unwrap_or(self.tables.len());
        if slot < TABLES_MAX { Some(slot) } else { None }
    }

    #[inline]
    fn push_head_and_time(&mut self, single: &SingleRow<'_>) -> Option<()> {
        self.push_head(single.head)?;
        push_signed(&mut self.bytes, i64::from(single.updated) - i64::from(self.last_updated));
        self.last_updated = single.updated;
        Some(())
    }

    fn push_head(&mut self, head: &[u8]) -> Option<()> {
        let place = head.iter().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        let place = self.places.get_mut(usize::from(place))?;
        let known = self.heads.get(..self.heads_count)?;
        if let Some(number) = number_of_head(known, head, *place) {
            *place = number;
            self.bytes.push(number);
            return Some(());
        }
        if HEADS_MAX <= self.heads_count {
            return None;
        }
        // The memory of the heads of earlier blocks is used again.
        match self.heads.get_mut(self.heads_count) {
            Some(old) => {
                old.clear();
                old.extend_from_slice(head);
            }
            None => self.heads.push(head.to_vec()),
        }
        self.heads_count += 1;
        *place = u8::try_from(self.heads_count).ok()?;
        self.bytes.push(NEW_HEAD);
        push_prefixed(&mut self.bytes, head);
        Some(())
    }

    /// Ends the block and hands it to `take`; the builder is as new then.
    pub(crate) fn finish<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> T {
        block::seal(&mut self.bytes);
        let taken = take(&self.bytes);
        self.bytes.truncate(CHECKSUM_BYTES);
        self.last_key.clear();
        self.last_updated = 0;
        self.heads_count = 0;
        self.places = [0; HEAD_PLACES];
        self.tables.clear();
        taken
    }
}

/// The number of a head among those of a block, counted from 1. Looks at number `guess` first.
fn number_of_head(known: &[Vec<u8>], head: &[u8], guess: u8) -> Option<u8> {
    if let Some(index) = usize::from(guess).checked_sub(1)
        && known.get(index).is_some_and(|known| known == head)
    {
        return Some(guess);
    }
    let index = known.iter().position(|known| known == head)?;
    u8::try_from(index + 1).ok()
}

/// Reads a checked block row by row. Its buffers can be used for many blocks.
#[derive(Debug, Default)]
pub(crate) struct BlockReader {
    /// The row that was read last, while it has a key in `key`.
    current: Option<CodedRow>,
    position: usize,
    key: Vec<u8>,
    updated: u32,
    heads: Vec<CodedHead>,
    tables: Vec<(TableId, u32)>,
}

/// Where a head is, and what follows it.
#[derive(Clone, Copy, Debug)]
struct CodedHead {
    span: (u32, u32),
    has_context: bool,
    has_spelling: bool,
}

/// A row before it is put together.
#[derive(Clone, Copy, Debug)]
enum CodedRow {
    Plain((u32, u32)),
    Single { head: (u32, u32), updated: u32, context: Option<ContextRef>, spelling: Option<(u32, u32)> },
}

impl BlockReader {
    /// Goes to the beginning of a block.
    pub(crate) fn begin(&mut self) {
        self.current = None;
        self.position = CHECKSUM_BYTES;
        self.key.clear();
        self.updated = 0;
        self.heads.clear();
        self.tables.clear();
    }

    /// Replaces `framed` with the rows of a checked block, framed.
    ///
    /// # Errors
    ///
    /// A content that no builder makes.
    pub(crate) fn expand(&mut self, stored: &[u8], framed: &mut Vec<u8>) -> Result<(), &'static str> {
        framed.clear();
        self.begin();
        let mut row = Vec::new();
        while self.advance(stored)?.is_some() {
            row.clear();
            self.append_row(stored, &mut row);
            push_row(framed, &self.key, &row);
        }
        Ok(())
    }

    /// Appends the row of `key` in a checked block to `row`; false when there is none. Goes on from where it was: keys
    /// ascend from one call to the next until [`Self::begin`].
    ///
    /// # Errors
    ///
    /// A content that no builder makes.
    pub(crate) fn find(
        &mut self,
        stored: &[u8],
        key: &[u8],
        row: &mut Vec<u8>,
    ) -> Result<bool, &'static str> {
        // Bytes that the row at hand has in common with `key`, while it lies before it.
        let mut matched = 0;
        let mut order = self.current.map_or(Ordering::Less, |_row| compare(&self.key, key, &mut matched));
        while order == Ordering::Less {
            let Some(shared) = self.advance(stored)? else { return Ok(false) };
            // A row that has more than that in common with the one before differs from `key` where that one does. Say
            // `key` is `com.b.` and the row at hand `com.aa.`, which share 4 bytes: a next row that shares 5 or more
            // with `com.aa.` begins with `com.a` too and lies before `key`, so it need not be compared.
            if shared <= matched {
                matched = shared;
                order = compare(&self.key, key, &mut matched);
            }
        }
        if order == Ordering::Equal {
            self.append_row(stored, row);
        }
        Ok(order == Ordering::Equal)
    }

    /// Reads the next row and tells how much of its key it has in common with the one before; nothing at the end.
    fn advance(&mut self, stored: &[u8]) -> Result<Option<usize>, &'static str> {
        let Some(mut rest) = stored.get(self.position..) else { return Err(NO_SENSE) };
        if rest.is_empty() {
            return Ok(None);
        }
        let shared = self.take_key(&mut rest).ok_or(NO_SENSE)?;
        self.current = Some(self.take_row(stored, &mut rest).ok_or(NO_SENSE)?);
        self.position = stored.len() - rest.len();
        Ok(Some(shared))
    }

    fn take_key(&mut self, rest: &mut &[u8]) -> Option<usize> {
        let shared = usize::try_from(take_varint(rest)?).ok()?;
        if self.key.len() < shared {
            return None;
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(take_prefixed(rest)?);
        Some(shared)
    }

    fn take_row(&mut self, stored: &[u8], rest: &mut &[u8]) -> Option<CodedRow> {
        let code = *take(rest, 1)?.first()?;
        if code == PLAIN {
            let row = take_prefixed(rest)?;
            return Some(CodedRow::Plain(span_before(stored, rest, row)?));
        }
        let number = if code == NEW_HEAD {
            let head = take_prefixed(rest)?;
            let (has_context, has_spelling) = (SingleRow::has_context(head), SingleRow::has_spelling(head));
            self.heads.push(CodedHead { span: span_before(stored, rest, head)?, has_context, has_spelling });
            self.heads.len()
        } else {
            usize::from(code)
        };
        let head = *self.heads.get(number - 1)?;
        self.updated = apply(self.updated, take_signed(rest)?)?;
        let context = if head.has_context { Some(self.take_context(rest)?) } else { None };
        let spelling = if head.has_spelling {
            let spelling = take_prefixed(rest)?;
            Some(span_before(stored, rest, spelling)?)
        } else {
            None
        };
        Some(CodedRow::Single { head: head.span, updated: self.updated, context, spelling })
    }

    fn take_context(&mut self, rest: &mut &[u8]) -> Option<ContextRef> {
        let slot = usize::from(*take(rest, 1)?.first()?);
        if slot == self.tables.len() {
            self.tables.push((TableId::from_number(take_varint(rest)?), 0));
        }
        let (id, last_number) = self.tables.get_mut(slot)?;
        *last_number = apply(*last_number, take_signed(rest)?)?;
        Some(ContextRef { table: *id, number: *last_number })
    }

    fn append_row(&self, stored: &[u8], row: &mut Vec<u8>) {
        match self.current {
            None => {}
            Some(CodedRow::Plain(span)) => row.extend_from_slice(bytes_of(stored, span)),
            Some(CodedRow::Single { head, updated, context, spelling }) => {
                let encoded = context.map(ContextRef::encode);
                let context = encoded.as_ref().map(AsRef::as_ref);
                let (head, spelling) =
                    (bytes_of(stored, head), spelling.map(|spelling| bytes_of(stored, spelling)));
                SingleRow { head, updated, context, spelling }.join(row);
            }
        }
    }
}

/// Where `taken` lies in a block: just before `rest`.
fn span_before(stored: &[u8], rest: &[u8], taken: &[u8]) -> Option<(u32, u32)> {
    let to = stored.len() - rest.len();
    span(to - taken.len(), to)
}

fn span(from: usize, to: usize) -> Option<(u32, u32)> {
    Some((u32::try_from(from).ok()?, u32::try_from(to).ok()?))
}

fn bytes_of(stored: &[u8], (from, to): (u32, u32)) -> &[u8] {
    bytes_at(stored, from as usize..to as usize)
}

/// Compares keys that have `matched` first bytes in common, and brings that number up to date.
fn compare(one: &[u8], other: &[u8], matched: &mut usize) -> Ordering {
    let (rest, other_rest) = (bytes_at(one, *matched..), bytes_at(other, *matched..));
    let more = rest.iter().zip(other_rest).take_while(|(one, other)| one == other).count();
    *matched += more;
    rest.get(more).cmp(&other_rest.get(more))
}

fn push_signed(bytes: &mut Vec<u8>, number: i64) {
    push_varint(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let coded = take_varint(bytes)?;
    Some((coded >> 1).cast_signed() ^ -(coded & 1).cast_signed())
}

fn apply(last: u32, difference: i64) -> Option<u32> {
    u32::try_from(i64::from(last).checked_add(difference)?).ok()
}

#[cfg(test)]
mod tests;
