//! What a snapshot takes from a running store: a checkpoint, pinned, and its objects as bytes.
//!
//! Parts and tables of contexts never change, so each is an object that travels once: its blocks as stored, each with
//! its checksum and its place (`object`). A pinned checkpoint ([`PinnedCheckpoint`]) is a manifest and shares of the parts
//! and tables that it names, so merges may go on, and what they replace stays in the trees until the pin is gone. The log
//! is not part of it: everything committed before is in the trees. Where the objects go is the caller's affair.

mod object;
mod pinned;
mod stored_block;

pub use self::{
    object::ObjectId,
    pinned::{PinnedCheckpoint, SnapshotError},
};
pub(crate) use self::{object::ObjectReader, stored_block::BlockPlace};
