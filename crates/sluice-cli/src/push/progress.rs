//! How far it is: a bar on a terminal, a line now and then anywhere else, events for machines.
//!
//! In: bytes that are sent, counts of answers. Out: lines on standard error, and on standard output what came of it, or with `--json`
//! NDJSON: `progress` and `remark` while it goes on, and last, with all counts, `end`, or `failed` and why. Rows are counted when the daemon says that they are durable.

use std::{
    cell::{Cell, RefCell},
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{
    journal::Journal,
    receipt::{Changes, Receipt},
    rejects::Rejects,
    source::Source,
    verb::Verb,
};
use crate::{failure::Failure, output::say};

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two events.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// To whom it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    People,
    Json,
    /// Nobody, but for what came of it.
    Nothing,
}

/// How far it is.
pub(super) struct Progress {
    told: Told,
    verb: Verb,
    files: usize,
    /// Of all files; `None` as long as one is a pipe.
    total_bytes: Option<u64>,
    sent_bytes: Arc<AtomicU64>,
    /// Sent by the command that was broken off.
    bytes_before: u64,
    counts: RefCell<Counts>,
    /// Refused by this command.
    refused_now: Cell<u64>,
    rows_before: u64,
    started: Instant,
    looked: Cell<Instant>,
    bar: Option<ProgressBar>,
}

/// Rows by what became of them.
#[derive(Serialize, Clone, Copy, Default)]
struct Counts {
    rows: u64,
    accepted: u64,
    refused: u64,
    allowed: u64,
    #[serde(flatten)]
    changes: Option<Changes>,
}

/// What machines are told.
#[derive(Serialize)]
struct Event<'text> {
    #[serde(rename = "event")]
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'text str>,
    #[serde(flatten)]
    counts: Counts,
    bytes: u64,
    total_bytes: Option<u64>,
    seconds: f64,
}

impl Progress {
    /// Begins, with what was stored before.
    pub(super) fn begin(told: Told, verb: Verb, sources: &[Source], journal: &Journal) -> Self {
        let bytes = sources.iter().map(|source| source.identity().map(|identity| identity.bytes));
        let total_bytes = bytes.sum::<Option<u64>>();
        let (before, bytes_before) = journal.before();
        let counts = Counts {
            rows: before.rows,
            accepted: before.accepted,
            refused: before.refused,
            allowed: before.allowed,
            changes: None,
        };
        let now = Instant::now();
        let progress = Self {
            told,
            verb,
            files: sources.len(),
            total_bytes,
            sent_bytes: Arc::new(AtomicU64::new(bytes_before)),
            bytes_before,
            counts: RefCell::new(counts),
            refused_now: Cell::new(0),
            rows_before: before.rows,
            started: now,
            looked: Cell::new(now),
            bar: (told == Told::People && io::stderr().is_terminal()).then(|| bar(total_bytes, bytes_before)),
        };
        if let Some(remark) = journal.remark() {
            progress.remark(remark);
        }
        if before.rows != 0 {
            let stored = HumanBytes(bytes_before);
            progress.remark(&format!(
                "goes on behind {} rows and {stored} that are {} already; --restart begins anew",
                HumanCount(before.rows),
                verb.participle()
            ));
        }
        progress
    }

    /// The count of bytes that are sent.
    pub(super) fn sent_bytes(&self) -> &Arc<AtomicU64> {
        &self.sent_bytes
    }

    /// Counts what is stored.
    pub(super) fn count(&self, part: &Receipt) {
        let mut counts = self.counts.borrow_mut();
        counts.rows += part.rows;
        counts.accepted += part.accepted;
        counts.refused += part.refused;
        counts.allowed += part.allowed;
        if let Some(changes) = part.changes {
            let sum = counts.changes.get_or_insert_default();
            sum.added += changes.added;
            sum.changed += changes.changed;
            sum.unchanged += changes.unchanged;
            sum.removed += changes.removed;
        }
        self.refused_now.set(self.refused_now.get() + part.refused);
    }

