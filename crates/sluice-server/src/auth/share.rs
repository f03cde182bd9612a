//! How much hashing may be spent on wrong passwords.
//!
//! In: what time it is, and which checks were right. Out: permission to hash. A share saves up while it is not used, so
//! that it is not felt in quiet times: people mistype. Most of that is kept for those who are alone; a crowd gets only
//! some of it, and always what is earned, however much others have used up before. A right password is given back, so any
//! number of good users may log in together.
//!
//! A check takes 33 ms, so each of the three shares (see `lines`) costs 3 % of a core, and what a crowd may use of its
//! savings as much again for half a minute. Most attacks meet only one of the three.

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How often one is earned.
pub(super) const EARNED_EVERY: Duration = Duration::from_secs(1);

/// Checks saved up at most.
pub(super) const SAVED_MAX: u32 = 112;

/// How many of these a crowd leaves.
pub(super) const LEFT_BY_CROWD: u32 = 88;

/// See the module.
#[derive(Default)]
pub(crate) struct Share {
    /// The time until which what was taken uses up what is earned.
    used_until: Option<Instant>,
    /// When one is earned since the last was taken: from then on it may be taken, whatever is to be left.
    earned_at: Option<Instant>,
}

impl Share {
    /// Takes one check if more than `left` are there, or one is, and has been earned since the last was taken; returns
    /// false otherwise.
    pub(crate) fn take(&mut self, left: u32, now: Instant) -> bool {
        let used_until = self.used_until.unwrap_or(now).max(now) + EARNED_EVERY;
        // Otherwise a crowd would wait until all that others have used up is there again.
        let left = if self.earned_at.is_none_or(|earned_at| earned_at <= now) { 0 } else { left };
        if now + EARNED_EVERY * SAVED_MAX.saturating_sub(left) < used_until {
            return false;
        }
        self.used_until = Some(used_until);
        self.earned_at = Some(now + EARNED_EVERY);
        true
    }

    /// Gives one check back.
    pub(crate) fn give_back(&mut self) {
        for time in [&mut self.used_until, &mut self.earned_at] {
            *time = time.and_then(|time| time.checked_sub(EARNED_EVERY));
        }
    }
}
