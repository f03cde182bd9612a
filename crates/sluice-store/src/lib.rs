//! What Sluice keeps on disk: our own synced log in front, sled behind it as state that the log completes.
//!
//! # Layout of the data directory
//!
//! | path | what |
//! |---|---|
//! | `LOCK` | held by the one process that may write |
//! | `MANIFEST` | the last checkpoint: runs that count, and where the log must begin (`manifest.rs`) |
//! | `log/` | segments of frames: slices of rows, commits, catalogue changes (`log/`) |
//! | `trees/` | sled: `indicators` (blocks, indexes, filters), `contexts` (books), `suppliers` and `tags` (posting lists), `catalogue` (`trees.rs`) |
//!
//! # A write
//!
//! ```text
//! SliceBuilder ──► Write::append (packed on the caller's thread) ──► log thread: frames
//!                  Write::commit ──────────────────────────────────► commit frame, one sync for all that wait,
//!                                                                    then visible, then answered
//! memtable (slices) ──► compaction thread: flush into a run ──► checkpoint ──► old log trimmed
//!                       runs ──► merge, part by part ──► checkpoint
//!                         └► rows in batches ──► parts thread: blocks, filters, posting lists into the trees
//! ```
//!
//! Rows carry handles in the places of contexts (`context.rs`): slices have tables of their own, runs have books.
//!
//! Rows merge (`sluice_model::row`), so a write reads nothing. The order of
//! everything is the order of commit frames, numbered by the log thread; clocks decide nothing but expiry.
//!
//! # What is promised
//!
//! * A completion of success comes after the sync of its commit frame (D1), and after the rows are visible.
//! * Frames without a commit frame are nothing: an abandoned, refused or cut-off write leaves no trace (D3, D4).
//! * Readers see whole views: all of a commit or nothing, rows and posting lists together (D5).
//! * After a failed sync nothing more is written and `on_failure` is called; a full disk is no failure (D7).
//! * Every frame, block, index, filter and the manifest has a checksum; what is damaged is refused by name (D8).
//!
//! The tags of an indicator live as long as somebody holds it. When the last holding is released, expires or
//! goes with its supplier, a later merge forgets the tags with the row, and nobody is told when.

mod admission;
mod bulk;
pub mod catalogue;
mod clock;
mod compact;
mod config;
pub(crate) mod context;
mod disk;
mod error;
mod filter;
pub(crate) mod log;
pub(crate) mod manifest;
mod memtable;
mod merge;
mod recovery;
mod repack;
mod requests;
mod rows;
mod run;
mod shared;
#[cfg(feature = "stages")]
pub mod stages;
mod store;
pub(crate) mod trees;
mod view;

pub use bulk::{Alone, ContextId, ReadContexts, ReadRows, RowNumbers, StoredHolding, StoredRow, Workers};
pub use clock::now_seconds;
pub use config::{OnFailure, StoreConfig, Tuning};
pub use error::{ChangeError, OpenError, ReadError, WriteError};
pub use memtable::{Slice, SliceBuilder};
pub use requests::Completion;
pub use shared::Health;
pub use store::{Store, StoreFigures, Write};
pub use view::{Holding, Record, Snapshot};