    /// Shows how far it is, if it is time to.
    pub(super) fn look(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.sent_bytes.load(Ordering::Relaxed));
            bar.set_message(self.counted());
            return;
        }
        let interval = if self.told == Told::Json { EVENT_INTERVAL } else { LINE_INTERVAL };
        if self.looked.get().elapsed() < interval {
            return;
        }
        self.looked.set(Instant::now());
        match self.told {
            Told::Nothing => {}
            // Whoever reads no events any more does not stop the push.
            Told::Json => drop(self.event("progress", None)),
            Told::People => {
                let bytes = HumanBytes(self.sent_bytes.load(Ordering::Relaxed));
                let total =
                    self.total_bytes.map_or_else(String::new, |total| format!(" of {}", HumanBytes(total)));
                to_stderr(&format!("{bytes}{total}, {}{}", self.counted(), self.left()));
            }
        }
    }

    /// Tells what should be known.
    pub(super) fn remark(&self, text: &str) {
        match (self.told, &self.bar) {
            (Told::Json, _) => drop(self.event("remark", Some(text))),
            (_, Some(bar)) => bar.suspend(|| to_stderr(&format!("sluice: {text}"))),
            _ => to_stderr(&format!("sluice: {text}")),
        }
    }

    /// Tells machines why it came to nothing; people are told by the command.
    pub(super) fn fail(&self, failure: &Failure) {
        if self.told == Told::Json {
            // Whoever reads no events any more has the exit code.
            drop(self.event("failed", Some(&failure.to_string())));
        }
    }

    /// Tells what came of it; returns whether rows were refused.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`] when standard output takes nothing.
    pub(super) fn end(&self, rejects: &Rejects, is_failed: bool) -> Result<bool, Failure> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        for remark in rejects.remarks(self.refused_now.get()) {
            self.remark(&remark);
        }
        let counts = *self.counts.borrow();
        if self.told == Told::Json {
            if !is_failed {
                self.event("end", None)?;
            }
        } else {
            let Counts { rows, accepted, refused, allowed, changes } = counts;
            let files = if self.files == 1 { String::new() } else { format!(" of {} files", self.files) };
            let allowed =
                if allowed == 0 { String::new() } else { format!(", {} allow-listed", HumanCount(allowed)) };
            let changes =
                changes.map_or_else(String::new, |Changes { added, changed, unchanged, removed }| {
                    let [added, changed, unchanged, removed] =
                        [added, changed, unchanged, removed].map(|count| HumanCount(count).to_string());
                    format!("; {added} added, {changed} changed, {unchanged} unchanged, {removed} removed")
                });
            say(&format!(
                "{} {}{files}: {} {}, {} refused{allowed}{changes}; {} in {:.1} s{}",
                HumanCount(rows),
                if rows == 1 { "row" } else { "rows" },
                HumanCount(accepted),
                self.verb.participle(),
                HumanCount(refused),
                HumanBytes(self.sent_bytes.load(Ordering::Relaxed)),
                self.started.elapsed().as_secs_f64(),
                self.rate()
            ))?;
        }
        Ok(counts.refused != 0)
    }

    fn counted(&self) -> String {
        let Counts { rows, refused, .. } = *self.counts.borrow();
        format!("{} rows, {} refused", HumanCount(rows), HumanCount(refused))
    }

    /// The time that is left, at the rate so far.
    fn left(&self) -> String {
        let sent = self.sent_bytes.load(Ordering::Relaxed);
        let (Some(total), Some(sent_now)) = (self.total_bytes, sent.checked_sub(self.bytes_before)) else {
            return String::new();
        };
        let milliseconds = self.started.elapsed().as_millis() * u128::from(total.saturating_sub(sent));
        let left = milliseconds.checked_div(u128::from(sent_now)).and_then(|left| u64::try_from(left).ok());
        left.map_or_else(String::new, |left| {
            format!(", {} left", humantime::format_duration(Duration::from_secs(left / 1_000)))
        })
    }

    fn rate(&self) -> String {
        let rows = u128::from(self.counts.borrow().rows.saturating_sub(self.rows_before));
        let rate = (rows * 1_000).checked_div(self.started.elapsed().as_millis());
        let rate = rate.and_then(|rate| u64::try_from(rate).ok());
        rate.map_or_else(String::new, |rate| format!(", {} rows/s", HumanCount(rate)))
    }

    fn event(&self, name: &'static str, text: Option<&str>) -> Result<(), Failure> {
        let event = Event {
            name,
            text,
            counts: *self.counts.borrow(),
            bytes: self.sent_bytes.load(Ordering::Relaxed),
            total_bytes: self.total_bytes,
            seconds: self.started.elapsed().as_secs_f64(),
        };
        let line = serde_json::to_string(&event);
        say(&line.map_err(|error| Failure::Local(format!("cannot tell how far it is: {error}")))?)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total_bytes: Option<u64>, bytes_before: u64) -> ProgressBar {
    let template = match total_bytes {
        Some(_) => "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}",
        None => "{spinner} {bytes}, {bytes_per_sec}, {msg}",
    };
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_template| ProgressStyle::default_bar());
    let bar = total_bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.with_style(style).with_position(bytes_before).with_message("0 rows")
}

fn to_stderr(line: &str) {
    // Without standard error nobody looks.
    drop(writeln!(io::stderr(), "{line}"));
}
