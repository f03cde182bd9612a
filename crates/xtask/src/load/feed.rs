//! A feed in memory, and its enlargement: any number of indicators, by their index.
//!
//! In: lines with one indicator object each. Out: the element of a body for each index;
//! index `i` is line `i % lines` in copy `i / lines` ([`derive`](super::derive)), and copy 0 is the feed to the byte.
//! The value is what follows the first `"indicator":"`. A line whose value has escapes, or is refused by the
//! daemon's own rules, is the same in all copies and is never looked up.

use std::{collections::HashSet, net::IpAddr, ops::Range};

use anyhow::{Context as _, Result, ensure};
use memchr::{memchr, memmem};
use sluice_model::Indicator;

use super::derive::{Edition, Pattern};
use crate::feed::Lines;

const VALUE_MARK: &[u8] = b"\"indicator\":\"";

/// The lines, and how each is copied.
pub(crate) struct Feed {
    text: Vec<u8>,
    rows: Vec<Row>,
    /// Lines whose indicator no earlier line has.
    distinct: usize,
}

struct Row {
    line: Range<usize>,
    value: Range<usize>,
    pattern: Option<Pattern>,
    /// Distinct indicators of the lines before this one.
    distinct_before: usize,
}

impl Feed {
    /// Reads all lines.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is empty or has a line without an indicator.
    pub(crate) fn read(mut lines: Lines) -> Result<Self> {
        let mut feed = Self { text: Vec::new(), rows: Vec::new(), distinct: 0 };
        let mut keys = HashSet::new();
        loop {
            let start = feed.text.len();
            if !lines.next_line(&mut feed.text)? {
                break;
            }
            let line = start..feed.text.len();
            let row =
                feed.row(line).with_context(|| format!("line {} has no indicator", feed.rows.len() + 1))?;
            let value = feed.text.get(row.value.clone()).unwrap_or_default();
            let parsed = std::str::from_utf8(value).ok().and_then(|value| Indicator::parse(value).ok());
            feed.distinct += usize::from(parsed.is_some_and(|indicator| keys.insert(indicator)));
            feed.rows.push(row);
        }
        ensure!(!feed.rows.is_empty(), "the feed has no lines");
        Ok(feed)
    }

    fn row(&self, line: Range<usize>) -> Option<Row> {
        let text = self.text.get(line.clone())?;
        let value_start = memmem::find(text, VALUE_MARK)? + VALUE_MARK.len();
        let after = text.get(value_start..)?;
        let quote = memchr(b'"', after)?;
        let value = after.get(..quote)?;
        let is_plain = memchr(b'\\', value).is_none();
        let plain = Some(value).filter(|_| is_plain).and_then(|value| std::str::from_utf8(value).ok());
        let pattern = plain.and_then(Pattern::of);
        let value = line.start + value_start..line.start + value_start + quote;
        Some(Row { line, value, pattern, distinct_before: self.distinct })
    }

    /// Lines.
    pub(crate) fn lines(&self) -> usize {
        self.rows.len()
    }

    /// Lines that are the same in all copies.
    pub(super) fn fixed_lines(&self) -> usize {
        self.rows.iter().filter(|row| row.pattern.is_none()).count()
    }

    /// Distinct indicators among the first `count` indexes, as if no two copies met.
    pub(super) fn distinct(&self, count: usize) -> usize {
        let last = self.rows.get(count % self.rows.len()).map_or(0, |row| row.distinct_before);
        count / self.rows.len() * self.distinct + last
    }

    /// Appends the element of an index.
    pub(super) fn write_element(&self, index: usize, out: &mut Vec<u8>) {
        if let Some((row, edition)) = self.at(index) {
            self.write(row, row.line.clone(), edition, out);
        }
    }

    /// Appends a body of the elements of these indexes.
    pub(crate) fn write_body(&self, indexes: impl IntoIterator<Item = usize>, out: &mut Vec<u8>) {
        let mut before = b'[';
        for index in indexes {
            out.push(before);
            self.write_element(index, out);
            before = b',';
        }
        if before == b'[' {
            out.push(before);
        }
        out.push(b']');
    }

    /// Most bytes that the element of an index has.
    pub(super) fn element_bytes_max(&self, index: usize) -> usize {
        let Some((row, _)) = self.at(index) else { return 0 };
        row.line.len() + row.pattern.as_ref().map_or(0, Pattern::growth_bytes_max)
    }

    /// Appends the value of an index; `false`, and nothing, for a line that is not to be looked up.
    pub(crate) fn write_value(&self, index: usize, out: &mut Vec<u8>) -> bool {
        let Some((row, edition)) = self.at(index) else { return false };
        let can = row.pattern.is_some();
        if can {
            self.write(row, row.value.clone(), edition, out);
        }
        can
    }

    /// Appends the value of line `line % lines` in an edition of its own; otherwise as [`Self::write_value`].
    pub(super) fn write_unknown(&self, line: usize, number: u32, out: &mut Vec<u8>) -> bool {
        let row = self.rows.get(line % self.rows.len()).filter(|row| row.pattern.is_some());
        if let Some(row) = row {
            self.write(row, row.value.clone(), Edition::Unknown(number), out);
        }
        row.is_some()
    }

    /// The addresses of the feed, or of one line of it.
    pub(super) fn addresses(&self, lines: Range<usize>) -> impl Iterator<Item = IpAddr> {
        let rows = self.rows.get(lines).unwrap_or_default();
        rows.iter().filter_map(|row| row.pattern.as_ref()?.address())
    }

    fn at(&self, index: usize) -> Option<(&Row, Edition)> {
        let copy = u32::try_from(index / self.rows.len()).ok()?;
        Some((self.rows.get(index % self.rows.len())?, Edition::Stored(copy)))
    }

    fn write(&self, row: &Row, part: Range<usize>, edition: Edition, out: &mut Vec<u8>) {
        let text = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        match &row.pattern {
            Some(pattern) if edition != Edition::Stored(0) => {
                let (start, end) = (usize::from(pattern.span.start), usize::from(pattern.span.end));
                out.extend_from_slice(text(part.start..row.value.start + start));
                pattern.write(edition, out);
                out.extend_from_slice(text(row.value.start + end..part.end));
            }
            _ => out.extend_from_slice(text(part)),
        }
    }
}
