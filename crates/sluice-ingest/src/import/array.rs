//! Where the elements of an array end, whatever they are.
//!
//! In: the text of an array of JSON, as far as it is there. Out: up to where its elements are whole, and how many there
//! are; or the first byte that breaks the grammar between them. Elements are found by their brackets and strings
//! alone, so that one that is no JSON, or no object, costs no other. No bounds; pure.

use super::value::ValueScan;
use crate::{body::text::skip_space, error::Fault};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ArrayState {
    /// The array must open.
    Open,
    /// The first element or the end of the array.
    First,
    /// An element must follow a comma.
    Next,
    /// In an element.
    Element,
    /// A comma or the end of the array.
    After,
    /// The array is closed.
    End,
}

/// Finds the ends of elements.
#[derive(Clone, Debug)]
pub(crate) struct ArrayScan {
    state: ArrayState,
    element: ValueScan,
    at: usize,
}

/// How far an array is whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct WholeElements {
    /// Offset up to which there are whole elements, and what stands between them.
    pub(crate) to: usize,
    /// How many.
    pub(crate) count: u64,
}

impl ArrayScan {
    /// Starts at the first byte of a body.
    pub(crate) fn new() -> Self {
        Self { state: ArrayState::Open, element: ValueScan::new(b']'), at: 0 }
    }

    /// Whether the array is closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == ArrayState::End
    }

    /// The first `bytes` bytes of the text are gone, and what is left of it ends at `length`.
    pub(crate) fn forget(&mut self, bytes: usize, length: usize) {
        self.at = self.at.saturating_sub(bytes).min(length);
    }

    /// Goes on to the end of `text`, and adds to what is whole of it. Returns where the first element may begin, if the
    /// array has just opened.
    ///
    /// # Errors
    ///
    /// The fault and its offset; `whole` then ends before it.
    pub(crate) fn advance(
        &mut self,
        text: &[u8],
        whole: &mut WholeElements,
    ) -> Result<Option<usize>, (usize, Fault)> {
        let mut opened_at = None;
        while let Some(rest @ [byte, ..]) = text.get(self.at..) {
            match self.state {
                ArrayState::Element => {
                    self.at += self.element.take(rest);
                    if self.element.is_whole() {
                        self.state = ArrayState::After;
                        *whole = WholeElements { to: self.at, count: whole.count + 1 };
                    }
                }
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => {
                    self.at = skip_space(text, self.at);
                    if !matches!(self.state, ArrayState::Open | ArrayState::End) {
                        whole.to = self.at;
                    }
                }
                _ => {
                    self.state = self.between(*byte).map_err(|fault| (self.at, fault))?;
                    // The first byte of an element is taken with it.
                    match self.state {
                        ArrayState::Element => self.element = ValueScan::new(b']'),
                        ArrayState::First => {
                            self.at += 1;
                            opened_at = Some(self.at);
                        }
                        ArrayState::Next => {
                            self.at += 1;
                            whole.to = self.at;
                        }
                        _ => self.at += 1,
                    }
                }
            }
        }
        Ok(opened_at)
    }

    /// Takes bytes of the present element, whose beginning is gone; gives how many, and whether it has ended.
    pub(crate) fn pass_over(&mut self, bytes: &[u8]) -> (usize, bool) {
        let taken = self.element.take(bytes);
        let has_ended = self.element.is_whole();
        if has_ended {
            self.state = ArrayState::After;
        }
        (taken, has_ended)
    }

    /// The state after a byte between elements.
    fn between(&self, byte: u8) -> Result<ArrayState, Fault> {
        Ok(match (self.state, byte) {
            (ArrayState::Open, b'[') => ArrayState::First,
            (ArrayState::Open, _) => return Err(Fault::NotAnArray),
            (ArrayState::First | ArrayState::After, b']') => ArrayState::End,
            (ArrayState::After, b',') => ArrayState::Next,
            (ArrayState::After, _) => return Err(Fault::NoSeparator),
            (ArrayState::First | ArrayState::Next, b',' | b']') => return Err(Fault::NotAnObject),
            (ArrayState::First | ArrayState::Next, _) => ArrayState::Element,
            _ => return Err(Fault::Trailing),
        })
    }
}

#[cfg(test)]
mod tests;
