//! What the log holds and the trees do not yet: sorted slices of rows, oldest first.
//!
//! In: rows of one stretch of a body in document order ([`SliceBuilder`]). Out: a [`Slice`], sorted, without
//! duplicates, with a filter; immutable, shared by the log writer, the readers and the flusher. Large bodies
//! bring slices of about a mebibyte; single indicators bring slices of one row, which [`join_small`] folds
//! together so that readers never have thousands to search.

mod table;

use std::{ops::Range, sync::Arc};

use sluice_model::{
    row::{self, Row},
    varint::{push_varint, take_varint},
};

use crate::{
    context::{Contexts, ContextsBuilder, Handle, TableId},
    filter::{Cover, Covers, Filter, Hashes},
    merge::{MergeRows, Source},
    rows::{Rows, key_prefix, long_key_prefix, push_row, take_prefixed},
};

pub(crate) use self::table::Memtable;

/// Slices below this are folded together.
const SMALL_SLICE_BYTES: usize = 256 * 1024;

/// Sorted encoded rows of one stretch of history, with handles in the places of their contexts.
#[derive(Debug)]
pub struct Slice {
    table: TableId,
    contexts: Contexts,
    rows: Vec<u8>,
    offsets: Vec<u32>,
    fences: Fences,
    filter: Filter,
    /// What the filter was made of, until there is a cover.
    hashes: Hashes,
    cover: Option<Arc<Cover>>,
}

impl Slice {
    /// Takes rows that are already framed and sorted, and whose handles are of `table`; `None` when the bytes are
    /// not exactly that.
    fn from_rows(table: TableId, contexts: Contexts, rows: Vec<u8>) -> Option<Self> {
        let (mut offsets, mut fences, mut hashes) = (Vec::new(), Fences::default(), Hashes::default());
        let mut reader = Rows(&rows);
        let mut last: Option<&[u8]> = None;
        loop {
            let offset = u32::try_from(rows.len() - reader.0.len()).ok()?;
            let Some((key, row)) = reader.next() else { break };
            if last.is_some_and(|last| key <= last) {
                return None;
            }
            let knows = |context: &[u8]| {
                context.is_empty()
                    || Handle::read(context)
                        .is_some_and(|(its, number)| its == table && number < contexts.count())
            };
            if !Row::decode(row)?.holdings().all(|holding| knows(holding.context)) {
                return None;
            }
            last = Some(key);
            fences.note(offsets.len(), key);
            offsets.push(offset);
            hashes.push(key);
        }
        let filter = hashes.build_for_slice();
        reader.0.is_empty().then_some(Self {
            table,
            contexts,
            rows,
            offsets,
            fences,
            filter,
            hashes,
            cover: None,
        })
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

    /// Reads what [`Self::to_bytes`] wrote; `None` when the bytes are not exactly that.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let table = TableId::from_number(take_varint(&mut bytes)?);
        let rows = take_prefixed(&mut bytes)?.to_vec();
        let contexts = Contexts::take(&mut bytes)?;
        let is_slice = bytes.is_empty() && table.note_replayed();
        is_slice.then(|| Self::from_rows(table, contexts, rows)).flatten()
    }

    /// Gets it a cover; to be done before it is visible.
    pub(crate) fn take_cover(&mut self, covers: &Covers) {
        self.cover = Some(covers.cover(self.hashes.as_slice()));
        self.hashes = Hashes::default();
    }

    /// The cover that has its hashes, if it has one.
    pub(crate) fn cover(&self) -> Option<&Arc<Cover>> {
        self.cover.as_ref()
    }

    /// Framed rows, ascending.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows(&self.rows)
    }

    /// The framed rows as bytes.
    pub(crate) fn rows_bytes(&self) -> &[u8] {
        &self.rows
    }

    /// The table that the handles in the rows are of.
    pub(crate) fn table(&self) -> TableId {
        self.table
    }

    /// The contexts that the handles name.
    pub(crate) fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Number of rows.
    pub fn rows_count(&self) -> usize {
        self.offsets.len()
    }

    fn bytes_count(&self) -> usize {
        self.rows.len() + self.contexts.bytes_count()
    }

    /// Heap bytes held, filter included.
    pub(crate) fn heap_bytes(&self) -> usize {
        let rows_bytes = self.rows.capacity() + self.offsets.capacity() * 4 + self.fences.heap_bytes();
        rows_bytes + self.contexts.heap_bytes() + self.filter.heap_bytes()
    }

    /// Tells whether a key of this hash, or a group of keys, may be in it.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        self.filter.may_contain(hash)
    }

    /// Appends the row of a key to `found`, with handles; false when there is none.
    pub(crate) fn get(&self, key: &[u8], found: &mut Vec<u8>) -> bool {
        let row = self.search(key);
        found.extend_from_slice(row.unwrap_or_default());
        row.is_some()
    }

    fn search(&self, key: &[u8]) -> Option<&[u8]> {
        let row_at = |offset: &u32| Rows(self.rows.get(*offset as usize..).unwrap_or_default()).next();
        let offsets = self.offsets.get(self.fences.around(key, self.offsets.len()))?;
        let index = offsets
            .binary_search_by(|offset| row_at(offset).map_or(&[][..], |(found, _)| found).cmp(key))
            .ok()?;
        row_at(offsets.get(index)?).map(|(_, row)| row)
    }
}

