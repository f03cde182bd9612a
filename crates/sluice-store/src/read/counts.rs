//! What reads have met: filters that were right or wrong, and blocks that were at hand.
//!
//! A read tallies for itself and adds what it has once for many keys, so that its threads do not meet at each key.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was met so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReadCounts {
    /// Keys that the filter of a part denied.
    pub denied: u64,
    /// Keys that a filter let through and that were there.
    pub found: u64,
    /// Keys that a filter let through and that were not there.
    pub mistaken: u64,
    /// Blocks of rows that were at hand.
    pub rows_hit: u64,
    /// Blocks of rows that were not.
    pub rows_missed: u64,
    /// Contexts that were at hand.
    pub contexts_hit: u64,
    /// Contexts that were not.
    pub contexts_missed: u64,
}

/// The sums of all reads.
#[derive(Debug, Default)]
pub(crate) struct ReadTotals([AtomicU64; 7]);

impl ReadTotals {
    /// Adds what a read has met.
    pub(super) fn add(&self, counts: &ReadCounts) {
        let ReadCounts { denied, found, mistaken, rows_hit, rows_missed, contexts_hit, contexts_missed } =
            *counts;
        let more = [denied, found, mistaken, rows_hit, rows_missed, contexts_hit, contexts_missed];
        for (total, more) in self.0.iter().zip(more).filter(|(_, more)| *more != 0) {
            total.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The sums.
    pub(crate) fn read(&self) -> ReadCounts {
        let [denied, found, mistaken, rows_hit, rows_missed, contexts_hit, contexts_missed] =
            self.0.each_ref().map(|total| total.load(Ordering::Relaxed));
        ReadCounts { denied, found, mistaken, rows_hit, rows_missed, contexts_hit, contexts_missed }
    }
}
