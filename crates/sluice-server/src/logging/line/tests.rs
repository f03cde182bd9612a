//! Whatever is told, it is one line that nothing hides in, and JSON stays what it was.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use expect_test::expect;
use parking_lot::Mutex;
use proptest::prelude::*;
use sluice_model::excerpt::is_unsafe_to_show;
use tracing_subscriber::{fmt, layer::SubscriberExt as _};

use super::LineFormat;

/// Lines that are kept.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written of the events that `tell` makes.
pub(crate) fn written(is_json: bool, is_journal: bool, tell: impl FnOnce()) -> String {
    let written = Written::default();
    let for_lines = written.clone();
    let format = LineFormat::new(Arc::new(AtomicBool::new(is_json)), is_journal);
    let lines = fmt::layer().event_format(format).with_writer(move || for_lines.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), tell);
    written.text()
}

#[test]
fn the_journal_gets_priorities_and_no_time() {
    let seen = written(false, true, || {
        tracing::error!("one");
        tracing::warn!(path = "a b", "two");
        tracing::info!(target: "access", status = 200, "three");
        tracing::debug!("four");
        tracing::trace!("five");
    });
    expect![[r#"
        <3>ERROR sluice_server::logging::line::tests: one
        <4>WARN sluice_server::logging::line::tests: two path="a b"
        <6>INFO access: three status=200
        <7>DEBUG sluice_server::logging::line::tests: four
        <7>TRACE sluice_server::logging::line::tests: five
    "#]]
    .assert_eq(&seen);
}

#[test]
fn a_line_without_the_journal_begins_with_the_time() {
    let seen = written(false, false, || tracing::warn!("two"));
    let (time, rest) = seen.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(rest, " WARN sluice_server::logging::line::tests: two\n");
}

#[test]
fn the_format_can_be_changed_meanwhile() {
    let is_json = Arc::new(AtomicBool::new(false));
    let seen = Written::default();
    let for_lines = seen.clone();
    let format = LineFormat::new(Arc::clone(&is_json), true);
    let lines = fmt::layer().event_format(format).with_writer(move || for_lines.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
        tracing::info!("one");
        is_json.store(true, Ordering::Relaxed);
        tracing::info!("two");
    });
    let bytes = seen.0.lock().clone();
    let seen = String::from_utf8(bytes).unwrap();
    let (one, two) = seen.split_once('\n').unwrap();
    assert!(one.starts_with("<6>") && one.ends_with("one"), "{one}");
    assert!(two.starts_with("<6>{\"timestamp\":"), "{two}");
}

proptest! {
    #[test]
    fn every_event_is_one_line_and_nothing_hides_in_it(
        text in "[\\PC\\n\\r\\t\u{1b}\u{7f}\u{85}\u{2028}\u{202e}\"\\\\]{0,60}",
        is_json in any::<bool>(),
        is_journal in any::<bool>(),
    ) {
        let seen = written(is_json, is_journal, || {
            tracing::info!(shown = %text, quoted = text.as_str(), "{text}");
        });
        let line = seen.strip_suffix('\n').unwrap();
        prop_assert!(!line.contains(is_unsafe_to_show), "{:?}", line);
        if is_json {
            let line = line.strip_prefix("<6>").unwrap_or(line);
            let fields: serde_json::Value = serde_json::from_str(line).unwrap();
            for name in ["message", "quoted"] {
                prop_assert_eq!(fields[name].as_str(), Some(text.as_str()));
            }
        }
    }
}
