//! Cuts a body of rows into slices while it arrives.
//!
//! In: the bytes of one body after its BOM, cut anywhere. Out: [`RowsSlice`]s of whole rows in the order of the body,
//! each byte of which lies where it lay in the body. A slice is closed at the last whole row once it has
//! [`limits::SLICE_BYTES`] bytes, with those that each row is given beside its own, or [`SLICE_LINES_MAX`] lines. What a row says is left to `rows`; here it is known by its
//! line break, by its quotes, or by its brackets, whichever the format has.
//!
//! A row over [`limits::ELEMENT_BYTES_MAX`] is passed over: a slice of its own has its beginning. No threads, no clock, no I/O.

use memchr::{memchr, memchr_iter, memrchr};
use sluice_model::{limits, ranges::bytes_at};

use super::{
    array::{ArrayScan, WholeElements},
    picked::Picked,
    record::RecordScan,
};
use crate::error::{BodyError, Fault};

/// Lines, or elements, after which a slice is closed even if it is short.
pub(crate) const SLICE_LINES_MAX: u64 = 1 << 16;

/// Bytes of a row that is too long that are kept, to tell which it is.
const TOO_LONG_KEPT_BYTES: usize = 256;

/// Whole rows of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RowsSlice {
    pub(crate) text: Vec<u8>,
    /// Number of its first line, or element, in the body, from 1.
    pub(crate) first_line: u64,
    /// How many there are.
    pub(crate) lines: u64,
    /// Offset in the body of its first byte.
    pub(crate) first_byte: u64,
    /// Lines at its beginning in which no record of a table has line breaks.
    pub(crate) strict_lines: u32,
    /// Whether it is the beginning of a row that is too long.
    pub(crate) is_too_long: bool,
    /// Where its rows lie, if they were picked out of documents.
    pub(crate) picked: Picked,
}

/// Bytes that so many lines are given, each so many.
pub(crate) fn given_bytes(lines: u64, each_bytes: usize) -> usize {
    usize::try_from(lines).unwrap_or(usize::MAX).saturating_mul(each_bytes)
}

impl RowsSlice {
    /// Number of the line after it.
    pub(crate) fn next_line(&self) -> u64 {
        self.first_line + self.lines
    }
}

/// By what the end of a row is known.
#[derive(Clone, Debug)]
pub(crate) enum RowEnds {
    /// By its line break.
    Lines,
    /// By its line break, unless that stands between quotes.
    Records(RecordScan),
    /// By its brackets.
    Elements(ArrayScan),
}

/// The state between two chunks.
#[derive(Debug)]
pub(crate) struct Cutter {
    ends: RowEnds,
    text: Vec<u8>,
    whole: WholeElements,
    first_line: u64,
    first_byte: u64,
    strict_lines: u32,
    /// Bytes that each row is given beside its own.
    given_bytes: usize,
    /// Whether the row that was too long has not ended yet.
    is_skipping: bool,
}

impl Cutter {
    /// Starts at a byte of a body, with which a line begins. Each row is given so many bytes beside its own.
    pub(crate) fn new(ends: RowEnds, first_line: u64, first_byte: u64, given_bytes: usize) -> Self {
        Self {
            ends,
            text: Vec::new(),
            whole: WholeElements::default(),
            first_line,
            first_byte,
            strict_lines: 0,
            given_bytes,
            is_skipping: false,
        }
    }

