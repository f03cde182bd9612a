//! Numbers as they are shown: rates, and latencies by rank.
//!
//! In: counts and durations. Out: what goes into text and JSON. Percentiles are exact: every duration is kept, and
//! the one of the nearest rank is told.

use std::time::Duration;

use serde::Serialize;

/// Durations of many requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

/// How long requests took.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Summary {
    /// Requests.
    pub(super) count: usize,
    /// Half of them took at most this.
    pub(super) p50_ms: f64,
    /// 99 of 100 took at most this.
    pub(super) p99_ms: f64,
    /// 999 of 1,000 took at most this.
    pub(super) p999_ms: f64,
    /// None took longer.
    pub(super) max_ms: f64,
}

impl Latencies {
    pub(super) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Sums up; zeros when there is nothing.
    pub(super) fn summary(mut self) -> Summary {
        self.0.sort_unstable();
        let at = |per_mille: usize| {
            let rank = (self.0.len() * per_mille).div_ceil(1_000);
            self.0.get(rank.saturating_sub(1)).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Summary { count: self.0.len(), p50_ms: at(500), p99_ms: at(990), p999_ms: at(999), max_ms: at(1_000) }
    }
}

/// What the requests of one connection, or of all, were answered.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) latencies: Latencies,
    /// Indicators that were rejected.
    pub(super) rejected: usize,
    /// Answers of 429.
    pub(super) refusals: usize,
    /// Length of the answers, where they are counted.
    pub(super) bytes: usize,
}

impl Answers {
    /// Adds those of another connection.
    pub(super) fn append(&mut self, other: Self) {
        self.latencies.append(other.latencies);
        self.rejected += other.rejected;
        self.refusals += other.refusals;
        self.bytes += other.bytes;
    }
}

impl Summary {
    /// One line.
    pub(super) fn text(&self) -> String {
        format!(
            "p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms of {}",
            self.p50_ms, self.p99_ms, self.p999_ms, self.max_ms, self.count
        )
    }
}

/// A count as a number with a fraction.
#[expect(clippy::cast_precision_loss, reason = "figures are shown with few digits")]
pub(crate) fn float(count: impl TryInto<u64>) -> f64 {
    count.try_into().map_or(f64::NAN, |count| count as f64)
}

/// What came for each of `count`.
pub(super) fn per(sum: f64, count: impl TryInto<u64>) -> f64 {
    sum / float(count)
}

/// What came for each million of `count`.
pub(super) fn per_million(sum: f64, count: impl TryInto<u64>) -> f64 {
    per(sum * 1e6, count)
}

#[cfg(test)]
mod tests;
