//! Keys to rows: what all slices and runs know of each key, folded into one row.
//!
//! Rows are folded while they still name their contexts by handles, so no context is read that a newer one replaces.

use std::sync::Arc;

use sluice_model::{
    SupplierId, TagId,
    row::{self, Row},
};

use super::{ContextId, Room, Stop, Workers, outcome, read_stretches, sort_by};
use crate::{
    error::ReadError,
    filter,
    rows::long_key_prefix,
    run::{Part, rows_block::BlockReader},
    trees::{Pieces, Trees},
    view::Snapshot,
};

/// Stands for a key without a row.
const NO_ROW: u32 = u32::MAX;

/// Bytes of replaced rows that are left where they are, however few others there are.
const REPLACED_BYTES_MAX: usize = 64 * 1024;

/// Bytes that a read takes for each key, beside its row.
const KEY_BYTES: usize =
    size_of::<Sorted>() + size_of::<Asked>() + size_of::<Span>() + size_of::<usize>() + 3 * size_of::<u32>();

/// A key by what most comparisons need, and its place among those that were asked.
struct Sorted {
    prefix: u128,
    place: u32,
}

/// A key that was asked once or more.
struct Asked {
    hash: u64,
    /// The first of its places in the order of keys; the others follow.
    first: u32,
}

/// From and to a byte; empty for nothing.
type Span = (u32, u32);

/// The rows of the keys of one read.
#[derive(Debug)]
pub struct ReadRows {
    /// For each key the number of its row.
    numbers: Vec<u32>,
    bytes: Vec<u8>,
    /// Where each row is.
    rows: Vec<Span>,
}

/// A row as read; what it has of contexts are their names.
#[derive(Clone, Copy, Debug)]
pub struct StoredRow<'a>(&'a [u8]);

/// One supplier's part of a row as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredHolding {
    /// Whose it is. The catalogue may not know the number any more: then it does not count.
    pub supplier: SupplierId,
    /// Last update, in seconds since 1970-01-01 UTC. Whether it has expired is the reader's question.
    pub updated: u32,
    /// The name of its context, if it has one.
    pub context: Option<ContextId>,
}

impl Snapshot {
    /// Reads the rows of many keys, which may come in any order and more than once. `None` when that would take more
    /// than `bytes_max` bytes of memory.
    ///
    /// Blocking. Cost: a sort, and for each run a pass over the blocks that may have one of the keys.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read.
    pub fn read_rows(
        &self,
        keys: &[&[u8]],
        bytes_max: usize,
        workers: &impl Workers,
    ) -> Result<Option<ReadRows>, ReadError> {
        outcome(self.try_read_rows(keys, &Room::new(bytes_max), workers))
    }

    fn try_read_rows(&self, keys: &[&[u8]], room: &Room, workers: &impl Workers) -> Result<ReadRows, Stop> {
        room.take(keys.len().saturating_mul(KEY_BYTES))?;
        let key_of = |sorted: &Sorted| keys.get(sorted.place as usize).copied().unwrap_or_default();
        let mut order: Vec<Sorted> = keys
            .iter()
            .zip(0..NO_ROW)
            .map(|(key, place)| Sorted { prefix: long_key_prefix(key), place })
            .collect();
        if order.len() < keys.len() {
            return Err(Stop::Full);
        }
        sort_by(&mut order, workers, |one, other| {
            one.prefix.cmp(&other.prefix).then_with(|| key_of(one).cmp(key_of(other)))
        });
        let stretches = read_stretches(&order, workers, |order| self.read_stretch(order, key_of, room))?;
        drop(order);
        let mut rows = ReadRows { numbers: vec![NO_ROW; keys.len()], bytes: Vec::new(), rows: Vec::new() };
        for stretch in stretches {
            rows.append(stretch)?;
        }
        Ok(rows)
    }

