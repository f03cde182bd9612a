//! Lookups of many values in large bodies: once all of them stored, once none.
//!
//! In: what is known. Out: values a second, the answers read to their end and counted, so an error when one value is
//! not found as it must be. Bodies are made before the clock starts. Answers are counted piece by piece while they
//! arrive, which costs the client little more than reading them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::{Result, bail, ensure};
use clap::Args;
use memchr::memmem;
use serde::Serialize;
use test_support::{
    client::{self, Client, DETECTED, LOOKUP_PATH},
    daemon::Daemon,
    dice::Dice,
};

use super::{
    figures::{Answers, Summary, float},
    known::Known,
    lookups::write_object,
    phase::{Cost, Phase},
};

/// What is looked up, and how.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub(super) struct BulkOptions {
    /// Values to look up in large bodies, of either sort: all stored, all unknown.
    #[arg(long, default_value_t = 0)]
    pub(super) bulk_lookups: usize,
    /// Length that bodies of such lookups have at most, give or take a value; all are about equal.
    #[arg(long, default_value_t = 16 << 20)]
    lookup_body_bytes: usize,
    /// Connections for such lookups.
    #[arg(long, default_value_t = 2)]
    lookup_body_connections: usize,
}

/// What the values of a phase are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    /// All stored.
    Hits,
    /// None stored.
    Misses,
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
    options: BulkOptions,
    sort: Sort,
    seed: u64,
) -> Result<BulkFigures> {
    let bodies = bodies(known, options, sort, seed)?;
    let phase = Phase::begin(daemon, "looking up", options.bulk_lookups)?;
    let next = &AtomicUsize::new(0);
    let work = |mut client: Client| -> Result<Answers> {
        let mut answers = Answers::default();
        while let Some((body, values)) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            look_up(&mut client, body, if sort == Sort::Hits { *values } else { 0 }, &mut answers)?;
            phase.bar.inc(*values as u64);
        }
        Ok(answers)
    };
    let mut answers = Answers::default();
    for of_one in daemon.on_connections(options.lookup_body_connections, "bulk", work)? {
        answers.append(of_one);
    }
    let values = options.bulk_lookups;
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

/// Bodies of about equal length, as many for each connection, and the number of values of each.
fn bodies(known: &Known<'_>, options: BulkOptions, sort: Sort, seed: u64) -> Result<Vec<(Vec<u8>, usize)>> {
    let mut dice = Dice::new(&[seed, u64::from(sort == Sort::Misses)]);
    let (mut value, mut objects, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.bulk_lookups {
        value.clear();
        let is_drawn = match sort {
            Sort::Hits => known.draw_stored(&mut dice, &mut value),
            Sort::Misses => known.draw_unknown(&mut dice, &mut value),
        };
        ensure!(is_drawn, "there is nothing to look up");
        write_object(&value, &mut objects);
        objects.push(b',');
        ends.push(objects.len());
    }
    let connections = options.lookup_body_connections.max(1);
    let count = objects.len().div_ceil(options.lookup_body_bytes.max(1)).next_multiple_of(connections);
    let share = objects.len().div_ceil(count);
    let (mut bodies, mut start, mut values) = (Vec::new(), 0, 0);
    for end in ends {
        values += 1;
        if share * (bodies.len() + 1) <= end || end == objects.len() {
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
