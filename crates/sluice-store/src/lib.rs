//! What Sluice keeps on disk: our own synced log in front, sled behind it as state that the log completes.
//!
//! # Layout of the data directory
//!
//! | path | what |
//! |---|---|
//! | `LOCK` | held by the one process that may write |
//! | `RESTORING` | there while a restore has not finished; no daemon opens the directory then (`restore.rs`) |
//! | `SPARE` | blocks without content, given up at each start so that it has room on a full disk (`spare_room.rs`) |
//! | `MANIFEST` | the last checkpoint: runs that count, and where the log must begin (`manifest.rs`) |
//! | `spool/` | rows of feeds that are to replace others, in files without a name; emptied at each start (`spool.rs`) |
//! | `history/` | which keys have changed, for readers of changes; nothing is in it alone (`history.rs`) |
//! | `log/` | segments of frames: slices of rows, commits, catalogue changes (`log/`) |
//! | `trees/` | sled: `indicators` (blocks, indexes, filters), `contexts` (tables of contexts), `suppliers` and `tags` (posting lists), `catalogue` (`trees.rs`) |
//!
//! Other files there, such as accounts, batches and the TLS key, are the daemon's, and are not looked at here.
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
//! Rows have references in the places of contexts (`contexts.rs`), into tables: slices have their own, runs have stored
//! ones.
//!
//! Rows merge (`sluice_model::row`), so a write reads nothing. The order of everything is the order of commit frames,
//! numbered by the log thread. Time decides what has expired (`stamps.rs`) and when background work is due, never order.
//!
//! | thread | does | waits for |
//! |---|---|---|
//! | `log` (`log/thread.rs`) | frames, syncs, new views, answers | the disk |
//! | `compaction` (`compact/thread.rs`) | flushes, merges, checkpoints | the disk, the two others |
//! | `parts` (`compact/parts_thread.rs`) | packs the rows of one part after the other | the disk |
//!
//! Posting lists (which rows of a part are of a supplier or have a tag) are written with every part. Those of the suppliers
//! `FalsePositive` tell what is allowed (`allow_list.rs`), before the first import, and those of a few suppliers or tags an export of them where their
//! rows are ([`Snapshot::select`]); beside that [`Snapshot::keys_of_supplier`] and [`Snapshot::keys_of_tag`] read them. Merges need only their summaries in the index of a part.
//!
//! # What is promised
//!
//! * A completion of success comes after the sync of its commit frame (D1), and after the rows are visible.
//! * Frames without a commit frame are nothing: an abandoned, refused or cut-off write leaves no trace (D3, D4).
//! * Readers see whole views: all of a commit or nothing, rows and posting lists together (D5).
//! * After a failed sync nothing more is written and `on_failure` is called; a full disk is not a failure (D7). What fails
//!   in sled's own threads is known to [`watch_engine`] alone, and the process hands it to [`Store::fail`].
//! * The log stays within [`Tuning::log_bytes_max`], whoever sends what how slowly (`log/thread.rs`).
//! * Every frame, block, index, filter and the manifest has a checksum; what is damaged is refused by name (D8).
//!
//! The tags of an indicator are kept as long as a supplier holds it. After the last holding is released, expires or
//! goes with its supplier, a later merge drops the row with the tags; when that happens is not defined.

mod admission;
mod allow_list;
mod block;
pub mod catalogue;
mod clock;
mod compact;
mod config;
mod contexts;
mod digest;
mod dir_lock;
mod error;
mod filter;
mod histogram;
mod history;
pub(crate) mod log;
pub(crate) mod manifest;
mod measures;
mod memtable;
mod merge;
mod networks;
mod read;
mod recovery;
mod renewals;
mod replace;
mod requests;
mod resident;
mod restore;
mod rows;
mod run;
mod shared;
mod snapshot;
mod spare_room;
mod spool;
#[cfg(feature = "stages")]
pub mod stages;
mod stamps;
mod store;
mod store_measures;
pub(crate) mod trees;
mod verify;

pub use allow_list::AllowFilter;
pub use clock::Clock;
pub use config::{HISTORY_BYTES_MAX, LOG_BYTES_MAX, StoreConfig, Tuning};
pub use contexts::ContextRef;
pub use digest::ObjectDigest;
pub use dir_lock::DirLock;
pub use error::{ChangeError, OpenError, ReadError, WriteError};
pub use histogram::{Histogram, HistogramReading};
pub use memtable::{PushError, Slice, SliceBuilder};
pub use read::{
    Changed, ChangedRows, ChangesAsked, ReadContexts, ReadCounts, ReadRows, Record, RemovalReason,
    RowNumbers, SelectedHolding, Selection, SingleThread, Snapshot, StoredHolding, StoredRow, Wanted,
    Workers,
};
pub use recovery::check_data_dir;
pub use replace::{Changes, Feed, FeedMode, ReplaceError};
pub use requests::Completion;
pub use restore::{Restore, RestoreError, RestoredObject};
pub use shared::Health;
pub use snapshot::{ObjectId, PinnedCheckpoint, SnapshotError};
pub use store::{Store, StoreFigures, Write};
pub use store_measures::StoreMeasures;
pub use trees::watch_engine;
pub use verify::{DAMAGES_LISTED_MAX, Damage, Verified, verify};
