//! What `/v1/lookup` tells of values, and how a table shows it.
//!
//! In: an answer, a line each. Out: its lines as they came; of one of them the rows of a table, one for each indicator that
//! counts, allows or is passed over, or one alone.

use serde_json::{Value, value::RawValue};

use crate::{answer, failure::Failure, output::cell};

/// Columns of a table.
pub(super) const COLUMNS: [&str; 8] =
    ["value", "verdict", "by", "indicator", "supplier", "confidence", "tags", "why"];

/// The lines of an answer.
///
/// # Errors
///
/// [`Failure::Refused`] when it is none of the daemon.
pub(super) fn lines(answer: &[u8]) -> Result<Vec<Box<RawValue>>, Failure> {
    let lines = serde_json::Deserializer::from_slice(answer).into_iter();
    lines.collect::<Result<_, _>>().map_err(|error| answer::unreadable(&error))
}

/// Whether a value is listed.
pub(super) fn is_listed(line: &Value) -> bool {
    line.get("verdict").is_some_and(|verdict| verdict == "listed")
}

/// The rows of a table for a line.
pub(super) fn rows(line: &Value) -> Vec<Vec<String>> {
    let (value, verdict) = (cell(line.get("value")), cell(line.get("verdict")));
    let mut rows = Vec::new();
    for (list, why) in [("matches", Some("")), ("allowed_by", Some("allows")), ("passed_over", None)] {
        for one in line.get(list).and_then(Value::as_array).into_iter().flatten() {
            let tags = one.get("tags").and_then(Value::as_array).into_iter().flatten();
            let tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
            let why = why.map_or_else(|| cell(one.get("why")), str::to_owned);
            let mut row = vec![value.clone(), verdict.clone()];
            row.extend(["by", "indicator", "supplier", "confidence"].map(|name| cell(one.get(name))));
            row.extend([tags.join(","), why]);
            rows.push(row);
        }
    }
    if rows.is_empty() {
        let mut row = vec![value, verdict];
        row.resize(COLUMNS.len() - 1, String::new());
        row.push(cell(line.get("hint")));
        rows.push(row);
    }
    rows
}