    /// Reads source by source, newest first, so that what finds keys in one of them stays at hand.
    fn read_stretch<'k>(
        &self,
        order: &[Sorted],
        key_of: impl Fn(&Sorted) -> &'k [u8],
        room: &Room,
    ) -> Result<Stretch, Stop> {
        let mut asked: Vec<Asked> = Vec::with_capacity(order.len());
        let mut first = 0;
        for same in order.chunk_by(|one, other| one.prefix == other.prefix && key_of(one) == key_of(other)) {
            asked.extend(same.first().map(|one| Asked { hash: filter::hash(key_of(one)), first }));
            first += u32::try_from(same.len()).map_err(|_many| Stop::Full)?;
        }
        let key_of = |asked: &Asked| order.get(asked.first as usize).map_or(&[][..], &key_of);
        let mut folding = Folding::new(asked.len(), room);
        let mut maybe = Vec::new();
        for (cover, slices) in self.view.memtable.by_cover() {
            let is_covered = |one: &Asked| cover.is_none_or(|cover| cover.may_contain(one.hash));
            maybe.clear();
            maybe.extend((0..).zip(&asked).filter(|(_, one)| is_covered(one)).map(|(number, _)| number));
            // Slice by slice, so that the filter of each is at hand for all keys.
            for slice in slices.iter().rev() {
                for number in &maybe {
                    let one = asked.get(*number).filter(|one| slice.may_contain(one.hash));
                    let Some(one) = one else { continue };
                    folding.take_older(*number, |row| Ok(slice.get(key_of(one), row)))?;
                }
            }
        }
        let keys_below = |key: &[u8]| asked.partition_point(|one| key_of(one) < key);
        for run in &self.view.runs {
            let merged = |through: &Arc<[u8]>| asked.partition_point(|one| key_of(one) <= through);
            let mut from = run.merged_through.as_ref().map_or(0, merged);
            // A few keys need not be compared with all parts of a long run.
            let first_part = asked.get(from).map_or(0, |first| run.part_at(key_of(first)));
            let parts = run.parts.get(first_part..).unwrap_or_default();
            let ends = parts.iter().skip(1).map(|next| keys_below(next.index.first_key()));
            for (part, to) in parts.iter().zip(ends.chain([asked.len()])) {
                if from == asked.len() {
                    break;
                }
                let mut cursor = PartCursor::new(part);
                let here = asked.iter().enumerate().take(to).skip(from);
                for (number, one) in here.filter(|(_, one)| part.filter.may_contain(one.hash)) {
                    folding.take_older(number, |row| cursor.find(&self.trees, key_of(one), row))?;
                }
                from = from.max(to);
            }
        }
        let mut stretch = Stretch { bytes: folding.bytes, rows: Vec::new(), found: Vec::new() };
        let mut asked = asked.iter().map(|one| one.first as usize).chain([order.len()]).peekable();
        for span in folding.rows {
            let (Some(first), Some(next)) = (asked.next(), asked.peek()) else { break };
            if span.0 < span.1 {
                let number = u32::try_from(stretch.rows.len()).map_err(|_many| Stop::Full)?;
                let same = order.get(first..*next).unwrap_or_default();
                stretch.found.extend(same.iter().map(|sorted| (sorted.place, number)));
                stretch.rows.push(span);
            }
        }
        Ok(stretch)
    }
}

/// What was found of consecutive keys.
struct Stretch {
    bytes: Vec<u8>,
    rows: Vec<Span>,
    /// Places of keys, each with the number of its row here.
    found: Vec<(u32, u32)>,
}

/// Rows on their way to being complete, newest parts first.
struct Folding<'a> {
    room: &'a Room,
    bytes: Vec<u8>,
    /// Bytes that the room was asked for.
    taken_bytes: usize,
    /// Bytes of rows that others have replaced.
    replaced_bytes: usize,
    rows: Vec<Span>,
    newer: Vec<u8>,
    older: Vec<u8>,
}

impl<'a> Folding<'a> {
    fn new(count: usize, room: &'a Room) -> Self {
        let (bytes, newer, older) = (Vec::new(), Vec::new(), Vec::new());
        Self { room, bytes, taken_bytes: 0, replaced_bytes: 0, rows: vec![(0, 0); count], newer, older }
    }

