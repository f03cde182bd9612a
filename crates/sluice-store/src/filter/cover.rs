//! Covers: one filter for many slices, so that readers ask a few filters and not one for each slice.
//!
//! In: the hashes of a slice, before it is visible. Out: the [`Cover`] that has them. A cover is added to while others
//! read it; who can see a slice can see its hashes, because both became visible with the view that the slice is in.
//! When one is full the next slice begins another, twice as long up to a limit, and a flush begins anew: a cover goes
//! with the last slice that it is for.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{BITS_PER_KEY, block_of, has_all, probes, words_count};

/// Hashes that the first cover has room for: 24 KiB.
const ROOM_MIN: usize = 1 << 14;
/// Hashes that the longest cover has room for, unless a slice has more: 768 KiB, or some seventy slices. Keys that
/// are there are looked for in all slices of a cover, keys that are not are looked for in all covers.
const ROOM_MAX: usize = 1 << 19;

/// A filter that grows fuller while it is asked.
#[derive(Debug)]
pub(crate) struct Cover {
    words: Box<[AtomicU64]>,
}

impl Cover {
    fn with_room(hashes: usize) -> Self {
        Self { words: (0..words_count(hashes, BITS_PER_KEY)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Tells whether a slice under it may have a key of this hash.
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        block_of(&self.words, hash).is_none_or(|block| {
            has_all(hash, |word| block.get(word).map(|word| word.load(Ordering::Relaxed)))
        })
    }

    /// Heap bytes held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.words.len() * 8
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

/// Hands out covers. Its lock is held while the hashes of a slice are added: some tens of microseconds for an
/// ordinary one of a mebibyte, one or two milliseconds for tens of thousands of short keys.
#[derive(Debug)]
pub(crate) struct Covers {
    newest: Mutex<Newest>,
}

#[derive(Debug)]
struct Newest {
    cover: Arc<Cover>,
    room: usize,
    left: usize,
}

impl Newest {
    fn with_room(room: usize) -> Self {
        Self { cover: Arc::new(Cover::with_room(room)), room, left: room }
    }
}

impl Covers {
    /// Begins with a short one.
    pub(crate) fn new() -> Self {
        Self { newest: Mutex::new(Newest::with_room(ROOM_MIN)) }
    }

    /// Gives the cover that these hashes are in from now on.
    pub(crate) fn cover(&self, hashes: &[u64]) -> Arc<Cover> {
        let mut newest = self.newest.lock();
        if newest.left < hashes.len() {
            *newest = Newest::with_room((2 * newest.room).min(ROOM_MAX).max(hashes.len()));
        }
        newest.left -= hashes.len();
        for hash in hashes {
            newest.cover.add(*hash);
        }
        Arc::clone(&newest.cover)
    }

    /// Lets the next slice begin anew.
    pub(crate) fn begin_anew(&self) {
        let begun = Newest::with_room(ROOM_MIN);
        *self.newest.lock() = begun;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Covers, ROOM_MIN};
    use crate::filter::tests::hashes;

    #[test]
    fn what_was_added_is_never_denied_and_strangers_seldom_pass() {
        let covers = Covers::new();
        let slices: Vec<_> = (0..39_u32).map(|slice| hashes(slice * 5_000..(slice + 1) * 5_000)).collect();
        let covered: Vec<_> = slices.iter().map(|slice| covers.cover(slice)).collect();
        for (slice, cover) in slices.iter().zip(&covered) {
            assert!(slice.iter().all(|hash| cover.may_contain(*hash)));
        }
        let mut distinct = covered;
        distinct.dedup_by(|one, other| Arc::ptr_eq(one, other));
        assert_eq!(
            distinct.len(),
            4,
            "195,000 hashes need four covers, each twice as long as the one before"
        );
        let strangers = hashes(1_000_000..1_100_000);
        for cover in &distinct {
            let passed = strangers.iter().filter(|hash| cover.may_contain(**hash)).count();
            assert!(passed < 2_000, "{passed} of 100,000");
        }
    }

    #[test]
    fn a_slice_of_any_length_is_covered() {
        let covers = Covers::new();
        let long = hashes(0..32 * u32::try_from(ROOM_MIN).unwrap());
        let (before, cover) = (covers.cover(&[1]), covers.cover(&long));
        assert!(!Arc::ptr_eq(&before, &cover));
        assert!(long.iter().all(|hash| cover.may_contain(*hash)));
        covers.begin_anew();
        assert!(!covers.cover(&[1]).may_contain(long[0]));
    }
}
