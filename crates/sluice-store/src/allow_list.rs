//! Which indicators the allow lists may hold: those of the suppliers `FalsePositive`, of all tenants together.
//!
//! In: what is written for these suppliers, before it is visible, and what they hold when it is asked for the first time.
//! Out: "not on any list" or "perhaps", from memory. Nothing is removed, so whoever is told "perhaps" reads the key. As long as no
//! list holds anything, a question costs a look at a flag and memory is nothing; from then on it is one filter of
//! [`HASHES`] hashes, which says "perhaps" more often the more there are.
//!
//! What is stored is not read at the start, which it would hold up, but by the first import that asks.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use sluice_model::{SupplierId, limits};

use crate::{
    catalogue::{Catalogue, Supplier},
    error::ReadError,
    filter::{self, Hashes, SharedFilter},
    memtable::Slice,
};

/// Hashes that the filter has room for, of keys and of their groups: 1.5 MiB.
const HASHES: usize = 1 << 20;
const _: () = assert!(HASHES * 12 / 8 <= limits::STANDING_BYTES / 64);

/// Keys that are added in one go.
const KEYS_ADDED_AT_ONCE: usize = 4_096;

/// See the module.
#[derive(Debug, Default)]
pub struct AllowFilter {
    /// Made for the first key.
    filter: OnceLock<SharedFilter>,
    /// One adds at a time.
    adding: Mutex<()>,
    /// Held by who reads what is stored.
    filling: Mutex<()>,
    is_filled: AtomicBool,
}

impl AllowFilter {
    /// Returns true if no list has ever held anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.filter.get().is_none()
    }

    /// Returns true if no list has ever held anything, and that is known without reading.
    pub(crate) fn is_known_to_be_empty(&self) -> bool {
        self.is_empty() && self.is_filled.load(Ordering::Acquire)
    }

    /// Returns true if a list may hold a key.
    pub fn may_hold(&self, key: &[u8]) -> bool {
        self.may_contain(filter::hash(key))
    }

    /// Returns true if a list may hold a key of a group ([`group_of`](sluice_model::matching::group_of)).
    pub fn may_hold_group(&self, group: &[u8]) -> bool {
        self.may_contain(filter::hash(group))
    }

    /// Returns true if a list may hold a prefix mask that has a mark
    /// ([`prefix_marks`](sluice_model::matching::prefix_marks)).
    pub fn may_hold_prefix_mask(&self, mark: &[u8]) -> bool {
        self.may_contain(filter::hash_mark(mark))
    }

    fn may_contain(&self, hash: u64) -> bool {
        self.filter.get().is_some_and(|filter| filter.may_contain(hash))
    }

    /// Notes what a write of a list has, if its supplier is one.
    pub(crate) fn note_slice(&self, catalogue: &Catalogue, supplier: Option<SupplierId>, slice: &Slice) {
        if supplier.is_some_and(|supplier| is_list(catalogue, supplier)) {
            let mut adding = Adding::new(self);
            slice.rows().for_each(|(key, _)| adding.push(key));
        }
    }

    /// Notes keys, if their supplier is a list.
    pub(crate) fn adding(&self, catalogue: &Catalogue, supplier: SupplierId) -> Option<Adding<'_>> {
        is_list(catalogue, supplier).then(|| Adding::new(self))
    }

    /// Has what is stored added, unless that was done.
    pub(crate) fn fill(
        &self,
        add_stored: impl FnOnce(&mut Adding<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if self.is_filled.load(Ordering::Acquire) {
            return Ok(());
        }
        let _filling = self.filling.lock();
        if !self.is_filled.load(Ordering::Acquire) {
            let mut adding = Adding::new(self);
            add_stored(&mut adding)?;
            drop(adding);
            self.is_filled.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn add(&self, hashes: &Hashes) {
        let filter = self.filter.get_or_init(|| SharedFilter::with_room(HASHES));
        let _adding = self.adding.lock();
        for hash in hashes.as_slice() {
            filter.add(*hash);
        }
    }
}

/// Adds keys to a filter, some at a time, and the rest when it is dropped.
pub(crate) struct Adding<'f> {
    filter: &'f AllowFilter,
    hashes: Hashes,
}

impl<'f> Adding<'f> {
    fn new(filter: &'f AllowFilter) -> Self {
        Self { filter, hashes: Hashes::default() }
    }

    /// Adds a key.
    pub(crate) fn push(&mut self, key: &[u8]) {
        self.hashes.push(key);
        if KEYS_ADDED_AT_ONCE <= self.hashes.as_slice().len() {
            self.filter.add(&std::mem::take(&mut self.hashes));
        }
    }
}

impl Drop for Adding<'_> {
    fn drop(&mut self) {
        if !self.hashes.as_slice().is_empty() {
            self.filter.add(&self.hashes);
        }
    }
}

/// Whether a supplier is one.
pub(crate) fn is_list(catalogue: &Catalogue, supplier: SupplierId) -> bool {
    catalogue.supplier_by_id(supplier).is_some_and(Supplier::is_false_positive)
}

#[cfg(test)]
mod tests;