    /// Bytes that are not handed out yet.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.text.len()
    }

    /// Number of the line, or element, that is being read.
    pub(crate) fn line(&self) -> u64 {
        self.first_line + self.whole.count
    }

    /// Consumes `chunk`, which is moderately long, until a slice is full or the chunk is used up (`None`).
    ///
    /// # Errors
    ///
    /// The first byte after which no row can be told from the next.
    pub(crate) fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<RowsSlice>, BodyError> {
        if let Some(slice) = self.full() {
            return Ok(Some(slice));
        }
        if self.is_skipping {
            let (skipped_bytes, has_ended) = match &mut self.ends {
                RowEnds::Elements(scan) => scan.pass_over(chunk),
                RowEnds::Lines | RowEnds::Records(_) => rest_of_line(chunk),
            };
            self.first_byte += skipped_bytes as u64;
            self.is_skipping = !has_ended;
            *chunk = bytes_at(chunk, skipped_bytes..);
        }
        let piece = std::mem::take(chunk);
        if piece.is_empty() {
            return Ok(None);
        }
        let from = self.text.len();
        self.text.extend_from_slice(piece);
        self.find_ends(from)?;
        Ok(self.full())
    }

    /// Ends the body; gives a slice of what is left. To be called until it gives nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::Unfinished`] for an array that is not closed.
    pub(crate) fn finish(&mut self) -> Result<Option<RowsSlice>, BodyError> {
        if let RowEnds::Elements(scan) = &self.ends
            && !scan.has_ended()
        {
            return Err(self.error((self.text.len(), Fault::Unfinished)));
        }
        self.find_last_ends();
        Ok(if self.whole.to == 0 { None } else { Some(self.close()) })
    }

    /// Gives the whole rows that are there.
    pub(crate) fn flush(&mut self) -> Option<RowsSlice> {
        if self.whole.count == 0 { None } else { Some(self.close()) }
    }

    /// A slice, if one is full, or if the row after it is too long.
    fn full(&mut self) -> Option<RowsSlice> {
        let is_too_long = limits::ELEMENT_BYTES_MAX < self.text.len() - self.whole.to;
        let given_bytes = given_bytes(self.whole.count, self.given_bytes);
        if limits::SLICE_BYTES <= self.whole.to.saturating_add(given_bytes)
            || SLICE_LINES_MAX <= self.whole.count
        {
            return Some(self.close());
        }
        if !is_too_long {
            return None;
        }
        Some(if self.whole.count > 0 { self.close() } else { self.pass_over() })
    }

    /// Looks for the ends of rows in the text from `from` on, which is new.
    fn find_ends(&mut self, from: usize) -> Result<(), BodyError> {
        match &mut self.ends {
            RowEnds::Lines => {
                let piece = bytes_at(&self.text, from..);
                if let Some(last) = memrchr(b'\n', piece) {
                    self.whole.to = from + last + 1;
                    self.whole.count += memchr_iter(b'\n', piece).count() as u64;
                }
            }
            RowEnds::Records(scan) => {
                let whole_before = self.whole.to;
                while let Some(record) = scan.next(&self.text, false) {
                    self.whole.to = record.to;
                }
                let whole = bytes_at(&self.text, whole_before..self.whole.to);
                self.whole.count += memchr_iter(b'\n', whole).count() as u64;
            }
            RowEnds::Elements(scan) => match scan.advance(&self.text, &mut self.whole) {
                Ok(None) => {}
                Ok(Some(opened_at)) => {
                    self.whole.to = self.whole.to.max(opened_at);
                    self.drop_begin(opened_at);
                }
                Err(fault) => return Err(self.error(fault)),
            },
        }
        if let RowEnds::Elements(scan) = &mut self.ends
            && scan.has_ended()
        {
            // Nothing but white space may follow.
            self.text.truncate(self.whole.to);
            scan.forget(0, self.text.len());
        }
        Ok(())
    }

    /// What is left ends with the body.
    fn find_last_ends(&mut self) {
        let whole_before = self.whole.to;
        match &mut self.ends {
            RowEnds::Lines => self.whole.to = self.text.len(),
            RowEnds::Records(scan) => {
                while let Some(record) = scan.next(&self.text, true) {
                    self.whole.to = record.to;
                }
            }
            RowEnds::Elements(_) => return,
        }
        let last = bytes_at(&self.text, whole_before..self.whole.to);
        self.whole.count += memchr_iter(b'\n', last).count() as u64;
        // The last line needs no line break.
        self.whole.count += u64::from(last.last().is_some_and(|byte| *byte != b'\n'));
    }

    /// Takes the whole rows, and begins the next slice with what is left.
    fn close(&mut self) -> RowsSlice {
        let left = bytes_at(&self.text, self.whole.to..);
        // A body with one full slice will have more of them: spare the growing.
        let is_full = limits::SLICE_BYTES <= self.whole.to;
        let mut next = Vec::with_capacity(if is_full { self.text.len() } else { left.len() });
        next.extend_from_slice(left);
        let mut text = std::mem::replace(&mut self.text, next);
        text.truncate(self.whole.to);
        let strict_lines = self.strict_lines;
        if let RowEnds::Records(scan) = &self.ends {
            self.strict_lines = scan.strict_lines;
        }
        self.slice(text, strict_lines, false)
    }

    /// Passes over the row that is too long; gives its beginning.
    fn pass_over(&mut self) -> RowsSlice {
        // What separates an element from the one before.
        self.drop_begin(self.whole.to);
        let text = bytes_at(&self.text, ..TOO_LONG_KEPT_BYTES).to_vec();
        let (passed_bytes, has_ended) = match &self.ends {
            // It would be whole otherwise.
            RowEnds::Elements(_) => (self.text.len(), false),
            RowEnds::Lines | RowEnds::Records(_) => rest_of_line(&self.text),
        };
        self.whole = WholeElements { to: passed_bytes, count: 1 };
        self.is_skipping = !has_ended;
        self.text.drain(..passed_bytes);
        self.text.shrink_to(limits::SLICE_BYTES);
        if let RowEnds::Records(scan) = &mut self.ends {
            // It would go on in the line that was left out.
            scan.restart();
            self.strict_lines = scan.strict_lines;
        }
        let strict_lines = self.strict_lines;
        self.slice(text, strict_lines, true)
    }

    /// Makes a slice of the whole rows, whose text has been taken.
    fn slice(&mut self, text: Vec<u8>, strict_lines: u32, is_too_long: bool) -> RowsSlice {
        let WholeElements { to, count: lines } = std::mem::take(&mut self.whole);
        let slice = RowsSlice {
            text,
            first_line: self.first_line,
            lines,
            first_byte: self.first_byte,
            strict_lines,
            is_too_long,
            picked: Picked::default(),
        };
        self.first_line += lines;
        self.first_byte += to as u64;
        match &mut self.ends {
            RowEnds::Lines => {}
            RowEnds::Records(_) if is_too_long => {}
            RowEnds::Records(scan) => scan.forget(to),
            RowEnds::Elements(scan) => scan.forget(to, self.text.len()),
        }
        slice
    }

    /// Drops what stands before a row.
    fn drop_begin(&mut self, bytes: usize) {
        self.text.drain(..bytes);
        self.whole.to -= bytes;
        self.first_byte += bytes as u64;
        if let RowEnds::Elements(scan) = &mut self.ends {
            scan.forget(bytes, self.text.len());
        }
    }

    fn error(&self, (at, fault): (usize, Fault)) -> BodyError {
        BodyError::Syntax { fault, byte: self.first_byte + at as u64 }
    }
}

/// Bytes up to the end of a line, and whether it is there.
fn rest_of_line(text: &[u8]) -> (usize, bool) {
    let line_end = memchr(b'\n', text);
    (line_end.map_or(text.len(), |at| at + 1), line_end.is_some())
}

#[cfg(test)]
mod tests;