/// The beginnings of some keys of a slice, close together, so that a search looks at few rows: most of them are far
/// from the processor.
#[derive(Debug, Default)]
struct Fences {
    prefixes: Vec<u128>,
}

impl Fences {
    /// Rows from one fence to the next.
    const STRIDE: usize = 16;

    fn with_capacity(rows: usize) -> Self {
        Self { prefixes: Vec::with_capacity(rows.div_ceil(Self::STRIDE)) }
    }

    /// Notes the key of row number `row`; rows come one after the other.
    fn note(&mut self, row: usize, key: &[u8]) {
        if row.is_multiple_of(Self::STRIDE) {
            self.prefixes.push(long_key_prefix(key));
        }
    }

    /// The numbers of the rows among which a key must be, of so many.
    fn around(&self, key: &[u8], rows_count: usize) -> Range<usize> {
        let prefix = long_key_prefix(key);
        let below = self.prefixes.partition_point(|fence| *fence < prefix);
        let same = self.prefixes.get(below..).unwrap_or_default().partition_point(|fence| *fence == prefix);
        let from = below.saturating_sub(1) * Self::STRIDE;
        from..((below + same) * Self::STRIDE).min(rows_count).max(from)
    }

    fn heap_bytes(&self) -> usize {
        self.prefixes.capacity() * size_of::<u128>()
    }
}

/// Collects rows in document order and sorts them into a [`Slice`].
#[derive(Debug)]
pub struct SliceBuilder {
    table: TableId,
    contexts: ContextsBuilder,
    rows: Vec<u8>,
    entries: Vec<Entry>,
    packed: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: u64,
    offset: u32,
}

impl Default for SliceBuilder {
    fn default() -> Self {
        Self {
            table: TableId::of_new_slice(),
            contexts: ContextsBuilder::default(),
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
        // Ordinary feeds have a fifth of their text in rows with handles, and a half in distinct contexts.
        Self {
            contexts: ContextsBuilder::with_capacity(bytes / 2, bytes / 512),
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
        let intern =
            |context: &[u8]| self.contexts.intern(context).map(|it| Handle::new(table, it)).ok_or(());
        if row::replace_contexts(row, intern, &mut self.packed).is_err() {
            return;
        }
        self.entries.push(Entry { prefix: key_prefix(key), offset });
        push_row(&mut self.rows, key, &self.packed);
    }

    /// Tells whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts the rows by key and merges equal keys, the later row being the newer one.
    pub fn finish(self) -> Slice {
        let Self { table, contexts, rows: unsorted, mut entries, .. } = self;
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
        Slice { table, contexts: contexts.finish(), rows, offsets, fences, filter, hashes, cover: None }
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

/// Folds small neighbours at the newest end of `slices`, so that their number stays logarithmic.
///
/// Returns the slices that replace the tail from the returned index on. Cost is amortised: each row is copied
/// about once for each doubling up to [`SMALL_SLICE_BYTES`].
pub(crate) fn join_small(mut tail: Vec<Arc<Slice>>, covers: &Covers) -> Vec<Arc<Slice>> {
    while let [.., older, newer] = tail.as_slice() {
        let is_worth_it =
            older.bytes_count() < SMALL_SLICE_BYTES && older.bytes_count() / 2 <= newer.bytes_count();
        if !is_worth_it {
            break;
        }
        let Some(mut joined) = join(older, newer) else {
            // Nothing is lost: both stay as they are.
            tracing::error!("two slices of the memtable cannot be joined");
            break;
        };
        joined.take_cover(covers);
        tail.truncate(tail.len() - 2);
        tail.push(Arc::new(joined));
    }
    tail
}

/// How many slices at the end of `slices` [`join_small`] may change.
pub(crate) fn small_tail_count(slices: &[Arc<Slice>]) -> usize {
    slices.iter().rev().take_while(|slice| slice.bytes_count() < SMALL_SLICE_BYTES).count()
}

/// Joins two slices; `None` when one of them is not as slices are.
fn join(older: &Slice, newer: &Slice) -> Option<Slice> {
    let table = TableId::of_joined_slice();
    let mut contexts = ContextsBuilder::default();
    let mut rows = Vec::with_capacity(older.rows.len() + newer.rows.len());
    let mut merge = MergeRows::new(vec![Source::slice(newer), Source::slice(older)]);
    let mut packed = Vec::new();
    while let Some((key, row)) = merge.next_row() {
        packed.clear();
        let intern = |handle: &[u8]| {
            let (its, number) = Handle::read(handle).ok_or(())?;
            let slice = [older, newer].into_iter().find(|slice| slice.table == its).ok_or(())?;
            let hash = slice.contexts.hash(number).ok_or(())?;
            let interned = contexts.intern_hashed(hash, || slice.contexts.get(number));
            interned.map(|it| Handle::new(table, it)).ok_or(())
        };
        row::replace_contexts(row, intern, &mut packed).ok()?;
        push_row(&mut rows, key, &packed);
    }
    Slice::from_rows(table, contexts.finish(), rows)
}

#[cfg(test)]
mod tests;
