//! Lines that writers of several formats have in common, and what they say of an entry.

use std::fmt::{Arguments, Write as _};

/// What becomes of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// It is on the list.
    Written,
    /// It is on the list by another entry.
    Covered,
    /// The format cannot hold it.
    Dropped,
    /// It is of a kind that the format does not have.
    Foreign,
}

/// Appends what is written out.
pub(super) fn append(text: &mut String, written: Arguments<'_>) {
    let outcome = text.write_fmt(written);
    debug_assert!(outcome.is_ok(), "writing to a string does not fail");
}

/// Appends lines as they are.
pub(super) fn append_lines(lines: &[&str], text: &mut String) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

/// Appends an object of a file of lines.
pub(super) fn append_object(value: &str, kind: &str, confidence: u8, text: &mut String) {
    let value = serde_json::Value::from(value);
    append(text, format_args!("{{\"indicator\":{value},\"kind\":\"{kind}\",\"confidence\":{confidence}}}\n"));
}

/// Appends a record of a table.
pub(super) fn append_record(value: &str, kind: &str, confidence: u8, text: &mut String) {
    if value.contains([',', '"']) {
        text.push('"');
        text.push_str(&value.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(value);
    }
    append(text, format_args!(",{kind},{confidence}\n"));
}

/// Appends a member of a set of Suricata's.
pub(super) fn append_member(value: &str, text: &mut String) {
    append(text, format_args!("{{\"value\":\"{value}\"}}\n"));
}
