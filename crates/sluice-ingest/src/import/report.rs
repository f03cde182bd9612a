//! What became of the rows of a body: counts, and the first of those that were refused.
//!
//! In: verdicts, row by row, then reports of slices in the order of the body. Out: an [`ImportReport`]. Of refused rows
//! [`REFUSED_TOLD_MAX`] are kept, each with at most [`VALUE_BYTES_MAX`] bytes of its value, so a report is small
//! whatever a body has. All of them stand in [`RejectsFrame`]s, which are handed on with each step.

use sluice_model::{Rejection, ranges::bytes_at, rejection::Property};
use sluice_store::Changes;

use super::{json, rows::RowPlace, unread::Unread, unsupported::Unsupported};

/// Refused rows that are told one by one.
pub(crate) const REFUSED_TOLD_MAX: usize = 100;

/// Of them, those of a reason for which nothing is wrong with them, so that there may be many: they are not for detection, or allowed.
pub(crate) const LEFT_OUT_TOLD_MAX: usize = 10;

/// Bytes of the value of a refused row that are told.
const VALUE_BYTES_MAX: usize = 512;

/// Every word for why a row was refused.
pub const REFUSED_FOR: [&str; 10] = [
    "invalid-indicator",
    "invalid-context",
    "unknown-tag",
    "missing-indicator",
    "unsupported-type",
    "unsupported-pattern",
    "not-to-ids",
    "allow-listed",
    // Of rows that could not be read.
    "too-long",
    "not-json",
];

/// A row that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedRow {
    /// Number of its line in the body, from 1; in an array, of its element.
    pub line: u64,
    /// Offset of its first byte in the decoded body.
    pub byte: u64,
    /// A word for the reason.
    pub reason: &'static str,
    /// Its indicator, or the beginning of a row without one, as a string of JSON.
    pub value: Box<str>,
    /// The reason in plain English.
    pub hint: Box<str>,
}

/// Some refused rows of an import, in its order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RejectsFrame {
    /// A frame of zstd with its checksum.
    pub packed: Vec<u8>,
    /// How many rows are in it.
    pub count: u32,
    /// Length of its text.
    pub text_bytes: u32,
}

/// What became of rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportReport {
    /// All rows, comments and empty lines left aside.
    pub rows_count: u64,
    /// Those that are durable.
    pub accepted_count: u64,
    /// Those of the accepted ones that were taken without all of their tags.
    pub short_of_tags_count: u64,
    /// Those that were refused; together with the accepted and the allowed ones, all.
    pub refused_count: u64,
    /// Those that the allow list names, and that were left out for that. Told and kept as the refused ones are.
    pub allowed_count: u64,
    /// Those of the refused ones that could not even be read as rows.
    pub unread_count: u64,
    /// Those that were judged and refused, by the place of their reason among [`Rejection::REASONS`].
    pub refused_by_reason: [u64; Rejection::REASONS.len()],
    /// Those that are in neither, by the place of their reason among [`Unsupported::REASONS`].
    pub unsupported_by_reason: [u64; Unsupported::REASONS.len()],
    /// Lines, or elements of an array, up to which everything is durable.
    pub committed_lines: u64,
    /// Number of a commit as of which all of it can be read; `None` until the import has ended well.
    pub commit: Option<u64>,
    /// What a replacement has changed, or a plan would; of any other import, nobody knows.
    pub changes: Option<Changes>,
    /// Whether a replacement was not carried out because it would have removed too much.
    pub is_guarded: bool,
    /// The first ones of those that were refused.
    pub refused: Vec<RefusedRow>,
    /// All of them, until they are handed to whoever keeps them.
    pub rejects: Vec<RejectsFrame>,
}

impl ImportReport {
    /// Counts an accepted row.
    pub(crate) fn accept(&mut self) {
        self.rows_count += 1;
        self.accepted_count += 1;
    }

    /// Counts a refused row. `indicator` is the JSON text of its indicator, empty if it has none; `row` its text.
    pub(crate) fn refuse(&mut self, place: RowPlace, row: &[u8], indicator: &[u8], why: &Rejection) {
        if let Some(count) = self.refused_by_reason.get_mut(why.reason_number()) {
            *count += 1;
        }
        self.add_refused(place, word(why), || (told_value(row, indicator), why.to_string().into()));
    }

