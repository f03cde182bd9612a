//! Rows in document order to a sorted slice.

use sluice_model::row::{self, Row};

use super::slice::{Fences, Slice};
use crate::{
    contexts::{ContextRef, ContextTableBuilder, TableId},
    filter::Hashes,
    rows::{Rows, key_prefix, push_row},
};

/// Collects rows in document order and sorts them into a [`Slice`].
#[derive(Debug)]
pub struct SliceBuilder {
    table: TableId,
    contexts: ContextTableBuilder,
    rows: Vec<u8>,
    entries: Vec<UnsortedRow>,
    packed: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct UnsortedRow {
    prefix: u64,
    offset: u32,
}

impl Default for SliceBuilder {
    fn default() -> Self {
        Self {
            table: TableId::of_new_slice(),
            contexts: ContextTableBuilder::default(),
            rows: Vec::new(),
            entries: Vec::new(),
            packed: Vec::new(),
        }
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
            contexts: ContextTableBuilder::with_capacity(bytes / 2, bytes / 512),
            rows: Vec::with_capacity(bytes / 4),
            entries: Vec::with_capacity(bytes / 256),
            ..Self::default()
        }
    }

    /// Adds the encoded `row` (see [`sluice_model::row`]) on the indicator `key`.
    ///
    /// A slice holds less than 4 GiB; what is pushed beyond that is not there, and bytes that are no row are not.
    pub fn push(&mut self, key: &[u8], row: &[u8]) {
        if Row::decode(row).is_none() {
            return;
        }
        let Ok(offset) = u32::try_from(self.rows.len()) else { return };
        self.packed.clear();
        let table = self.table;
        let intern = |context: &[u8]| {
            let number = self.contexts.intern(context).ok_or(())?;
            Ok::<_, ()>(ContextRef { table, number }.encode())
        };
        if row::replace_contexts(row, intern, &mut self.packed).is_err() {
            return;
        }
        self.entries.push(UnsortedRow { prefix: key_prefix(key), offset });
        push_row(&mut self.rows, key, &self.packed);
    }

    /// Tells whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts the rows by key and merges equal keys, the later row being the newer one.
    pub fn finish(self) -> Slice {
        let Self { table, contexts, rows: unsorted, mut entries, .. } = self;
        let row_at = |entry: &UnsortedRow| {
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
        let (mut offsets, mut fences, mut hashes) = (
            Vec::with_capacity(entries.len()),
            Fences::with_capacity(entries.len()),
            Hashes::with_capacity(entries.len()),
        );
        for same in entries.chunk_by(|one, two| one.prefix == two.prefix && row_at(one).0 == row_at(two).0) {
            let Some((oldest, newer)) = same.split_first() else { continue };
            let (key, row) = row_at(oldest);
            fences.note(offsets.len(), key);
            offsets.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            hashes.push(key);
            if newer.is_empty() {
                push_row(&mut rows, key, row);
            } else {
                let same: Vec<&[u8]> = same.iter().map(|entry| row_at(entry).1).collect();
                push_row(&mut rows, key, &fold(&same));
            }
        }
        let filter = hashes.build_for_slice();
        Slice {
            table,
            contexts: contexts.finish(),
            rows,
            offsets,
            fences,
            filter,
            hashes,
            shared_filter: None,
        }
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
    row::merge(&fold(newer), &fold(older), &mut folded);
    folded
}
