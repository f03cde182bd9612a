//! Where a value of JSON ends, by its brackets and strings alone.
//!
//! In: the bytes from its first one on, as far as they are there, then those that follow. Out: how many of them are the
//! value's. What stands in it is nobody's concern here, so a value that is no JSON has an end too. Pure.

use memchr::memchr2;

use crate::body::brackets::{BLOCK_BYTES, Brackets};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ValueState {
    /// The value must begin.
    Begin,
    /// Inside brackets.
    Nested,
    /// Inside a string.
    Text,
    /// After a backslash of a string.
    Escape,
    /// In a value without brackets and quotes.
    Scalar,
    /// The value is whole.
    Whole,
}

/// Finds the end of one value.
#[derive(Clone, Debug)]
pub(crate) struct ValueScan {
    state: ValueState,
    depth: usize,
    /// What closes the array or object that the value is in.
    closing: u8,
}

impl ValueScan {
    /// Starts at the first byte of a value in an array or object that `closing` ends.
    pub(crate) fn new(closing: u8) -> Self {
        Self { state: ValueState::Begin, depth: 0, closing }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.state == ValueState::Whole
    }

    /// Takes bytes up to the end of the value, or to the end of `bytes`; gives how many.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while self.state != ValueState::Whole
            && let Some(rest @ [_, ..]) = bytes.get(at..)
        {
            at += self.part(rest);
        }
        at
    }

    /// Takes bytes up to a change of state, or a block of them.
    fn part(&mut self, rest: &[u8]) -> usize {
        if 0 < self.depth
            && matches!(self.state, ValueState::Nested | ValueState::Text)
            && let Some(block) = rest.first_chunk()
            && let Some(taken) = self.block(block)
        {
            return taken;
        }
        match self.state {
            ValueState::Begin => {
                let first = rest.first();
                self.state = match first {
                    Some(b'"') => ValueState::Text,
                    Some(b'{' | b'[') => ValueState::Nested,
                    _ => ValueState::Scalar,
                };
                usize::from(first == Some(&b'"'))
            }
            ValueState::Text => {
                let Some(found) = memchr2(b'"', b'\\', rest) else { return rest.len() };
                self.state = match rest.get(found) {
                    Some(b'\\') => ValueState::Escape,
                    _ if self.depth == 0 => ValueState::Whole,
                    _ => ValueState::Nested,
                };
                found + 1
            }
            ValueState::Escape => {
                self.state = ValueState::Text;
                1
            }
            ValueState::Scalar => {
                let length = scalar_length(rest, self.closing);
                if length < rest.len() {
                    self.state = ValueState::Whole;
                }
                length
            }
            ValueState::Nested => {
                let is_mark = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
                let Some(found) = rest.iter().position(is_mark) else { return rest.len() };
                match rest.get(found) {
                    Some(b'"') => self.state = ValueState::Text,
                    Some(b'{' | b'[') => self.depth += 1,
                    _ => self.depth -= 1,
                }
                if self.depth == 0 {
                    self.state = ValueState::Whole;
                }
                found + 1
            }
            ValueState::Whole => 0,
        }
    }

    /// Takes a block of what lies within brackets, up to the last of them; `None` if there is a backslash in it.
    fn block(&mut self, block: &[u8; BLOCK_BYTES]) -> Option<usize> {
        let brackets = Brackets::of(block, self.state == ValueState::Text)?;
        let ends_inside = brackets.ends_inside;
        for (at, opens) in brackets {
            if opens {
                self.depth += 1;
            } else {
                self.depth -= 1;
            }
            if self.depth == 0 {
                self.state = ValueState::Whole;
                return Some(at + 1);
            }
        }
        self.state = if ends_inside { ValueState::Text } else { ValueState::Nested };
        Some(BLOCK_BYTES)
    }
}

/// Bytes of a value without brackets and quotes, whatever stands in it, in an array or object that `closing` ends.
pub(crate) fn scalar_length(text: &[u8], closing: u8) -> usize {
    let is_end = |byte: &u8| matches!(byte, b',' | b' ' | b'\t' | b'\n' | b'\r') || *byte == closing;
    text.iter().position(is_end).unwrap_or(text.len())
}
