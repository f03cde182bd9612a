//! Finds the elements of a body while it arrives.
//!
//! In: the chunks of one body, cut anywhere. Out: [`BodySlice`]s, each a JSON array of whole elements, in body
//! order, with what it takes to find a byte of the slice in the body again. A slice is closed at the end of the
//! element that reaches [`limits::SLICE_BYTES`] or [`SLICE_ELEMENTS_MAX`].
//!
//! Checks the outer grammar exactly: an optional BOM, white space, `[`, objects separated by commas, `]`, white
//! space; also the bounds on nesting and on the length of an element. What lies inside an element is left to
//! `elements`, which must accept every slice: a body is well-formed exactly when both do. No threads, no clock, no I/O.

use memchr::memchr2;
use sluice_model::{limits, ranges::bytes_at};

use super::brackets::{BLOCK_BYTES, Brackets};
use crate::error::{BodyError, Fault};

/// Elements after which a slice is closed even if it is short, so that `{},{},{}` costs no more than feeds do.
pub(crate) const SLICE_ELEMENTS_MAX: u32 = 1 << 16;

/// Bytes by which a slice may become longer than the one before it without being moved: some ordinary elements.
const SLACK_BYTES: usize = 4 * limits::KIB;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Whole elements of a body, as the text of one JSON array.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BodySlice {
    /// Number of the slice in its body, from 0.
    pub(crate) index: u32,
    /// `[` element `,` element ... `]`, every element as sent.
    pub(crate) text: Vec<u8>,
    /// Number in the body of the first element, from 0.
    pub(crate) first_element: u64,
    /// Offsets in `text` and in the body of elements before which something was left out. With `(1, 3)` and `(9, 15)`,
    /// byte 10 of the slice is byte 16 of the body, and byte 8 is byte 10.
    gaps: Vec<(usize, u64)>,
}

