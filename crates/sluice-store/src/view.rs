//! What readers see: one consistent set of slices, runs and names.
//!
//! In: a key. Out: its merged row, newest first. A [`Snapshot`] is a share of an immutable view: writers and
//! merges put a new view in its place and never change one that is out. So a reader sees a request wholly or not
//! at all, and record and posting lists always agree.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use hashbrown::{HashMap, hash_map::Entry};
use sluice_model::{
    SupplierId, TagId,
    row::{self, Row},
};

use crate::{
    bulk::{Alone, ContextId, StoredRow},
    catalogue::Catalogue,
    context::{Handle, TableId},
    error::ReadError,
    memtable::Memtable,
    merge::{MergeRows, Source},
    repack::Origin,
    rows::Rows,
    run::{Part, Run},
    trees::Trees,
};

/// Keys whose rows are in memory while it is confirmed that they are still of a supplier or tag.
const KEYS_CONFIRMED_AT_ONCE: usize = 64 * 1_024;

/// One state of the store.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// What is not in a run yet.
    pub(crate) memtable: Memtable,
    /// Runs, newest first.
    pub(crate) runs: Vec<Run>,
    /// Names and numbers.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Sequence number of the newest commit in it.
    pub(crate) sequence: u64,
}

/// A consistent view of all durable writes. Cheap to clone; holding one keeps what it shows readable.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) view: Arc<View>,
    pub(crate) trees: Arc<Trees>,
}

/// One supplier's holding of an indicator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding<'a> {
    /// Whose it is. The catalogue may not know the number any more: then it does not count.
    pub supplier: SupplierId,
    /// Last update, in seconds since 1970-01-01 UTC. Whether it has expired is the reader's question.
    pub updated: u32,
    /// JSON text of an object, or empty when there is none.
    pub context: &'a [u8],
}

/// A row as read, with room that is reused from one read to the next.
#[derive(Clone, Debug, Default)]
pub struct Record {
    row: Vec<u8>,
}

impl Record {
    /// Makes an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who holds the indicator, ascending by number.
    pub fn holdings(&self) -> impl Iterator<Item = Holding<'_>> {
        holdings(&self.row)
    }

    /// The indicator's tags as last sent; the catalogue may not know them all any more.
    pub fn tags(&self) -> impl Iterator<Item = TagId> {
        Row::decode(&self.row).into_iter().flat_map(|row| row.tags())
    }

    /// Takes a row whose handles `context` resolves.
    fn fill<'c>(&mut self, packed: &[u8], context: impl Fn(&[u8]) -> &'c [u8]) {
        self.row.clear();
        let resolve = |handle: &[u8]| Ok::<_, Infallible>(context(handle));
        let Ok(()) = row::replace_contexts(packed, resolve, &mut self.row);
    }
}

fn holdings(row: &[u8]) -> impl Iterator<Item = Holding<'_>> {
    Row::decode(row).into_iter().flat_map(|row| row.holdings()).filter(|holding| !holding.is_released()).map(
        |holding| Holding { supplier: holding.supplier, updated: holding.updated, context: holding.context },
    )
}

