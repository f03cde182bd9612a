//! How far a long command is: a bar on a terminal, and a line every tenth of the way anywhere else.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// Steps of which a line is written.
const STEPS: u64 = 10;

/// See the module.
pub(super) struct Progress {
    what: &'static str,
    /// Shown on a terminal only.
    bar: Option<ProgressBar>,
    told_steps: u64,
}

impl Progress {
    /// Begins; `what` is a participle, such as "verified".
    pub(super) fn new(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:40} {bytes} of {total_bytes}, {eta} left");
            let style = style.unwrap_or_else(|_template| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style).with_message(what)
        });
        Self { what, bar, told_steps: 0 }
    }

    /// Shows that `done` bytes of `total` are done.
    pub(super) fn show(&mut self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            return;
        }
        let steps = (done * STEPS).checked_div(total).unwrap_or(STEPS);
        if self.told_steps < steps {
            self.told_steps = steps;
            let percent = steps * 100 / STEPS;
            // Without standard error nobody looks.
            drop(writeln!(std::io::stderr(), "{} {percent} %: {done} of {total} bytes", self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
