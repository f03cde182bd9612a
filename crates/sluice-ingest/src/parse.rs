//! Slice to tape: finds the structure of a slice, judges nothing inside it.
//!
//! In: the text of a [`BodySlice`]. Out: its elements, each with its nodes on the tape
//! and its text as sent. The parser unescapes strings where they lie, so it works on a copy; a string of the
//! tape then begins where it begins in the text, and that is how a node finds its own spelling.
//!
//! The buffers of a thread are kept between slices up to [`TAPE_NODES_KEPT_MAX`]. No I/O; equal bytes give
//! equal results. CPU-bound: call it on the parse pool.

use std::cell::RefCell;

use simd_json::{Buffers, INPUT_PADDING, Node, Tape};
use sluice_model::limits;

use crate::{
    error::{BodyError, Fault},
    locate,
    split::BodySlice,
    text::{self, Members},
};

/// Nodes for which a thread keeps memory between slices; an ordinary slice has about 100,000.
const TAPE_NODES_KEPT_MAX: usize = 1 << 19;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    buffers: Option<Buffers>,
    tape: Option<Tape<'static>>,
}

/// Tells how many nodes of the tape a value takes, its own included.
pub(crate) fn node_count(node: &Node<'_>) -> usize {
    match node {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
}

/// Parses a slice and shows its elements to `visit`.
///
/// Heap: the tape costs 24 bytes for each JSON node, and is the calling thread's to reuse.
///
/// # Errors
///
/// [`BodyError::Syntax`] with the first byte at which the slice is no JSON.
pub(crate) fn with_elements<T>(
    slice: &BodySlice,
    visit: impl FnOnce(Elements<'_, '_>) -> T,
) -> Result<T, BodyError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let length = slice.text.len();
        scratch.bytes.clear();
        scratch.bytes.reserve(length + INPUT_PADDING);
        scratch.bytes.extend_from_slice(&slice.text);
        scratch.bytes.resize(length + INPUT_PADDING, b' ');
        let base = scratch.bytes.as_ptr().addr();
        let buffers = scratch
            .buffers
            .get_or_insert_with(|| Buffers::with_max_depth(limits::SLICE_BYTES, limits::NESTING_LEVELS_MAX));
        let mut tape: Tape<'_> = scratch.tape.take().map_or(Tape(Vec::new()), Tape::reset);
        let parsed = simd_json::fill_tape_padded(&mut scratch.bytes, length, buffers, &mut tape);
        let seen = match parsed {
            Ok(()) => {
                let nodes = tape.0.get(1..).unwrap_or_default();
                Ok(visit(Elements { nodes, source: Source { text: &slice.text, base } }))
            }
            Err(_) => Err(first_fault(slice)),
        };
        if tape.0.capacity() <= TAPE_NODES_KEPT_MAX {
            scratch.tape = Some(tape.reset());
        } else {
            drop(tape);
            *scratch = Scratch::default();
        }
        seen
    })
}

#[cold]
fn first_fault(slice: &BodySlice) -> BodyError {
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

    /// Offset in the text of the beginning of element number `index`.
    pub(crate) fn element_offset(&self, index: usize) -> usize {
        let mut at = 1;
        for _ in 0..index {
            // One more for the comma.
            at = text::append_compact(self.text, at, &mut Vec::new()) + 1;
        }
        at
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
    /// The text of the whole slice.
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
pub(crate) struct Elements<'t, 'a> {
    nodes: &'t [Node<'a>],
    source: Source<'t>,
}

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
