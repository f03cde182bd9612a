//! Lookups of stored values, or of unknown ones, in bodies that were made before the clock started.
//!
//! In: what is known, and a pattern: which values, how many to a body, over how many connections. Out: values a second,
//! the answers read to their end and counted, so an error when one value is not found as it must be. Answers are
//! counted piece by piece while they arrive, which costs the client little more than reading them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use memchr::memmem;
use serde::Serialize;
use test_support::{
    client::{self, Client, DETECTED, LOOKUP_PATH},
    daemon::Daemon,
    dice::Dice,
};

use super::{
    figures::{Answers, Summary, float},
    known::{Distribution, Known},
    lookups::write_object,
    phase::{Cost, Phase},
};

/// No more short bodies are answered in a second, so no more are made.
const SHORT_BODIES_PER_SECOND: usize = 100_000;
/// Nor values in them.
const VALUES_PER_SECOND: usize = 2_000_000;

/// What is looked up, and how.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(super) struct BulkOptions {
    /// Values to look up in large bodies, of either sort: all stored, all unknown.
    #[arg(long, default_value_t = 0)]
    bulk_lookups: usize,
    /// Length that bodies of such lookups have at most, give or take a value; all are about equal.
    #[arg(long, default_value_t = 16 << 20)]
    lookup_body_bytes: usize,
    /// Connections for such lookups.
    #[arg(long, default_value_t = 2)]
    lookup_body_connections: usize,
    /// Looks up stored values in short bodies, drawn this way; once for each number of values.
    #[arg(long, value_enum, value_delimiter = ',')]
    lookups: Vec<Distribution>,
    /// When short bodies are sent.
    #[arg(long, value_enum, default_value_t = When::Settled)]
    lookups_when: When,
    /// Values in a short body.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    values_per_request: Vec<usize>,
    /// Connections for short bodies.
    #[arg(long, default_value_t = 32)]
    short_body_connections: usize,
    /// Longest time for each number of values.
    #[arg(long, default_value_t = 5)]
    short_body_seconds: u64,
}

/// When short bodies are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum When {
    /// When everything has been pushed and the daemon is idle.
    Settled,
    /// As soon as the last round has been pushed.
    AfterPush,
    /// While the last of several rounds is pushed, which `--duration-seconds` makes long enough.
    BesidePush,
}

/// What is looked up in a phase, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct BulkPattern {
    sort: Sort,
    /// Values in all, all drawn beforehand.
    values: usize,
    body: BodySize,
    connections: usize,
    /// After how long the phase ends though values are left.
    time_limit: Option<Duration>,
}

/// What the values of a phase are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    /// All stored.
    Hits(Distribution),
    /// None stored.
    Misses,
}

/// How much a body holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BodySize {
    /// Bytes at most, give or take a value; all bodies are about equal.
    Bytes(usize),
    /// Values.
    Values(usize),
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct BulkFigures {
    pub(super) values: usize,
    #[serde(flatten)]
    cost: Cost,
    pub(super) values_per_second: f64,
    pub(super) body_bytes: usize,
    pub(super) answer_bytes: usize,
    /// Of the bodies.
    pub(super) latency: Summary,
    /// Answers of 429.
    pub(super) refusals: usize,
}

/// Counts a text in a stream of pieces.
struct Occurrences<'text> {
    finder: memmem::Finder<'text>,
    /// The last bytes, as many as may be the beginning of the text.
    tail: Vec<u8>,
    count: usize,
    bytes: usize,
}

impl<'text> Occurrences<'text> {
    fn new(text: &'text [u8]) -> Self {
        Self { finder: memmem::Finder::new(text), tail: Vec::new(), count: 0, bytes: 0 }
    }

    fn take(&mut self, piece: &[u8]) {
        let overlap = self.finder.needle().len() - 1;
        self.bytes += piece.len();
        let head = piece.get(..overlap.min(piece.len())).unwrap_or_default();
        self.tail.extend_from_slice(head);
        self.count += self.finder.find_iter(&self.tail).count() + self.finder.find_iter(piece).count();
        if overlap <= piece.len() {
            self.tail.clear();
            self.tail.extend_from_slice(piece.get(piece.len() - overlap..).unwrap_or_default());
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(overlap));
        }
    }
}

/// Looks up and measures.
///
/// # Errors
///
/// When a value is not found as it must be, or a body is not answered.
pub(super) fn run(
    daemon: &Daemon,
    known: &Known<'_>,
    pattern: BulkPattern,
    seed: u64,
) -> Result<BulkFigures> {
    let bodies = bodies(known, pattern, seed)?;
    let phase = Phase::begin(daemon, "looking up", pattern.values)?;
    let started = Instant::now();
    let (next, values) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    let work = |mut client: Client| -> Result<Answers> {
        let mut answers = Answers::default();
        while pattern.time_limit.is_none_or(|limit| started.elapsed() < limit)
            && let Some((body, body_values)) = bodies.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let want = if pattern.sort == Sort::Misses { 0 } else { *body_values };
            look_up(&mut client, body, want, &mut answers)?;
            values.fetch_add(*body_values, Ordering::Relaxed);
            phase.bar.inc(*body_values as u64);
        }
        Ok(answers)
    };
    let mut answers = Answers::default();
    for of_one in daemon.on_connections(pattern.connections, "bulk", work)? {
        answers.append(of_one);
    }
    let values = values.load(Ordering::Relaxed);
    let cost = phase.end(values)?;
    Ok(BulkFigures {
        values,
        values_per_second: float(values) / cost.seconds,
        body_bytes: bodies.iter().map(|(body, _)| body.len()).sum(),
        answer_bytes: answers.bytes,
        latency: answers.latencies.summary(),
        refusals: answers.refusals,
        cost,
    })
}

