//! One filter for many slices, so that readers ask a few filters and not one for each slice.
//!
//! In: the hashes of a slice, before it is visible. Out: the [`SharedFilter`] that has them. When one is full the next
//! slice begins another, twice as long up to a limit, and a flush begins anew: a filter goes with the last slice that
//! it is for.
//!
//! A filter is added to while others read it, with relaxed loads and stores. That is enough. Whoever looks for the
//! keys of a slice has the slice from a view, and the view was put in its place under a lock after the hashes were
//! added, so the reader sees at least those bits. Of the hashes of later slices it may see all bits, some or none:
//! bits are only ever set, so the worst is a "perhaps" for a key that is not in its view. Two writers at once could
//! lose bits, because each stores what it loaded; the lock of [`SharedFilters`] lets one add at a time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use super::{BITS_PER_KEY, WORDS_PER_BLOCK, block_of, has_all, probes, words_count};

/// Hashes that the first filter has room for: 24 KiB.
const ROOM_MIN: usize = 1 << 14;
/// Hashes that the longest filter has room for, unless a slice has more: 768 KiB, or some seventy slices. Keys that
/// are there are looked for in all slices of a filter, keys that are not are looked for in all filters.
const ROOM_MAX: usize = 1 << 19;

/// Bytes in which filters are made.
const BLOCK_BYTES: usize = WORDS_PER_BLOCK * size_of::<u64>();

/// A filter that grows fuller while it is asked.
#[derive(Debug)]
pub(crate) struct SharedFilter {
    words: Box<[AtomicU64]>,
    /// Hashes that it was made for.
    room: usize,
    /// How many of them it has not got yet.
    left: AtomicUsize,
}

impl SharedFilter {
    /// An empty one with room for so many hashes.
    pub(crate) fn with_room(room: usize) -> Self {
        let mut words = Vec::new();
        words.resize_with(words_count(room, BITS_PER_KEY), AtomicU64::default);
        Self { words: words.into(), room, left: AtomicUsize::new(room) }
    }

    /// Room for how many hashes so many bytes are.
    pub(crate) fn room_of(bytes: usize) -> usize {
        // Words come in whole blocks.
        bytes / BLOCK_BYTES * BLOCK_BYTES * 8 / BITS_PER_KEY
    }

    /// Hashes that it was made for.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// How many of them it has not got yet.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes the room of one hash, if there is any left.
    pub(crate) fn take_room(&self) -> bool {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.is_ok()
    }

    /// Returns true if one of its slices may have a key of this hash.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        let Some(block) = block_of(&self.words, hash) else { return true };
        has_all(hash, |word| block.get(word).map(|word| word.load(Ordering::Relaxed)))
    }

    /// Heap bytes held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// Adds a hash, beside others who do.
    pub(crate) fn add_atomically(&self, hash: u64) {
        let Some(block) = block_of(&self.words, hash) else { return };
        for (word, mask) in probes(hash) {
            if let Some(word) = block.get(word) {
                word.fetch_or(mask, Ordering::Relaxed);
            }
        }
    }

    /// Adds a hash; by one thread at a time.
    fn add(&self, hash: u64) {
        let Some(block) = block_of(&self.words, hash) else { return };
        for (word, mask) in probes(hash) {
            if let Some(word) = block.get(word) {
                word.store(word.load(Ordering::Relaxed) | mask, Ordering::Relaxed);
            }
        }
    }
}

/// Hands out shared filters. Its lock is held while the hashes of a slice are added: some tens of microseconds for an
/// ordinary one of a mebibyte, one or two milliseconds for tens of thousands of short keys.
#[derive(Debug)]
pub(crate) struct SharedFilters {
    newest: Mutex<Arc<SharedFilter>>,
}

impl SharedFilters {
    /// Begins with a short one.
    pub(crate) fn new() -> Self {
        Self { newest: Mutex::new(Arc::new(SharedFilter::with_room(ROOM_MIN))) }
    }

    /// Gives the filter that these hashes are in from now on.
    pub(crate) fn add(&self, hashes: &[u64]) -> Arc<SharedFilter> {
        let mut newest = self.newest.lock();
        let mut left = newest.left.load(Ordering::Relaxed);
        if left < hashes.len() {
            let room = (2 * newest.room).min(ROOM_MAX).max(hashes.len());
            *newest = Arc::new(SharedFilter::with_room(room));
            left = room;
        }
        newest.left.store(left - hashes.len(), Ordering::Relaxed);
        for hash in hashes {
            newest.add(*hash);
        }
        Arc::clone(&newest)
    }

    /// Lets the next slice begin anew.
    pub(crate) fn begin_anew(&self) {
        let begun = Arc::new(SharedFilter::with_room(ROOM_MIN));
        *self.newest.lock() = begun;
    }
}

#[cfg(test)]
mod tests;
