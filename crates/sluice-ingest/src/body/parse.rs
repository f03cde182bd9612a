//! Text to tape: lets the parser find the structure of an element.
//!
//! In: the text of an object. Out: its nodes, as long as they are looked at; or nothing, if the text is not JSON. Most
//! elements are read without it (`scan`), which is faster: this is for the others, and what `scan` is held to.
//!
//! Buffers are kept for the next time, on whichever thread: [`limits::PARSERS_KEPT_MAX`] of them, of elements up to
//! [`TEXT_BYTES_KEPT_MAX`] and [`TAPE_NODES_KEPT_MAX`]. No I/O; equal bytes give equal results. CPU-bound: long
//! elements are for the pool of slices.

use parking_lot::{Condvar, Mutex};
use simd_json::{Buffers, INPUT_PADDING, Node, Tape};
use sluice_model::limits;

/// Nodes for which memory is kept between elements; ordinary ones have some tens. The tape makes room for as many
/// nodes as there are indexes, so this bounds those too.
const TAPE_NODES_KEPT_MAX: usize = 1 << 17;

/// Bytes of an element for which memory is kept: a copy, and room for unescaped text that may be twice as long.
const TEXT_BYTES_KEPT_MAX: usize = 256 * limits::KIB;

const _: () =
    assert!(TAPE_NODES_KEPT_MAX * (24 + 8) + 3 * TEXT_BYTES_KEPT_MAX <= limits::PARSER_KEPT_BYTES_MAX);

/// Longest text that is parsed without waiting for a turn: tasks of the runtime parse short ones themselves.
const TURN_BYTES_MIN: usize = limits::SHORT_BODY_BYTES_MAX;

/// Buffers at rest.
static KEPT: Mutex<Vec<ParserBuffers>> = Mutex::new(Vec::new());

/// Bytes of the texts that are being parsed, short ones not counted.
static BYTES_IN_FLIGHT: Mutex<usize> = Mutex::new(0);

/// Notified whenever a text that was counted has been parsed.
static PARSED: Condvar = Condvar::new();

#[derive(Default)]
struct ParserBuffers {
    text: Vec<u8>,
    buffers: Option<Buffers>,
    tape: Option<Tape<'static>>,
}

/// Parses the text of an object and shows its nodes to `visit`; `None` when the text is not JSON.
///
/// The parser unescapes strings in place, so it works on a copy, whose address `visit` is given as well. A string
/// on the tape begins where it begins in the text: one at the address + 7 has its opening quote at `text[6]`.
///
/// Heap: the tape costs 24 bytes for each JSON node, and is kept for the next text. Nothing that waits may be done in
/// `visit`.
pub(crate) fn with_tape<T>(text: &[u8], visit: impl FnOnce(&[Node<'_>], usize) -> T) -> Option<T> {
    let mut turn = Turn::take(text.len());
    let ParserBuffers { text: copy, buffers, tape } = &mut turn.buffers;
    let length = text.len();
    copy.clear();
    copy.reserve_exact(length + INPUT_PADDING);
    copy.extend_from_slice(text);
    copy.resize(length + INPUT_PADDING, b' ');
    let address = copy.as_ptr().addr();
    let buffers = buffers.get_or_insert_with(|| Buffers::with_max_depth(0, limits::NESTING_LEVELS_MAX));
    let mut nodes: Tape<'_> = tape.take().map_or(Tape(Vec::new()), Tape::reset);
    let seen = match simd_json::fill_tape_padded(copy, length, buffers, &mut nodes) {
        Ok(()) => Some(visit(&nodes.0, address)),
        Err(_) => None,
    };
    turn.is_ordinary = nodes.0.capacity() <= TAPE_NODES_KEPT_MAX && length <= TEXT_BYTES_KEPT_MAX;
    *tape = Some(nodes.reset());
    seen
}

/// The right to parse a text. Only what parses and visits it may be done meanwhile, nothing that waits.
struct Turn {
    buffers: ParserBuffers,
    /// What it counts for among the bytes in flight.
    counted_bytes: usize,
    /// Whether the buffers are small enough to be kept.
    is_ordinary: bool,
}

impl Turn {
    /// Waits while too much is being parsed, unless the text is short.
    ///
    /// With 5 MiB allowed in flight and a text of 4 MiB being parsed, another one of 2 MiB waits and one of 1 MiB does
    /// not. A text longer than all that is allowed goes ahead once it would be alone.
    fn take(length: usize) -> Self {
        let counted_bytes = if length <= TURN_BYTES_MIN { 0 } else { length };
        if 0 < counted_bytes {
            let mut in_flight = BYTES_IN_FLIGHT.lock();
            while 0 < *in_flight && limits::PARSED_BYTES_IN_FLIGHT_MAX < *in_flight + counted_bytes {
                PARSED.wait(&mut in_flight);
            }
            *in_flight += counted_bytes;
        }
        let buffers = KEPT.lock().pop().unwrap_or_default();
        Self { buffers, counted_bytes, is_ordinary: false }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let buffers = std::mem::take(&mut self.buffers);
        if self.is_ordinary {
            let mut kept = KEPT.lock();
            if kept.len() < limits::PARSERS_KEPT_MAX {
                kept.push(buffers);
            }
        } else {
            // What is not kept must be gone before the next one begins.
            drop(buffers);
        }
        if 0 < self.counted_bytes {
            *BYTES_IN_FLIGHT.lock() -= self.counted_bytes;
            PARSED.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