impl BodySlice {
    /// Offset in the body of a byte of `text`.
    pub(crate) fn body_byte(&self, slice_byte: usize) -> u64 {
        let after = self.gaps.partition_point(|(gap_byte, _)| *gap_byte <= slice_byte);
        let Some((gap_byte, body_byte)) = self.gaps.get(after.saturating_sub(1)) else { return 0 };
        body_byte + slice_byte.saturating_sub(*gap_byte) as u64
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SplitState {
    /// So many bytes of the BOM were seen.
    Bom(usize),
    /// The array must open.
    Open,
    /// The first element or the end of the array.
    First,
    /// An element must follow a comma.
    Next,
    /// Inside an element, outside its strings.
    Element,
    /// Inside a string of an element.
    Text,
    /// After a backslash of a string.
    Escape,
    /// A comma or the end of the array.
    After,
    /// The array is closed.
    End,
}

/// The state between two chunks.
#[derive(Debug)]
pub(crate) struct Splitter {
    state: SplitState,
    /// Open arrays and objects of the current element.
    depth: usize,
    /// Bytes of the body consumed so far.
    body_byte: u64,
    /// Bytes of the current element consumed so far.
    element_bytes: usize,
    text: Vec<u8>,
    gaps: Vec<(usize, u64)>,
    elements_count: u32,
    elements_before: u64,
    slices_count: u32,
}

impl Splitter {
    /// Starts at the first byte of a body.
    pub(crate) fn new() -> Self {
        Self {
            state: SplitState::Bom(0),
            depth: 0,
            body_byte: 0,
            element_bytes: 0,
            text: Vec::new(),
            gaps: Vec::new(),
            elements_count: 0,
            elements_before: 0,
            slices_count: 0,
        }
    }

    /// Consumes `chunk` from the front until a slice is full or the chunk is used up (`None`).
    ///
    /// # Errors
    ///
    /// The first byte that breaks the outer grammar or a bound. The splitter is then of use only for
    /// [`into_rest`](Self::into_rest).
    pub(crate) fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<BodySlice>, BodyError> {
        while let Some((&byte, rest)) = chunk.split_first() {
            if matches!(self.state, SplitState::Element | SplitState::Text | SplitState::Escape) {
                self.scan_element(chunk)?;
                if self.state == SplitState::After && self.is_full() {
                    return Ok(Some(self.close()));
                }
            } else if self.step(byte)? {
                *chunk = rest;
                self.body_byte += 1;
            }
        }
        Ok(None)
    }

    /// Ends the body; gives the last slice, if any element is left.
    ///
    /// # Errors
    ///
    /// [`Fault::Unfinished`] when the outer array is not closed.
    pub(crate) fn finish(&mut self) -> Result<Option<BodySlice>, BodyError> {
        if self.state != SplitState::End {
            return Err(self.error(Fault::Unfinished));
        }
        Ok(if self.elements_count > 0 { Some(self.close()) } else { None })
    }

    /// Elements seen so far.
    pub(crate) fn elements_count(&self) -> u64 {
        self.elements_before + u64::from(self.elements_count)
    }

    /// Offset of the next byte.
    pub(crate) fn body_byte(&self) -> u64 {
        self.body_byte
    }

    /// What was not handed out: the beginning of a slice, perhaps cut within an element.
    pub(crate) fn into_rest(self) -> BodySlice {
        BodySlice {
            index: self.slices_count,
            text: self.text,
            first_element: self.elements_before,
            gaps: self.gaps,
        }
    }

    fn is_full(&self) -> bool {
        self.text.len() >= limits::SLICE_BYTES || self.elements_count >= SLICE_ELEMENTS_MAX
    }

    fn close(&mut self) -> BodySlice {
        self.text.push(b']');
        // A body with one full slice will have more of them: spare the growing, which would double it for a few bytes.
        let next = if self.state == SplitState::End { 0 } else { self.text.len() + SLACK_BYTES };
        let slice = BodySlice {
            index: self.slices_count,
            text: std::mem::replace(&mut self.text, Vec::with_capacity(next)),
            first_element: self.elements_before,
            gaps: std::mem::take(&mut self.gaps),
        };
        self.slices_count += 1;
        self.elements_before += u64::from(self.elements_count);
        self.elements_count = 0;
        slice
    }

    /// Takes one byte between elements; returns true if it is consumed.
    fn step(&mut self, byte: u8) -> Result<bool, BodyError> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.state = match (self.state, byte) {
            (SplitState::Bom(seen), _) if BOM.get(seen) == Some(&byte) => {
                if seen + 1 == BOM.len() {
                    SplitState::Open
                } else {
                    SplitState::Bom(seen + 1)
                }
            }
            (SplitState::Bom(0), _) => {
                self.state = SplitState::Open;
                return Ok(false);
            }
            (SplitState::Bom(_), _) => return Err(self.error(Fault::NotAnArray)),
            (state, _) if is_space => state,
            (SplitState::Open, b'[') => SplitState::First,
            (SplitState::First | SplitState::Next, b'{') => {
                self.begin_element();
                return Ok(false);
            }
            (SplitState::First | SplitState::After, b']') => SplitState::End,
            (SplitState::After, b',') => SplitState::Next,
            (SplitState::Open, _) => return Err(self.error(Fault::NotAnArray)),
            (SplitState::First | SplitState::Next, _) => return Err(self.error(Fault::NotAnObject)),
            (SplitState::After, _) => return Err(self.error(Fault::NoSeparator)),
            (SplitState::End | SplitState::Element | SplitState::Text | SplitState::Escape, _) => {
                return Err(self.error(Fault::Trailing));
            }
        };
        Ok(true)
    }

    fn begin_element(&mut self) {
        self.text.push(if self.elements_count == 0 { b'[' } else { b',' });
        let (slice_byte, body_byte) = (self.text.len(), self.body_byte);
        // Nothing was left out since the last gap if slice and body have come equally far: between elements there was
        // a comma and no white space.
        let follows = match self.gaps.last() {
            Some((last_byte, last_body_byte)) => {
                body_byte - last_body_byte == (slice_byte - last_byte) as u64
            }
            None => false,
        };
        if !follows {
            self.gaps.push((slice_byte, body_byte));
        }
        self.elements_count += 1;
        self.element_bytes = 0;
        self.depth = 0;
        self.state = SplitState::Element;
    }

    fn scan_element(&mut self, chunk: &mut &[u8]) -> Result<(), BodyError> {
        let allowed_bytes = limits::ELEMENT_BYTES_MAX - self.element_bytes;
        let window = bytes_at(chunk, ..allowed_bytes.min(chunk.len()));
        if window.is_empty() {
            return Err(self.error(Fault::ElementTooLong));
        }
        let scanned = self.scan(window);
        let (Ok(taken_bytes) | Err(taken_bytes)) = scanned;
        let (taken, rest) = chunk.split_at_checked(taken_bytes).unwrap_or((*chunk, &[]));
        self.text.extend_from_slice(taken);
        self.element_bytes += taken.len();
        self.body_byte += taken.len() as u64;
        *chunk = rest;
        if scanned.is_err() { Err(self.error(Fault::TooDeep)) } else { Ok(()) }
    }

    /// Counts how many bytes of `window` belong to the current element. `Err` is the number of bytes before the bracket
    /// that opens one level too many.
    fn scan(&mut self, window: &[u8]) -> Result<usize, usize> {
        let mut at = 0;
        while let Some(rest @ [_, ..]) = window.get(at..) {
            let block = match rest.first_chunk() {
                Some(block) if self.state != SplitState::Escape => self.scan_block(block),
                _ => None,
            };
            let stride = match block {
                Some(stride) => stride,
                None => self.scan_bytes(rest.get(..BLOCK_BYTES).unwrap_or(rest)),
            };
            match stride {
                Ok(bytes) => at += bytes,
                Err(bytes) => return Err(at + bytes),
            }
            if self.state == SplitState::After {
                return Ok(at);
            }
        }
        Ok(window.len())
    }

    /// The same for a block, all brackets of which are found at once; `None` if there is a backslash in it.
    fn scan_block(&mut self, block: &[u8; BLOCK_BYTES]) -> Option<Result<usize, usize>> {
        let brackets = Brackets::of(block, self.state == SplitState::Text)?;
        let ends_inside = brackets.ends_inside;
        for (at, opens) in brackets {
            if self.bracket(opens).is_none() {
                return Some(Err(at));
            }
            if self.state == SplitState::After {
                return Some(Ok(at + 1));
            }
        }
        self.state = if ends_inside { SplitState::Text } else { SplitState::Element };
        Some(Ok(BLOCK_BYTES))
    }

    /// The same for any bytes, one after the other.
    fn scan_bytes(&mut self, window: &[u8]) -> Result<usize, usize> {
        let mut at = 0;
        while let Some(rest @ [_, ..]) = window.get(at..) {
            match self.state {
                SplitState::Text => {
                    let Some(found) = memchr2(b'"', b'\\', rest) else { break };
                    self.state =
                        if rest.get(found) == Some(&b'"') { SplitState::Element } else { SplitState::Escape };
                    at += found + 1;
                }
                SplitState::Escape => {
                    self.state = SplitState::Text;
                    at += 1;
                }
                _ => {
                    let is_mark = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
                    let Some(found) = rest.iter().position(is_mark) else { break };
                    match rest.get(found) {
                        Some(b'"') => self.state = SplitState::Text,
                        byte => self.bracket(matches!(byte, Some(b'{' | b'['))).ok_or(at + found)?,
                    }
                    at += found + 1;
                    if self.state == SplitState::After {
                        return Ok(at);
                    }
                }
            }
        }
        Ok(window.len())
    }

    /// Counts a bracket; `None` when it opens a level too many.
    fn bracket(&mut self, is_opening: bool) -> Option<()> {
        if is_opening {
            // The outer array is a level too.
            if self.depth + 2 > limits::NESTING_LEVELS_MAX {
                return None;
            }
            self.depth += 1;
        } else {
            self.depth -= 1;
            if self.depth == 0 {
                self.state = SplitState::After;
            }
        }
        Some(())
    }

    fn error(&self, fault: Fault) -> BodyError {
        BodyError::Syntax { fault, byte: self.body_byte }
    }
}

#[cfg(test)]
mod tests;
