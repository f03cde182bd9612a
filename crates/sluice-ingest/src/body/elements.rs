//! Shows the elements of a slice, each read in the way that suits it.
//!
//! In: a [`BodySlice`]. Out: its elements in order, and of each its known properties, as sent and as they are read.
//! Ordinary elements are read in place ([`scan`]); the others are parsed, one by one, and decoded into a buffer
//! ([`tape`](super::tape)). The form is the same, and what is seen does not depend on the way.
//!
//! A slice is well-formed as a whole or not at all: results of a slice that fails must be thrown away.

use std::borrow::Cow;

use sluice_model::{ranges::bytes_at, rejection::Flaw};

use super::{
    locate,
    scan::{self, KNOWN_COUNT, KnownProperty, Shape, Span},
    split::BodySlice,
    tape::ParsedElement,
    text::{append_compact, skip_string, skip_value},
};
use crate::error::{BodyError, Fault, IngestError};

/// One element of a body: an object.
#[derive(Clone, Copy)]
pub(crate) struct Element<'e> {
    /// Offset of its first byte in the text of the slice.
    pub(crate) offset: usize,
    /// A text with the element as sent, and where its properties lie in it.
    sent_text: &'e str,
    sent: &'e [Span; KNOWN_COUNT],
    /// A text with its properties as they are read, and where they lie; the same as above if nothing has to be decoded.
    read_text: &'e str,
    read: &'e [Span; KNOWN_COUNT],
}

impl<'e> Element<'e> {
    /// An element that was scanned at `offset` of `text`.
    #[inline]
    pub(crate) fn scanned(text: &'e str, spans: &'e [Span; KNOWN_COUNT], offset: usize) -> Self {
        Self { offset, sent_text: text, sent: spans, read_text: text, read: spans }
    }

    /// An element with the text `alone` that was parsed.
    pub(crate) fn parsed(alone: &'e str, parsed: &'e ParsedElement, offset: usize) -> Self {
        let (sent, read_text, read) = (&parsed.sent, &parsed.decoded, &parsed.read);
        Self { offset, sent_text: alone, sent, read_text, read }
    }

    /// The text of an element that lies where its offset says, as sent.
    pub(crate) fn object(&self) -> &'e [u8] {
        let end = skip_value(self.sent_text.as_bytes(), self.offset);
        bytes_at(self.sent_text.as_bytes(), self.offset..end)
    }

    /// The last value that the element has for a property.
    #[inline]
    pub(crate) fn get(&self, known: KnownProperty) -> Option<Value<'e>> {
        let (sent, read) = (self.sent.get(known as usize)?, self.read.get(known as usize)?);
        if read.shape == Shape::Absent {
            return None;
        }
        Some(Value { sent_text: self.sent_text, sent, read_text: self.read_text, read })
    }
}

/// A value of an element.
#[derive(Clone, Copy)]
pub(crate) struct Value<'e> {
    sent_text: &'e str,
    sent: &'e Span,
    read_text: &'e str,
    read: &'e Span,
}

impl<'e> Value<'e> {
    pub(crate) fn is_null(&self) -> bool {
        self.read.shape == Shape::Null
    }

    pub(crate) fn is_boolean(&self) -> bool {
        self.read.shape == Shape::Boolean
    }

