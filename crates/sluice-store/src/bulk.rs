//! Reading many keys at once.
//!
//! In: keys in any order. Out: their rows. The keys are sorted, so each run is gone through once, from block to
//! block, and contexts are read in the order in which they lie in their books; filters are asked before anything
//! is read. Rows of several runs are folded while they still have handles, so no context is read that a newer one
//! replaces. Memory follows `limits::READ_BYTES_MAX`, not what is asked.

use std::ops::{ControlFlow, Range};

use hashbrown::HashMap;
use sluice_model::{limits, operation};

use crate::{
    context::{Handle, TableId},
    error::ReadError,
    filter,
    rows::key_prefix,
    run::{Run, rows_block::BlockReader},
    trees::Trees,
    view::{Origins, Record, Snapshot},
};

impl Snapshot {
    /// Tells whether a key may be stored that begins with `group`, a whole one as
    /// [`group_of`](sluice_model::matching::group_of) gives it. Asks filters only.
    pub fn may_hold_group(&self, group: &[u8]) -> bool {
        let hash = filter::hash(group);
        self.view.slices.iter().any(|slice| slice.may_contain(hash))
            || self.view.runs.iter().any(|run| run.may_contain_group(group, hash))
    }

    /// Tells whether a key may be stored. Asks filters only.
    pub fn may_hold(&self, key: &[u8]) -> bool {
        let hash = filter::hash(key);
        self.view.slices.iter().any(|slice| slice.may_contain(hash))
            || self.view.runs.iter().any(|run| run.may_contain(key, hash))
    }

    /// Reads many keys, which may come in any order and more than once; `found` is told index and record of each
    /// that somebody holds, in no particular order, until it breaks off.
    ///
    /// Blocking. Cost: a sort, and for each run a pass over the blocks that have one of the keys.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read; what `found` was told until then was right.
    pub fn get_many(
        &self,
        keys: &[&[u8]],
        mut found: impl FnMut(usize, &Record) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut order: Vec<(u64, usize)> =
            keys.iter().enumerate().map(|(index, key)| (key_prefix(key), index)).collect();
        let key_of = |index: usize| keys.get(index).copied().unwrap_or_default();
        order.sort_unstable_by(|one, two| one.0.cmp(&two.0).then_with(|| key_of(one.1).cmp(key_of(two.1))));
        let mut runs: Vec<RunCursor<'_>> = self.view.runs.iter().map(RunCursor::new).collect();
        let mut contexts = GroupContexts::new(self);
        let mut rows = GroupRows::default();
        for (_, index) in &order {
            self.append_packed(key_of(*index), &mut runs, &mut rows, *index)?;
            if rows.is_full() {
                if rows.tell(0..rows.ends.len(), &mut contexts, &mut found)?.is_break() {
                    return Ok(());
                }
                rows.clear();
            }
        }
        rows.tell(0..rows.ends.len(), &mut contexts, &mut found).map(|_flow| ())
    }

    /// Adds the folded row of a key, still with handles, if there is one.
    fn append_packed(
        &self,
        key: &[u8],
        runs: &mut [RunCursor<'_>],
        rows: &mut GroupRows,
        index: usize,
    ) -> Result<(), ReadError> {
        let hash = filter::hash(key);
        let mut folded = Folded::new(rows);
        for slice in self.view.slices.iter().rev() {
            folded.take(|row| Ok(slice.get_packed(key, hash, row)))?;
        }
        for run in runs {
            folded.take(|row| run.find(&self.trees, key, hash, row))?;
        }
        folded.finish(index);
        Ok(())
    }
}

/// Rows of a group of keys, with handles.
#[derive(Default)]
struct GroupRows {
    bytes: Vec<u8>,
    /// Index of the key, and where its row ends.
    ends: Vec<(usize, usize)>,
    older: Vec<u8>,
    merged: Vec<u8>,
}

impl GroupRows {
    fn is_full(&self) -> bool {
        limits::KEYS_READ_AT_ONCE <= self.ends.len() || limits::READ_ROW_BYTES_MAX <= self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The rows of a range, each with the index of its key.
    fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = (usize, &[u8])> {
        let before = range.start.checked_sub(1).and_then(|before| self.ends.get(before));
        let mut start = before.map_or(0, |(_, end)| *end);
        self.ends.get(range).unwrap_or_default().iter().map(move |(index, end)| {
            let row = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (*index, row)
        })
    }

    /// Tells the rows of a range with their contexts; by halves, if they have too many.
    fn tell(
        &self,
        range: Range<usize>,
        contexts: &mut GroupContexts<'_>,
        found: &mut impl FnMut(usize, &Record) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        if !contexts.read(self.range(range.clone()))? && 1 < range.len() {
            let middle = range.start + range.len() / 2;
            if self.tell(range.start..middle, contexts, found)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            return self.tell(middle..range.end, contexts, found);
        }
        let mut record = Record::new();
        for (index, packed) in self.range(range) {
            if record.fill(packed, |handle| contexts.get(handle)) && found(index, &record).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A row on its way to being complete, newest parts first.
struct Folded<'a> {
    rows: &'a mut GroupRows,
    start: usize,
}

impl<'a> Folded<'a> {
    fn new(rows: &'a mut GroupRows) -> Self {
        Self { start: rows.bytes.len(), rows }
    }

    /// Takes what an older source has.
    fn take(&mut self, get: impl FnOnce(&mut Vec<u8>) -> Result<bool, ReadError>) -> Result<(), ReadError> {
        let GroupRows { bytes, older, merged, .. } = &mut *self.rows;
        if bytes.len() == self.start {
            get(bytes)?;
            return Ok(());
        }
        older.clear();
        if get(older)? {
            merged.clear();
            operation::merge(bytes.get(self.start..).unwrap_or_default(), older, merged);
            bytes.truncate(self.start);
            bytes.extend_from_slice(merged);
        }
        Ok(())
    }

    fn finish(self, index: usize) {
        if self.start < self.rows.bytes.len() {
            self.rows.ends.push((index, self.rows.bytes.len()));
        }
    }
}

/// Contexts that the rows of a group name.
struct GroupContexts<'a> {
    origins: Origins<'a>,
    bytes: Vec<u8>,
    places: HashMap<(TableId, u32), Range<usize>>,
}

impl<'a> GroupContexts<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self { origins: Origins::new(snapshot), bytes: Vec::new(), places: HashMap::new() }
    }

    /// Reads what the rows name, in the order in which it lies in the books. False when it is too much, unless it is
    /// one row's.
    fn read<'r>(
        &mut self,
        rows: impl ExactSizeIterator<Item = (usize, &'r [u8])>,
    ) -> Result<bool, ReadError> {
        self.bytes.clear();
        self.places.clear();
        let is_bounded = 1 < rows.len();
        let mut wanted = Vec::with_capacity(rows.len());
        for (_, row) in rows {
            wanted.extend(operation::contexts(row).filter_map(Handle::read));
        }
        wanted.sort_unstable();
        wanted.dedup();
        for (table, number) in wanted {
            let from = self.bytes.len();
            self.bytes.extend_from_slice(self.origins.get(table, number)?);
            self.places.insert((table, number), from..self.bytes.len());
            if is_bounded && limits::READ_CONTEXT_BYTES_MAX < self.bytes.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn get(&self, handle: &[u8]) -> &[u8] {
        let place = Handle::read(handle).and_then(|handle| self.places.get(&handle));
        place.and_then(|place| self.bytes.get(place.clone())).unwrap_or_default()
    }
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
