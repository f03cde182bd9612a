//! Trouble inside of sled: what its panics and its own threads have to say, in our words.
//!
//! sled writes and shortens its file on threads of its own (`sled-io-{n}`). What fails there it tells the `log` crate;
//! then the next call gets it, or none does, and a call or a drop that waits for such a thread waits for ever. A panic
//! of theirs is told nobody, and one while the stack unwinds ends the process on the spot. So the daemon watches them, and
//! ends.

use std::{
    any::Any,
    cell::Cell,
    io,
    panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::OnceLock,
    thread,
};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// How the names of sled's threads begin.
const THREADS: &str = "sled-io-";

/// Gets what failed, and the error of the system.
type OnTrouble = Box<dyn Fn(&str) + Send + Sync>;

static ON_TROUBLE: OnceLock<OnTrouble> = OnceLock::new();

thread_local! {
    /// Panics of the call of sled that this thread is in.
    static PANICS: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Tells `on_trouble` of errors and panics in threads of the storage engine, whichever store they belong to: for a
/// process with one store, which is to end then. Takes over the hook for panics and the logger of the `log` crate; only
/// the first call has an effect.
pub fn watch_engine(on_trouble: OnTrouble) {
    if ON_TROUBLE.set(on_trouble).is_err() || log::set_logger(&EngineLog).is_err() {
        return;
    }
    log::set_max_level(LevelFilter::Error);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_taken(info) {
            before(info);
        }
    }));
}

/// What sled says by way of the `log` crate.
struct EngineLog;

impl Log for EngineLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Error && metadata.target().starts_with("sled")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            report(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Tells what sled says of a failure that no call gets to see.
pub(super) fn report(text: &str) {
    tracing::debug!(text, "sled reports an error");
    let action = if text.contains("shrink") { "shorten the trees" } else { "write the trees" };
    let cause = match os_error_in(text) {
        Some(error) => format!("cannot {action}: {error}"),
        None => format!("cannot {action}: {}", super::UNREADABLE),
    };
    if let Some(on_trouble) = ON_TROUBLE.get() {
        on_trouble(&cause);
    }
}

/// Returns true if the panic is sled's affair. One in a call of ours is told by the call. A second one there, or one in
/// a thread of sled's, is reported, and its thread stays where it is: unwinding would go on into the next panic.
fn is_taken(info: &PanicHookInfo<'_>) -> bool {
    match PANICS.get() {
        Some(0) => PANICS.set(Some(1)),
        Some(_) => report_and_stay(info),
        None if is_engine_thread() => report_and_stay(info),
        None => return false,
    }
    true
}

fn report_and_stay(info: &PanicHookInfo<'_>) {
    report(&text_of(info.payload()));
    loop {
        thread::park();
    }
}

fn is_engine_thread() -> bool {
    let thread = thread::current();
    thread.name().is_some_and(|name| name.starts_with(THREADS))
}

/// Calls sled.
///
/// # Errors
///
/// The text of its panic.
pub(super) fn call<T>(sled: impl FnOnce() -> T) -> Result<T, String> {
    let before = PANICS.replace(Some(0));
    let called = catch_unwind(AssertUnwindSafe(sled));
    PANICS.set(before);
    called.map_err(|panic| text_of(panic.as_ref()))
}

/// The refusal of the operating system that a text of sled's quotes, if it does: `Os { code: 5, ..}` or `(os error 5)`.
pub(super) fn os_error_in(text: &str) -> Option<io::Error> {
    let rest = ["code: ", "os error "].iter().find_map(|before| text.split_once(before))?.1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let error = io::Error::from_raw_os_error(digits.parse().ok()?);
    // A position that makes no sense was read from a damaged file.
    (error.kind() != io::ErrorKind::InvalidInput).then_some(error)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic without a text").to_owned()
}

#[cfg(test)]
mod tests;
