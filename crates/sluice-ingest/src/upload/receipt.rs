//! What became of a body: how much was accepted, and the list of what was rejected.
//!
//! In: for each rejected element its `indicator` as JSON text and the reason, in document order within a slice, slices
//! in document order. Out: a [`Receipt`], with the JSON array that the client gets, in chunks, and its length before.
//!
//! An element takes one byte for the reason, the value as sent and the name of an unknown tag, both as they were sent:
//! `"x"` of an invalid format is kept as `12 03 "x"` and becomes 53 bytes of the answer. So a body of nothing but errors
//! takes about its own length. The memory of the request is held for as long.
//!
//! A value that is a string is told as it was spelled, even if its escapes are none of Unicode: whoever could send it
//! can read it. Of any other value the JSON text is told, as a string, up to [`OTHER_BYTES_MAX`].

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use sluice_model::{
    NotAnIndicator, Rejection, limits,
    ranges::bytes_at,
    rejection::{Flaw, Property},
    varint::{push_varint, take, take_varint},
};

use crate::{array_chunks::array_chunks, memory::RequestMemory};

/// Bytes of the JSON text of an `indicator` that is no string that are told.
const OTHER_BYTES_MAX: usize = 4 * limits::KIB;

/// Says in the byte of a reason that the element had no `indicator`.
const NO_INDICATOR: u8 = 0x80;

const UNKNOWN_TAG: u8 = 0;

/// Numbers of the first reasons of each sort, which go by property, by flaw and property, and by what is wrong with the
/// value.
const TYPES_FROM: u8 = 3;
const FLAWS_FROM: u8 = TYPES_FROM + PROPERTIES;
const FORMATS_FROM: u8 = FLAWS_FROM + FLAWS * PROPERTIES;

const PROPERTIES: u8 = 5;
const FLAWS: u8 = 2;

const _: () = assert!(PROPERTIES as usize == Property::ALL.len() && FLAWS as usize == Flaw::ALL.len());
const _: () = assert!(FORMATS_FROM as usize + NotAnIndicator::ALL.len() <= NO_INDICATOR as usize);

const OPENING: &[u8] = b"{\"indicator\":";
const MIDDLE: &[u8] = b",\"reason\":\"";
const CLOSING: &[u8] = b"\"}";

/// The number under which a reason is kept.
fn code(rejection: &Rejection) -> u8 {
    match rejection {
        Rejection::UnknownTag(_) => UNKNOWN_TAG,
        Rejection::ContextNotAllowed => 1,
        Rejection::IndicatorMissing => 2,
        Rejection::InvalidType(property) => TYPES_FROM + *property as u8,
        Rejection::Unreadable(property, flaw) => FLAWS_FROM + *flaw as u8 * PROPERTIES + *property as u8,
        Rejection::InvalidFormat(reason) => FORMATS_FROM + *reason as u8,
    }
}

/// The sentences of all numbers but [`UNKNOWN_TAG`], whose place is empty; all plain ASCII.
static SENTENCES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut sentences = vec![
        String::new(),
        Rejection::ContextNotAllowed.to_string(),
        Rejection::IndicatorMissing.to_string(),
    ];
    sentences.extend(Property::ALL.map(|property| Rejection::InvalidType(property).to_string()));
    for flaw in Flaw::ALL {
        sentences.extend(Property::ALL.map(|property| Rejection::Unreadable(property, flaw).to_string()));
    }
    sentences.extend(NotAnIndicator::ALL.map(|reason| Rejection::InvalidFormat(reason).to_string()));
    sentences
});

/// What stands between the quotes of the JSON string of a text.
fn escaped(text: &str) -> String {
    let mut quoted = serde_json::Value::from(text).to_string();
    quoted.pop();
    quoted.drain(..1);
    quoted
}

/// The `indicator` of an entry, as a JSON string.
fn told_indicator(kept: &[u8]) -> Cow<'_, [u8]> {
    if kept.starts_with(b"\"") {
        return Cow::Borrowed(kept);
    }
    let mut told = vec![b'"'];
    told.extend_from_slice(escaped(&String::from_utf8_lossy(kept)).as_bytes());
    told.push(b'"');
    Cow::Owned(told)
}

/// The reason of an entry with an unknown tag, between its quotes.
fn told_tag(name: &[u8]) -> String {
    escaped(&Rejection::UnknownTag(String::from_utf8_lossy(name).into()).to_string())
}

/// As much of the JSON text of an `indicator` as is kept.
fn kept_indicator(indicator: &[u8]) -> &[u8] {
    if indicator.starts_with(b"\"") {
        return indicator;
    }
    let start = bytes_at(indicator, ..indicator.len().min(OTHER_BYTES_MAX));
    match str::from_utf8(start) {
        Ok(_) => start,
        Err(error) => bytes_at(start, ..error.valid_up_to()),
    }
}

