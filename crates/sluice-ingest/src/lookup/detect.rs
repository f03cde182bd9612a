//! Candidate keys to what is found under them.
//!
//! In: keys that the filters left of many values, a snapshot of the store. Out: [`Found`]: which of them are stored,
//! with their matches, a match being an indicator that an enabled supplier of the tenant holds and has updated within
//! its retention. For an explanation the others are found too. Contexts are read of what is found alone. What it means for
//! a value is in `rank`.

use std::sync::{Arc, OnceLock};

use sluice_model::TagId;
use sluice_store::{ContextRef, ReadContexts, ReadError, RowNumbers, Snapshot, StoredRow, Workers};

use super::{
    lists::Lists,
    rules::LookupRules,
    suppliers::{Suppliers, SuppliersCache},
};

/// Looks values up for one request. Reads may wait for the disk where their workers may.
pub(crate) struct Detector {
    pub(super) snapshot: Snapshot,
    pub(super) rules: LookupRules,
    /// Made by the first pool thread that needs them.
    suppliers: OnceLock<Arc<Suppliers>>,
    cache: SuppliersCache,
}

/// What is stored under many keys.
#[derive(Default)]
pub(super) struct Found {
    keys_count: usize,
    /// For each key the number of its row; none when nothing is stored under it.
    pub(super) rows: RowNumbers,
    /// Of each row, those of the list of false positives among them.
    pub(super) matches: Lists<FoundMatch>,
    /// Of each row, if the rules ask for them.
    pub(super) tags: Lists<TagId>,
    contexts: ReadContexts,
}

/// A supplier that holds an indicator.
#[derive(Clone, Copy)]
pub(super) struct FoundMatch {
    /// Rank of the supplier among those of the tenant.
    pub(super) rank: u32,
    /// Place of the context among those that were read, or [`NO_CONTEXT`].
    context: u32,
    /// Seconds since the last update.
    pub(super) age_seconds: u32,
}

/// In place of that of a context, if there is none.
const NO_CONTEXT: u32 = u32::MAX;

impl Found {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.heap_bytes() + self.contexts.heap_bytes()
    }

    /// Bytes of memory beside the contexts.
    fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes() + self.matches.heap_bytes() + self.tags.heap_bytes()
    }

    /// Bytes of contexts for each key that was read; a context that several keys have is counted once.
    pub(super) fn context_bytes_per_key(&self) -> usize {
        self.contexts.text_bytes() / self.keys_count.max(1)
    }

    /// The context of a match; empty when it has none.
    pub(super) fn context(&self, found: FoundMatch) -> &[u8] {
        if found.context == NO_CONTEXT { &[] } else { self.contexts.get(found.context as usize) }
    }
}

impl Detector {
    /// Costs nothing yet.
    pub(crate) fn new(snapshot: Snapshot, rules: LookupRules, cache: SuppliersCache) -> Self {
        Self { snapshot, rules, suppliers: OnceLock::new(), cache }
    }

    /// The suppliers of the tenant.
    pub(super) fn suppliers(&self) -> &Suppliers {
        self.suppliers.get_or_init(|| self.cache.get(self.snapshot.catalogue(), self.rules.tenant))
    }

    /// Reads what is stored under keys, which may come in any order and more than once. `None` when that would take
    /// more than `bytes_max` bytes of memory, or a wait for the disk where the workers may not wait.
    ///
    /// Cost: two sorts, and one read of each block that has one of the keys or contexts; on all threads of the pool.
    ///
    /// # Errors
    ///
    /// What the store could not read.
    pub(super) fn read(
        &self,
        keys: &[&[u8]],
        bytes_max: usize,
        workers: &impl Workers,
    ) -> Result<Option<Found>, ReadError> {
        let Some(rows) = self.snapshot.read_rows(keys, bytes_max, workers)? else { return Ok(None) };
        let (mut found, mut contexts) = (Found { keys_count: keys.len(), ..Found::default() }, Vec::new());
        let rows_bytes = rows.heap_bytes();
        for row in rows.iter() {
            let judged = self.judge(row, &mut found, &mut contexts);
            // The rows are still there while matches are made of them.
            if judged.is_none() || bytes_max < rows_bytes + found.heap_bytes() + bytes_of(&contexts) {
                return Ok(None);
            }
        }
        found.rows = rows.into_numbers();
        let taken = found.heap_bytes() + bytes_of(&contexts);
        let Some(left) = bytes_max.checked_sub(taken) else { return Ok(None) };
        let Some(contexts) = self.snapshot.read_contexts(&contexts, left, workers)? else {
            return Ok(None);
        };
        found.contexts = contexts;
        Ok(Some(found))
    }

    /// Adds the matches of a row, and names the contexts to be read for them. `None` when there are too many to number.
    fn judge(&self, row: StoredRow<'_>, found: &mut Found, contexts: &mut Vec<ContextRef>) -> Option<()> {
        let suppliers = self.suppliers();
        for holding in row.holdings() {
            let Some((rank, supplier)) = suppliers.get(holding.supplier) else { continue };
            let age_seconds =
                self.snapshot.age_seconds(holding.supplier, holding.updated, self.rules.now_seconds);
            if !(supplier.counts(age_seconds) || self.rules.explains) {
                continue;
            }
            let mut context = NO_CONTEXT;
            if let Some(id) = holding.context {
                context = u32::try_from(contexts.len()).ok().filter(|place| *place != NO_CONTEXT)?;
                contexts.push(id);
            }
            let age_seconds = u32::try_from(age_seconds).unwrap_or(u32::MAX);
            found.matches.items.push(FoundMatch { rank, context, age_seconds });
        }
        found.matches.finish_list()?;
        if self.rules.explains {
            found.tags.items.extend(row.tags());
            found.tags.finish_list()?;
        }
        Some(())
    }
}

/// Bytes of memory.
fn bytes_of(contexts: &Vec<ContextRef>) -> usize {
    contexts.capacity() * size_of::<ContextRef>()
}

#[cfg(test)]
mod tests;
