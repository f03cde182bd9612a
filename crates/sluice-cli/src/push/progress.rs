//! How far it is: a bar on a terminal, a line now and then anywhere else, events for machines.
//!
//! In: bytes that are sent, counts of answers. Out: lines on standard error, and on standard output what came of it, or with `--json`
//! NDJSON: `progress` and `remark` while it goes on, and last, with all counts, `end`, or `failed` and why. Rows are counted when the daemon says that they are durable,
//! be it by its answer or while a request is under way.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
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
use crate::{arguments::TellingArguments, failure::Failure, output::say};

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two events.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// To whom it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    People,
    Json,
    /// Nobody, but for what came of it.
    Nothing,
}

/// How far it is. Of commands that send nothing, people are told why they wait.
pub(crate) struct Progress {
    told: Told,
    sent_bytes: Arc<AtomicU64>,
    /// Of requests that are over.
    counts: RefCell<Counts>,
    /// Of those under way, by their keys.
    under_way: RefCell<BTreeMap<String, Counts>>,
    /// Refused by this command.
    refused_now: Cell<u64>,
    looked: Cell<Instant>,
    started: Cell<Instant>,
    /// Unknown until sending begins.
    underway: OnceCell<Underway>,
}

/// What is sent.
struct Underway {
    verb: Verb,
    files: usize,
    /// Of all files; `None` as long as one is a pipe.
    total_bytes: Option<u64>,
    /// Sent by the command that was broken off.
    bytes_before: u64,
    rows_before: u64,
    /// Whether the same command would go on.
    goes_on: bool,
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

impl Counts {
    /// The rows of a request, or of a part of it; not what they change.
    fn of(receipt: &Receipt) -> Self {
        let &Receipt { rows, accepted, refused, allowed, .. } = receipt;
        Self { rows, accepted, refused, allowed, changes: None }
    }

    /// Adds other rows.
    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.accepted += more.accepted;
        self.refused += more.refused;
        self.allowed += more.allowed;
    }
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
    /// Nothing is sent yet; `telling` is what is said of a command that is going to.
    pub(crate) fn new(telling: Option<TellingArguments>) -> Self {
        let told = match telling {
            Some(TellingArguments { json: true, .. }) => Told::Json,
            Some(TellingArguments { quiet: true, .. }) => Told::Nothing,
            _ => Told::People,
        };
        let now = Cell::new(Instant::now());
        Self {
            told,
            sent_bytes: Arc::new(AtomicU64::new(0)),
            counts: RefCell::new(Counts::default()),
            under_way: RefCell::default(),
            refused_now: Cell::new(0),
            looked: now.clone(),
            started: now,
            underway: OnceCell::new(),
        }
    }

    /// Begins to send, behind what was stored before.
    pub(super) fn begin(&self, verb: Verb, sources: &[Source], journal: &Journal) {
        let bytes = sources.iter().map(|source| source.identity().map(|identity| identity.bytes));
        let total_bytes = bytes.sum::<Option<u64>>();
        let (before, bytes_before) = journal.before();
        let rows = before.rows;
        *self.counts.borrow_mut() = Counts::of(before);
        self.sent_bytes.store(bytes_before, Ordering::Relaxed);
        self.started.set(Instant::now());
        let has_bar = self.told == Told::People && io::stderr().is_terminal();
        let underway = Underway {
            verb,
            files: sources.len(),
            total_bytes,
            bytes_before,
            rows_before: rows,
            goes_on: journal.is_kept(),
            bar: has_bar.then(|| bar(total_bytes, bytes_before)),
        };
        // Nothing is sent twice.
        drop(self.underway.set(underway));
        if let Some(remark) = journal.remark() {
            self.remark(remark);
        }
        if rows != 0 {
            let stored = HumanBytes(bytes_before);
            self.notice(&format!(
                "goes on behind {} rows and {stored} that are {} already; --restart begins anew",
                HumanCount(rows),
                verb.participle()
            ));
        }
    }

    fn bar(&self) -> Option<&ProgressBar> {
        self.underway.get()?.bar.as_ref()
    }

    fn total_bytes(&self) -> Option<u64> {
        self.underway.get()?.total_bytes
    }

