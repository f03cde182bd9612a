//! What the threads of the store note for whoever watches it.
//!
//! In: times and sizes. Out: the same, in memory, for [`StoreMeasures`](crate::StoreMeasures) to read.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::histogram::Histogram;

/// Bounds of the times of syncs, in microseconds.
const SYNC_TIMES: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Bounds of the times of flushes and of steps of merges, in microseconds.
const STEP_TIMES: &[u64] = &[
    1_000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// Bounds of the number of commits that share a sync.
const GROUP_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// What the threads note.
#[derive(Debug)]
pub(crate) struct Measures {
    pub(crate) sync_times: Histogram,
    pub(crate) group_sizes: Histogram,
    pub(crate) flush_times: Histogram,
    pub(crate) merge_times: Histogram,
    pub(crate) merge_debt_bytes: AtomicU64,
    /// Since when there is such a debt, in milliseconds of the clock plus one; 0 while there is none.
    merge_debt_since_ms: AtomicU64,
    /// As of the last time that somebody asked.
    pub(crate) trees_bytes: AtomicU64,
    /// As of the last time that somebody asked; 0 before.
    pub(crate) disk_size_bytes: AtomicU64,
}

impl Measures {
    /// Begins with nothing noted.
    pub(crate) fn new() -> Self {
        Self {
            sync_times: Histogram::new(SYNC_TIMES),
            group_sizes: Histogram::new(GROUP_SIZES),
            flush_times: Histogram::new(STEP_TIMES),
            merge_times: Histogram::new(STEP_TIMES),
            merge_debt_bytes: AtomicU64::new(0),
            merge_debt_since_ms: AtomicU64::new(0),
            trees_bytes: AtomicU64::new(0),
            disk_size_bytes: AtomicU64::new(0),
        }
    }

    /// Notes how many bytes are to be merged, at `now_ms`.
    pub(crate) fn note_merge_debt(&self, bytes: u64, now_ms: u64) {
        self.merge_debt_bytes.store(bytes, Ordering::Relaxed);
        let since_ms = self.merge_debt_since_ms.load(Ordering::Relaxed);
        if bytes == 0 {
            self.merge_debt_since_ms.store(0, Ordering::Relaxed);
        } else if since_ms == 0 {
            self.merge_debt_since_ms.store(now_ms.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// For how long there has been something to merge, at `now_ms`.
    pub(crate) fn merge_debt_age(&self, now_ms: u64) -> Duration {
        match self.merge_debt_since_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since_ms => Duration::from_millis(now_ms.saturating_add(1).saturating_sub(since_ms)),
        }
    }
}

#[cfg(test)]
mod tests;
