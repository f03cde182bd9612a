//! Whether the threads of connections still turn.
//!
//! In: a beat of each such thread, every second. Out: whether one has been silent for so long that it hangs: what runs on
//! it may be waited for only with `await`, so it cannot be busy for long. A thread that has ended is not missed.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

#[cfg(test)]
mod tests;

/// How often a thread beats.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Longest silence of a thread that does not hang; several times what a machine that is out of breath may take.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Threads of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    /// All that have not ended.
    pub(crate) all: usize,
    /// Those of them that hang.
    pub(crate) silent: usize,
}

/// The beats of all threads.
#[derive(Debug)]
pub(crate) struct Beats {
    began: Instant,
    /// Milliseconds from `began` to the last beat of each thread.
    threads: Mutex<Vec<Weak<AtomicU64>>>,
}

impl Default for Beats {
    fn default() -> Self {
        Self { began: Instant::now(), threads: Mutex::default() }
    }
}

impl Beats {
    /// Beats for the present thread for as long as it is polled there.
    pub(crate) fn of_thread(&self) -> impl Future<Output = ()> + use<> {
        let began = self.began;
        let last_ms = Arc::new(AtomicU64::new(milliseconds(began.elapsed())));
        self.threads.lock().push(Arc::downgrade(&last_ms));
        async move {
            let mut beats = interval(BEAT_INTERVAL);
            beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                beats.tick().await;
                last_ms.store(milliseconds(began.elapsed()), Ordering::Relaxed);
            }
        }
    }

    /// How many threads beat, and how many of them have been silent for too long.
    pub(crate) fn count(&self, now: Instant) -> Counts {
        let now_ms = milliseconds(now - self.began);
        let mut threads = self.threads.lock();
        threads.retain(|last_ms| last_ms.strong_count() != 0);
        let is_silent = |last_ms: &Arc<AtomicU64>| {
            let silence_ms = now_ms.saturating_sub(last_ms.load(Ordering::Relaxed));
            SILENCE_MAX < Duration::from_millis(silence_ms)
        };
        let silent = threads.iter().filter_map(Weak::upgrade).filter(is_silent).count();
        Counts { all: threads.len(), silent }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
