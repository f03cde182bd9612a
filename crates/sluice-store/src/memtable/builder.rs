//! Rows in document order to a sorted slice.

use std::sync::OnceLock;

use sluice_model::row::{self, Row};

use super::slice::{Fences, Slice};
use crate::{
    contexts::{ContextRef, ContextTableBuilder, TableId},
    filter::Hashes,
    rows::{key_prefix, push_row, row_from},
};

/// Collects rows in document order and sorts them into a [`Slice`].
#[derive(Debug)]
pub struct SliceBuilder {
    table: TableId,
    contexts: ContextTableBuilder,
    rows: Vec<u8>,
    /// Of each row the first bytes of its key, which decide most comparisons, and where in `rows` it begins.
    entries: Vec<(u64, u32)>,
    packed: Vec<u8>,
}

impl Default for SliceBuilder {
    fn default() -> Self {
        Self::with_text_bytes(0)
    }
}

impl SliceBuilder {
    /// Starts an empty slice.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an empty slice of the elements of so many bytes of JSON.
    pub fn with_text_bytes(bytes: usize) -> Self {
        // Ordinary feeds have a fifth of their text in rows with references, and a half in distinct contexts.
        Self {
            table: TableId::of_new_slice(),
            contexts: ContextTableBuilder::with_capacity(bytes / 2, bytes / 512),
            rows: Vec::with_capacity(bytes / 4),
            entries: Vec::with_capacity(bytes / 256),
            packed: Vec::new(),
        }
    }

    /// Adds the encoded `row` (see [`sluice_model::row`]) on the indicator `key`.
    ///
    /// # Errors
    ///
    /// [`PushError`]. The slice is then as before, except that it may have contexts that no row names; a caller who has
    /// promised to store the row must give the slice up.
    pub fn push(&mut self, key: &[u8], row: &[u8]) -> Result<(), PushError> {
        if Row::decode(row).is_none() {
            return Err(PushError::NotARow);
        }
        let Ok(offset) = u32::try_from(self.rows.len()) else { return Err(PushError::Full) };
        self.packed.clear();
        let table = self.table;
        let intern = |context: &[u8]| {
            let number = self.contexts.intern(context).ok_or(PushError::Full)?;
            Ok(ContextRef { table, number }.encode())
        };
        row::replace_contexts(row, intern, &mut self.packed)?;
        self.entries.push((key_prefix(key), offset));
        push_row(&mut self.rows, key, &self.packed);
        Ok(())
    }

    /// Returns true if nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts the rows by key and merges equal keys, the later row being the newer one.
    pub fn finish(self) -> Slice {
        let Self { table, contexts, rows: unsorted, mut entries, .. } = self;
        let key_of = |entry: &(u64, u32)| row_from(&unsorted, entry.1).0;
        // The offset as last resort makes the order total, so equal keys stay in document order.
        entries.sort_unstable_by(|one, two| {
            one.0.cmp(&two.0).then_with(|| key_of(one).cmp(key_of(two))).then_with(|| one.1.cmp(&two.1))
        });
        let mut rows = Vec::with_capacity(unsorted.len());
        let mut offsets = Vec::with_capacity(entries.len());
        let mut fences = Fences::with_capacity(entries.len());
        let mut hashes = Hashes::with_capacity(entries.len());
        for same in entries.chunk_by(|one, two| one.0 == two.0 && key_of(one) == key_of(two)) {
            let Some((oldest, newer)) = same.split_first() else { continue };
            let (key, row) = row_from(&unsorted, oldest.1);
            fences.note(offsets.len(), key);
            offsets.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            hashes.push(key);
            if newer.is_empty() {
                push_row(&mut rows, key, row);
            } else {
                push_row(&mut rows, key, &merge_same(&unsorted, same));
            }
        }
        let (contexts, filter) = (contexts.finish(), hashes.build_for_slice());
        let commits = OnceLock::new();
        Slice { table, contexts, rows, offsets, fences, filter, hashes, shared_filter: None, commits }
    }
}

/// Why a row cannot be in a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PushError {
    /// The bytes are not a row.
    #[error("the bytes are not a row")]
    NotARow,
    /// Rows or contexts come to 4 GiB, which is more than a slice can number.
    #[error("a slice has 4 GiB of rows or contexts")]
    Full,
}

/// Merges rows of one key, oldest first, by halves: so a long context is copied a few times however often its
/// indicator is repeated.
fn merge_same(unsorted: &[u8], same: &[(u64, u32)]) -> Vec<u8> {
    if let [(_, offset)] = same {
        return row_from(unsorted, *offset).1.to_vec();
    }
    let (older, newer) = same.split_at(same.len() / 2);
    if older.is_empty() {
        return Vec::new();
    }
    let mut merged = Vec::new();
    row::merge(&merge_same(unsorted, newer), &merge_same(unsorted, older), &mut merged);
    merged
}
