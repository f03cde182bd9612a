//! The log: lines on standard error, whose level, format and switches can be changed while the daemon runs.
//!
//! In: `[log]` of the configuration, at the start and whenever it is read anew. Out: lines. Three kinds have a target of
//! their own and do not depend on the level: `audit` (changes, by whom), `login` (refused logins) and `access` (one line a
//! request, if switched on). Of libraries only warnings are shown, whatever the level: at lower ones, they tell of headers,
//! and so of credentials.
//!
//! No request waits for whoever reads the lines (`lines`).
//!
//! There is one log in a process, as there is one standard error: hence the statics.

pub(crate) mod line;
mod lines;
pub(crate) mod quota;

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd as _,
    panic::{self, Location},
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::fs::fstat;
use sluice_model::excerpt::excerpt;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Registry, filter::Targets, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use self::{line::LineFormat, lines::LineWriter, quota::Quota};
use crate::config::{LogFormat, LogSettings};

#[cfg(test)]
mod tests;

/// Target of the lines that tell who has changed what.
pub(crate) const AUDIT: &str = "audit";
/// Target of the lines that tell of refused logins.
pub(crate) const LOGIN: &str = "login";
/// Target of the lines that tell of each request.
pub(crate) const ACCESS: &str = "access";

/// What our own targets begin with: the daemon's and those of its crates.
const OWN: &str = "sluice";

/// What can be changed in the log of this process, once it has begun.
static CONTROL: OnceLock<Control> = OnceLock::new();

/// Lines a minute about panics: a client that has found one could go on and on.
const PANIC_LINES_MAX: u32 = 10;

static PANICS: LazyLock<Quota> = LazyLock::new(|| Quota::new(PANIC_LINES_MAX));

/// How long the end waits for lines that nobody reads.
const END_WAIT: Duration = Duration::from_secs(1);

/// Milliseconds from which a request counts as slow; 0 if none does.
static SLOW_MS: AtomicU64 = AtomicU64::new(0);

struct Control {
    filter: reload::Handle<Targets, Registry>,
    is_json: Arc<AtomicBool>,
    lines: LineWriter,
}

/// Begins to log. To be called once; only the first call has an effect.
///
/// # Errors
///
/// When the operating system refuses a thread or a file descriptor.
pub fn start(settings: &LogSettings) -> io::Result<()> {
    let lines = LineWriter::start(File::from(io::stderr().as_fd().try_clone_to_owned()?))?;
    let (filter, handle) = reload::Layer::new(Targets::new());
    let is_json = Arc::new(AtomicBool::new(false));
    let format = LineFormat::new(Arc::clone(&is_json), is_journal());
    let for_lines = lines.clone();
    let layer =
        fmt::layer().event_format(format).with_writer(move || for_lines.clone()).log_internal_errors(false);
    if CONTROL.set(Control { filter: handle, is_json, lines }).is_ok() {
        // Another subscriber can only be that of a test.
        let _is_first = tracing_subscriber::registry().with(filter).with(layer).try_init().is_ok();
        apply(settings);
        tell_panics();
    }
    Ok(())
}

/// Writes the last lines of the process, if there are any to write, after all others: why it ends. Waits for their reader,
/// but not for long.
pub fn end(last: &[String]) {
    let Some(control) = CONTROL.get() else {
        // Without standard error there is nowhere to report to.
        drop(io::stderr().write_all(last_text(last).as_bytes()));
        return;
    };
    if control.is_json.load(Ordering::Relaxed) {
        for line in last {
            tracing::error!("{line}");
        }
    } else {
        control.lines.write(last_text(last).as_bytes());
    }
    control.lines.flush(END_WAIT);
}

/// The lines as whoever started the process reads them; in the journal, as errors.
fn last_text(last: &[String]) -> String {
    let begin = if is_journal() { "<3>sluiced: " } else { "sluiced: " };
    last.iter().flat_map(|line| [begin, line, "\n"]).collect()
}

/// Has panics told in the log, on one line; with `RUST_BACKTRACE` on the usual lines as well.
fn tell_panics() {
    let wants_backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(String::new, Location::to_string);
        tell_panic(&place, info.payload_as_str().unwrap_or("panic without a text"));
        if wants_backtrace {
            before(info);
        }
    }));
}

fn tell_panic(place: &str, text: &str) {
    if !PANICS.take(Instant::now()) {
        return;
    }
    let thread = thread::current();
    let (thread, text) = (thread.name().unwrap_or("-"), excerpt(text));
    tracing::error!(
        thread,
        place,
        text = &*text,
        "a thread panicked, which is a bug of sluiced; please report this line"
    );
}

/// Puts other settings into force, from the next line on. Without a log that has begun, this does nothing.
pub fn apply(settings: &LogSettings) {
    SLOW_MS.store(settings.slow_request.get(), Ordering::Relaxed);
    if let Some(control) = CONTROL.get() {
        control.is_json.store(settings.format == LogFormat::Json, Ordering::Relaxed);
        // It fails when the subscriber is gone, and then nobody misses it.
        drop(control.filter.reload(targets(settings)));
    }
}

/// The time from which a request counts as slow.
pub(crate) fn slow_after() -> Option<Duration> {
    match SLOW_MS.load(Ordering::Relaxed) {
        0 => None,
        slow_ms => Some(Duration::from_millis(slow_ms)),
    }
}

/// What is written of which target.
fn targets(settings: &LogSettings) -> Targets {
    let level = settings.level.parse().unwrap_or(LevelFilter::INFO);
    // Both were checked when the configuration was read.
    let finer = settings.filter.parse().unwrap_or(Targets::new());
    let access = if settings.access { LevelFilter::INFO } else { LevelFilter::OFF };
    let libraries = level.min(LevelFilter::WARN);
    Targets::new()
        .with_default(libraries)
        .with_target("actix_http", LevelFilter::OFF)
        .with_target(OWN, level)
        .with_targets(finer.iter().map(|(target, level)| (target.to_owned(), level)))
        .with_target(AUDIT, LevelFilter::INFO)
        .with_target(LOGIN, LevelFilter::INFO)
        .with_target(ACCESS, access)
}

/// Returns true if standard error goes to the journal, as systemd tells its services.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    match fstat(io::stderr()) {
        Ok(stat) => stream == format!("{}:{}", stat.st_dev, stat.st_ino),
        Err(_closed) => false,
    }
}
