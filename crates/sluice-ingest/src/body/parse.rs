//! Text to tape: finds the structure of an element and judges nothing inside it.
//!
//! In: the text of an object. Out: an element, with its nodes on the tape and its text as sent; and where a
//! [`BodySlice`] that was refused is no JSON. The parser unescapes strings where they lie, so it works on a copy; a
//! string of the tape then begins where it begins in the text, and that is how a node finds its own spelling. What
//! most elements are is faster read without it (`scan`): this is for the others, and what `scan` is held to.
//!
//! Buffers are kept for the next time, on whichever thread: [`limits::PARSERS_KEPT_MAX`] of them, of elements up to
//! [`TEXT_BYTES_KEPT_MAX`] and [`TAPE_NODES_KEPT_MAX`]. No I/O; equal bytes give equal results. CPU-bound: long
//! elements are for the parse pool.

use parking_lot::{Condvar, Mutex};
use simd_json::{Buffers, INPUT_PADDING, Node, Tape};
use sluice_model::limits;

use super::{
    locate,
    split::BodySlice,
    tape::{Members, node_count},
    text,
};
use crate::error::{BodyError, Fault};

/// Nodes for which memory is kept between elements; ordinary ones have some tens. The tape makes room for as many
/// nodes as there are indexes, so this bounds those too.
const TAPE_NODES_KEPT_MAX: usize = 1 << 17;

/// Bytes of an element for which memory is kept: a copy, and room for unescaped text that may be twice as long.
const TEXT_BYTES_KEPT_MAX: usize = 256 * limits::KIB;

const _: () =
    assert!(TAPE_NODES_KEPT_MAX * (24 + 8) + 3 * TEXT_BYTES_KEPT_MAX <= limits::PARSER_KEPT_BYTES_MAX);

/// Longest text that is parsed without waiting for a turn: tasks of the runtime parse short ones themselves.
const TURN_BYTES_MIN: usize = limits::SHORT_BODY_BYTES_MAX;

/// Buffers at rest, and who is at work.
static PARSERS: Mutex<Parsers> = Mutex::new(Parsers { kept: Vec::new(), bytes_in_flight: 0 });

/// Told whenever an element has been parsed for which others may have waited.
static DONE: Condvar = Condvar::new();

struct Parsers {
    kept: Vec<Scratch>,
    /// Bytes of the texts that are being parsed.
    bytes_in_flight: usize,
}

#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    buffers: Option<Buffers>,
    tape: Option<Tape<'static>>,
}

/// Parses a slice and shows its elements to `visit`.
///
/// Heap: the tape costs 24 bytes for each JSON node.
///
/// # Errors
///
/// [`BodyError::Syntax`] with the first byte at which the slice is no JSON.
#[cfg(any(test, feature = "stages"))]
pub(crate) fn with_elements<T>(
    slice: &BodySlice,
    visit: impl FnOnce(Elements<'_, '_>) -> T,
) -> Result<T, BodyError> {
    with_tape(&slice.text, |nodes, source| {
        visit(Elements { nodes: nodes.get(1..).unwrap_or_default(), source })
    })
    .ok_or_else(|| first_fault(slice))
}

/// Parses the text of an object and shows it to `visit`; `None` when the text is no JSON.
///
/// Heap: the tape costs 24 bytes for each JSON node, and is kept for the next text.
pub(crate) fn with_object<T>(text: &[u8], visit: impl FnOnce(Element<'_, '_>) -> T) -> Option<T> {
    with_tape(text, |nodes, source| visit(Element { nodes, source }))
}

