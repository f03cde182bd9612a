//! What became of the requests of clients at work, and whether that is as it should be.
//!
//! In: requests that were answered, and those that were not. Out: a line, or an error that has it.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::slow_body;

/// Longest time that a client which is neither slow nor cut off may wait for its answer, while the daemon is reloaded, restarted or
/// upgraded; 2.2 s on a machine that builds beside.
pub(super) const GAP_MAX: Duration = Duration::from_secs(5);
/// How often all of them together may be told 429 meanwhile: there is room for what they send.
pub(super) const BUSY_MAX: usize = 5;

/// What became of the requests of some time.
#[derive(Default)]
pub(super) struct Outcomes {
    /// Bodies and indicators acknowledged, and lookups answered as they must be.
    pub(super) bodies: usize,
    pub(super) indicators: usize,
    pub(super) lookups: usize,
    /// Answers of 429 with a time to wait.
    pub(super) busy: usize,
    /// Slow bodies of which it was told, with a time to wait, that they cannot end before the daemon does.
    pub(super) told: usize,
    /// Connections that were refused, and requests without an answer.
    pub(super) refused: Vec<String>,
    pub(super) cut: Vec<String>,
    /// Answers other than they must be.
    pub(super) wrong: Vec<String>,
    /// Longest time from the first try of a request to its answer.
    pub(super) longest: Duration,
}

impl Outcomes {
    /// A line.
    pub(super) fn text(&self) -> String {
        let first =
            |list: &[String]| list.first().map_or_else(String::new, |text| format!(" (first: {text})"));
        format!(
            "{} bodies with {} indicators acknowledged, {} lookups; {} times 429, {} slow bodies told, {} refused{}, {} cut \
             off{}, {} wrong{}; longest {} ms",
            self.bodies,
            self.indicators,
            self.lookups,
            self.busy,
            self.told,
            self.refused.len(),
            first(&self.refused),
            self.cut.len(),
            first(&self.cut),
            self.wrong.len(),
            first(&self.wrong),
            self.longest.as_millis(),
        )
    }

    /// Fails if a connection was refused, a request cut off or an answer not as it must be; or if somebody who sends all that
    /// he has was not answered for long, or was told too often to come back.
    pub(super) fn is_without_a_gap(&self) -> Result<()> {
        ensure!(self.refused.is_empty() && self.cut.is_empty() && self.wrong.is_empty(), self.text());
        ensure!(self.longest < GAP_MAX, "a client was not answered for {:?}: {}", self.longest, self.text());
        ensure!(self.busy <= BUSY_MAX, "clients were told 429 {} times: {}", self.busy, self.text());
        Ok(())
    }

    /// Fails unless every slow body that was under way at a stop was told so; `stops` says how many there were. Who comes back
    /// after the seconds that he was told may meet the same stop once more.
    pub(super) fn told_the_slow(&self, stops: usize) -> Result<()> {
        let bodies = slow_body::BODIES.len();
        let want = if stops == 0 { 0..=0 } else { bodies..=2 * stops * bodies };
        ensure!(want.contains(&self.told), "{} slow bodies were told: {}", self.told, self.text());
        Ok(())
    }

    /// Fails if a connection was refused or an answer not as it must be; requests may be cut off.
    pub(super) fn is_without_a_refusal(&self) -> Result<()> {
        ensure!(self.refused.is_empty() && self.wrong.is_empty(), self.text());
        Ok(())
    }
}