    /// What follows for whoever gives the command again.
    pub(crate) fn goes_on(&self) -> &'static str {
        match self.underway.get() {
            Some(Underway { goes_on: true, .. }) => "; the same command goes on from there",
            _ => "",
        }
    }

    /// Bytes and rows of the command that was broken off.
    fn before(&self) -> (u64, u64) {
        match self.underway.get() {
            Some(underway) => (underway.bytes_before, underway.rows_before),
            None => (0, 0),
        }
    }

    /// The count of bytes that are sent.
    pub(super) fn sent_bytes(&self) -> &Arc<AtomicU64> {
        &self.sent_bytes
    }

    /// Counts what is stored.
    pub(super) fn count(&self, part: &Receipt) {
        let mut counts = self.counts.borrow_mut();
        counts.add(Counts::of(part));
        if let Some(changes) = part.changes {
            let sum = counts.changes.get_or_insert_default();
            sum.added += changes.added;
            sum.changed += changes.changed;
            sum.unchanged += changes.unchanged;
            sum.removed += changes.removed;
        }
        self.refused_now.set(self.refused_now.get() + part.refused);
    }

    /// Shows what is stored of a request under way; of one that is over, nothing more.
    pub(super) fn show(&self, key: &str, part: Option<&Receipt>) {
        let mut under_way = self.under_way.borrow_mut();
        match part {
            Some(part) => drop(under_way.insert(key.to_owned(), Counts::of(part))),
            None => drop(under_way.remove(key)),
        }
    }

    /// What is stored by now, as far as that is known.
    fn counts_now(&self) -> Counts {
        let mut counts = *self.counts.borrow();
        for more in self.under_way.borrow().values() {
            counts.add(*more);
        }
        counts
    }

    /// Shows how far it is, if it is time to.
    pub(super) fn look(&self) {
        if let Some(bar) = self.bar() {
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
                    self.total_bytes().map_or_else(String::new, |total| format!(" of {}", HumanBytes(total)));
                to_stderr(&format!("{bytes}{total}, {}{}", self.counted(), self.left()));
            }
        }
    }

    /// Tells why it takes longer.
    pub(crate) fn notice(&self, text: &str) {
        if self.told != Told::Nothing {
            self.remark(text);
        }
    }

    /// Tells what should be known.
    pub(super) fn remark(&self, text: &str) {
        match (self.told, self.bar()) {
            (Told::Json, _) => drop(self.event("remark", Some(text))),
            (_, Some(bar)) => bar.suspend(|| to_stderr(&format!("sluice: {text}"))),
            _ => to_stderr(&format!("sluice: {text}")),
        }
    }

    /// Tells machines why it came to nothing; people are told by the command.
    pub(crate) fn fail(&self, failure: &Failure) {
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
        let Some(Underway { verb, files, .. }) = self.underway.get() else { return Ok(false) };
        if let Some(bar) = self.bar() {
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
            let files = if *files == 1 { String::new() } else { format!(" of {files} files") };
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
                verb.participle(),
                HumanCount(refused),
                HumanBytes(self.sent_bytes.load(Ordering::Relaxed)),
                self.started.get().elapsed().as_secs_f64(),
                self.rate()
            ))?;
        }
        Ok(counts.refused != 0)
    }

    fn counted(&self) -> String {
        let Counts { rows, refused, .. } = self.counts_now();
        format!("{} rows, {} refused", HumanCount(rows), HumanCount(refused))
    }

    /// The time that is left, at the rate so far.
    fn left(&self) -> String {
        let sent = self.sent_bytes.load(Ordering::Relaxed);
        let (bytes_before, _) = self.before();
        let (Some(total), Some(sent_now)) = (self.total_bytes(), sent.checked_sub(bytes_before)) else {
            return String::new();
        };
        let milliseconds = self.started.get().elapsed().as_millis() * u128::from(total.saturating_sub(sent));
        let left = milliseconds.checked_div(u128::from(sent_now)).and_then(|left| u64::try_from(left).ok());
        left.map_or_else(String::new, |left| {
            format!(", {} left", humantime::format_duration(Duration::from_secs(left / 1_000)))
        })
    }

    fn rate(&self) -> String {
        let (_, rows_before) = self.before();
        let rows = u128::from(self.counts.borrow().rows.saturating_sub(rows_before));
        let rate = (rows * 1_000).checked_div(self.started.get().elapsed().as_millis());
        let rate = rate.and_then(|rate| u64::try_from(rate).ok());
        rate.map_or_else(String::new, |rate| format!(", {} rows/s", HumanCount(rate)))
    }

    fn event(&self, name: &'static str, text: Option<&str>) -> Result<(), Failure> {
        let event = Event {
            name,
            text,
            counts: self.counts_now(),
            bytes: self.sent_bytes.load(Ordering::Relaxed),
            total_bytes: self.total_bytes(),
            seconds: self.started.get().elapsed().as_secs_f64(),
        };
        let line = serde_json::to_string(&event);
        say(&line.map_err(|error| Failure::Local(format!("cannot tell how far it is: {error}")))?)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar() {
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