impl Snapshot {
    /// Names and numbers at the moment of the snapshot.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.view.catalogue
    }

    /// Reads one key; false when nobody holds it.
    ///
    /// Blocking: filters answer most misses from memory, a hit reads one block for each run that has the key, and the
    /// contexts. For many keys, [`Self::read_rows`] is the faster way.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read.
    pub fn get(&self, key: &[u8], record: &mut Record) -> Result<bool, ReadError> {
        record.row.clear();
        let rows = self.read_rows(&[key], usize::MAX, &Alone)?.ok_or(ReadError::TooLong)?;
        let Some(row) = rows.iter().next() else { return Ok(false) };
        let named: Vec<ContextId> = row.holdings().filter_map(|holding| holding.context).collect();
        let texts = self.read_contexts(&named, usize::MAX, &Alone)?.ok_or(ReadError::TooLong)?;
        let context = |handle: &[u8]| {
            let place = named.iter().position(|named| Some(*named) == ContextId::named_by(handle));
            place.map_or(&[][..], |place| texts.get(place))
        };
        record.fill(row.bytes(), context);
        Ok(record.holdings().next().is_some())
    }

    /// Shows every indicator that somebody holds, ascending by key. Reads everything.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read; what was shown until then was right.
    pub fn scan(&self, mut visit: impl FnMut(&[u8], &Record)) -> Result<(), ReadError> {
        let mut rows = MergeRows::new(self.sources());
        let mut origins = Origins::new(self);
        let mut record = Record::new();
        while let Some((key, row)) = rows.next_row() {
            record.row.clear();
            let context = |handle: &[u8]| {
                let (table, number) = Handle::read(handle).ok_or_else(Origin::nowhere)?;
                origins.get(table, number).map(<[u8]>::to_vec)
            };
            row::replace_contexts(row, context, &mut record.row)?;
            if record.holdings().next().is_some() {
                visit(key, &record);
            }
        }
        rows.finish()
    }

    /// The keys that a supplier holds, ascending, found through its posting lists. Cost follows the number of
    /// blocks that hold one of them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a list or block cannot be read.
    pub fn keys_of_supplier(&self, supplier: SupplierId) -> Result<Vec<Vec<u8>>, ReadError> {
        let is_of = |row: &Row<'_>| row.holdings().any(|holding| holding.supplier == supplier);
        let listed = |part: &Part| {
            let summary = part.index.suppliers.get(&supplier)?;
            Some(part.posting(&self.trees.suppliers, supplier.0, summary.pieces))
        };
        self.confirmed_keys(is_of, listed, |row| row.holdings().any(|holding| holding.supplier == supplier))
    }

    /// The keys that carry a tag and that somebody holds, ascending, found through its posting lists.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a list or block cannot be read.
    pub fn keys_of_tag(&self, tag: TagId) -> Result<Vec<Vec<u8>>, ReadError> {
        let is_of = |row: &Row<'_>| row.tags().any(|carried| carried == tag);
        let listed = |part: &Part| {
            let summary = part.index.tags.get(&tag)?;
            Some(part.posting(&self.trees.tags, tag.0, summary.pieces))
        };
        self.confirmed_keys(is_of, listed, |row| row.tags().any(|carried| carried == tag))
    }

    /// Gathers candidates from slices and posting lists, and keeps those that the merged row confirms.
    fn confirmed_keys(
        &self,
        is_of: impl Fn(&Row<'_>) -> bool,
        listed: impl Fn(&Part) -> Option<Result<Vec<u32>, ReadError>>,
        is_confirmed: impl Fn(&StoredRow<'_>) -> bool,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut candidates = BTreeSet::new();
        for slice in self.view.memtable.slices() {
            for (key, _) in slice.rows().filter(|(_, row)| Row::decode(row).is_some_and(|row| is_of(&row))) {
                candidates.insert(key.to_vec());
            }
        }
        for part in self.view.runs.iter().flat_map(|run| &run.parts) {
            if let Some(rows) = listed(part) {
                self.keys_at(part, &rows?, &mut candidates)?;
            }
        }
        let candidates: Vec<Vec<u8>> = candidates.into_iter().collect();
        let mut keys = Vec::new();
        for some in candidates.chunks(KEYS_CONFIRMED_AT_ONCE) {
            let asked: Vec<&[u8]> = some.iter().map(Vec::as_slice).collect();
            let rows = self.read_rows(&asked, usize::MAX, &Alone)?.ok_or(ReadError::TooLong)?;
            let confirmed: Vec<bool> =
                rows.iter().map(|row| row.holdings().next().is_some() && is_confirmed(&row)).collect();
            let numbers = rows.into_numbers();
            let is_confirmed = |place| {
                numbers.get(place).and_then(|number: usize| confirmed.get(number)).copied() == Some(true)
            };
            keys.extend(
                (0..).zip(some).filter(|(place, _)| is_confirmed(*place)).map(|(_, key)| key.clone()),
            );
        }
        Ok(keys)
    }

    fn keys_at(&self, part: &Part, rows: &[u32], keys: &mut BTreeSet<Vec<u8>>) -> Result<(), ReadError> {
        let mut raw = Vec::new();
        let block_of = |row: u32| part.index.fences.partition_point(|fence| fence.first_row <= row) - 1;
        for in_block in rows.chunk_by(|one, two| block_of(*one) == block_of(*two)) {
            let Some(block) = in_block.first().map(|row| block_of(*row)) else { continue };
            let Some(fence) = part.index.fences.get(block) else { continue };
            part.read(&self.trees, block, &mut raw)?;
            let mut numbered = (fence.first_row..).zip(Rows(&raw));
            for wanted in in_block {
                if let Some((_, (key, _))) = numbered.find(|(row, _)| row == wanted) {
                    keys.insert(key.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Where the contexts of a table are that a row may name.
    pub(crate) fn origin(&self, table: TableId) -> Option<Origin<'_>> {
        if table.book().is_none() {
            let slice = self.view.memtable.slices().iter().find(|slice| slice.table() == table)?;
            return Some(Origin::Slice(slice.contexts()));
        }
        let mut parts = self.view.runs.iter().flat_map(|run| &run.parts);
        parts.find_map(|part| part.book(table)).map(|book| Origin::book(&self.trees, book))
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let slices = self.view.memtable.slices().iter().rev().map(|slice| Source::slice(slice));
        slices.chain(self.view.runs.iter().map(|run| run.source(&self.trees, None))).collect()
    }
}

/// The contexts that merged rows name; a table is looked for when it is first named.
pub(crate) struct Origins<'a> {
    snapshot: &'a Snapshot,
    known: HashMap<TableId, Origin<'a>>,
}

impl<'a> Origins<'a> {
    /// Looks for nothing yet.
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, known: HashMap::new() }
    }

    /// Reads one context.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it is not there or cannot be read.
    pub(crate) fn get(&mut self, table: TableId, number: u32) -> Result<&[u8], ReadError> {
        let origin = match self.known.entry(table) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.snapshot.origin(table).ok_or_else(Origin::nowhere)?),
        };
        origin.get(number)
    }
}