fn with_tape<T>(text: &[u8], visit: impl FnOnce(&[Node<'_>], Source<'_>) -> T) -> Option<T> {
    let mut turn = Turn::take(text.len());
    let scratch = &mut turn.scratch;
    let length = text.len();
    scratch.bytes.clear();
    scratch.bytes.reserve_exact(length + INPUT_PADDING);
    scratch.bytes.extend_from_slice(text);
    scratch.bytes.resize(length + INPUT_PADDING, b' ');
    let base = scratch.bytes.as_ptr().addr();
    let buffers =
        scratch.buffers.get_or_insert_with(|| Buffers::with_max_depth(0, limits::NESTING_LEVELS_MAX));
    let mut tape: Tape<'_> = scratch.tape.take().map_or(Tape(Vec::new()), Tape::reset);
    let parsed = simd_json::fill_tape_padded(&mut scratch.bytes, length, buffers, &mut tape);
    let seen = parsed.ok().map(|()| visit(&tape.0, Source { text, base }));
    turn.is_ordinary = tape.0.capacity() <= TAPE_NODES_KEPT_MAX && length <= TEXT_BYTES_KEPT_MAX;
    scratch.tape = Some(tape.reset());
    seen
}

/// The right to parse a text. Only what parses and visits it may be done meanwhile, nothing that waits.
struct Turn {
    scratch: Scratch,
    /// What it counts for: short texts count nothing.
    text_bytes: usize,
    /// Whether the buffers are small enough to be kept.
    is_ordinary: bool,
}

impl Turn {
    /// Waits while too much is being parsed, unless the text is short.
    fn take(length: usize) -> Self {
        let text_bytes = if length <= TURN_BYTES_MIN { 0 } else { length };
        let mut parsers = PARSERS.lock();
        while 0 < text_bytes
            && 0 < parsers.bytes_in_flight
            && limits::PARSED_BYTES_IN_FLIGHT_MAX < parsers.bytes_in_flight + text_bytes
        {
            DONE.wait(&mut parsers);
        }
        parsers.bytes_in_flight += text_bytes;
        let scratch = parsers.kept.pop().unwrap_or_default();
        Self { scratch, text_bytes, is_ordinary: false }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // What is not kept must be gone before the next one begins.
        let mut scratch = std::mem::take(&mut self.scratch);
        if !self.is_ordinary {
            scratch = Scratch::default();
        }
        let mut parsers = PARSERS.lock();
        parsers.bytes_in_flight -= self.text_bytes;
        if self.is_ordinary && parsers.kept.len() < limits::PARSERS_KEPT_MAX {
            parsers.kept.push(scratch);
        }
        drop(parsers);
        DONE.notify_all();
    }
}

/// Finds out why a slice was refused.
#[cold]
pub(crate) fn first_fault(slice: &BodySlice) -> BodyError {
    // A refusal that cannot be explained is blamed on the first element; the tests hold that there is none.
    let (at, fault) = locate::first_fault(&slice.text).unwrap_or((1, Fault::Json));
    BodyError::Syntax { fault, byte: slice.body_byte(at) }
}

/// The text that a tape was made of.
#[derive(Clone, Copy)]
pub(crate) struct Source<'t> {
    text: &'t [u8],
    /// Address of the copy that the strings of the tape lie in.
    base: usize,
}

impl Source<'_> {
    /// Offset in the text of the first byte of a string or key of the tape, its quote not included.
    fn offset(&self, string: &str) -> usize {
        string.as_ptr().addr().wrapping_sub(self.base)
    }

    /// Appends the member's value as sent, without white space outside its strings.
    pub(crate) fn append_value(&self, member: &Member<'_, '_>, compact: &mut Vec<u8>) {
        let after_key = text::skip_string(self.text, self.offset(member.key));
        let colon = text::skip_space(self.text, after_key);
        text::append_compact(self.text, colon + 1, compact);
    }
}

/// One property of an element.
#[derive(Clone, Copy)]
pub(crate) struct Member<'t, 'a> {
    /// Name of the property, where it lies on the tape.
    pub(crate) key: &'a str,
    /// Nodes from the value on; more may follow it.
    pub(crate) nodes: &'t [Node<'a>],
}

impl<'t, 'a> Member<'t, 'a> {
    /// The value's first node.
    pub(crate) fn node(&self) -> Option<&'t Node<'a>> {
        self.nodes.first()
    }

    /// The value, if it is a string.
    pub(crate) fn as_str(&self) -> Option<&'a str> {
        match self.node() {
            Some(Node::String(string)) => Some(string),
            _ => None,
        }
    }
}

/// One element of a body: an object.
#[derive(Clone, Copy)]
pub(crate) struct Element<'t, 'a> {
    nodes: &'t [Node<'a>],
    /// The text that the tape was made of.
    pub(crate) source: Source<'t>,
}

impl<'t, 'a> Element<'t, 'a> {
    /// The properties in order, repeated ones included.
    pub(crate) fn members(&self) -> impl Iterator<Item = Member<'t, 'a>> + use<'t, 'a> {
        let members = match self.nodes.split_first() {
            Some((Node::Object { len, .. }, members)) => Members::new(*len, members),
            _ => Members::new(0, &[]),
        };
        members.map(|(key, nodes)| Member { key, nodes })
    }
}

/// The elements of a slice, in order.
#[cfg(any(test, feature = "stages"))]
pub(crate) struct Elements<'t, 'a> {
    nodes: &'t [Node<'a>],
    source: Source<'t>,
}

#[cfg(any(test, feature = "stages"))]
impl<'t, 'a> Iterator for Elements<'t, 'a> {
    type Item = Element<'t, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (nodes, rest) = self.nodes.split_at_checked(node_count(self.nodes.first()?))?;
        self.nodes = rest;
        Some(Element { nodes, source: self.source })
    }
}

#[cfg(test)]
mod tests;
