//! Cuts a bulk body into slices of whole actions while it arrives.
//!
//! In: the bytes of one body, cut anywhere. Out: [`BulkSlice`]s in the order of the body. An action is a line, and but for
//! `delete` the next line is its document. A slice is closed after a whole action once it has [`limits::SLICE_BYTES`]
//! bytes. Empty lines between actions count for nothing. A document over [`limits::ELEMENT_BYTES_MAX`] is left out, and
//! its action stays; a line that is no action ends the body. No threads, no clock, no I/O.

use memchr::memchr;
use sluice_model::{limits, ranges::bytes_at};

use super::action::{Operation, operation_of};
use crate::error::{BodyError, Fault};

#[cfg(test)]
mod tests;

/// Longest action line.
const ACTION_BYTES_MAX: usize = 64 * limits::KIB;

/// Whole actions of a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct BulkSlice {
    pub(super) text: Vec<u8>,
    /// Number of the slice in the body, from 0.
    pub(super) index: u32,
    /// Number of its first line in the body, from 0.
    pub(super) first_line: u64,
    /// Offset of its text in the body.
    pub(super) first_byte: u64,
    /// Where empty lines stand in place of documents that are too long, ascending, each with the bytes of all documents up
    /// to there that were left out.
    pub(super) left_out: Vec<(usize, u64)>,
}

impl BulkSlice {
    /// Offset in the body of what stands at `at`.
    pub(super) fn byte_at(&self, at: usize) -> u64 {
        let before = self.left_out.partition_point(|(place, _)| *place < at);
        let left_out = before.checked_sub(1).and_then(|last| self.left_out.get(last));
        self.first_byte + at as u64 + left_out.map_or(0, |(_, bytes)| *bytes)
    }

    /// Whether the document that stands at `at` was left out.
    pub(super) fn is_left_out(&self, at: usize) -> bool {
        self.left_out.binary_search_by_key(&at, |(place, _)| *place).is_ok()
    }
}

/// Cuts a body.
#[derive(Debug, Default)]
pub(super) struct BulkCutter {
    slice: BulkSlice,
    /// Where the line begins that is not whole yet.
    line_from: usize,
    /// Where whole actions end.
    whole_to: usize,
    /// Lines of the slice that are whole.
    lines: u64,
    /// Whether the next line is a document.
    wants_document: bool,
    /// Whether what comes up to the next line break is left out.
    is_skipping: bool,
    /// Bytes of the body that were left out of the present slice.
    skipped_bytes: u64,
    has_action: bool,
}

impl BulkCutter {
    /// Takes from `bytes` up to the end of a slice, and gives that; `None` once they are used up.
    ///
    /// # Errors
    ///
    /// A line in the place of an action that is none.
    pub(super) fn next_slice(&mut self, bytes: &mut &[u8]) -> Result<Option<BulkSlice>, BodyError> {
        while !bytes.is_empty() {
            if self.is_skipping {
                let end = memchr(b'\n', bytes);
                let skipped = end.unwrap_or(bytes.len());
                self.skip(skipped);
                *bytes = bytes_at(bytes, skipped..);
                self.is_skipping = end.is_none();
                continue;
            }
            // Up to the end of a line at a time: what follows belongs to the next slice, perhaps.
            let length = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            self.slice.text.extend_from_slice(bytes_at(bytes, ..length));
            *bytes = bytes_at(bytes, length..);
            if self.slice.text.last() == Some(&b'\n') {
                self.end_line(self.slice.text.len() - 1)?;
            } else {
                self.bound_line()?;
            }
            if limits::SLICE_BYTES <= self.whole_to && self.whole_to == self.slice.text.len() {
                return Ok(Some(self.close()));
            }
        }
        Ok(None)
    }

    /// Ends the body; gives the last slice, if there is one.
    ///
    /// # Errors
    ///
    /// A line in the place of an action that is none, an action without its document, or a body without actions.
    pub(super) fn finish(&mut self) -> Result<Option<BulkSlice>, BodyError> {
        if self.line_from < self.slice.text.len() || self.is_skipping {
            // The last line needs no line break.
            let end = self.slice.text.len();
            self.slice.text.push(b'\n');
            self.end_line(end)?;
        }
        if self.wants_document {
            return Err(self.error(self.line_from, Fault::NoDocument));
        }
        if !self.has_action {
            return Err(self.error(0, Fault::NoElement));
        }
        Ok(if self.whole_to == 0 { None } else { Some(self.close()) })
    }

    /// Takes the line that ends at `end`, where its line break is.
    fn end_line(&mut self, end: usize) -> Result<(), BodyError> {
        let line = bytes_at(&self.slice.text, self.line_from..end);
        let is_whole = if std::mem::take(&mut self.wants_document) {
            if limits::ELEMENT_BYTES_MAX < line.len() {
                self.leave_out(end);
            }
            true
        } else if line.trim_ascii().is_empty() {
            true
        } else {
            let operation = operation_of(line).filter(|_| line.len() <= ACTION_BYTES_MAX);
            let operation = operation.ok_or_else(|| self.error(self.line_from, Fault::NoAction))?;
            self.has_action = true;
            self.wants_document = operation != Operation::Delete;
            !self.wants_document
        };
        self.lines += 1;
        self.line_from = self.slice.text.len();
        if is_whole {
            self.whole_to = self.line_from;
        }
        Ok(())
    }

    /// Looks at a line of which the end is not there yet: it may be too long already.
    fn bound_line(&mut self) -> Result<(), BodyError> {
        let bytes = self.slice.text.len() - self.line_from;
        if self.wants_document && limits::ELEMENT_BYTES_MAX < bytes {
            self.leave_out(self.slice.text.len());
            self.is_skipping = true;
        } else if !self.wants_document && ACTION_BYTES_MAX < bytes {
            return Err(self.error(self.line_from, Fault::NoAction));
        }
        Ok(())
    }

    /// Leaves the present line out, up to `end`.
    fn leave_out(&mut self, end: usize) {
        if self.slice.left_out.last().is_none_or(|(place, _)| *place != self.line_from) {
            self.slice.left_out.push((self.line_from, self.skipped_bytes));
        }
        self.skip(end - self.line_from);
        self.slice.text.drain(self.line_from..end);
    }

    /// Counts bytes of the document that is being left out.
    fn skip(&mut self, bytes: usize) {
        self.skipped_bytes += bytes as u64;
        if let Some((_, left_out)) = self.slice.left_out.last_mut() {
            *left_out = self.skipped_bytes;
        }
    }

    fn close(&mut self) -> BulkSlice {
        let next_byte = self.slice.first_byte + self.slice.text.len() as u64 + self.skipped_bytes;
        let next = BulkSlice {
            index: self.slice.index + 1,
            first_line: self.slice.first_line + self.lines,
            first_byte: next_byte,
            text: Vec::with_capacity(if self.slice.index == 0 { 0 } else { self.slice.text.len() }),
            left_out: Vec::new(),
        };
        (self.line_from, self.whole_to, self.lines, self.skipped_bytes) = (0, 0, 0, 0);
        std::mem::replace(&mut self.slice, next)
    }

    fn error(&self, at: usize, fault: Fault) -> BodyError {
        BodyError::Syntax { fault, byte: self.slice.first_byte + self.skipped_bytes + at as u64 }
    }
}
