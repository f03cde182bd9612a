//! How far an export is: a line on a terminal that is written over, a line now and then anywhere else, and what came of it last; all on
//! standard error, because rows may go to standard output.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Telling {
    rows: u64,
    bytes: u64,
    began: Instant,
    looked: Cell<Instant>,
    bar: Option<ProgressBar>,
}

impl Telling {
    /// Begins with nothing.
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let style = style.unwrap_or_else(|_template| ProgressStyle::default_spinner());
        let bar = io::stderr().is_terminal().then(|| ProgressBar::no_length().with_style(style));
        Self { rows: 0, bytes: 0, began: now, looked: Cell::new(now), bar }
    }

    /// Rows that came.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts bytes that came.
    pub(super) fn add_bytes(&mut self, count: usize) {
        self.bytes += count as u64;
    }

    /// Counts rows that came, and tells how many if it is time to.
    pub(super) fn add_rows(&mut self, count: u64) {
        self.rows += count;
        if let Some(bar) = &self.bar {
            bar.set_message(self.counted());
            bar.tick();
        } else if LINE_INTERVAL <= self.looked.get().elapsed() {
            self.looked.set(Instant::now());
            to_stderr(&self.counted());
        }
    }

    /// Forgets what came.
    pub(super) fn begin_anew(&mut self) {
        (self.rows, self.bytes) = (0, 0);
    }

    /// Tells what should be known.
    pub(super) fn remark(&self, text: &str) {
        let line = format!("sluice: {text}");
        match &self.bar {
            Some(bar) => bar.suspend(|| to_stderr(&line)),
            None => to_stderr(&line),
        }
    }

    /// Tells what came.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        to_stderr(&self.counted());
    }

    fn counted(&self) -> String {
        let rate = (u128::from(self.rows) * 1_000).checked_div(self.began.elapsed().as_millis());
        let rate = rate.and_then(|rate| u64::try_from(rate).ok());
        let rate = rate.map_or_else(String::new, |rate| format!(", {} rows/s", HumanCount(rate)));
        let word = if self.rows == 1 { "row" } else { "rows" };
        let seconds = self.began.elapsed().as_secs_f64();
        format!("{} {word}, {} in {seconds:.1} s{rate}", HumanCount(self.rows), HumanBytes(self.bytes))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn to_stderr(line: &str) {
    // Without standard error nobody looks.
    drop(writeln!(io::stderr(), "{line}"));
}
