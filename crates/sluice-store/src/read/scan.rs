//! Reading everything, and the keys of a supplier or tag: for tests and tools, and the seed of exports.

use std::ops::ControlFlow;

use hashbrown::{HashMap, hash_map::Entry};
use sluice_model::{SupplierId, TagId};

use super::{
    one::Record,
    rows::{held, tags_of},
    select::ListedRows,
    view::Snapshot,
};
use crate::{
    contexts::{ContextRef, ContextSource, TableId},
    error::ReadError,
    merge::{MergeRows, Source},
    rows::Rows,
    run::{Listing, Part},
};

impl Snapshot {
    /// Shows every indicator that somebody holds, ascending by key. Reads everything.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read; what was shown until then was right.
    pub fn scan(&self, mut visit: impl FnMut(&[u8], &Record)) -> Result<(), ReadError> {
        let mut rows = MergeRows::new(self.sources());
        let mut tables: HashMap<TableId, ContextSource<'_>> = HashMap::new();
        let mut record = Record::new();
        while let Some((key, row)) = rows.next_row() {
            let context = |encoded: &[u8]| {
                let context = ContextRef::read(encoded).ok_or_else(ContextSource::missing)?;
                let table = match tables.entry(context.table) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(self.context_source(context.table)?),
                };
                table.get(context.number).map(<[u8]>::to_vec)
            };
            record.fill(row, context)?;
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
        let is_of = |row: &[u8]| held(row).any(|holding| holding.supplier == supplier);
        self.keys_listed(&Listing::Suppliers(vec![supplier]), is_of)
    }

    /// The keys that carry a tag and that somebody holds, ascending, found through its posting lists.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a list or block cannot be read.
    pub fn keys_of_tag(&self, tag: TagId) -> Result<Vec<Vec<u8>>, ReadError> {
        let is_of = |row: &[u8]| held(row).next().is_some() && tags_of(row).any(|carried| carried == tag);
        self.keys_listed(&Listing::Tags(vec![tag]), is_of)
    }

    fn keys_listed(
        &self,
        listing: &Listing,
        is_of: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        let (mut rows, mut keys) = (ListedRows::new(self, listing, b""), Vec::new());
        while let Some((key, row)) = rows.next_row() {
            if is_of(row) {
                keys.push(key.to_vec());
            }
        }
        rows.finish()?;
        Ok(keys)
    }

    /// Shows the keys that the runs may hold of some suppliers, found through their posting lists; of each run on its own,
    /// until `visit` breaks off.
    pub(crate) fn listed_keys(
        &self,
        is_wanted: impl Fn(SupplierId) -> bool,
        mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        for part in self.parts() {
            for (supplier, summary) in
                part.index.suppliers.iter().filter(|(supplier, _)| is_wanted(**supplier))
            {
                let rows = part.posting(&self.trees.suppliers, supplier.0, summary.pieces)?;
                if self.keys_at(part, &rows, &mut visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// How many keys that shows.
    pub(crate) fn listed_count(&self, is_wanted: impl Fn(SupplierId) -> bool) -> usize {
        let suppliers = self.parts().flat_map(|part| &part.index.suppliers);
        let listed = suppliers.filter(|(supplier, _)| is_wanted(**supplier));
        listed.map(|(_, summary)| summary.rows as usize).sum()
    }

    /// Shows the keys of some rows of a part, which come ascending by number, until `visit` breaks off.
    fn keys_at(
        &self,
        part: &Part,
        rows: &[u32],
        mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let mut raw = Vec::new();
        let index = &part.index;
        for in_block in rows.chunk_by(|one, two| index.block_of_row(*one) == index.block_of_row(*two)) {
            let Some(first) = in_block.first() else { continue };
            let Some(block) = index.block_of_row(*first) else { continue };
            let Some(fence) = index.fences.get(block) else { continue };
            part.read(&self.trees, block, &mut raw)?;
            for (number, (key, _)) in (fence.first_row..).zip(Rows(&raw)) {
                if in_block.binary_search(&number).is_ok() && visit(key).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Slices and runs, newest first.
    pub(crate) fn sources(&self) -> Vec<Source<'_>> {
        let slices = self.view.memtable.slices().iter().rev();
        let runs = self.view.runs.iter().map(|run| run.source(&self.trees, None));
        slices.map(|slice| Source::rows(slice.rows_bytes())).chain(runs).collect()
    }
}
