//! Sorted rows of one stretch of a body, immutable, with a filter.
//!
//! In: sorted rows, from the [builder](super::SliceBuilder), from joining or from the log. Out: rows by key, or all of
//! them ascending; and the slice as the log keeps it. Shared by the log thread, the readers and the compaction thread.

use std::{
    borrow::Cow,
    ops::Range,
    sync::{Arc, OnceLock},
};

use sluice_model::{
    ranges::{bytes_at, items_at},
    row::Row,
    varint::{push_varint, take_varint},
};

use crate::{
    block,
    contexts::{ContextRef, ContextTable, TableId},
    filter::{Filter, Hashes, SharedFilter, SharedFilters},
    rows::{Rows, long_key_prefix, push_row, row_from, take_prefixed},
};

/// Sorted encoded rows of one stretch of history, with references in the places of their contexts.
#[derive(Debug)]
pub struct Slice {
    pub(super) table: TableId,
    pub(super) contexts: ContextTable,
    pub(super) rows: Vec<u8>,
    pub(super) offsets: Vec<u32>,
    pub(super) fences: Fences,
    pub(super) filter: Filter,
    /// What the filter was made of, until they are in a shared filter.
    pub(super) hashes: Hashes,
    pub(super) shared_filter: Option<Arc<SharedFilter>>,
    /// Since it was committed.
    pub(super) commits: OnceLock<Commits>,
}

/// Which commits brought the rows of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Commits {
    /// This one brought all.
    One(u64),
    /// For each row the newest.
    Each(Vec<u64>),
}

impl Slice {
    /// Takes rows that are already framed and sorted, and whose references are into `table`; `None` when the bytes are
    /// not exactly that.
    pub(super) fn from_rows(table: TableId, contexts: ContextTable, rows: Vec<u8>) -> Option<Self> {
        let (mut offsets, mut fences, mut hashes) = (Vec::new(), Fences::default(), Hashes::default());
        let mut reader = Rows(&rows);
        let mut last: Option<&[u8]> = None;
        loop {
            let offset = u32::try_from(rows.len() - reader.0.len()).ok()?;
            let Some((key, row)) = reader.next() else { break };
            if let Some(last) = last
                && key <= last
            {
                return None;
            }
            for holding in Row::decode(row)?.holdings() {
                if !holding.context.is_empty() {
                    let context = ContextRef::read(holding.context)?;
                    if context.table != table || contexts.count() <= context.number {
                        return None;
                    }
                }
            }
            last = Some(key);
            fences.note(offsets.len(), key);
            offsets.push(offset);
            hashes.push(key);
        }
        if !reader.0.is_empty() {
            return None;
        }
        let filter = hashes.build_for_slice();
        let commits = OnceLock::new();
        Some(Self { table, contexts, rows, offsets, fences, filter, hashes, shared_filter: None, commits })
    }

    /// Notes which commit brought it; to be done before it is visible.
    pub(crate) fn note_commit(&self, number: u64) {
        self.commits.get_or_init(|| Commits::One(number));
    }

    /// The newest commit of the row at a place.
    pub(super) fn commit_of(&self, place: usize) -> u64 {
        match self.commits.get() {
            Some(Commits::One(number)) => *number,
            Some(Commits::Each(numbers)) => numbers.get(place).copied().unwrap_or(u64::MAX),
            // What is not known counts as new.
            None => u64::MAX,
        }
    }

    /// The oldest of the commits that are the newest of a row.
    pub(crate) fn oldest_commit(&self) -> u64 {
        match self.commits.get() {
            Some(Commits::One(number)) => *number,
            Some(Commits::Each(numbers)) => numbers.iter().min().copied().unwrap_or(u64::MAX),
            // What is not known counts as old.
            None => 0,
        }
    }

