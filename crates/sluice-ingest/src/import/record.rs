//! Where the records of a table end.
//!
//! In: the text of a table, as far as it is there. Out: the end of one record after the other, by RFC 4180: a field
//! that begins with a quote ends with one, and may have line breaks and doubled quotes in it. A quote inside of another
//! field is a character like any other.
//!
//! A record whose quotes are wrong is *broken*, and costs its first line alone: something other than a delimiter
//! follows a closing quote, or the quotes stay open to the end or for more than [`RECORD_LINES_MAX`] lines. For as many
//! lines after it no record has line breaks, so that a text of nothing but such quotes is looked at twice at most.
//!
//! The state between two texts is small, and a line that arrives byte by byte is looked at once. Pure.

use memchr::{memchr, memchr2};

/// Lines of one record.
pub(crate) const RECORD_LINES_MAX: u32 = 64;

/// Bytes of a record with line breaks.
pub(crate) const BROKEN_BYTES_MAX: usize = 256 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RecordState {
    /// A record begins.
    Start,
    /// A field begins.
    Field,
    /// In a field without quotes.
    Plain,
    /// In a comment.
    Comment,
    /// Between quotes.
    Quoted,
    /// After a quote that closes, or is the first of two.
    Closed,
    /// After the carriage return behind a closing quote.
    Return,
    /// In the first line of a broken record, which has not ended yet.
    Broken,
}

/// A record, with its line break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// How many lines it has.
    pub(crate) lines: u32,
    /// Whether its quotes are wrong; it is then the first of its lines.
    pub(crate) is_broken: bool,
}

/// Finds the ends of records.
#[derive(Clone, Debug)]
pub(crate) struct RecordScan {
    delimiter: u8,
    state: RecordState,
    /// Where the present record begins, and where it is looked at next.
    from: usize,
    at: usize,
    /// Line breaks of the present record, and where its first line ends.
    lines: u32,
    first_line_to: usize,
    /// Lines to come in which no record has line breaks.
    pub(crate) strict_lines: u32,
}

impl RecordScan {
    /// Starts at the beginning of a text. `strict_lines` is what a scan of the text before has left.
    pub(crate) fn new(delimiter: u8, strict_lines: u32) -> Self {
        let state = RecordState::Start;
        Self { delimiter, state, from: 0, at: 0, lines: 0, first_line_to: 0, strict_lines }
    }

    /// The first `bytes` bytes of the text are gone: whole records.
    pub(crate) fn forget(&mut self, bytes: usize) {
        self.from = self.from.saturating_sub(bytes);
        self.at = self.at.saturating_sub(bytes);
        self.first_line_to = self.first_line_to.saturating_sub(bytes);
    }

    /// The text begins anew, after a line that was passed over.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.delimiter, RECORD_LINES_MAX);
    }

    /// The next record of `text`; `None` if its end is not there yet. The text is then given again, longer, or for the
    /// last time with `is_whole`.
    pub(crate) fn next(&mut self, text: &[u8], is_whole: bool) -> Option<Record> {
        while self.at < text.len() {
            if let Some(record) = self.step(text) {
                return Some(record);
            }
        }
        if !is_whole || self.from == text.len() {
            return None;
        }
        let is_broken = matches!(self.state, RecordState::Quoted | RecordState::Broken);
        Some(if is_broken { self.end_broken(text.len()) } else { self.end(text.len(), false) })
    }

    fn step(&mut self, text: &[u8]) -> Option<Record> {
        let rest = text.get(self.at..)?;
        let first = *rest.first()?;
        match self.state {
            RecordState::Start => {
                if first == b'#' {
                    self.state = RecordState::Comment;
                    return None;
                }
                // Most records are a line without quotes.
                if let Some(length) = memchr(b'\n', rest)
                    && memchr(b'"', rest.get(..length)?).is_none()
                {
                    return Some(self.end(self.at + length + 1, false));
                }
                self.state = RecordState::Field;
            }
            RecordState::Field => {
                let is_quoted = first == b'"';
                self.at += usize::from(is_quoted);
                self.state = if is_quoted { RecordState::Quoted } else { RecordState::Plain };
            }
            RecordState::Plain => match memchr2(b'\n', self.delimiter, rest) {
                Some(found) if rest.get(found) == Some(&b'\n') => {
                    return Some(self.end(self.at + found + 1, false));
                }
                found => {
                    self.state = if found.is_some() { RecordState::Field } else { RecordState::Plain };
                    self.at += found.map_or(rest.len(), |found| found + 1);
                }
            },
            RecordState::Comment | RecordState::Broken => match memchr(b'\n', rest) {
                Some(found) => return Some(self.end(self.at + found + 1, self.state == RecordState::Broken)),
                None => self.at = text.len(),
            },
            RecordState::Quoted => match memchr2(b'"', b'\n', rest) {
                Some(found) if rest.get(found) == Some(&b'\n') => {
                    return self.break_line(self.at + found + 1);
                }
                found => {
                    self.state = if found.is_some() { RecordState::Closed } else { RecordState::Quoted };
                    self.at += found.map_or(rest.len(), |found| found + 1);
                }
            },
            RecordState::Closed | RecordState::Return => return self.after_quote(first),
        }
        None
    }

    /// Takes the line break before `at` that stands between quotes.
    fn break_line(&mut self, at: usize) -> Option<Record> {
        self.at = at;
        self.lines += 1;
        if self.lines == 1 {
            self.first_line_to = at;
        }
        let is_broken =
            self.strict_lines > 0 || RECORD_LINES_MAX <= self.lines || BROKEN_BYTES_MAX < at - self.from;
        is_broken.then(|| self.end_broken(at))
    }

    /// Takes the byte after a quote.
    fn after_quote(&mut self, byte: u8) -> Option<Record> {
        self.state = match (self.state, byte) {
            (_, b'\n') => return Some(self.end(self.at + 1, false)),
            (RecordState::Closed, b'"') => RecordState::Quoted,
            (RecordState::Closed, b'\r') => RecordState::Return,
            (RecordState::Closed, byte) if byte == self.delimiter => RecordState::Field,
            _ if self.lines > 0 => return Some(self.end_broken(self.at)),
            _ => RecordState::Broken,
        };
        self.at += 1;
        None
    }

    /// Ends a broken record with its first line, or at `to` if that has no end.
    fn end_broken(&mut self, to: usize) -> Record {
        self.end(if self.lines > 0 { self.first_line_to } else { to }, true)
    }

    fn end(&mut self, to: usize, is_broken: bool) -> Record {
        let lines = if is_broken { 1 } else { self.lines + 1 };
        let record = Record { from: self.from, to, lines, is_broken };
        self.strict_lines =
            if is_broken { RECORD_LINES_MAX } else { self.strict_lines.saturating_sub(self.lines + 1) };
        (self.state, self.from, self.at, self.lines) = (RecordState::Start, to, to, 0);
        record
    }
}

#[cfg(test)]
mod tests;
