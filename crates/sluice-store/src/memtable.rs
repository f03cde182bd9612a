//! What the log holds and the trees do not yet: sorted slices of rows, oldest first.
//!
//! In: rows of one stretch of a body in document order ([`SliceBuilder`]). Out: a [`Slice`], sorted, without
//! duplicates, with a filter; immutable, shared by the log writer, the readers and the flusher. Large bodies
//! bring slices of about a mebibyte; single indicators bring slices of one row, which [`join_small`] folds
//! together so that readers never have thousands to search.

use std::sync::Arc;

use sluice_model::operation;

use crate::{
    filter::{self, Filter},
    merge::{MergeRows, Source},
    rows::{Rows, key_prefix, push_row},
};

/// Slices below this are folded together.
const SMALL_SLICE_BYTES: usize = 256 * 1024;

/// Sorted encoded rows of one stretch of history.
#[derive(Debug)]
pub struct Slice {
    rows: Vec<u8>,
    offsets: Vec<u32>,
    filter: Filter,
}

impl Slice {
    /// Takes rows that are already framed and sorted; `None` when the bytes are not exactly that.
    pub(crate) fn from_rows(rows: Vec<u8>) -> Option<Self> {
        let (mut offsets, mut hashes) = (Vec::new(), Vec::new());
        let mut reader = Rows(&rows);
        let mut last: Option<&[u8]> = None;
        loop {
            let offset = u32::try_from(rows.len() - reader.0.len()).ok()?;
            let Some((key, _)) = reader.next() else { break };
            if last.is_some_and(|last| key <= last) {
                return None;
            }
            last = Some(key);
            offsets.push(offset);
            hashes.push(filter::hash(key));
        }
        reader.0.is_empty().then(|| Self { filter: Filter::build(&hashes), rows, offsets })
    }

    /// Framed rows, ascending.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows(&self.rows)
    }

    /// The framed rows as bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.rows
    }

    /// Number of rows.
    pub fn rows_count(&self) -> usize {
        self.offsets.len()
    }

    /// Heap bytes held, filter included.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.rows.capacity() + self.offsets.capacity() * 4 + self.offsets.len() * 3 / 2
    }

    /// The row of a key whose filter hash is `hash`.
    pub(crate) fn get(&self, key: &[u8], hash: u64) -> Option<&[u8]> {
        if !self.filter.may_contain(hash) {
            return None;
        }
        let row_at = |offset: &u32| Rows(self.rows.get(*offset as usize..).unwrap_or_default()).next();
        let index = self
            .offsets
            .binary_search_by(|offset| row_at(offset).map_or(&[][..], |(found, _)| found).cmp(key))
            .ok()?;
        row_at(self.offsets.get(index)?).map(|(_, row)| row)
    }
}

/// Collects rows in document order and sorts them into a [`Slice`].
#[derive(Debug, Default)]
pub struct SliceBuilder {
    rows: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: u64,
    offset: u32,
}

impl SliceBuilder {
    /// Starts an empty slice.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the encoded operation `row` (see [`sluice_model::operation`]) on the indicator `key`.
    ///
    /// A slice holds less than 4 GiB; what is pushed beyond that is not there.
    pub fn push(&mut self, key: &[u8], row: &[u8]) {
        let Ok(offset) = u32::try_from(self.rows.len()) else { return };
        self.entries.push(Entry { prefix: key_prefix(key), offset });
        push_row(&mut self.rows, key, row);
    }

    /// Tells whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts the rows by key and merges equal keys, the later row being the newer one.
    pub fn finish(self) -> Slice {
        let Self { rows: unsorted, mut entries } = self;
        let row_at = |entry: &Entry| {
            Rows(unsorted.get(entry.offset as usize..).unwrap_or_default()).next().unwrap_or_default()
        };
        // The offset as last resort makes the order total, so equal keys stay in document order.
        entries.sort_unstable_by(|one, two| {
            one.prefix
                .cmp(&two.prefix)
                .then_with(|| row_at(one).0.cmp(row_at(two).0))
                .then_with(|| one.offset.cmp(&two.offset))
        });
        let mut rows = Vec::with_capacity(unsorted.len());
        let (mut offsets, mut hashes) =
            (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for same in entries.chunk_by(|one, two| one.prefix == two.prefix && row_at(one).0 == row_at(two).0) {
            let Some((oldest, newer)) = same.split_first() else { continue };
            let (key, row) = row_at(oldest);
            offsets.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            hashes.push(filter::hash(key));
            if newer.is_empty() {
                push_row(&mut rows, key, row);
            } else {
                let same: Vec<&[u8]> = same.iter().map(|entry| row_at(entry).1).collect();
                push_row(&mut rows, key, &fold(&same));
            }
        }
        Slice { filter: Filter::build(&hashes), rows, offsets }
    }
}

/// Folds rows of one key, oldest first, by halves: so a long context is copied a few times however often its
/// indicator is repeated.
fn fold(rows: &[&[u8]]) -> Vec<u8> {
    if let [row] = rows {
        return row.to_vec();
    }
    let (older, newer) = rows.split_at(rows.len() / 2);
    if older.is_empty() {
        return Vec::new();
    }
    let mut folded = Vec::new();
    operation::merge(&fold(newer), &fold(older), &mut folded);
    folded
}

/// Folds small neighbours at the newest end of `slices`, so that their number stays logarithmic.
///
/// Returns the slices that replace the tail from the returned index on. Cost is amortised: each row is copied
/// about once for each doubling up to [`SMALL_SLICE_BYTES`].
pub(crate) fn join_small(mut tail: Vec<Arc<Slice>>) -> Vec<Arc<Slice>> {
    while let [.., older, newer] = tail.as_slice() {
        let is_worth_it = older.rows.len() < SMALL_SLICE_BYTES && older.rows.len() / 2 <= newer.rows.len();
        if !is_worth_it {
            break;
        }
        let joined = Arc::new(join(older, newer));
        tail.truncate(tail.len() - 2);
        tail.push(joined);
    }
    tail
}

/// How many slices at the end of `slices` [`join_small`] may change.
pub(crate) fn small_tail_count(slices: &[Arc<Slice>]) -> usize {
    slices.iter().rev().take_while(|slice| slice.rows.len() < SMALL_SLICE_BYTES).count()
}

fn join(older: &Slice, newer: &Slice) -> Slice {
    let mut rows = Vec::with_capacity(older.rows.len() + newer.rows.len());
    let mut merge = MergeRows::new(vec![Source::slice(newer), Source::slice(older)]);
    while let Some((key, row)) = merge.next_row() {
        push_row(&mut rows, key, row);
    }
    // Merged rows of two sorted slices are sorted; a slice that is not would have been refused on its way in.
    Slice::from_rows(rows).unwrap_or_else(|| Slice {
        rows: Vec::new(),
        offsets: Vec::new(),
        filter: Filter::build(&[]),
    })
}

#[cfg(test)]
mod tests;