    /// The framed rows that a commit after this one has touched; all of them borrowed, or some copied.
    pub(crate) fn rows_since(&self, commit: u64) -> Cow<'_, [u8]> {
        match self.commits.get() {
            Some(Commits::One(number)) if *number <= commit => Cow::Borrowed(&[]),
            Some(Commits::Each(numbers)) if numbers.iter().any(|number| *number <= commit) => {
                let mut some = Vec::new();
                for ((key, row), number) in self.rows().zip(numbers) {
                    if commit < *number {
                        push_row(&mut some, key, row);
                    }
                }
                Cow::Owned(some)
            }
            _ => Cow::Borrowed(&self.rows),
        }
    }

    /// The slice as the log keeps it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows.len() + self.contexts.heap_bytes() + 64);
        push_varint(&mut bytes, self.table.to_number());
        push_varint(&mut bytes, self.rows.len() as u64);
        bytes.extend_from_slice(&self.rows);
        self.contexts.write(&mut bytes);
        bytes
    }

    /// The payload of its frame, as slice number `index` of a body; `None` only when there is no memory.
    pub(crate) fn to_payload(&self, index: u32) -> Option<Vec<u8>> {
        let mut payload = index.to_be_bytes().to_vec();
        block::encode(&self.to_bytes(), &mut payload).ok()?;
        Some(payload)
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` when the bytes are not exactly that.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let table = TableId::from_number(take_varint(&mut bytes)?);
        let rows = take_prefixed(&mut bytes)?.to_vec();
        let contexts = ContextTable::take(&mut bytes)?;
        if bytes.is_empty() && table.note_replayed() { Self::from_rows(table, contexts, rows) } else { None }
    }

    /// Adds its hashes to a shared filter; to be done before it is visible.
    pub(crate) fn share_filter(&mut self, filters: &SharedFilters) {
        self.shared_filter = Some(filters.add(self.hashes.as_slice()));
        self.hashes = Hashes::default();
    }

    /// The shared filter that has its hashes, if one does.
    pub(crate) fn shared_filter(&self) -> Option<&Arc<SharedFilter>> {
        self.shared_filter.as_ref()
    }

    /// Framed rows, ascending.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows(&self.rows)
    }

    /// The keys from `first` on, ascending.
    pub(crate) fn keys_from(&self, first: &[u8]) -> impl Iterator<Item = &[u8]> {
        let from = self.offsets.partition_point(|offset| row_from(&self.rows, *offset).0 < first);
        items_at(&self.offsets, from..).iter().map(|offset| row_from(&self.rows, *offset).0)
    }

    /// The framed rows behind a key as bytes.
    pub(crate) fn rows_bytes_after(&self, key: &[u8]) -> &[u8] {
        let after = self.offsets.partition_point(|offset| row_from(&self.rows, *offset).0 <= key);
        self.offsets.get(after).map_or(&[], |offset| bytes_at(&self.rows, *offset as usize..))
    }

    /// The framed rows as bytes.
    pub(crate) fn rows_bytes(&self) -> &[u8] {
        &self.rows
    }

    /// The table that the references in the rows are into.
    pub(crate) fn table(&self) -> TableId {
        self.table
    }

    /// The contexts that the references name.
    pub(crate) fn contexts(&self) -> &ContextTable {
        &self.contexts
    }

    /// Number of rows.
    pub fn rows_count(&self) -> usize {
        self.offsets.len()
    }

    /// Bytes of rows and contexts.
    pub(super) fn bytes_count(&self) -> usize {
        self.rows.len() + self.contexts.bytes_count()
    }

    /// Heap bytes held, filter included.
    pub(crate) fn heap_bytes(&self) -> usize {
        let rows_bytes = self.rows.capacity() + self.offsets.capacity() * 4 + self.fences.heap_bytes();
        let commits_bytes = match self.commits.get() {
            Some(Commits::Each(numbers)) => numbers.capacity() * size_of::<u64>(),
            _ => 0,
        };
        rows_bytes + commits_bytes + self.contexts.heap_bytes() + self.filter.heap_bytes()
    }

    /// Returns true if a key of this hash, or a group of keys, may be in it.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        self.filter.may_contain(hash)
    }

    /// Appends the row of a key to `found`, with references; false when there is none.
    pub(crate) fn get(&self, key: &[u8], found: &mut Vec<u8>) -> bool {
        let offsets = items_at(&self.offsets, self.fences.around(key, self.offsets.len()));
        let Ok(index) = offsets.binary_search_by(|offset| row_from(&self.rows, *offset).0.cmp(key)) else {
            return false;
        };
        let Some(offset) = offsets.get(index) else { return false };
        found.extend_from_slice(row_from(&self.rows, *offset).1);
        true
    }
}

/// The beginnings of some keys of a slice, close together, so that a search looks at few rows: most of them are far
/// from the processor.
#[derive(Debug, Default)]
pub(super) struct Fences {
    prefixes: Vec<u128>,
}

impl Fences {
    /// Rows from one fence to the next.
    const STRIDE: usize = 16;

    /// Room for those of so many rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { prefixes: Vec::with_capacity(rows.div_ceil(Self::STRIDE)) }
    }

    /// Notes the key of row number `row`; rows come one after the other.
    pub(super) fn note(&mut self, row: usize, key: &[u8]) {
        if row.is_multiple_of(Self::STRIDE) {
            self.prefixes.push(long_key_prefix(key));
        }
    }

    /// The numbers of the rows among which a key must be, of so many.
    ///
    /// Fences are the keys of rows 0, 16, 32 and so on, cut to 16 bytes. A key between the second and the third is in
    /// rows 16 to 31. Cut keys can be equal: a key that begins like the third fence, and like it alone, is in rows 16
    /// to 47, because rows before row 32 can begin that way too.
    fn around(&self, key: &[u8], rows_count: usize) -> Range<usize> {
        let prefix = long_key_prefix(key);
        let below = self.prefixes.partition_point(|fence| *fence < prefix);
        let same = items_at(&self.prefixes, below..).partition_point(|fence| *fence == prefix);
        let from = below.saturating_sub(1) * Self::STRIDE;
        from..((below + same) * Self::STRIDE).min(rows_count).max(from)
    }

    fn heap_bytes(&self) -> usize {
        self.prefixes.capacity() * size_of::<u128>()
    }
}
