//! Keys to rows: what all slices and runs know of each key, folded into one row.
//!
//! Rows are folded while they still name their contexts by handles, so no context is read that a newer one replaces.

use sluice_model::{
    SupplierId, TagId,
    operation::{self, Row},
};

use super::{ContextId, Room, Stop, outcome, read_stretches, sort_by};
use crate::{
    error::ReadError,
    filter,
    run::{Run, rows_block::BlockReader},
    trees::Trees,
    view::Snapshot,
};

/// Stands for a key without a row.
const NO_ROW: u32 = u32::MAX;

/// Bytes that a read takes for each key, beside its row.
const KEY_BYTES: usize = size_of::<Sorted>() + 3 * size_of::<u32>();

/// A key by what most comparisons need, and its place among those that were asked.
struct Sorted {
    prefix: u128,
    place: u32,
}

/// The rows of the keys of one read.
#[derive(Debug)]
pub struct ReadRows {
    /// For each key the number of its row.
    numbers: Vec<u32>,
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<u32>,
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
    pub fn read_rows(&self, keys: &[&[u8]], bytes_max: usize) -> Result<Option<ReadRows>, ReadError> {
        outcome(self.try_read_rows(keys, &Room::new(bytes_max)))
    }

    fn try_read_rows(&self, keys: &[&[u8]], room: &Room) -> Result<ReadRows, Stop> {
        room.take(keys.len().saturating_mul(KEY_BYTES))?;
        let key_of = |sorted: &Sorted| keys.get(sorted.place as usize).copied().unwrap_or_default();
        let mut order: Vec<Sorted> =
            keys.iter().zip(0..NO_ROW).map(|(key, place)| Sorted { prefix: prefix(key), place }).collect();
        if order.len() < keys.len() {
            return Err(Stop::Full);
        }
        sort_by(&mut order, |one, other| {
            one.prefix.cmp(&other.prefix).then_with(|| key_of(one).cmp(key_of(other)))
        });
        let stretches = read_stretches(&order, |order| self.read_stretch(order, key_of, room))?;
        drop(order);
        let mut rows = ReadRows { numbers: vec![NO_ROW; keys.len()], bytes: Vec::new(), ends: Vec::new() };
        for stretch in stretches {
            rows.append(stretch);
        }
        Ok(rows)
    }

    fn read_stretch<'k>(
        &self,
        order: &[Sorted],
        key_of: impl Fn(&Sorted) -> &'k [u8],
        room: &Room,
    ) -> Result<Stretch, Stop> {
        let mut cursors: Vec<RunCursor<'_>> = self.view.runs.iter().map(RunCursor::new).collect();
        let mut stretch = Stretch::default();
        for same in order.chunk_by(|one, other| one.prefix == other.prefix && key_of(one) == key_of(other)) {
            let Some(key) = same.first().map(&key_of) else { continue };
            let from = stretch.bytes.len();
            self.append_folded(key, &mut cursors, &mut stretch)?;
            if from < stretch.bytes.len() {
                room.take(stretch.bytes.len() - from)?;
                let number = u32::try_from(stretch.ends.len()).map_err(|_many| Stop::Full)?;
                stretch.found.extend(same.iter().map(|sorted| (sorted.place, number)));
                stretch.ends.push(u32::try_from(stretch.bytes.len()).map_err(|_long| Stop::Full)?);
            }
        }
        Ok(stretch)
    }

    /// Appends the folded row of a key, if there is one.
    fn append_folded(
        &self,
        key: &[u8],
        cursors: &mut [RunCursor<'_>],
        stretch: &mut Stretch,
    ) -> Result<(), ReadError> {
        let hash = filter::hash(key);
        let from = stretch.bytes.len();
        for slice in self.view.slices.iter().rev() {
            stretch.take_older(from, |row| Ok(slice.get(key, hash, row)))?;
        }
        for cursor in cursors {
            stretch.take_older(from, |row| cursor.find(&self.trees, key, hash, row))?;
        }
        Ok(())
    }
}

/// What was found of consecutive keys.
#[derive(Default)]
struct Stretch {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Places of keys, each with the number of its row here.
    found: Vec<(u32, u32)>,
    older: Vec<u8>,
    merged: Vec<u8>,
}

impl Stretch {
    /// Adds what an older source has to the row that begins at `from` and goes on to the end.
    fn take_older(
        &mut self,
        from: usize,
        get: impl FnOnce(&mut Vec<u8>) -> Result<bool, ReadError>,
    ) -> Result<(), ReadError> {
        if self.bytes.len() == from {
            get(&mut self.bytes)?;
            return Ok(());
        }
        self.older.clear();
        if get(&mut self.older)? {
            self.merged.clear();
            operation::merge(self.bytes.get(from..).unwrap_or_default(), &self.older, &mut self.merged);
            self.bytes.truncate(from);
            self.bytes.extend_from_slice(&self.merged);
        }
        Ok(())
    }
}

impl ReadRows {
    fn append(&mut self, stretch: Stretch) {
        // Lengths are bounded by the room, which is less than what numbers of 32 bits reach.
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (first_number, first_byte) = (number(self.ends.len()), number(self.bytes.len()));
        if self.bytes.is_empty() {
            self.bytes = stretch.bytes;
        } else {
            self.bytes.extend_from_slice(&stretch.bytes);
        }
        self.ends.extend(stretch.ends.iter().map(|end| first_byte.saturating_add(*end)));
        for (place, number) in stretch.found {
            if let Some(slot) = self.numbers.get_mut(place as usize) {
                *slot = first_number.saturating_add(number);
            }
        }
    }

    /// The rows, each once, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = StoredRow<'_>> {
        let mut from = 0;
        self.ends.iter().map(move |end| {
            let row = self.bytes.get(from..*end as usize).unwrap_or_default();
            from = *end as usize;
            StoredRow(row)
        })
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

/// The first bytes of a key as a number, so that most comparisons are of two numbers.
fn prefix(key: &[u8]) -> u128 {
    let mut prefix = [0; 16];
    for (to, from) in prefix.iter_mut().zip(key) {
        *to = *from;
    }
    u128::from_be_bytes(prefix)
}

/// Goes through a run with ascending keys.
struct RunCursor<'a> {
    run: &'a Run,
    part: usize,
    /// Part and block that `stored` holds.
    block: Option<(usize, usize)>,
    stored: Vec<u8>,
    reader: BlockReader,
}

impl<'a> RunCursor<'a> {
    fn new(run: &'a Run) -> Self {
        Self { run, part: 0, block: None, stored: Vec::new(), reader: BlockReader::default() }
    }

    /// Appends the row of a key to `row`; false when the run has none.
    fn find(&mut self, trees: &Trees, key: &[u8], hash: u64, row: &mut Vec<u8>) -> Result<bool, ReadError> {
        if self.run.is_merged(key) {
            return Ok(false);
        }
        while self.run.parts.get(self.part + 1).is_some_and(|next| next.index.first_key() <= key) {
            self.part += 1;
        }
        let Some(part) = self.run.parts.get(self.part).filter(|part| part.filter.may_contain(hash)) else {
            return Ok(false);
        };
        let Some(block) = part.index.block_of(key) else { return Ok(false) };
        if self.block != Some((self.part, block)) {
            self.block = None;
            part.read_stored(trees, block, &mut self.stored)?;
            self.reader.begin();
            self.block = Some((self.part, block));
        }
        self.reader.find(&self.stored, key, row).map_err(|detail| part.damaged_block(block, detail))
    }
}
