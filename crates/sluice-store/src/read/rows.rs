//! Keys to rows: what all slices and runs know of each key, merged into one row.
//!
//! Rows are merged while they still have references in the places of contexts, so no context is read that a newer one
//! replaces.

use std::sync::Arc;

use sluice_model::{
    SupplierId, TagId,
    ranges::items_at,
    row::{Row, RowHolding},
};

use super::{
    block_cache::BlockUse,
    counts::ReadCounts,
    merger::{RowMerger, row_at},
    view::Snapshot,
    workers::{PassingThread, ReadBudget, Workers, block_use, counted, outcome, read_batches, sort_by},
};
use crate::{
    contexts::ContextRef,
    error::ReadError,
    filter,
    rows::long_key_prefix,
    run::{BlockReader, Part, RowsBlock},
};

/// Stands for a key without a row.
const NO_ROW: u32 = u32::MAX;

/// Keys whose rows are read at a time by who passes over many.
pub(super) const KEYS_AT_ONCE: usize = 8 * 1_024;

/// Memory that their rows may take; fewer are read at a time where it does not do.
const ROWS_BYTES_MAX: usize = 4 << 20;

/// Bytes that a read takes for each key, beside its row.
const KEY_BYTES: usize = size_of::<(u128, u32)>()
    + size_of::<DistinctKey>()
    + size_of::<(u32, u32)>()
    + size_of::<usize>()
    + 3 * size_of::<u32>();

/// A key that was asked once or more.
struct DistinctKey {
    hash: u64,
    /// The first of its places in the order of keys; the others follow.
    first: u32,
}

/// The rows of the keys of one read.
#[derive(Debug)]
pub struct ReadRows {
    /// For each key the number of its row.
    numbers: Vec<u32>,
    bytes: Vec<u8>,
    /// From and to which byte each row goes.
    rows: Vec<(u32, u32)>,
}

/// A row as read; in the places of contexts it has references.
#[derive(Clone, Copy, Debug)]
pub struct StoredRow<'a>(&'a [u8]);

