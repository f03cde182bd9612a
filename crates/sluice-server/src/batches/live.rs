//! A batch that is running: for how long, whether it is to end, and how much of its refused rows is kept.
//!
//! In: who wants it cancelled, and what is handed over to be kept. Out: the same, to whoever waits or looks.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, MutexGuard, watch};

/// How far the end of a batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LiveEnd {
    /// It goes on.
    No,
    /// It was told to end.
    Asked,
    /// It has ended.
    Ended,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Live {
    began: Instant,
    ending: watch::Sender<LiveEnd>,
    /// Bytes of refused rows that were handed over to be kept.
    packed_bytes: AtomicU64,
    /// The most that may be.
    packed_bytes_max: u64,
    /// Held by who tells of it: refused rows of a step stand before the summary that counts them, and nothing between.
    telling: Mutex<()>,
    has_told: AtomicBool,
}

impl Live {
    /// One that begins now.
    pub(super) fn new(packed_bytes_max: u64) -> Self {
        let (began, ending) = (Instant::now(), watch::Sender::new(LiveEnd::No));
        Self {
            began,
            ending,
            packed_bytes: AtomicU64::new(0),
            packed_bytes_max,
            telling: Mutex::default(),
            has_told: AtomicBool::new(false),
        }
    }

    /// How long it has been running.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether more refused rows are kept.
    pub(super) fn has_room(&self) -> bool {
        self.packed_bytes.load(Ordering::Relaxed) < self.packed_bytes_max
    }

    /// Counts refused rows that are to be kept; false if they are beyond what is kept of one batch, as is all that follows.
    pub(super) fn take_room(&self, bytes: usize) -> bool {
        let before = self.packed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        before.saturating_add(bytes as u64) <= self.packed_bytes_max
    }

    /// Waits for the turn to tell of it.
    pub(super) async fn telling(&self) -> MutexGuard<'_, ()> {
        self.telling.lock().await
    }

    /// It has been told that it is running.
    pub(super) fn set_told(&self) {
        self.has_told.store(true, Ordering::Relaxed);
    }

    /// Whether that has been told.
    pub(super) fn has_told(&self) -> bool {
        self.has_told.load(Ordering::Relaxed)
    }

    /// Tells it to end, unless it has.
    pub(super) fn cancel(&self) {
        self.ending.send_if_modified(|ending| {
            let goes_on = *ending == LiveEnd::No;
            if goes_on {
                *ending = LiveEnd::Asked;
            }
            goes_on
        });
    }

    /// Waits until it is told to end.
    pub(super) async fn cancelled(&self) {
        // Never an error: the sender is ours.
        drop(self.ending.subscribe().wait_for(|ending| *ending != LiveEnd::No).await);
    }

    /// It has ended.
    pub(super) fn end(&self) {
        self.ending.send_replace(LiveEnd::Ended);
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        drop(self.ending.subscribe().wait_for(|ending| *ending == LiveEnd::Ended).await);
    }
}
