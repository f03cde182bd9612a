//! How often values of which size were seen, for whoever watches the daemon.
//!
//! In: values, from any thread. Out: how many of them were up to each bound, and their sum. Noting one is three additions
//! to memory without a lock, so it may stand on the path of every request. A reading that is taken meanwhile may be one
//! value ahead in one place and behind in another, which the next one mends.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

#[cfg(test)]
mod tests;

/// See the module.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, not cumulative, and one for what is larger than all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a [`Histogram`] was at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistogramReading {
    /// Upper bounds, inclusive, ascending.
    pub bounds: &'static [u64],
    /// How many values lie between each bound and the one before; last, how many lie above all.
    pub counts: Vec<u64>,
    /// Sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// Begins with nothing seen. `bounds` ascend.
    pub fn new(bounds: &'static [u64]) -> Self {
        debug_assert!(bounds.is_sorted(), "bounds ascend");
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Notes a value.
    pub fn note(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Notes a time as its microseconds.
    pub fn note_time(&self, time: Duration) {
        self.note(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was seen so far.
    pub fn read(&self) -> HistogramReading {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        HistogramReading { bounds: self.bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}