/// One supplier's part of a row as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredHolding {
    /// Whose it is. The catalogue may not know the number any more: then it does not count.
    pub supplier: SupplierId,
    /// Last update, in seconds since 1970-01-01 UTC. Whether it has expired is the reader's question.
    pub updated: u32,
    /// The reference to its context, if it has one.
    pub context: Option<ContextRef>,
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
        outcome(self.try_read_rows(keys, &ReadBudget::new(bytes_max), workers))
    }

    /// Reads the rows of the first of some keys, and says of how many: as many as memory is planned for, one at least.
    ///
    /// # Errors
    ///
    /// As of [`read_rows`](Self::read_rows).
    pub(super) fn read_first_rows(&self, keys: &[&[u8]]) -> Result<(ReadRows, usize), ReadError> {
        let mut count = keys.len();
        loop {
            let (first, _) = keys.split_at(count);
            // A single row may be as long as it is.
            let bytes_max = if count <= 1 { usize::MAX } else { ROWS_BYTES_MAX };
            if let Some(rows) = self.read_rows(first, bytes_max, &PassingThread)? {
                return Ok((rows, count));
            }
            count /= 2;
        }
    }

    fn try_read_rows(
        &self,
        keys: &[&[u8]],
        budget: &ReadBudget,
        workers: &impl Workers,
    ) -> Result<ReadRows, ReadError> {
        budget.take(keys.len().saturating_mul(KEY_BYTES))?;
        counted(keys.len())?;
        // Keys by what most comparisons need, each with its place among those that were asked.
        let mut order: Vec<(u128, u32)> = Vec::with_capacity(keys.len());
        order.extend(keys.iter().zip(0..).map(|(key, place)| (long_key_prefix(key), place)));
        sort_by(&mut order, workers, |one, other| {
            one.0.cmp(&other.0).then_with(|| key_at(keys, one.1).cmp(key_at(keys, other.1)))
        });
        let block_use = block_use(keys.len(), workers);
        let batches = read_batches(&order, workers, |order| self.read_batch(order, keys, block_use, budget))?;
        drop(order);
        let mut rows = ReadRows { numbers: vec![NO_ROW; keys.len()], bytes: Vec::new(), rows: Vec::new() };
        for (found, batch) in batches {
            rows.append(&found, batch)?;
        }
        Ok(rows)
    }

    /// Reads consecutive keys: the places of those that were found, each with the number of its row, and the rows. Goes
    /// source by source, newest first, so that what finds keys in one of them stays at hand.
    ///
    /// Say `a, b, b, c` were asked: `b` is looked for once. The newest slice has `b`, run 2 has `a` and `b`, run 1 has
    /// `b`. Then the merger holds `b` of the slice at first, next `a` and `b` merged over that of run 2, and last `b`
    /// merged once more; what it replaced is left behind until there is enough of it. The batch has two rows: 0 for
    /// the place of `a`, 1 for both places of `b`, and none for `c`.
    fn read_batch(
        &self,
        order: &[(u128, u32)],
        keys: &[&[u8]],
        block_use: BlockUse,
        budget: &ReadBudget,
    ) -> Result<(Vec<(u32, u32)>, ReadRows), ReadError> {
        let asked = distinct_keys(order, keys)?;
        let key_of = |one: &DistinctKey| {
            order.get(one.first as usize).map_or(&[][..], |(_, place)| key_at(keys, *place))
        };
        let mut merger = RowMerger::new(asked.len(), budget);
        self.merge_slices(&asked, key_of, &mut merger)?;
        self.merge_runs(&asked, key_of, block_use, &mut merger)?;
        let mut batch = ReadRows { numbers: Vec::new(), bytes: merger.bytes, rows: Vec::new() };
        let mut found = Vec::new();
        let ends = asked.iter().skip(1).map(|next| next.first as usize).chain([order.len()]);
        for ((one, end), (from, to)) in asked.iter().zip(ends).zip(merger.rows) {
            if from < to {
                let number = counted(batch.rows.len())?;
                let same = items_at(order, one.first as usize..end);
                found.extend(same.iter().map(|(_, place)| (*place, number)));
                batch.rows.push((from, to));
            }
        }
        Ok((found, batch))
    }

    /// Takes what the slices of the memtable have of the keys.
    fn merge_slices<'k>(
        &self,
        asked: &[DistinctKey],
        key_of: impl Fn(&DistinctKey) -> &'k [u8],
        merger: &mut RowMerger<'_>,
    ) -> Result<(), ReadError> {
        let mut maybe = Vec::new();
        for (filter, slices) in self.view.memtable.by_shared_filter() {
            maybe.clear();
            for (number, one) in asked.iter().enumerate() {
                if filter.is_none_or(|filter| filter.may_contain(one.hash)) {
                    maybe.push(number);
                }
            }
            // Slice by slice, so that the filter of each is at hand for all keys.
            for slice in slices.iter().rev() {
                for number in &maybe {
                    let Some(one) = asked.get(*number) else { continue };
                    if slice.may_contain(one.hash) {
                        merger.take_older(*number, |row| Ok(slice.get(key_of(one), row)))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes what the runs have of the keys.
    ///
    /// Parts do not overlap, so each key is looked for in one part of a run. With parts that begin at `b`, `g` and
    /// `m`, and merging through `d`, the keys `a, d, e, h, z` begin at `e`: that one is looked for in the first part,
    /// `h` in the second, `z` in the third; `a` and `d` are in the run that this one is being merged into.
    fn merge_runs<'k>(
        &self,
        asked: &[DistinctKey],
        key_of: impl Fn(&DistinctKey) -> &'k [u8],
        block_use: BlockUse,
        merger: &mut RowMerger<'_>,
    ) -> Result<(), ReadError> {
        let mut counts = ReadCounts::default();
        for run in &self.view.runs {
            let through = run.merged_through.as_deref();
            let mut from = through.map_or(0, |through| asked.partition_point(|one| key_of(one) <= through));
            // A few keys need not be compared with all parts of a long run.
            let Some(first) = asked.get(from) else { continue };
            let mut parts = items_at(&run.parts, run.part_at(key_of(first))..).iter().peekable();
            while let Some(part) = parts.next()
                && from < asked.len()
            {
                let end = parts.peek().map(|next| next.index.first_key());
                let to = end.map_or(asked.len(), |end| asked.partition_point(|one| key_of(one) < end));
                let mut cursor = PartCursor::new(self, part, block_use);
                for (number, one) in asked.iter().enumerate().take(to).skip(from) {
                    if !part.filter.may_contain(one.hash) {
                        counts.denied += 1;
                        continue;
                    }
                    merger.take_older(number, |row| {
                        let is_found = cursor.find(key_of(one), row)?;
                        *(if is_found { &mut counts.found } else { &mut counts.mistaken }) += 1;
                        Ok(is_found)
                    })?;
                }
                counts.rows_hit += cursor.hits;
                counts.rows_missed += cursor.misses;
                from = from.max(to);
            }
        }
        self.blocks.counts.add(&counts);
        Ok(())
    }
}

/// The key at a place among those that were asked.
fn key_at<'k>(keys: &[&'k [u8]], place: u32) -> &'k [u8] {
    let key = keys.get(place as usize);
    debug_assert!(key.is_some(), "places are those of keys");
    key.copied().unwrap_or_default()
}

/// The keys of a sorted batch, each once.
fn distinct_keys(order: &[(u128, u32)], keys: &[&[u8]]) -> Result<Vec<DistinctKey>, ReadError> {
    let mut asked = Vec::with_capacity(order.len());
    let mut first = 0;
    for same in order.chunk_by(|one, other| one.0 == other.0 && key_at(keys, one.1) == key_at(keys, other.1))
    {
        let Some((_, place)) = same.first() else { continue };
        asked.push(DistinctKey { hash: filter::hash(key_at(keys, *place)), first });
        first += counted(same.len())?;
    }
    Ok(asked)
}

