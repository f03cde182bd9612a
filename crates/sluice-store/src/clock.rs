//! The time that a store goes by. It decides what has expired and when background work is due, and nothing else.

use std::{
    fmt::Debug,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where a store has the time from: the machine, or a test that lets time pass as it likes.
pub trait Clock: Debug + Send + Sync {
    /// Seconds since 1970-01-01 UTC; 0 before, and the largest number after 2106.
    fn now_seconds(&self) -> u32;

    /// The same with the part of a second, as far as it is known.
    fn now(&self) -> Duration {
        Duration::from_secs(self.now_seconds().into())
    }

    /// Time since some moment before the store was opened. Never goes back.
    fn elapsed(&self) -> Duration;
}

/// The clock of the machine, which counts from this instant on.
impl Clock for Instant {
    fn now_seconds(&self) -> u32 {
        u32::try_from(self.now().as_secs()).unwrap_or(u32::MAX)
    }

    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
    }

    fn elapsed(&self) -> Duration {
        Self::elapsed(self)
    }
}
