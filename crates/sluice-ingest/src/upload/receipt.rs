//! What became of a body: how much was accepted, and the list of what was rejected.
//!
//! In: for each rejected element its `indicator` as JSON text and the reason, in document order within a slice, slices
//! in document order. Out: a [`Receipt`], with the JSON array that the client gets, in chunks, and its length before.
//!
//! An element takes one byte for the reason, the value as sent and the name of an unknown tag: `"x"` of an invalid
//! format is kept as `00 03 "x"` and becomes 53 bytes of the answer. So a body of nothing but errors takes about its
//! own length. The memory of the request is held for as long.

use std::sync::Arc;

use bytes::Bytes;
use sluice_model::{
    NotAnIndicator, Rejection,
    ranges::bytes_at,
    rejection::Property,
    varint::{push_varint, take, take_varint},
};

use crate::memory::RequestMemory;

/// Bytes after which a chunk of JSON text is handed out.
const CHUNK_BYTES: usize = 64 * 1024;

/// Says in the byte of a reason that the element had no `indicator`.
const NO_INDICATOR: u8 = 0x80;

const UNKNOWN_TAG: u8 = 0;

/// The number of the first of the reasons of values that are no indicators.
const FORMATS_FROM: u8 = 8;

const OPENING: &[u8] = b"{\"indicator\":";
const MIDDLE: &[u8] = b",\"reason\":\"";
const CLOSING: &[u8] = b"\"}";

/// The number under which a reason is kept.
fn code(rejection: &Rejection) -> u8 {
    match rejection {
        Rejection::UnknownTag(_) => UNKNOWN_TAG,
        Rejection::ContextNotAllowed => 1,
        Rejection::IndicatorMissing => 2,
        Rejection::InvalidType(Property::Indicator) => 3,
        Rejection::InvalidType(Property::Context) => 4,
        Rejection::InvalidType(Property::Tags) => 5,
        Rejection::InvalidType(Property::MarkDetections) => 6,
        Rejection::InvalidType(Property::UnmarkDetections) => 7,
        Rejection::InvalidFormat(reason) => FORMATS_FROM + *reason as u8,
    }
}

/// The sentences of all numbers; that of [`UNKNOWN_TAG`] is its beginning; all plain ASCII.
fn sentences() -> Vec<String> {
    let others = [
        Rejection::UnknownTag("".into()),
        Rejection::ContextNotAllowed,
        Rejection::IndicatorMissing,
        Rejection::InvalidType(Property::Indicator),
        Rejection::InvalidType(Property::Context),
        Rejection::InvalidType(Property::Tags),
        Rejection::InvalidType(Property::MarkDetections),
        Rejection::InvalidType(Property::UnmarkDetections),
    ];
    let formats = NotAnIndicator::ALL.map(Rejection::InvalidFormat);
    others.iter().chain(&formats).map(ToString::to_string).collect()
}

/// The refused elements of one slice.
#[derive(Debug)]
pub(crate) struct SliceRejections {
    bytes: Vec<u8>,
    count: u64,
    json_bytes: u64,
    sentence_bytes: Box<[usize]>,
}

impl SliceRejections {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            count: 0,
            json_bytes: 0,
            sentence_bytes: sentences().iter().map(String::len).collect(),
        }
    }

    /// Adds an element; `indicator` is its JSON text, empty when it had none.
    pub(crate) fn push(&mut self, indicator: &[u8], rejection: &Rejection) {
        let code = code(rejection);
        let mut entry_bytes = OPENING.len() + MIDDLE.len() + CLOSING.len();
        if let Some(bytes) = self.sentence_bytes.get(usize::from(code)) {
            entry_bytes += bytes;
        }
        if indicator.is_empty() {
            self.bytes.push(code | NO_INDICATOR);
            entry_bytes += b"\"\"".len();
        } else {
            self.bytes.push(code);
            self.push_text(indicator);
            entry_bytes += indicator.len();
        }
        if let Rejection::UnknownTag(name) = rejection {
            let quoted = serde_json::Value::from(&**name).to_string();
            let name = bytes_at(quoted.as_bytes(), 1..quoted.len() - 1);
            self.push_text(name);
            entry_bytes += name.len();
        }
        self.count += 1;
        self.json_bytes += entry_bytes as u64;
    }

    fn push_text(&mut self, text: &[u8]) {
        push_varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend_from_slice(text);
    }

    /// Frees the memory that growing took in advance.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