    /// Adds what an older source has to row `number`.
    fn take_older(
        &mut self,
        number: usize,
        get: impl FnOnce(&mut Vec<u8>) -> Result<bool, ReadError>,
    ) -> Result<(), Stop> {
        let Some(span) = self.rows.get_mut(number) else { return Ok(()) };
        if span.0 == span.1 {
            let from = self.bytes.len();
            get(&mut self.bytes)?;
            *span = span_of(from, self.bytes.len())?;
        } else {
            self.older.clear();
            if !get(&mut self.older)? {
                return Ok(());
            }
            self.newer.clear();
            self.newer.extend_from_slice(bytes_of(&self.bytes, *span));
            if span.1 as usize == self.bytes.len() {
                self.bytes.truncate(span.0 as usize);
            } else {
                self.replaced_bytes += self.newer.len();
            }
            let from = self.bytes.len();
            row::merge(&self.newer, &self.older, &mut self.bytes);
            *span = span_of(from, self.bytes.len())?;
        }
        if REPLACED_BYTES_MAX.max(self.bytes.len() / 2) < self.replaced_bytes {
            self.compact()?;
        }
        if self.taken_bytes < self.bytes.len() {
            // Twice, because stretches are put together in the end, and rows moved together before.
            self.room.take(2 * (self.bytes.len() - self.taken_bytes))?;
            self.taken_bytes = self.bytes.len();
        }
        Ok(())
    }

    /// Forgets rows that others have replaced.
    fn compact(&mut self) -> Result<(), Stop> {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.replaced_bytes);
        for span in self.rows.iter_mut().filter(|span| span.0 < span.1) {
            let from = bytes.len();
            bytes.extend_from_slice(bytes_of(&self.bytes, *span));
            *span = span_of(from, bytes.len())?;
        }
        self.room.give_back(2 * self.taken_bytes.saturating_sub(bytes.len()));
        self.taken_bytes = self.taken_bytes.min(bytes.len());
        self.bytes = bytes;
        self.replaced_bytes = 0;
        Ok(())
    }
}

fn span_of(from: usize, to: usize) -> Result<Span, Stop> {
    let byte = |at: usize| u32::try_from(at).map_err(|_long| Stop::Full);
    Ok((byte(from)?, byte(to)?))
}

fn bytes_of(bytes: &[u8], span: Span) -> &[u8] {
    bytes.get(span.0 as usize..span.1 as usize).unwrap_or_default()
}

impl ReadRows {
    fn append(&mut self, stretch: Stretch) -> Result<(), Stop> {
        let number = |count: usize| u32::try_from(count).map_err(|_many| Stop::Full);
        let first_number = number(self.rows.len())?;
        let first_byte = self.bytes.len();
        if self.bytes.is_empty() {
            self.bytes = stretch.bytes;
        } else {
            self.bytes.extend_from_slice(&stretch.bytes);
        }
        for (from, to) in stretch.rows {
            self.rows.push(span_of(first_byte + from as usize, first_byte + to as usize)?);
        }
        for (place, number) in stretch.found {
            if let Some(slot) = self.numbers.get_mut(place as usize) {
                *slot = first_number.checked_add(number).ok_or(Stop::Full)?;
            }
        }
        Ok(())
    }

    /// The rows in the order of their numbers. That of a key which was asked twice may be there twice.
    pub fn iter(&self) -> impl Iterator<Item = StoredRow<'_>> {
        self.rows.iter().map(|span| StoredRow(bytes_of(&self.bytes, *span)))
    }

    /// Bytes of memory.
    pub fn heap_bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>()
            + self.bytes.capacity()
            + self.rows.capacity() * size_of::<Span>()
    }

    /// Forgets the rows and keeps the number of each key's, by its place.
    pub fn into_numbers(self) -> RowNumbers {
        RowNumbers(self.numbers)
    }
}

/// Which row belongs to which key.
#[derive(Clone, Debug, Default)]
pub struct RowNumbers(Vec<u32>);

impl RowNumbers {
    /// The number of the row of the key at `place`; `None` when it has none.
    pub fn get(&self, place: usize) -> Option<usize> {
        self.0.get(place).filter(|number| **number != NO_ROW).map(|number| *number as usize)
    }

    /// Bytes of memory.
    pub fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<u32>()
    }
}

