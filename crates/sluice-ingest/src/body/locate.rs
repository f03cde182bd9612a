//! Finds the first byte of a text that no JSON text could have there, and what is JSON and yet cannot be read.
//!
//! In: JSON text, or the beginning of one. Out: its first [`Fault`] and that fault's offset, or nothing when
//! the text could still be continued; and the [`Flaw`]s before it. The parser is fast because it does not know where it
//! failed; this module is asked only after a failure, so it is written for exactness, one byte at a time.
//!
//! A fault is what the grammar of RFC 8259 forbids: the body is none. A flaw is what the grammar allows and no value
//! can be made of: the parser does not take it either, but it concerns the property that holds it alone. The fault of a
//! bad escape is the offset of its backslash. Pure.

use sluice_model::{hex, ranges::bytes_at, rejection::Flaw};

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
    let utf8_fault = if is_cut { None } else { Some((valid_bytes, Fault::Utf8)) };
    visit_flaws(bytes_at(text, ..valid_bytes), |_flawed| ()).or(utf8_fault)
}

/// Finds the first flaw of a whole value without white space around it; `None` when there is none.
pub(crate) fn first_flaw(value: &[u8]) -> Option<Flaw> {
    if matches!(value.first(), Some(b'-' | b'0'..=b'9')) {
        // Nothing follows a number here that would show its end.
        return if is_double(value) { None } else { Some(Flaw::NumberRange) };
    }
    let mut first = None;
    visit_flaws(value, |flawed| {
        first.get_or_insert(flawed.flaw);
    });
    first
}

/// Shows the flaws of `text`, which is UTF-8, up to its first fault, which is returned.
pub(crate) fn visit_flaws(text: &[u8], visit: impl FnMut(Flawed)) -> Option<(usize, Fault)> {
    let mut reader = Reader { text, at: 0, open: Vec::new(), key_from: None, fault: None, visit };
    reader.read();
    reader.fault
}

/// A flaw and where it lies: a lone escape, or a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flawed {
    pub(crate) flaw: Flaw,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// If it lies in a key of an object, where that begins after its opening quote.
    pub(crate) key_from: Option<usize>,
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
struct Reader<'a, V> {
    text: &'a [u8],
    at: usize,
    /// The bracket that closes each one that is open.
    open: Vec<u8>,
    /// Where the key begins that is being read.
    key_from: Option<usize>,
    fault: Option<(usize, Fault)>,
    visit: V,
}

impl<V: FnMut(Flawed)> Reader<'_, V> {
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
                    self.key_from = Some(self.at + 1);
                    self.string()?;
                    self.key_from = None;
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
        if !is_double(bytes_at(self.text, from..self.at)) {
            self.flaw(Flaw::NumberRange, from);
        }
        Some(())
    }

    /// Shows a flaw that ends here.
    fn flaw(&mut self, flaw: Flaw, from: usize) {
        (self.visit)(Flawed { flaw, from, to: self.at, key_from: self.key_from });
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
                // `\ud83d` and `\ude00` after one another are one character; one without the other is none.
                if matches!(unit, 0xd800..0xdc00) && self.text.get(self.at..self.at + 2) == Some(b"\\u") {
                    let next = self.code_unit(self.at)?;
                    if matches!(next, 0xdc00..0xe000) {
                        self.at += 6;
                        return Some(());
                    }
                }
                if matches!(unit, 0xd800..0xe000) {
                    self.flaw(Flaw::Unicode, from);
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
