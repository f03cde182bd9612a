//! Which writes begin and how fast they go: clients are slowed before they are sent away, and sent away before
//! memory or readers suffer.
//!
//! In: how full the memtable is, how many runs there are, how fast flushes are. Out: a pause, or a time to come back.

use std::time::Duration;

use crate::error::WriteError;

/// Runs above which new writes are told to come back: readers would have to ask too many filters. Full tiers come to
/// some 30; the rest is for the flushes during a long merge, whose inputs count until its end.
const RUNS_MAX: usize = 64;
/// What is asked of clients when there are too many runs: a merge takes its time.
const RUNS_RETRY_AFTER_SECONDS: u64 = 15;
/// What is asked of clients when the log is as long as it may be: the checkpoint that shortens it is due by then.
pub(crate) const LOG_RETRY_AFTER_SECONDS: u32 = 5;
/// What writes of a supplier are told while it is being replaced.
pub(crate) const REPLACED: WriteError = WriteError::Busy { retry_after_seconds: 5 };
/// Longest pause of a write for each of its slices.
const PACE_MAX: Duration = Duration::from_millis(60);
/// Longest time that a client is asked to wait.
const RETRY_AFTER_SECONDS_MAX: u64 = 60;

/// How long a write is to pause before its next slice, with a memtable that may have `bytes_max` bytes.
///
/// Writes are slowed from half of it on, the more the fuller it is: flushes catch up before any has to be refused.
pub(crate) fn pause(memtable_bytes: usize, bytes_max: usize) -> Duration {
    let over_bytes = memtable_bytes.saturating_sub(bytes_max / 2);
    let range_bytes = (bytes_max - bytes_max / 2).max(1);
    let share = over_bytes.min(range_bytes) * 1_000 / range_bytes;
    PACE_MAX * u32::try_from(share).unwrap_or(1_000) / 1_000
}

/// After how many seconds a new write may be tried again; `None` when it may begin now.
///
/// `flush_rate` is that of the last flush of some size, in bytes of memtable a second; 0 before it. With a memtable
/// of 300 MiB over half of its `bytes_max` and a flush of 100 MiB a second, it is 3 seconds.
pub(crate) fn retry_after_seconds(
    memtable_bytes: usize,
    bytes_max: usize,
    runs_count: usize,
    flush_rate: u64,
) -> Option<u32> {
    if memtable_bytes <= bytes_max && runs_count <= RUNS_MAX {
        return None;
    }
    let excess_bytes = memtable_bytes.saturating_sub(bytes_max / 2) as u64;
    // Before the first flush of some size the rate is unknown, and one is under way.
    let seconds = if flush_rate == 0 { 1 } else { excess_bytes.div_ceil(flush_rate) };
    let least = if RUNS_MAX < runs_count { RUNS_RETRY_AFTER_SECONDS } else { 1 };
    Some(u32::try_from(seconds.clamp(least, RETRY_AFTER_SECONDS_MAX)).unwrap_or(1))
}

#[cfg(test)]
mod tests;
