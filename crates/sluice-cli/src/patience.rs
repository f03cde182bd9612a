//! How often, and for how long, a request is made again that comes to nothing.
//!
//! In: why it came to nothing, and how long the daemon wants to be left alone. Out: a pause, or that it is given up. Only time counts in
//! which nothing is transferred: pauses, and silence.

use std::time::Duration;

use tokio::time::sleep;

/// First pause after a request that came to nothing; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// Longest pause, unless the daemon asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// Longest pause that a daemon can have, or what answers in its place, with whatever it says: then it is asked again.
const PAUSE_ASKED_MAX: Duration = Duration::from_mins(10);
/// Shortest pause, also if the daemon asks for none.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause that is not told.
const QUIET_PAUSE_MAX: Duration = Duration::from_secs(1);

/// What is left of it.
pub(crate) struct Patience {
    left: Duration,
    pause: Duration,
}

impl Patience {
    /// Patience for this long.
    pub(crate) fn new(retry_for: Duration) -> Self {
        Self { left: retry_for, pause: PAUSE_FIRST }
    }

    /// Lets a pause pass, as long as was asked for, [`PAUSE_ASKED_MAX`] at most. `silence` is the time that was lost before. Returns false, at
    /// once, if what was asked for is longer than what is left.
    pub(crate) async fn wait(
        &mut self,
        why: &str,
        asked: Option<Duration>,
        silence: Duration,
        tell: impl Fn(&str),
    ) -> bool {
        let wanted = asked.unwrap_or(self.pause).max(PAUSE_MIN);
        if self.left < silence.saturating_add(wanted) {
            return false;
        }
        let pause = wanted.min(PAUSE_ASKED_MAX);
        let left = self.left.saturating_sub(silence.saturating_add(pause));
        if QUIET_PAUSE_MAX < pause || self.pause == PAUSE_FIRST {
            tell(&format!("{why}; tries again in {}", humantime::format_duration(pause)));
        }
        (self.left, self.pause) = (left, (self.pause * 2).min(PAUSE_MAX));
        sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests;
