//! The synced log: where a write is durable before it is answered, and all that recovery needs.
//!
//! In: frames, from the one thread that owns the [`LogWriter`]. Out: the same frames in order, through
//! [`fn@replay`]. What a payload means, who waits for a sync and when to trim is left to the caller. No threads.
//!
//! A position (`lsn`) counts the log's bytes since its birth, over segments and restarts; a segment file is
//! named by the position of its first byte, and its end is the next one's name. Numbers are big-endian.
//!
//! | part | bytes |
//! |---|---|
//! | segment | header, then frames without padding; at most [`SEGMENT_BYTES`] |
//! | segment header | magic 8, version u32, salt u64, lsn u64, crc32c u32 of these |
//! | frame | mark u32 (from the salt), payload length u32, crc32c u32 (seeded by salt, lsn, length), kind u8, transaction u64, synced lsn u64, payload |

mod error;
mod frame;
mod publish;
mod replay;
mod segment;
mod thread;
mod writer;

#[cfg(test)]
mod tests;

use sluice_model::limits;

pub(crate) use error::{LogError, ReplayError};
pub(crate) use frame::FrameKind;
pub(crate) use replay::{Frame, Replayed, inspect, replay};
pub(crate) use thread::LogThread;
pub(crate) use writer::LogWriter;

/// Longest segment file. Trimming works on whole segments, and replay holds one in memory.
pub(crate) const SEGMENT_BYTES: usize = 64 * limits::MIB;

/// Longest payload of one frame.
pub(crate) const FRAME_BYTES_MAX: usize = 16 * limits::MIB;

/// Bytes that may wait in the writer before they are handed to the operating system.
const BUFFER_BYTES: usize = limits::MIB;

// A slice closes at the first element past its size, and encoded rows are at most twice as long as their text.
const _: () = assert!(2 * (limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX) <= FRAME_BYTES_MAX);
const _: () = assert!(segment::HEADER_BYTES + frame::HEADER_BYTES + FRAME_BYTES_MAX <= SEGMENT_BYTES);
