//! How a log line is written: as text for people or as JSON, always on one line, with its priority for the journal.
//!
//! In: an event. Out: one line. Whatever stands in a message or a field, a path of a system call or a text of a library,
//! nothing but the end of the line is a control character. When standard error is the journal, a line begins with `<N>`,
//! which the journal takes off again and sorts by, and text has no time of its own, because the journal has.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sluice_model::excerpt::is_unsafe_to_show;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Full, Json, Writer},
    },
    registry::LookupSpan,
};

#[cfg(test)]
pub(crate) mod tests;

/// See the module.
pub(crate) struct LineFormat {
    text: Format<Full>,
    journal_text: Format<Full, ()>,
    json: Format<Json>,
    is_json: Arc<AtomicBool>,
    is_journal: bool,
}

impl LineFormat {
    /// Writes as `is_json` says at the time, and for the journal or not.
    pub(crate) fn new(is_json: Arc<AtomicBool>, is_journal: bool) -> Self {
        Self {
            text: format::format().with_ansi(false),
            journal_text: format::format().with_ansi(false).without_time(),
            json: format::format().json().flatten_event(true),
            is_json,
            is_journal,
        }
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        let writer = Writer::new(&mut text);
        let is_json = self.is_json.load(Ordering::Relaxed);
        if is_json {
            self.json.format_event(context, writer, event)?;
        } else if self.is_journal {
            self.journal_text.format_event(context, writer, event)?;
        } else {
            self.text.format_event(context, writer, event)?;
        }
        if self.is_journal {
            write!(line, "<{}>", priority(*event.metadata().level()))?;
        }
        write_on_one_line(text.trim(), is_json, &mut line)?;
        line.write_char('\n')
    }
}

/// The priority of syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// Writes a text with its control characters, and whatever else could deceive whoever reads it, escaped.
fn write_on_one_line(text: &str, is_json: bool, line: &mut Writer<'_>) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(is_unsafe_to_show) {
        let (plain, from) = rest.split_at(at);
        line.write_str(plain)?;
        let mut characters = from.chars();
        match characters.next() {
            // All of them have four digits at most.
            Some(character) if is_json => write!(line, "\\u{:04x}", u32::from(character))?,
            Some(character) => write!(line, "{}", character.escape_default())?,
            None => {}
        }
        rest = characters.as_str();
    }
    line.write_str(rest)
}
