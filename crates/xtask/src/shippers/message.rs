//! Requests and answers of HTTP/1.1 as they stand on the wire.
//!
//! In: a stream. Out: heads and bodies, framing included, so that they can be passed on byte by byte.

use std::io::{self, BufRead, Read as _};

/// Longest head, and longest body.
const HEAD_BYTES_MAX: u64 = 64 << 10;
const BODY_BYTES_MAX: u64 = 64 << 20;

/// A request or an answer.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) head: String,
    /// As it was sent: chunks with their lengths.
    pub(super) body: Vec<u8>,
}

impl Message {
    /// Reads a head; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// When it breaks off, or is too long.
    pub(super) fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let (mut head, mut limited) = (String::new(), stream.take(HEAD_BYTES_MAX));
        while !head.ends_with("\r\n\r\n") {
            if limited.read_line(&mut head)? == 0 {
                let is_end = head.is_empty();
                return if is_end { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
        Ok(Some(Self { head, body: Vec::new() }))
    }

    /// Reads the body that the head announces.
    ///
    /// # Errors
    ///
    /// When it breaks off, or is too long.
    pub(super) fn read_body(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            while self.read_chunk(stream)? {}
            return Ok(());
        }
        let length = self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        self.read_bytes(stream, length)
    }

    /// Reads a chunk with its framing; false after the last one.
    fn read_chunk(&mut self, stream: &mut impl BufRead) -> io::Result<bool> {
        let mut line = String::new();
        stream.take(HEAD_BYTES_MAX).read_line(&mut line)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        self.body.extend_from_slice(line.as_bytes());
        self.read_bytes(stream, length + 2)?;
        Ok(length != 0)
    }

    fn read_bytes(&mut self, stream: &mut impl BufRead, length: u64) -> io::Result<()> {
        let before = self.body.len() as u64;
        if BODY_BYTES_MAX < before + length {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.take(length).read_to_end(&mut self.body)?;
        if self.body.len() as u64 == before + length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Leaves a header out.
    pub(super) fn remove_header(&mut self, name: &str) {
        let is_other =
            |line: &&str| line.split_once(':').is_none_or(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.head = self.head.split_inclusive("\r\n").filter(is_other).collect();
    }

    /// The status of an answer; 0 for a request.
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Whether a request is a bulk request.
    pub(super) fn is_bulk(&self) -> bool {
        let path = self.head.split(' ').nth(1).unwrap_or_default();
        path.split('?').next().unwrap_or_default().ends_with("/_bulk")
    }

    /// Whether the connection ends behind it.
    pub(super) fn ends_connection(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// All of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}

#[cfg(test)]
mod tests;
