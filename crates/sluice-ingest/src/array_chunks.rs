//! An array of JSON, in chunks that are made when they are asked for.
//!
//! In: what appends one entry after the other. Out: `[`, the entries with commas between them, `]`, in chunks of about 64 KiB; a
//! single longer entry makes a longer chunk.

use std::iter;

use bytes::Bytes;

/// Bytes after which a chunk ends.
const CHUNK_BYTES: usize = 64 * 1024;

/// The array of entries that `append_next` appends; it returns false, with nothing appended, once there is none.
pub(crate) fn array_chunks(mut append_next: impl FnMut(&mut Vec<u8>) -> bool) -> impl Iterator<Item = Bytes> {
    let (mut is_first, mut is_closed) = (true, false);
    iter::from_fn(move || {
        if is_closed {
            return None;
        }
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if is_first {
            chunk.push(b'[');
        }
        while chunk.len() < CHUNK_BYTES && !is_closed {
            let whole_to = chunk.len();
            if !is_first {
                chunk.push(b',');
            }
            if append_next(&mut chunk) {
                is_first = false;
            } else {
                chunk.truncate(whole_to);
                chunk.push(b']');
                is_closed = true;
            }
        }
        Some(chunk.into())
    })
}
