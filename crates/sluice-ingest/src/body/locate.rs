//! Finds the first byte of a text that no JSON text could have there.
//!
//! In: JSON text, or the beginning of one. Out: its first [`Fault`] and that fault's offset, or nothing when
//! the text could still be continued. The parser is fast because it does not know where it failed; this module
//! is asked only after a failure, so it is written for exactness, one byte at a time.
//!
//! Differs from RFC 8259 as the parser does: numbers beyond a double are faults. The fault of a bad escape is
//! the offset of its backslash, that of a number out of range its first byte. Pure.

use sluice_model::hex;

use crate::error::Fault;

/// Finds the first fault of `text`, taken as the beginning of one JSON value; `None` when there is none.
///
/// Cost: two passes over `text` on the calling thread, no allocation beyond a byte for each open bracket.
pub(crate) fn first_fault(text: &[u8]) -> Option<(usize, Fault)> {
    let (valid_bytes, utf8_fault) = match std::str::from_utf8(text) {
        Ok(_) => (text.len(), None),
        Err(error) => {
            let valid_bytes = error.valid_up_to();
            (valid_bytes, error.error_len().map(|_| (valid_bytes, Fault::Utf8)))
        }
    };
    let mut reader = Reader { text: text.get(..valid_bytes).unwrap_or_default(), at: 0, open: Vec::new() };
    match reader.read() {
        Err(Stop::Fault(at, fault)) => Some((at, fault)),
        Err(Stop::End) | Ok(()) => utf8_fault,
    }
}

enum Stop {
    /// The text ends where more could follow.
    End,
    Fault(usize, Fault),
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

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    open: Vec<u8>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Stop> {
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            if expect == Expect::SeparatorOrEnd && self.open.is_empty() {
                // Only white space may follow the outermost value.
                let _end = self.peek()?;
                return Err(Stop::Fault(self.at, Fault::Json));
            }
            expect = match (expect, self.peek()?) {
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
                _ => return Err(Stop::Fault(self.at, Fault::Json)),
            };
        }
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.text.get(self.at).copied().ok_or(Stop::End)
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Returns true if the current byte closes the innermost bracket, where `expect` allows that.
    fn closes(&self, expect: Expect) -> bool {
        let may_end = matches!(expect, Expect::ValueOrEnd | Expect::KeyOrEnd | Expect::SeparatorOrEnd);
        may_end && self.open.last().is_some_and(|closing| self.text.get(self.at) == Some(closing))
    }

    fn close(&mut self) -> Expect {
        self.open.pop();
        self.at += 1;
        Expect::SeparatorOrEnd
    }

    fn value(&mut self, byte: u8) -> Result<Expect, Stop> {
        match byte {
            b'{' | b'[' => {
                self.at += 1;
                let is_object = byte == b'{';
                self.open.push(if is_object { b'}' } else { b']' });
                return Ok(if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd });
            }
            b'"' => self.string()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(Stop::Fault(self.at, Fault::Json)),
        }
        Ok(Expect::SeparatorOrEnd)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Stop> {
        for expected in word {
            if self.peek()? != *expected {
                return Err(Stop::Fault(self.at, Fault::Json));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
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
            return Err(Stop::Fault(self.at, Fault::Number));
        }
        let text = self.text.get(from..self.at).and_then(|text| std::str::from_utf8(text).ok());
        match text.and_then(|text| text.parse::<f64>().ok()) {
            Some(number) if number.is_finite() => Ok(()),
            _ => Err(Stop::Fault(from, Fault::NumberRange)),
        }
    }

    fn digits(&mut self) -> Result<(), Stop> {
        if !self.peek()?.is_ascii_digit() {
            return Err(Stop::Fault(self.at, Fault::Number));
        }
        while self.peek()?.is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Stop> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                0..0x20 => return Err(Stop::Fault(self.at, Fault::ControlCharacter)),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Stop> {
        let from = self.at;
        let fault = Stop::Fault(from, Fault::Escape);
        match self.text.get(from + 1).ok_or(Stop::End)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let unit = self.code_unit(from)?;
                self.at = from + 6;
                if matches!(unit, 0xdc00..0xe000) {
                    return Err(fault);
                }
                if matches!(unit, 0xd800..0xdc00) {
                    let tail = self.text.get(self.at..).unwrap_or_default();
                    match tail {
                        [] | [b'\\'] => return Err(Stop::End),
                        [b'\\', b'u', ..] => {}
                        _ => return Err(fault),
                    }
                    if !matches!(self.code_unit(self.at)?, 0xdc00..0xe000) {
                        return Err(fault);
                    }
                    self.at += 6;
                }
            }
            _ => return Err(fault),
        }
        Ok(())
    }

    /// Reads the four hex digits of the escape whose backslash is at `from`.
    fn code_unit(&self, from: usize) -> Result<u32, Stop> {
        let mut unit = 0;
        for at in from + 2..from + 6 {
            let digit = hex::value(*self.text.get(at).ok_or(Stop::End)?);
            unit = unit * 16 + u32::from(digit.ok_or(Stop::Fault(from, Fault::Escape))?);
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests;