/// What became of a body.
#[derive(Debug)]
pub struct Receipt {
    /// Elements that are durable now.
    pub accepted_count: u64,
    /// Elements that were refused; together with the accepted ones, all that were sent.
    pub rejected_count: u64,
    slices: Vec<SliceRejections>,
    json_bytes: u64,
    memory: Option<Arc<RequestMemory>>,
}

impl Receipt {
    /// Counts what was refused in each slice of a body of `elements_count` elements.
    pub(super) fn new(
        elements_count: u64,
        slices: Vec<SliceRejections>,
        memory: Option<Arc<RequestMemory>>,
    ) -> Self {
        let (mut rejected_count, mut json_bytes) = (0, b"[]".len() as u64);
        for slice in &slices {
            rejected_count += slice.count;
            json_bytes += slice.json_bytes;
        }
        // A comma stands before each entry but the first.
        json_bytes += rejected_count.saturating_sub(1);
        Self { accepted_count: elements_count - rejected_count, rejected_count, slices, json_bytes, memory }
    }

    /// Exact length of the JSON text that [`into_json_chunks`](Self::into_json_chunks) gives.
    pub fn json_bytes(&self) -> u64 {
        self.json_bytes
    }

    /// Returns the JSON array `[{"indicator":...,"reason":...},...]` in chunks of about 64 KiB, each made when it
    /// is asked for; a single longer value makes a longer chunk. Memory is freed slice by slice.
    pub fn into_json_chunks(self) -> impl Iterator<Item = Bytes> + Send {
        JsonChunks {
            slices: self.slices.into_iter(),
            current: Vec::new(),
            at: 0,
            is_first: true,
            is_closed: false,
            sentences: sentences(),
            _memory: self.memory,
        }
    }
}

struct JsonChunks {
    slices: std::vec::IntoIter<SliceRejections>,
    /// Kept bytes of the current slice, written up to `at`.
    current: Vec<u8>,
    at: usize,
    /// Whether no entry has been written yet.
    is_first: bool,
    /// Whether the array has been written to its end.
    is_closed: bool,
    sentences: Vec<String>,
    _memory: Option<Arc<RequestMemory>>,
}

impl JsonChunks {
    /// Appends one entry; `None` at the end of the current slice.
    fn append_entry(&mut self, chunk: &mut Vec<u8>) -> Option<()> {
        let left = self.current.get(self.at..)?;
        let mut kept = left;
        let code = take(&mut kept, 1)?.first().copied()?;
        if !std::mem::replace(&mut self.is_first, false) {
            chunk.push(b',');
        }
        chunk.extend_from_slice(OPENING);
        chunk.extend_from_slice(if code & NO_INDICATOR == 0 { take_text(&mut kept)? } else { b"\"\"" });
        chunk.extend_from_slice(MIDDLE);
        let code = code & !NO_INDICATOR;
        chunk.extend_from_slice(self.sentences.get(usize::from(code))?.as_bytes());
        if code == UNKNOWN_TAG {
            chunk.extend_from_slice(take_text(&mut kept)?);
        }
        chunk.extend_from_slice(CLOSING);
        self.at += left.len() - kept.len();
        Some(())
    }
}

fn take_text<'a>(kept: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(kept)?).ok()?;
    take(kept, length)
}

impl Iterator for JsonChunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.is_closed {
            return None;
        }
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if self.is_first {
            chunk.push(b'[');
        }
        while chunk.len() < CHUNK_BYTES {
            if self.append_entry(&mut chunk).is_some() {
                continue;
            }
            let Some(slice) = self.slices.next() else {
                chunk.push(b']');
                self.is_closed = true;
                break;
            };
            self.current = slice.bytes;
            self.at = 0;
        }
        Some(chunk.into())
    }
}

#[cfg(test)]
mod tests;
