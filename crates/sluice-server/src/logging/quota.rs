//! How many lines of one kind a minute may have; the rest are counted.
//!
//! In: what time it is, for each line that could be written. Out: whether it may be, and later how many were left out.
//! Whoever makes the daemon fail, or guesses passwords, writes its log; this bounds how much. No clock.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// The time that a quota is for.
pub(crate) const QUOTA_TIME: Duration = Duration::from_mins(1);

/// See the module.
pub(crate) struct Quota {
    lines_max: u32,
    minute: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    /// `None` before the first line.
    began: Option<Instant>,
    told_count: u32,
    /// Of this minute and earlier ones, since they were last asked for.
    left_out_count: u64,
}

impl Quota {
    /// Allows so many lines a minute.
    pub(crate) fn new(lines_max: u32) -> Self {
        Self { lines_max, minute: Mutex::default() }
    }

    /// Returns true if a line may be written.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut minute = self.minute.lock();
        if minute.is_over(now) {
            minute.began = Some(now);
            minute.told_count = 0;
        }
        if minute.told_count < self.lines_max {
            minute.told_count += 1;
            return true;
        }
        minute.left_out_count += 1;
        false
    }

    /// Counts a line that was left out for another reason.
    pub(crate) fn leave_out(&self) {
        self.minute.lock().left_out_count += 1;
    }

    /// How many lines were left out, once the minute in which that began is over; asked again, only what has come since.
    pub(crate) fn take_left_out(&self, now: Instant) -> u64 {
        let mut minute = self.minute.lock();
        if minute.left_out_count == 0 || !minute.is_over(now) {
            return 0;
        }
        std::mem::take(&mut minute.left_out_count)
    }
}

impl Minute {
    fn is_over(&self, now: Instant) -> bool {
        self.began.is_none_or(|began| QUOTA_TIME <= now.saturating_duration_since(began))
    }
}