    /// Why the value cannot be read, if it cannot. It is then of no type.
    #[inline]
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        match self.read.shape {
            Shape::Flawed(flaw) => Some(flaw),
            _ => None,
        }
    }

    /// Whether the value was sent as a string, even if it is none that can be read.
    pub(crate) fn is_sent_as_string(&self) -> bool {
        bytes_at(self.sent_text.as_bytes(), self.sent.from..self.sent.to).starts_with(b"\"")
    }

    /// The value, if it is a string.
    pub(crate) fn as_str(&self) -> Option<&'e str> {
        if self.read.shape != Shape::Text {
            return None;
        }
        self.read_text.get(self.read.from + 1..self.read.to - 1)
    }

    /// Appends the value as sent, without white space outside its strings.
    pub(crate) fn append_compact(&self, compact: &mut Vec<u8>) {
        let sent = bytes_at(self.sent_text.as_bytes(), self.sent.from..self.sent.to);
        if self.sent.is_spaced {
            append_compact(sent, compact);
        } else {
            compact.extend_from_slice(sent);
        }
    }

    /// Returns an object with at least one member as it is kept, perhaps in `buffer`; `None` for anything else.
    pub(crate) fn kept_object<'k>(&self, buffer: &'k mut Vec<u8>) -> Option<&'k [u8]>
    where
        'e: 'k,
    {
        if self.read.shape != Shape::Object {
            return None;
        }
        let object = bytes_at(self.read_text.as_bytes(), self.read.from..self.read.to);
        if !self.read.is_spaced {
            return Some(object);
        }
        buffer.clear();
        append_compact(object, buffer);
        Some(buffer)
    }

    /// The text of an array of nothing but strings: equal texts have equal strings. `None` for anything else.
    pub(crate) fn texts(&self) -> Option<&'e str> {
        if self.read.shape != Shape::Texts {
            return None;
        }
        self.read_text.get(self.read.from..self.read.to)
    }
}

/// The strings of an array of which [`Value::texts`] is the text.
pub(crate) fn strings(mut texts: &str) -> impl Iterator<Item = Cow<'_, str>> {
    std::iter::from_fn(move || {
        let (_, string) = texts.split_once('"')?;
        let (string, after) = string.split_at_checked(skip_string(string.as_bytes(), 0))?;
        texts = after;
        let string = string.strip_suffix('"')?;
        Some(if string.contains('\\') { Cow::Owned(without_escapes(string)) } else { Cow::Borrowed(string) })
    })
}

/// The string without the backslashes that stand before quotes and backslashes of its own.
fn without_escapes(string: &str) -> String {
    let mut plain = String::with_capacity(string.len());
    let mut characters = string.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

/// Shows the elements of a slice to `visit`, in order, until it returns an error.
///
/// # Errors
///
/// [`BodyError::Syntax`] with the first byte at which the slice is not JSON; else that of `visit`.
pub(crate) fn visit_elements(
    slice: &BodySlice,
    visit: impl FnMut(Element<'_>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    visit_scanned(slice, scan::scan, visit)
}

/// The same, as if all elements were out of the ordinary.
#[cfg(any(test, feature = "stages"))]
pub(crate) fn visit_parsed(
    slice: &BodySlice,
    visit: impl FnMut(Element<'_>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    visit_scanned(slice, |_text, _at| None, visit)
}

fn visit_scanned(
    slice: &BodySlice,
    scan: impl Fn(&[u8], usize) -> Option<([Span; KNOWN_COUNT], usize)>,
    mut visit: impl FnMut(Element<'_>) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let Ok(text) = str::from_utf8(&slice.text) else { return Err(first_fault(slice)) };
    let mut outcome = Ok(());
    let mut parsed = ParsedElement::default();
    let mut at = 1;
    while text.as_bytes().get(at) == Some(&b'{') {
        let end = if let Some((spans, end)) = scan(text.as_bytes(), at) {
            if outcome.is_ok() {
                outcome = visit(Element::scanned(text, &spans, at));
            }
            end
        } else {
            let end = skip_value(text.as_bytes(), at);
            let Some(alone) = text.get(at..end) else { break };
            if parsed.read(alone).is_none() {
                break;
            }
            if outcome.is_ok() {
                outcome = visit(Element::parsed(alone, &parsed, at));
            }
            end
        };
        // After each element there is a comma, or the bracket at the end.
        at = end + 1;
    }
    if at == text.len() { outcome } else { Err(first_fault(slice)) }
}

/// Finds out why a slice was refused.
#[cold]
fn first_fault(slice: &BodySlice) -> IngestError {
    // A refusal that cannot be explained is blamed on the first element; the tests hold that there is none.
    let (at, fault) = locate::first_fault(&slice.text).unwrap_or((1, Fault::Json));
    IngestError::Body(BodyError::Syntax { fault, byte: slice.body_byte(at) })
}

#[cfg(test)]
mod tests;
