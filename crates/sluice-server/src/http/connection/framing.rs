//! Where the head of a request ends, and its body.
//!
//! In: the bytes of a connection, in any pieces. Out: how many of them belong to the present request, to the byte as the
//! decoder of actix-web counts them: a request is never given with a byte of the next one. Nothing is judged here: what
//! is no head, or no chunk, is for the decoder to refuse.

use actix_web::{
    dev::RequestHead,
    http::{
        Method,
        header::{self, HeaderMap},
    },
};

use crate::http::head;

/// How far a head is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum HeadScan {
    /// Nothing but line ends so far, which are skipped.
    #[default]
    Before,
    /// Inside a line.
    Line,
    /// A line has ended.
    LineEnd,
    /// A CR followed the end of a line.
    LastCr,
    /// An empty line has ended the head.
    Complete,
}

impl HeadScan {
    /// Takes the next bytes; returns how many of them belong to the head.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while *self != Self::Complete {
            if *self == Self::Line {
                // Most bytes are passed here.
                let Some(end) = memchr::memchr(b'\n', rest) else { return bytes.len() };
                rest = rest.get(end + 1..).unwrap_or_default();
                *self = Self::LineEnd;
            }
            let Some((byte, after)) = rest.split_first() else { return bytes.len() };
            rest = after;
            *self = match (*self, *byte) {
                (Self::Before, b'\r' | b'\n') => Self::Before,
                (Self::LineEnd, b'\r') => Self::LastCr,
                (Self::LineEnd | Self::LastCr, b'\n') => Self::Complete,
                _ => Self::Line,
            };
        }
        bytes.len() - rest.len()
    }
}

/// How far a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BodyScan {
    /// So many bytes are missing. Of a body that is complete, or that is none, 0.
    Length(u64),
    /// Inside a chunked body.
    Chunked(ChunkScan),
    /// As long as the connection.
    Endless,
    /// It is no chunked body.
    Broken,
}

impl BodyScan {
    /// The body that a head announces which the decoder has taken.
    pub(super) fn of(head: &RequestHead) -> Self {
        let headers = &head.headers;
        if headers.contains_key(header::TRANSFER_ENCODING) {
            return Self::Chunked(ChunkScan::SizeFirst);
        }
        if asks_for_websocket(headers) {
            return Self::Endless;
        }
        match head::content_length(headers) {
            None | Some(0) if head.method == Method::CONNECT => Self::Endless,
            bytes => Self::Length(bytes.unwrap_or(0) as u64),
        }
    }

    /// Returns true if nothing is missing.
    pub(super) fn is_complete(self) -> bool {
        self == Self::Length(0)
    }

    /// Takes the next bytes; returns how many of them belong to the body.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Length(missing) => {
                let taken = usize::try_from(*missing).unwrap_or(usize::MAX).min(bytes.len());
                *missing -= taken as u64;
                taken
            }
            Self::Chunked(_) => self.take_chunks(bytes),
            Self::Endless => bytes.len(),
            Self::Broken => 0,
        }
    }

    fn take_chunks(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while let Self::Chunked(scan) = *self {
            if let ChunkScan::Data(missing) = scan {
                let taken = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                let missing = missing - taken as u64;
                *self =
                    Self::Chunked(if missing == 0 { ChunkScan::DataCr } else { ChunkScan::Data(missing) });
            }
            let Self::Chunked(scan) = *self else { break };
            if matches!(scan, ChunkScan::Data(_)) {
                return bytes.len();
            }
            let Some((byte, after)) = rest.split_first() else { return bytes.len() };
            let next = scan.after(*byte);
            if next == Self::Broken {
                *self = next;
                break;
            }
            rest = after;
            *self = next;
        }
        bytes.len() - rest.len()
    }
}

/// How far a chunked body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ChunkScan {
    /// Before the first digit of a size.
    SizeFirst,
    /// Among the digits.
    Size(u64),
    /// Among blanks after them.
    Blank(u64),
    /// In an extension.
    Extension(u64),
    /// After the CR of the line of the size.
    SizeCr(u64),
    /// So many bytes of data are missing.
    Data(u64),
    /// After the data.
    DataCr,
    /// After the CR that follows the data.
    DataLf,
    /// In a trailer.
    Trailer,
    /// After the CR of a trailer.
    TrailerLf,
    /// At the beginning of a line after the last chunk.
    End,
    /// After the CR of the empty line that ends the body.
    EndLf,
}

impl ChunkScan {
    /// What the next byte makes of it.
    fn after(self, byte: u8) -> BodyScan {
        let next = match (self, byte) {
            (Self::SizeFirst, _) => digit(byte).map(Self::Size),
            (Self::Size(size) | Self::Blank(size), b' ' | b'\t') => Some(Self::Blank(size)),
            (Self::Size(size) | Self::Blank(size), b';') => Some(Self::Extension(size)),
            (Self::Size(size) | Self::Blank(size) | Self::Extension(size), b'\r') => Some(Self::SizeCr(size)),
            (Self::Size(size), _) => {
                digit(byte).and_then(|low| Some(Self::Size(size.checked_mul(16)? + low)))
            }
            (Self::Extension(_), 0x00..=0x08 | 0x0a..=0x1f | 0x7f) => None,
            (Self::Extension(size), _) => Some(Self::Extension(size)),
            (Self::SizeCr(0) | Self::TrailerLf, b'\n') => Some(Self::End),
            (Self::SizeCr(size), b'\n') => Some(Self::Data(size)),
            (Self::DataCr, b'\r') => Some(Self::DataLf),
            (Self::DataLf, b'\n') => Some(Self::SizeFirst),
            (Self::End, b'\r') => Some(Self::EndLf),
            (Self::Trailer, b'\r') => Some(Self::TrailerLf),
            (Self::End | Self::Trailer, _) => Some(Self::Trailer),
            (Self::EndLf, b'\n') => return BodyScan::Length(0),
            _ => None,
        };
        next.map_or(BodyScan::Broken, BodyScan::Chunked)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::UPGRADE)
        .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// The length that a whole head declares, if it declares one in the plainest way: then the beginning of the body can be
/// given together with the head. Whatever may mean anything else is `None`.
pub(super) fn plain_length(head: &[u8]) -> Option<u64> {
    let mut length = None;
    for line in head.split(|byte| *byte == b'\n') {
        // Most lines are passed by their first letter.
        if !matches!(line.first(), Some(b'C' | b'c' | b'T' | b't' | b'U' | b'u')) {
            continue;
        }
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") || name.eq_ignore_ascii_case(b"upgrade") {
            return None;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = value.trim_ascii_end().strip_prefix(b": ")?;
            if length.is_some() || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            length = Some(std::str::from_utf8(digits).ok()?.parse().ok()?);
        }
    }
    length
}

#[cfg(test)]
mod tests;