impl<'a> StoredRow<'a> {
    /// Who holds the indicator, ascending by number.
    pub fn holdings(&self) -> impl Iterator<Item = StoredHolding> + use<'a> {
        let holdings = Row::decode(self.0).into_iter().flat_map(|row| row.holdings());
        holdings.filter(|holding| !holding.is_released()).map(|holding| StoredHolding {
            supplier: holding.supplier,
            updated: holding.updated,
            context: ContextId::named_by(holding.context),
        })
    }

    /// The indicator's tags as last sent; the catalogue may not know them all any more.
    pub fn tags(&self) -> impl Iterator<Item = TagId> + use<'a> {
        Row::decode(self.0).into_iter().flat_map(|row| row.tags())
    }

    /// The row with the names of its contexts.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Goes through a part with ascending keys.
struct PartCursor<'a> {
    part: &'a Part,
    /// Block that the last key was looked for in.
    near: usize,
    /// Block that `stored` holds.
    block: Option<usize>,
    stored: Pieces,
    reader: BlockReader,
}

impl<'a> PartCursor<'a> {
    fn new(part: &'a Part) -> Self {
        Self { part, near: 0, block: None, stored: Pieces::default(), reader: BlockReader::default() }
    }

    /// Appends the row of a key to `row`; false when the part has none.
    fn find(&mut self, trees: &Trees, key: &[u8], row: &mut Vec<u8>) -> Result<bool, ReadError> {
        let Some(block) = self.part.index.block_after(self.near, key) else { return Ok(false) };
        self.near = block;
        if self.block != Some(block) {
            self.block = None;
            self.stored = self.part.read_stored(trees, block)?;
            self.reader.begin();
            self.block = Some(block);
        }
        self.reader.find(&self.stored, key, row).map_err(|detail| self.part.damaged_block(block, detail))
    }
}

#[cfg(test)]
mod tests {
    use sluice_model::{
        SupplierId,
        row::{HoldingChange, TagsChange, encode, merge},
    };

    use super::{Folding, REPLACED_BYTES_MAX, bytes_of};
    use crate::bulk::Room;

    const ROWS: usize = 50;
    const SOURCES: u32 = 400;

    /// The row of a supplier of its own.
    fn row(number: usize, source: u32) -> Vec<u8> {
        let mut row = Vec::new();
        let holding = HoldingChange::Hold { updated: source, context: None };
        let supplier = source * 2 + u32::try_from(number % 2).unwrap();
        encode(SupplierId(supplier), holding, TagsChange::Keep, &mut row);
        row
    }

    fn fold(order: impl Iterator<Item = (usize, u32)>, room_bytes: usize) -> Option<Vec<Vec<u8>>> {
        let room = Room::new(room_bytes);
        let mut folding = Folding::new(ROWS, &room);
        for (number, source) in order {
            let give = |bytes: &mut Vec<u8>| {
                bytes.extend(row(number, source));
                Ok(true)
            };
            folding.take_older(number, give).ok()?;
        }
        Some(folding.rows.iter().map(|span| bytes_of(&folding.bytes, *span).to_vec()).collect())
    }

    /// Otherwise a feed that was pushed often enough could not be looked up any more.
    #[test]
    fn a_row_takes_no_more_room_for_being_in_many_sources() {
        let wanted: Vec<Vec<u8>> = (0..ROWS)
            .map(|number| {
                (1..SOURCES).fold(row(number, 0), |newer, source| {
                    let mut merged = Vec::new();
                    merge(&newer, &row(number, source), &mut merged);
                    merged
                })
            })
            .collect();
        let wanted_bytes: usize = wanted.iter().map(Vec::len).sum();
        let room_bytes = 2 * (2 * wanted_bytes + REPLACED_BYTES_MAX);
        // As slices are read, and as runs are.
        let by_row = (0..ROWS).flat_map(|number| (0..SOURCES).map(move |source| (number, source)));
        let by_source = (0..SOURCES).flat_map(|source| (0..ROWS).map(move |number| (number, source)));
        assert!(fold(by_row.clone(), room_bytes).is_some_and(|rows| rows == wanted));
        assert!(fold(by_source, room_bytes).is_some_and(|rows| rows == wanted));
        assert!(fold(by_row, wanted_bytes).is_none());
    }
}
