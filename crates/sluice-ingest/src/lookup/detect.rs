//! Keys worth reading to what is found under them.
//!
//! In: keys that a [`Candidates`] left of many values, a snapshot of the store. Out: [`Found`]: which of them are levels
//! with matches, a match being an indicator that an enabled supplier of the tenant holds and has updated within its
//! retention. Contexts are read of matches alone. What the matches mean for a value is in `ranking`.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use sluice_store::{ContextRef, ReadContexts, ReadError, RowNumbers, Snapshot, StoredRow};

use super::{
    candidates::Candidates,
    rules::LookupRules,
    suppliers::{Role, Suppliers, SuppliersCache},
};
use crate::pools::PoolWorkers;

/// Looks values up for one request. Reads may wait for the disk: for pool threads only.
pub(crate) struct Detector {
    snapshot: Snapshot,
    rules: LookupRules,
    /// Made by the first pool thread that needs them.
    suppliers: OnceLock<Arc<Suppliers>>,
    cache: SuppliersCache,
}

/// What is stored under many keys.
#[derive(Default)]
pub(super) struct Found {
    /// For each key the number of its level; none when nothing is stored under it.
    pub(super) numbers: RowNumbers,
    pub(super) levels: Vec<KeyMatches>,
    pub(super) matches: Vec<Match>,
    pub(super) contexts: ReadContexts,
}

/// A key that something is stored under.
pub(super) struct KeyMatches {
    pub(super) matches: Range<u32>,
    pub(super) is_false_positive: bool,
}

pub(super) struct Match {
    /// Number of the supplier among those of the tenant, which is its rank.
    pub(super) rank: u32,
    /// Place of the context among those that were read.
    pub(super) context: Option<u32>,
}

impl Found {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.heap_bytes() + self.contexts.heap_bytes()
    }

    /// Bytes of memory beside the contexts.
    fn heap_bytes(&self) -> usize {
        self.numbers.heap_bytes()
            + self.levels.capacity() * size_of::<KeyMatches>()
            + self.matches.capacity() * size_of::<Match>()
    }

    /// Bytes of all contexts, one that several have counted once.
    pub(super) fn context_bytes(&self) -> usize {
        self.contexts.text_bytes()
    }
}

impl Detector {
    /// Costs nothing yet.
    pub(crate) fn new(snapshot: Snapshot, rules: LookupRules, cache: SuppliersCache) -> Self {
        Self { snapshot, rules, suppliers: OnceLock::new(), cache }
    }

    pub(super) fn suppliers(&self) -> &Suppliers {
        self.suppliers.get_or_init(|| self.cache.get(self.snapshot.catalogue(), self.rules.tenant))
    }

    /// Gives the next value to the candidates. Filters only: no disk.
    pub(super) fn add(&self, text: &str, candidates: &mut Candidates) {
        candidates.add(text, self.rules.scope, &self.snapshot);
    }

    /// Lets the candidates finish. Filters only: no disk.
    pub(super) fn settle(&self, candidates: &mut Candidates) {
        candidates.settle(self.rules.scope, &self.snapshot);
    }

    /// As of [`Candidates::wants_any`]. Filters only: no disk.
    pub(super) fn wants_any(&self, candidates: &mut Candidates) -> bool {
        candidates.wants_any(self.rules.scope, &self.snapshot)
    }

    /// Reads what is stored under keys, which may come in any order and more than once. `None` when that would take
    /// more than `bytes_max` bytes of memory.
    ///
    /// Cost: two sorts, and one read of each block that has one of the keys or contexts; on all threads of the pool.
    ///
    /// # Errors
    ///
    /// What the store could not read.
    pub(super) fn read(&self, keys: &[&[u8]], bytes_max: usize) -> Result<Option<Found>, ReadError> {
        let Some(rows) = self.snapshot.read_rows(keys, bytes_max, &PoolWorkers)? else { return Ok(None) };
        let (mut found, mut named) = (Found::default(), Vec::new());
        let taken = |found: &Found, named: &Vec<ContextRef>| {
            found.heap_bytes() + named.capacity() * size_of::<ContextRef>()
        };
        let rows_bytes = rows.heap_bytes();
        for row in rows.iter() {
            self.judge(row, &mut found, &mut named);
            if bytes_max < rows_bytes + taken(&found, &named) {
                return Ok(None);
            }
        }
        found.numbers = rows.into_numbers();
        let Some(left) = bytes_max.checked_sub(taken(&found, &named)) else { return Ok(None) };
        let Some(contexts) = self.snapshot.read_contexts(&named, left, &PoolWorkers)? else {
            return Ok(None);
        };
        found.contexts = contexts;
        Ok(Some(found))
    }

    /// Adds a level with the matches of a row; names the contexts to be read.
    fn judge(&self, row: StoredRow<'_>, found: &mut Found, named: &mut Vec<ContextRef>) {
        // Rows and contexts of one read are counted in 32 bits.
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (first_match, mut is_false_positive) = (number(found.matches.len()), false);
        let suppliers = self.suppliers();
        for holding in row.holdings() {
            let Some((rank, supplier)) = suppliers.get(holding.supplier) else { continue };
            let expires_seconds = u64::from(holding.updated) + supplier.retention_seconds;
            if expires_seconds <= u64::from(self.rules.now_seconds) {
                continue;
            }
            if supplier.role == Role::FalsePositive {
                is_false_positive = true;
                continue;
            }
            let context = holding.context.map(|context| {
                named.push(context);
                number(named.len() - 1)
            });
            found.matches.push(Match { rank: number(rank), context });
        }
        let matches = first_match..number(found.matches.len());
        found.levels.push(KeyMatches { matches, is_false_positive });
    }
}

#[cfg(test)]
mod tests;
