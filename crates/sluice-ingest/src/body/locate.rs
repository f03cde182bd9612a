//! Finds the first byte of a text that no JSON text could have there.
//!
//! In: JSON text, or the beginning of one. Out: its first [`Fault`] and that fault's offset, or nothing when
//! the text could still be continued. The parser is fast because it does not know where it failed; this module
//! is asked only after a failure, so it is written for exactness, one byte at a time.
//!
//! Differs from RFC 8259 as the parser does: numbers beyond a double are faults. The fault of a bad escape is
//! the offset of its backslash, that of a number out of range its first byte. Pure.

use sluice_model::{hex, ranges::bytes_at};

use super::text::{is_double, skip_space};
use crate::error::Fault;

/// Finds the first fault of `text`, taken as the beginning of one JSON value; `None` when there is none.
///
/// Cost: two passes over `text` on the calling thread, no allocation beyond a byte for each open bracket.
pub(crate) fn first_fault(text: &[u8]) -> Option<(usize, Fault)> {
    let (valid_bytes, is_cut) = match std::str::from_utf8(text) {
        Ok(_) => (text.len(), true),
        // Without a length of the error the text ends inside a character, which could be continued.
        Err(error) => (error.valid_up_to(), error.error_len().is_none()),
    };
    let mut reader = Reader { text: bytes_at(text, ..valid_bytes), at: 0, open: Vec::new(), fault: None };
    reader.read();
    let utf8_fault = if is_cut { None } else { Some((valid_bytes, Fault::Utf8)) };
    reader.fault.or(utf8_fault)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    SeparatorOrEnd,
}

/// Reads on until the text ends or has a fault; its methods give `None` then.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The bracket that closes each one that is open.
    open: Vec<u8>,
    fault: Option<(usize, Fault)>,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<()> {
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            let byte = self.peek()?;
            if expect == Expect::SeparatorOrEnd && self.open.is_empty() {
                // Only white space may follow the outermost value.
                return self.fail(self.at, Fault::Json);
            }
            expect = match (expect, byte) {
                (Expect::Value | Expect::ValueOrEnd, _) if self.closes(expect) => self.close(),
                (Expect::Value | Expect::ValueOrEnd, byte) => self.value(byte)?,
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    self.string()?;
                    Expect::Colon
                }
                (Expect::KeyOrEnd | Expect::SeparatorOrEnd, _) if self.closes(expect) => self.close(),
                (Expect::Colon, b':') => {
                    self.at += 1;
                    Expect::Value
                }
                (Expect::SeparatorOrEnd, b',') => {
                    self.at += 1;
                    if self.open.last() == Some(&b'}') { Expect::Key } else { Expect::Value }
                }
                _ => return self.fail(self.at, Fault::Json),
            };
        }
    }

    fn fail<T>(&mut self, at: usize, fault: Fault) -> Option<T> {
        self.fault = Some((at, fault));
        None
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        self.at = skip_space(self.text, self.at);
    }

    /// Returns true if the current byte closes the innermost bracket, where `expect` allows that.
    fn closes(&self, expect: Expect) -> bool {
        let may_end = matches!(expect, Expect::ValueOrEnd | Expect::KeyOrEnd | Expect::SeparatorOrEnd);
        may_end && !self.open.is_empty() && self.open.last() == self.text.get(self.at)
    }

    fn close(&mut self) -> Expect {
        self.open.pop();
        self.at += 1;
        Expect::SeparatorOrEnd
    }

    fn value(&mut self, byte: u8) -> Option<Expect> {
        match byte {
            b'{' | b'[' => {
                self.at += 1;
                let is_object = byte == b'{';
                self.open.push(if is_object { b'}' } else { b']' });
                return Some(if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd });
            }
            b'"' => self.string()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return self.fail(self.at, Fault::Json),
        }
        Some(Expect::SeparatorOrEnd)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        for expected in word {
            if self.peek()? != *expected {
                return self.fail(self.at, Fault::Json);
            }
            self.at += 1;
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let from = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek()? == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek()?, b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        if !matches!(self.peek()?, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}') {
            return self.fail(self.at, Fault::Number);
        }
        if is_double(bytes_at(self.text, from..self.at)) {
            return Some(());
        }
        self.fail(from, Fault::NumberRange)
    }

    fn digits(&mut self) -> Option<()> {
        if !self.peek()?.is_ascii_digit() {
            return self.fail(self.at, Fault::Number);
        }
        while self.peek()?.is_ascii_digit() {
            self.at += 1;
        }
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escape()?,
                0..0x20 => return self.fail(self.at, Fault::ControlCharacter),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let from = self.at;
        match self.text.get(from + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let unit = self.code_unit(from)?;
                self.at = from + 6;
                if matches!(unit, 0xdc00..0xe000) {
                    return self.fail(from, Fault::Escape);
                }
                // `\ud83d` must be followed by something like `\ude00`: the two make one character.
                if matches!(unit, 0xd800..0xdc00) {
                    match bytes_at(self.text, self.at..) {
                        [] | [b'\\'] => return None,
                        [b'\\', b'u', ..] => {}
                        _ => return self.fail(from, Fault::Escape),
                    }
                    if !matches!(self.code_unit(self.at)?, 0xdc00..0xe000) {
                        return self.fail(from, Fault::Escape);
                    }
                    self.at += 6;
                }
            }
            _ => return self.fail(from, Fault::Escape),
        }
        Some(())
    }

    /// Reads the four hex digits of the escape whose backslash is at `from`.
    fn code_unit(&mut self, from: usize) -> Option<u32> {
        let mut unit = 0;
        for at in from + 2..from + 6 {
            let Some(value) = hex::value(*self.text.get(at)?) else { return self.fail(from, Fault::Escape) };
            unit = unit * 16 + u32::from(value);
        }
        Some(unit)
    }
}

#[cfg(test)]
mod tests;
