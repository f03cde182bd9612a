//! Which indicators the allow lists may hold: those of the suppliers `FalsePositive`, of all tenants together.
//!
//! In: what is written for these suppliers, before it is visible, and once what they hold already
//! ([`Store::read_allow_lists`](crate::Store::read_allow_lists)). Out: "not on any list" or "perhaps", from memory. As long as no
//! list holds anything, a question costs a look at a flag, and memory is nothing.
//!
//! What is noted goes into a filter. When it is full, another one is begun, four times as long, and all of them are asked: few, and
//! nothing that was noted ever has to be read again or moved while others write. What one of them has already takes no
//! room, so a list that is sent again every day is noted once. Together they take half of what is planned for blocks at hand
//! ([`Tuning::block_cache_bytes`](crate::Tuning)) at most, and blocks yield it to them. Keys beyond that go into the last one, which
//! says "perhaps" the more often, and so is read the more often; nothing is ever denied that is on a list.
//!
//! Nothing is removed before the next start, which begins with what the lists hold then. The posting lists say beforehand
//! how much that is, so it goes into one filter.
//!
//! Bits are set with atomic operations and without a lock, while others ask. Relaxed ones are enough, as it is for the
//! summary of networks: whoever looks for a key has it from a view that was put in its place under a lock after the key was
//! noted, or after whoever noted it again had seen all its bits.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use sluice_model::SupplierId;

use crate::{
    catalogue::{Catalogue, Supplier},
    filter::{self, Hashes, SharedFilter},
    memtable::Slice,
};

/// Hashes that the first filter has room for, of keys and of their groups: 384 KiB.
const ROOM_MIN: usize = 1 << 18;

/// How many times as long as the one before each filter is, if there is room for that.
const GROWTH: usize = 4;

/// Filters at most: four that grow come to 32 MiB, and the last one takes what is left.
const FILTERS_MAX: usize = 6;

/// Keys that are added in one go.
const KEYS_ADDED_AT_ONCE: usize = 4_096;

/// See the module.
#[derive(Debug)]
pub struct AllowFilter {
    bytes_max: usize,
    /// One after the other; none is made before there is a key for it.
    filters: [OnceLock<SharedFilter>; FILTERS_MAX],
    /// Whether what was stored at the start is in it.
    has_read: AtomicBool,
}

impl AllowFilter {
    /// Begins with nothing; takes no more than so many bytes, or those of the first filter.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, filters: Default::default(), has_read: AtomicBool::new(false) }
    }

    /// Returns true if no list has ever held anything, as far as is known.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.made().next().is_none()
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
        self.made().any(|filter| filter.may_contain(hash))
    }

    /// Returns true if all that the lists hold is in it.
    pub(crate) fn has_read(&self) -> bool {
        self.has_read.load(Ordering::Acquire)
    }

    /// Notes that what was stored at the start is in it.
    pub(crate) fn end_reading(&self) {
        self.has_read.store(true, Ordering::Release);
    }

    /// Heap bytes held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.made().map(SharedFilter::heap_bytes).sum()
    }

    /// Notes what a write of a list has, if its supplier is one.
    pub(crate) fn note_slice(&self, catalogue: &Catalogue, supplier: Option<SupplierId>, slice: &Slice) {
        if supplier.is_some_and(|supplier| is_list(catalogue, supplier)) {
            let mut adding = self.adding();
            slice.rows().for_each(|(key, _)| adding.push(key));
        }
    }

    /// Notes keys.
    pub(crate) fn adding(&self) -> Adding<'_> {
        Adding { filter: self, hashes: Hashes::default() }
    }

    /// Prepares for so many keys, so that they find room in one filter if there is as much.
    pub(crate) fn expect(&self, keys_count: usize) {
        // Each with a group of its own.
        let hashes_count = keys_count.saturating_mul(2);
        let made_count = self.made().count();
        if self.made().last().map_or(0, SharedFilter::left) < hashes_count {
            self.make(made_count, hashes_count);
        }
    }

    fn made(&self) -> impl Iterator<Item = &SharedFilter> {
        self.filters.iter().map_while(OnceLock::get)
    }

    fn add(&self, hashes: &Hashes) {
        for hash in hashes.as_slice() {
            if !self.may_contain(*hash) {
                self.add_one(*hash);
            }
        }
    }

    fn add_one(&self, hash: u64) {
        loop {
            let (made_count, newest) =
                self.made().fold((0, None), |(count, _), made| (count + 1, Some(made)));
            let has_room = newest.is_some_and(SharedFilter::take_room);
            if !has_room && self.make(made_count, 0).is_some() {
                continue;
            }
            if let Some(newest) = newest {
                newest.add_atomically(hash);
            }
            return;
        }
    }

    /// The filter behind so many others; it is made, unless others have done so, with room for so many hashes if there is as
    /// much. `None` when there is no room for it.
    fn make(&self, made_count: usize, hashes_count: usize) -> Option<&SharedFilter> {
        let place = self.filters.get(made_count)?;
        if let Some(made) = place.get() {
            return Some(made);
        }
        let before = || self.made().take(made_count);
        let bytes: usize = before().map(SharedFilter::heap_bytes).sum();
        let room_left = SharedFilter::room_of(self.bytes_max.saturating_sub(bytes));
        let room_before = before().last().map_or(0, SharedFilter::room);
        let room = (GROWTH * room_before).max(hashes_count).min(room_left).max(ROOM_MIN);
        // The first is made in any case.
        (made_count == 0 || room <= room_left).then(|| place.get_or_init(|| SharedFilter::with_room(room)))
    }
}

/// Adds keys to a filter, some at a time, and the rest when it is dropped.
pub(crate) struct Adding<'f> {
    filter: &'f AllowFilter,
    hashes: Hashes,
}

impl Adding<'_> {
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
        self.filter.add(&self.hashes);
    }
}

/// Whether a supplier is one.
pub(crate) fn is_list(catalogue: &Catalogue, supplier: SupplierId) -> bool {
    catalogue.supplier_by_id(supplier).is_some_and(Supplier::is_false_positive)
}

#[cfg(test)]
mod tests;