/// How often something was refused, by the place of the reason among [`Rejection::REASONS`].
type ReasonCounts = [u64; Rejection::REASONS.len()];

/// The refused elements of one slice.
#[derive(Debug)]
pub(crate) struct SliceRejections {
    bytes: Vec<u8>,
    count: u64,
    by_reason: ReasonCounts,
    json_bytes: u64,
}

impl SliceRejections {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), count: 0, by_reason: ReasonCounts::default(), json_bytes: 0 }
    }

    /// Adds an element; `indicator` is its JSON text, empty when it had none.
    pub(crate) fn push(&mut self, indicator: &[u8], rejection: &Rejection) {
        let code = code(rejection);
        let mut entry_bytes = OPENING.len() + MIDDLE.len() + CLOSING.len();
        if indicator.is_empty() {
            self.bytes.push(code | NO_INDICATOR);
            entry_bytes += b"\"\"".len();
        } else {
            let indicator = kept_indicator(indicator);
            self.bytes.push(code);
            self.push_text(indicator);
            entry_bytes += told_indicator(indicator).len();
        }
        if let Rejection::UnknownTag(name) = rejection {
            self.push_text(name.as_bytes());
            entry_bytes += told_tag(name.as_bytes()).len();
        } else if let Some(sentence) = SENTENCES.get(usize::from(code)) {
            entry_bytes += sentence.len();
        }
        self.count += 1;
        if let Some(count) = self.by_reason.get_mut(rejection.reason_number()) {
            *count += 1;
        }
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
    /// The refused ones by the place of their reason among [`Rejection::REASONS`].
    pub rejected_by_reason: ReasonCounts,
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
        let mut rejected_by_reason = ReasonCounts::default();
        for slice in &slices {
            rejected_count += slice.count;
            for (all, count) in rejected_by_reason.iter_mut().zip(slice.by_reason) {
                *all += count;
            }
            json_bytes += slice.json_bytes;
        }
        // A comma stands before each entry but the first.
        json_bytes += rejected_count.saturating_sub(1);
        let accepted_count = elements_count - rejected_count;
        Self { accepted_count, rejected_count, rejected_by_reason, slices, json_bytes, memory }
    }

    /// Exact length of the JSON text that [`into_json_chunks`](Self::into_json_chunks) gives.
    pub fn json_bytes(&self) -> u64 {
        self.json_bytes
    }

    /// Returns the JSON array `[{"indicator":...,"reason":...},...]` in chunks of about 64 KiB, each made when it
    /// is asked for; a single longer value makes a longer chunk. Memory is freed slice by slice.
    pub fn into_json_chunks(self) -> impl Iterator<Item = Bytes> + Send {
        let mut left = RejectionsLeft {
            slices: self.slices.into_iter(),
            current: Vec::new(),
            at: 0,
            _memory: self.memory,
        };
        array_chunks(move |chunk| left.append_next(chunk))
    }
}

struct RejectionsLeft {
    slices: std::vec::IntoIter<SliceRejections>,
    /// Kept bytes of the current slice, written up to `at`.
    current: Vec<u8>,
    at: usize,
    _memory: Option<Arc<RequestMemory>>,
}

impl RejectionsLeft {
    /// Appends one entry; `false` once there is none.
    fn append_next(&mut self, chunk: &mut Vec<u8>) -> bool {
        while self.append_entry(chunk).is_none() {
            let Some(slice) = self.slices.next() else { return false };
            (self.current, self.at) = (slice.bytes, 0);
        }
        true
    }

    /// Appends one entry; `None` at the end of the current slice.
    fn append_entry(&mut self, chunk: &mut Vec<u8>) -> Option<()> {
        let left = self.current.get(self.at..)?;
        let mut kept = left;
        let code = take(&mut kept, 1)?.first().copied()?;
        chunk.extend_from_slice(OPENING);
        if code & NO_INDICATOR == 0 {
            chunk.extend_from_slice(&told_indicator(take_text(&mut kept)?));
        } else {
            chunk.extend_from_slice(b"\"\"");
        }
        chunk.extend_from_slice(MIDDLE);
        let code = code & !NO_INDICATOR;
        if code == UNKNOWN_TAG {
            chunk.extend_from_slice(told_tag(take_text(&mut kept)?).as_bytes());
        } else {
            chunk.extend_from_slice(SENTENCES.get(usize::from(code))?.as_bytes());
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

#[cfg(test)]
mod tests;
