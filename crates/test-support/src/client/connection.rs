//! One connection, and one answer at a time.
//!
//! In: a head and a body. Out: the status and the body of the answer, in pieces. An I/O error means that the request
//! was not answered; nothing is ever sent twice.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_mins(2);
/// Bodies up to this length go out with their head, in one write.
const SHORT_BODY_BYTES: usize = 16 << 10;
/// Bytes of an answer that are read at once; they stay in the cache until they are looked at.
const PIECE_BYTES: usize = 256 << 10;

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Connection(BufReader<TcpStream>);

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body; empty when it was given away piece by piece.
    pub body: Vec<u8>,
    /// Seconds after which the server wants to be asked again.
    pub retry_after_seconds: Option<u64>,
    /// The state that it shows, or leads to.
    pub cursor: Option<String>,
}

impl Answer {
    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns how many indicators of a pushed body were rejected.
    ///
    /// # Errors
    ///
    /// When the body was not taken.
    pub fn rejected(&self) -> io::Result<usize> {
        match self.status {
            201 => Ok(0),
            202 => {
                let text: Value = serde_json::from_slice(&self.body)?;
                let rejected = text.pointer("/0/error_indicators").and_then(Value::as_array);
                Ok(rejected.map_or(0, Vec::len))
            }
            status => Err(io::Error::other(format!("{status}: {}", self.text()))),
        }
    }
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WAIT))?;
        stream.set_write_timeout(Some(ANSWER_WAIT))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(super) fn send(&mut self, mut head: Vec<u8>, body: &[u8]) -> io::Result<()> {
        let stream = self.0.get_mut();
        if body.len() <= SHORT_BODY_BYTES {
            head.extend_from_slice(body);
            return stream.write_all(&head);
        }
        stream.write_all(&head)?;
        stream.write_all(body)
    }

    /// Waits for the first byte of an answer, or for the end of the connection; returns false if there is neither.
    pub(super) fn is_answered_within(&mut self, pause: Duration) -> io::Result<bool> {
        let stream = self.0.get_mut();
        stream.set_read_timeout(Some(pause))?;
        let seen = stream.peek(&mut [0]);
        stream.set_read_timeout(Some(ANSWER_WAIT))?;
        match seen {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn receive(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<(Answer, bool)> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| broken("no status line"))?;
        let (mut length, mut is_chunked, mut stays_open) = (None, false, true);
        let (mut retry_after_seconds, mut cursor) = (None, None);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
            match name.to_ascii_lowercase().as_str() {
                "transfer-encoding" => is_chunked = value.trim().eq_ignore_ascii_case("chunked"),
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "connection" => stays_open = !value.trim().eq_ignore_ascii_case("close"),
                "retry-after" => retry_after_seconds = value.trim().parse().ok(),
                "sluice-cursor" => cursor = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let answer = Answer { status, body: Vec::new(), retry_after_seconds, cursor };
        if !is_chunked {
            self.give(length.ok_or_else(|| broken("no content-length"))?, take)?;
            return Ok((answer, stays_open));
        }
        loop {
            let line = self.line()?;
            let length =
                usize::from_str_radix(&line, 16).map_err(|_no_number| broken("no length of a chunk"))?;
            self.give(length, take)?;
            // Of the chunk; the last one is empty, and nobody who is asked here sends anything behind it.
            self.line()?;
            if length == 0 {
                return Ok((answer, stays_open));
            }
        }
    }

    /// Hands out so many bytes as they arrive.
    fn give(&mut self, mut left: usize, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut piece = vec![0; left.min(PIECE_BYTES)];
        while 0 < left {
            let end = left.min(piece.len());
            let read = self.0.read(&mut piece[..end])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&piece[..read]);
            left -= read;
        }
        Ok(())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