/// Looks up one body and counts what is detected.
fn look_up(client: &mut Client, body: &[u8], want: usize, answers: &mut Answers) -> Result<()> {
    let started = Instant::now();
    let mut refusals = 0;
    loop {
        let (mut counter, mut start) = (Occurrences::new(DETECTED), Vec::new());
        let answer = client.request_in_pieces("POST", LOOKUP_PATH, body, &mut |piece| {
            if start.is_empty() {
                start.extend_from_slice(piece.get(..200).unwrap_or(piece));
            }
            counter.take(piece);
        })?;
        match answer.status {
            200 => {
                ensure!(counter.count == want, "{} values are detected instead of {want}", counter.count);
                answers.latencies.push(started.elapsed());
                answers.refusals += refusals;
                answers.bytes += counter.bytes;
                return Ok(());
            }
            429 => {
                refusals += 1;
                client::wait(&answer, started)?;
            }
            status => bail!("{status}: {}", String::from_utf8_lossy(&start)),
        }
    }
}

/// Bodies, and the number of values of each.
fn bodies(known: &Known<'_>, pattern: BulkPattern, seed: u64) -> Result<Vec<(Vec<u8>, usize)>> {
    let mut dice = Dice::new(&[seed, u64::from(pattern.sort == Sort::Misses)]);
    let (mut value, mut objects, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pattern.values {
        value.clear();
        let is_drawn = match pattern.sort {
            Sort::Hits(distribution) => known.draw_stored(distribution, &mut dice, &mut value),
            Sort::Misses => known.draw_unknown(&mut dice, &mut value),
        };
        ensure!(is_drawn, "there is nothing to look up");
        write_object(&value, &mut objects);
        objects.push(b',');
        ends.push(objects.len());
    }
    let share = match pattern.body {
        // As many bodies for each connection.
        BodySize::Bytes(bytes) => {
            let count = objects.len().div_ceil(bytes.max(1)).next_multiple_of(pattern.connections.max(1));
            objects.len().div_ceil(count)
        }
        BodySize::Values(_) => 0,
    };
    let (mut bodies, mut start, mut values) = (Vec::new(), 0, 0);
    for end in ends {
        values += 1;
        let is_full = match pattern.body {
            BodySize::Bytes(_) => share * (bodies.len() + 1) <= end,
            BodySize::Values(count) => count <= values,
        };
        if is_full || end == objects.len() {
            let mut body = [b"[", objects.get(start..end).unwrap_or_default()].concat();
            if let Some(last) = body.last_mut() {
                *last = b']';
            }
            bodies.push((body, values));
            (start, values) = (end, 0);
        }
    }
    Ok(bodies)
}

impl BulkOptions {
    /// Patterns of large bodies, each with the name of its figures.
    pub(super) fn large(&self) -> Vec<(String, BulkPattern)> {
        if self.bulk_lookups == 0 {
            return Vec::new();
        }
        let (values, body) = (self.bulk_lookups, BodySize::Bytes(self.lookup_body_bytes));
        let connections = self.lookup_body_connections;
        [(Sort::Hits(Distribution::Uniform), "bulk_hits"), (Sort::Misses, "bulk_misses")]
            .map(|(sort, name)| {
                (name.to_owned(), BulkPattern { sort, values, body, connections, time_limit: None })
            })
            .to_vec()
    }

    /// Patterns of short bodies to be sent at a time, each with the name of its figures.
    pub(super) fn short(&self, when: When) -> Vec<(String, BulkPattern)> {
        let mut patterns = Vec::new();
        if when != self.lookups_when {
            return patterns;
        }
        for distribution in &self.lookups {
            let values = self.values_per_request.iter();
            patterns.extend(values.map(|count| self.short_pattern(*distribution, *count)));
        }
        patterns
    }

    fn short_pattern(&self, distribution: Distribution, count: usize) -> (String, BulkPattern) {
        let seconds = usize::try_from(self.short_body_seconds).unwrap_or(usize::MAX);
        let most = SHORT_BODIES_PER_SECOND.saturating_mul(count).min(VALUES_PER_SECOND);
        let pattern = BulkPattern {
            sort: Sort::Hits(distribution),
            values: seconds.saturating_mul(most),
            body: BodySize::Values(count),
            connections: self.short_body_connections,
            time_limit: Some(Duration::from_secs(self.short_body_seconds)),
        };
        (format!("{distribution:?}_{count}").to_lowercase(), pattern)
    }
}

impl BulkFigures {
    /// Some lines.
    pub(super) fn text(&self) -> String {
        format!(
            "{} values in {:.2} s: {:.0} values/s; {:.1} MB of answers\n  \
             bodies: {}; {} times 429\n  \
             CPU seconds a million: daemon {:.3}, client {:.3}; peak resident set {:.0} MiB",
            self.values,
            self.cost.seconds,
            self.values_per_second,
            float(self.answer_bytes) / 1e6,
            self.latency.text(),
            self.refusals,
            self.cost.daemon_cpu_seconds_per_million,
            self.cost.client_cpu_seconds_per_million,
            float(self.cost.peak_resident_bytes) / f64::from(1 << 20),
        )
    }
}

#[cfg(test)]
mod tests;