    /// Counts what is no indicator. `value` is a string of JSON; if it is empty, the beginning of the row is told.
    pub(crate) fn refuse_unsupported(
        &mut self,
        place: RowPlace,
        row: &[u8],
        value: &[u8],
        why: &Unsupported,
    ) {
        if let Some(count) = self.unsupported_by_reason.get_mut(why.reason_number()) {
            *count += 1;
        }
        self.add_refused(place, why.word(), || (told_value(row, value), why.to_string().into()));
    }

    /// Counts a row that could not be read.
    pub(crate) fn refuse_unread(&mut self, place: RowPlace, row: &[u8], why: Unread) {
        self.unread_count += 1;
        let (word, hint) = why.told();
        self.add_refused(place, word, || (told(row), hint.into()));
    }

    fn add_refused(
        &mut self,
        place: RowPlace,
        reason: &'static str,
        told: impl FnOnce() -> (Box<str>, Box<str>),
    ) {
        self.rows_count += 1;
        let is_allowed = reason == Unsupported::AllowListed.word();
        *if is_allowed { &mut self.allowed_count } else { &mut self.refused_count } += 1;
        if self.tells(reason) {
            let (value, hint) = told();
            self.refused.push(RefusedRow { line: place.line, byte: place.byte, reason, value, hint });
        }
    }

    /// Adds what became of the rows that follow.
    pub(crate) fn absorb(&mut self, next: Self) {
        self.rows_count += next.rows_count;
        self.accepted_count += next.accepted_count;
        self.short_of_tags_count += next.short_of_tags_count;
        self.refused_count += next.refused_count;
        self.allowed_count += next.allowed_count;
        self.unread_count += next.unread_count;
        for (count, more) in self.refused_by_reason.iter_mut().zip(next.refused_by_reason) {
            *count += more;
        }
        for (count, more) in self.unsupported_by_reason.iter_mut().zip(next.unsupported_by_reason) {
            *count += more;
        }
        self.committed_lines = self.committed_lines.max(next.committed_lines);
        for row in next.refused {
            if self.tells(row.reason) {
                self.refused.push(row);
            }
        }
        self.rejects.extend(next.rejects);
    }

    /// The same of an import of which nothing was stored after all.
    pub(crate) fn without_accepted(self) -> Self {
        let rows_count = self.refused_count + self.allowed_count;
        Self { rows_count, accepted_count: 0, short_of_tags_count: 0, committed_lines: 0, ..self }
    }

    /// Those that were left out because they are not for detection.
    pub fn left_out_count(&self) -> u64 {
        self.unsupported_by_reason.get(Unsupported::NotToIds.reason_number()).copied().unwrap_or(0)
    }

    /// Whether one more row that was refused for this reason is told.
    fn tells(&self, reason: &str) -> bool {
        let is_left_out =
            [Unsupported::NotToIds, Unsupported::AllowListed].iter().any(|why| why.word() == reason);
        let told_count = || self.refused.iter().filter(|row| row.reason == reason).count();
        self.refused.len() < REFUSED_TOLD_MAX && (!is_left_out || told_count() < LEFT_OUT_TOLD_MAX)
    }
}

/// What is told of a refused row by its text and the JSON text of its indicator, which may be empty: a string of JSON.
pub(crate) fn told_value(row: &[u8], indicator: &[u8]) -> Box<str> {
    if indicator.is_empty() { told(row) } else { told_json(indicator) }
}

/// The word for a reason, of those that the interface has.
pub(crate) fn word(why: &Rejection) -> &'static str {
    match why {
        Rejection::InvalidFormat(_) => "invalid-indicator",
        Rejection::UnknownTag(_) => "unknown-tag",
        Rejection::ContextNotAllowed => "invalid-context",
        Rejection::IndicatorMissing => "missing-indicator",
        Rejection::InvalidType(property) | Rejection::Unreadable(property, _) => match property {
            Property::Indicator => "invalid-indicator",
            Property::Tags => "unknown-tag",
            Property::Context | Property::MarkDetections | Property::UnmarkDetections => "invalid-context",
        },
    }
}

/// The beginning of a text as a string of JSON.
fn told(text: &[u8]) -> Box<str> {
    let begin = bytes_at(text, ..text.len().min(VALUE_BYTES_MAX));
    let mut value = Vec::new();
    json::push_string(&mut value, &String::from_utf8_lossy(begin));
    String::from_utf8_lossy(&value).into()
}

/// A value of JSON as a string of JSON: a short string as it was spelled.
fn told_json(value: &[u8]) -> Box<str> {
    if value.starts_with(b"\"") && value.len() <= VALUE_BYTES_MAX {
        return String::from_utf8_lossy(value).into();
    }
    told(value)
}

#[cfg(test)]
mod tests;