impl ReadRows {
    /// Adds the rows of a batch, and the numbers of those that were `found`.
    fn append(&mut self, found: &[(u32, u32)], batch: Self) -> Result<(), ReadError> {
        let first_number = counted(self.rows.len())?;
        let first_byte = self.bytes.len();
        if self.bytes.is_empty() {
            self.bytes = batch.bytes;
        } else {
            self.bytes.extend_from_slice(&batch.bytes);
        }
        for (from, to) in batch.rows {
            self.rows.push((counted(first_byte + from as usize)?, counted(first_byte + to as usize)?));
        }
        for (place, number) in found {
            if let Some(slot) = self.numbers.get_mut(*place as usize) {
                *slot = first_number.checked_add(*number).ok_or(ReadError::TooLong)?;
            }
        }
        Ok(())
    }

    /// The rows in the order of their numbers. That of a key which was asked twice may be there twice.
    pub fn iter(&self) -> impl Iterator<Item = StoredRow<'_>> {
        self.rows.iter().map(|row| StoredRow(row_at(&self.bytes, *row)))
    }

    /// The row of the key at a place among those that were asked; `None` when it has none.
    pub(super) fn at(&self, place: usize) -> Option<StoredRow<'_>> {
        let number = self.numbers.get(place).filter(|number| **number != NO_ROW)?;
        self.rows.get(*number as usize).map(|row| StoredRow(row_at(&self.bytes, *row)))
    }

    /// Bytes of memory.
    pub fn heap_bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>()
            + self.bytes.capacity()
            + self.rows.capacity() * size_of::<(u32, u32)>()
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
        held(self.0).map(|RowHolding { supplier, updated, context, .. }| {
            let context = ContextRef::read(context);
            StoredHolding { supplier, updated, context }
        })
    }

    /// The indicator's tags as last sent; the catalogue may not know them all any more.
    pub fn tags(&self) -> impl Iterator<Item = TagId> + use<'a> {
        tags_of(self.0)
    }

    /// The row with references in the places of contexts.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// The holdings of a row that are not released.
pub(super) fn held(row: &[u8]) -> impl Iterator<Item = RowHolding<'_>> {
    let holdings = Row::decode(row).into_iter().flat_map(|row| row.holdings());
    holdings.filter(|holding| !holding.is_released())
}

/// The tags of a row.
pub(super) fn tags_of(row: &[u8]) -> impl Iterator<Item = TagId> {
    Row::decode(row).into_iter().flat_map(|row| row.tags())
}

/// Goes through a part with ascending keys.
struct PartCursor<'a> {
    snapshot: &'a Snapshot,
    part: &'a Part,
    block_use: BlockUse,
    /// Block that the last key was looked for in.
    near: usize,
    /// Block that `rows` is.
    block: Option<usize>,
    rows: Arc<RowsBlock>,
    reader: BlockReader,
    /// Blocks that were at hand, and those that were not.
    hits: u64,
    misses: u64,
}

impl<'a> PartCursor<'a> {
    fn new(snapshot: &'a Snapshot, part: &'a Part, block_use: BlockUse) -> Self {
        let (rows, reader) = Default::default();
        Self { snapshot, part, block_use, near: 0, block: None, rows, reader, hits: 0, misses: 0 }
    }

    /// Appends the row of a key to `row`; false when the part has none.
    fn find(&mut self, key: &[u8], row: &mut Vec<u8>) -> Result<bool, ReadError> {
        let Some(block) = self.part.index.block_after(self.near, key) else { return Ok(false) };
        self.near = block;
        if self.block != Some(block) {
            self.block = None;
            self.rows = self.read_block(block)?;
            self.reader.begin();
            self.block = Some(block);
        }
        self.rows.find(&mut self.reader, key, row).map_err(|detail| self.part.damaged_block(block, detail))
    }

    /// Reads a block, unless it is at hand.
    fn read_block(&mut self, block: usize) -> Result<Arc<RowsBlock>, ReadError> {
        let Snapshot { trees, blocks, .. } = self.snapshot;
        let (part, (piece, _)) = (self.part.meta.id, self.part.pieces_of(block));
        let at_hand = blocks.rows(part, piece);
        *(if at_hand.is_some() { &mut self.hits } else { &mut self.misses }) += 1;
        let rows = match at_hand {
            Some(rows) if rows.has_restarts() || self.block_use != BlockUse::Keep => return Ok(rows),
            // It is asked for again, and will be.
            Some(rows) => rows.with_restarts().map_err(|detail| self.part.damaged_block(block, detail))?,
            None if self.block_use == BlockUse::AtHand => return Err(ReadError::NotAtHand),
            None => RowsBlock::new(self.part.read_stored(trees, block)?),
        };
        let rows = Arc::new(rows);
        if self.block_use != BlockUse::Pass {
            blocks.keep_rows(part, piece, &rows);
        }
        Ok(rows)
    }
}
