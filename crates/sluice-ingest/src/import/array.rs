//! Where the elements of an array end, whatever they are.
//!
//! In: the text of an array of JSON, as far as it is there. Out: up to where its elements are whole, and how many there
//! are; or the first byte that breaks the grammar between them. Elements are found by their brackets and strings
//! alone, so that one that is no JSON, or no object, costs no other. No bounds; pure.

use memchr::memchr2;

use crate::{body::text::skip_space, error::Fault};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ArrayState {
    /// The array must open.
    Open,
    /// The first element or the end of the array.
    First,
    /// An element must follow a comma.
    Next,
    /// Inside brackets of an element.
    Nested,
    /// Inside a string of an element.
    Text,
    /// After a backslash of a string.
    Escape,
    /// In an element without brackets and quotes.
    Scalar,
    /// A comma or the end of the array.
    After,
    /// The array is closed.
    End,
}

/// Finds the ends of elements.
#[derive(Clone, Debug)]
pub(crate) struct ArrayScan {
    state: ArrayState,
    depth: usize,
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
        Self { state: ArrayState::Open, depth: 0, at: 0 }
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
                ArrayState::Nested | ArrayState::Text | ArrayState::Escape | ArrayState::Scalar => {
                    self.at += self.element(rest);
                    if self.state == ArrayState::After {
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
                        ArrayState::Nested | ArrayState::Scalar => {}
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

    /// The state after a byte between elements.
    fn between(&mut self, byte: u8) -> Result<ArrayState, Fault> {
        self.depth = 0;
        Ok(match (self.state, byte) {
            (ArrayState::Open, b'[') => ArrayState::First,
            (ArrayState::Open, _) => return Err(Fault::NotAnArray),
            (ArrayState::First | ArrayState::After, b']') => ArrayState::End,
            (ArrayState::After, b',') => ArrayState::Next,
            (ArrayState::After, _) => return Err(Fault::NoSeparator),
            (ArrayState::First | ArrayState::Next, b'{' | b'[') => ArrayState::Nested,
            (ArrayState::First | ArrayState::Next, b'"') => ArrayState::Text,
            (ArrayState::First | ArrayState::Next, b',' | b']') => return Err(Fault::NotAnObject),
            (ArrayState::First | ArrayState::Next, _) => ArrayState::Scalar,
            _ => return Err(Fault::Trailing),
        })
    }

    /// Takes bytes of an element up to its end, or to a change of state; gives how many.
    fn element(&mut self, rest: &[u8]) -> usize {
        match self.state {
            ArrayState::Text => {
                let Some(found) = memchr2(b'"', b'\\', rest) else { return rest.len() };
                self.state = match rest.get(found) {
                    Some(b'\\') => ArrayState::Escape,
                    _ if self.depth == 0 => ArrayState::After,
                    _ => ArrayState::Nested,
                };
                found + 1
            }
            ArrayState::Escape => {
                self.state = ArrayState::Text;
                1
            }
            ArrayState::Scalar => {
                let length = scalar_length(rest);
                if length < rest.len() {
                    self.state = ArrayState::After;
                }
                length
            }
            _ => {
                let is_mark = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
                let Some(found) = rest.iter().position(is_mark) else { return rest.len() };
                match rest.get(found) {
                    Some(b'"') => self.state = ArrayState::Text,
                    Some(b'{' | b'[') => self.depth += 1,
                    _ => self.depth -= 1,
                }
                if self.depth == 0 {
                    self.state = ArrayState::After;
                }
                found + 1
            }
        }
    }
}

/// Bytes of an element without brackets and quotes, whatever stands in it.
pub(crate) fn scalar_length(text: &[u8]) -> usize {
    let is_end = |byte: &u8| matches!(byte, b',' | b']' | b' ' | b'\t' | b'\n' | b'\r');
    text.iter().position(is_end).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
