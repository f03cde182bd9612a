//! Lookups of one value at a time, beside whatever else the daemon does.
//!
//! In: what is known, and when it is over. Out: latencies, and an error for the first wrong answer: half of the values
//! are of acknowledged bodies and must be detected, half are unknown and must not be. With a rate the loop is open:
//! a lookup is due whether or not those before it were answered, and its latency counts from when it was due.
//! Without one each connection asks again after its answer, at most 200 times a second over all.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use memchr::memmem;
use serde::Serialize;
use test_support::{
    client::{Client, DETECTED, LOOKUP_PATH},
    dice::Dice,
};

use super::{
    figures::{Answers, Summary, float},
    known::{Distribution, Known},
};

const NOT_DETECTED: &[u8] = b"\"result\":\"not detected\"";
/// Lookups a second, over all connections, when no rate is given.
const CLOSED_LOOP_RATE: f64 = 200.0;

/// How much is looked up beside the push.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub(super) struct LookupOptions {
    /// Connections that look up one value at a time while others push.
    #[arg(long, default_value_t = 1)]
    pub(super) lookup_connections: usize,
    /// Lookups a second in all, each due at its time; without it each waits for the one before, and for its turn in
    /// 200 a second.
    #[arg(long)]
    pub(super) lookup_rate: Option<f64>,
}

/// The lookups of one phase.
pub(super) struct Lookups<'run> {
    options: LookupOptions,
    known: &'run Known<'run>,
    seed: u64,
    started: Instant,
    over_at: OnceLock<Instant>,
    next: AtomicU32,
}

/// What one connection, or all, found.
#[derive(Default)]
pub(super) struct Seen {
    answers: Answers,
    stored: usize,
}

/// What came of the lookups of a phase.
#[derive(Debug, Serialize)]
pub(super) struct LookupFigures {
    /// Time from the request, or from when it was due, to its answer.
    latency: Summary,
    /// How many of the values were stored; the others were not.
    stored: usize,
    /// Answers of 429.
    refusals: usize,
}

impl<'run> Lookups<'run> {
    /// Begins now.
    pub(super) fn new(options: LookupOptions, known: &'run Known<'run>, seed: u64) -> Result<Self> {
        ensure!(options.lookup_rate.is_none_or(|rate| 0.0 < rate), "a rate is more than nothing");
        let (over_at, next) = (OnceLock::new(), AtomicU32::new(0));
        Ok(Self { options, known, seed, started: Instant::now(), over_at, next })
    }

    /// Lets every connection end: what is due until now is still done.
    pub(super) fn end(&self) {
        self.over_at.get_or_init(Instant::now);
    }

    /// Looks up on one connection until the end.
    ///
    /// # Errors
    ///
    /// When an answer is wrong or none.
    pub(super) fn work(&self, connection: usize, mut client: Client) -> Result<Seen> {
        let mut dice = Dice::new(&[self.seed, connection as u64]);
        let mut seen = Seen::default();
        let (mut value, mut body) = (Vec::new(), Vec::new());
        let pause = Duration::from_secs_f64(float(self.options.lookup_connections) / CLOSED_LOOP_RATE);
        let mut closed_due = self.started;
        loop {
            let due = match self.options.lookup_rate {
                Some(rate) => {
                    let number = self.next.fetch_add(1, Ordering::Relaxed);
                    self.started + Duration::from_secs_f64(f64::from(number) / rate)
                }
                None => closed_due,
            };
            while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                if self.over_at.get().is_some() {
                    break;
                }
                thread::park_timeout(left);
            }
            if self.over_at.get().is_some_and(|over_at| self.options.lookup_rate.is_none() || *over_at <= due)
            {
                return Ok(seen);
            }
            value.clear();
            let is_stored =
                dice.chance(50) && self.known.draw_stored(Distribution::Uniform, &mut dice, &mut value);
            ensure!(
                is_stored || self.known.draw_unknown(&mut dice, &mut value),
                "there is nothing to look up"
            );
            body.clear();
            write_object(&value, &mut body);
            let asked_at = if self.options.lookup_rate.is_some() { due } else { Instant::now() };
            let outcome = client.ask("POST", LOOKUP_PATH, &surrounded(&body))?;
            let now = Instant::now();
            seen.answers.latencies.push(now - asked_at);
            seen.stored += usize::from(is_stored);
            seen.answers.refusals += outcome.refusals;
            check(outcome.answer.status, &outcome.answer.body, is_stored)
                .with_context(|| format!("lookup of {}", String::from_utf8_lossy(&value)))?;
            closed_due = now.max(closed_due + pause);
        }
    }
}

impl Seen {
    /// Adds what another connection found.
    pub(super) fn append(&mut self, other: Self) {
        self.answers.append(other.answers);
        self.stored += other.stored;
    }

    /// Sums up.
    pub(super) fn figures(self) -> LookupFigures {
        LookupFigures {
            latency: self.answers.latencies.summary(),
            stored: self.stored,
            refusals: self.answers.refusals,
        }
    }
}

impl LookupFigures {
    /// One line.
    pub(super) fn text(&self) -> String {
        format!("{}; {} of stored values, all answers right", self.latency.text(), self.stored)
    }
}

/// Appends the element of a body that asks for a value, which is JSON text without its quotes.
pub(super) fn write_object(value: &[u8], body: &mut Vec<u8>) {
    body.extend_from_slice(b"{\"object\":\"");
    body.extend_from_slice(value);
    body.extend_from_slice(b"\"}");
}

/// Fails unless an answer to the lookup of one value says what it must.
pub(super) fn check(status: u16, answer: &[u8], is_stored: bool) -> Result<()> {
    let want = if is_stored { DETECTED } else { NOT_DETECTED };
    if status == 200 && memmem::find(answer, want).is_some() {
        return Ok(());
    }
    bail!(
        "{status} {}, but it is {}",
        String::from_utf8_lossy(answer),
        if is_stored { "stored" } else { "unknown" }
    )
}

fn surrounded(element: &[u8]) -> Vec<u8> {
    [b"[", element, b"]"].concat()
}
