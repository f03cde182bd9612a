//! Requests to the threads of the store, and how they are answered.
//!
//! Each thread has one queue of limited length. The log thread serves [`LogRequest`]s, the compaction thread
//! [`CompactionRequest`]s.

use std::sync::{Arc, OnceLock};

use crossbeam_channel::Sender;
use sluice_model::SupplierId;

use crate::{
    catalogue::CatalogueChange,
    error::{ChangeError, WriteError},
    memtable::Slice,
    snapshot::{PinnedCheckpoint, SnapshotError},
};

/// Called from the log thread when a write is durable and visible, or has failed. Must not block.
pub type Completion<E> = Box<dyn FnOnce(Result<(), E>) + Send>;

/// What the log thread is asked to do.
pub(crate) enum LogRequest {
    /// Appends one slice of a write.
    Append {
        /// Of which write.
        txn: Arc<Txn>,
        /// Place of the slice in the body.
        index: u32,
        /// The slice as the log holds it.
        payload: Vec<u8>,
        /// The slice as the memtable will hold it.
        slice: Arc<Slice>,
    },
    /// Makes a write durable and visible.
    Commit {
        /// Which write.
        txn: Arc<Txn>,
        /// Whom to tell.
        done: Completion<WriteError>,
    },
    /// Changes the catalogue.
    Change {
        /// How.
        change: CatalogueChange,
        /// Whom to tell.
        done: Completion<ChangeError>,
    },
    /// Some write was abandoned: forget it.
    Sweep,
    /// Says where the log must begin once commits up to `sequence` are elsewhere.
    KeepFrom {
        /// The last commit that is elsewhere.
        sequence: u64,
        /// Whom to tell.
        reply: Sender<u64>,
    },
    /// Deletes the segments before a position.
    Trim {
        /// Which.
        keep_from: u64,
        /// Whom to tell when they are gone.
        reply: Sender<()>,
    },
    /// Ends the thread; after a marker when all was well.
    Stop,
}

/// What the compaction thread is asked to do.
pub(crate) enum CompactionRequest {
    /// Look whether there is something to do.
    Look,
    /// Flush and checkpoint; true when it is done.
    Checkpoint(Sender<bool>),
    /// Flush, and pin the checkpoint.
    Pin(Sender<Result<PinnedCheckpoint, SnapshotError>>),
    /// Merge everything into one run; true when it is done.
    Compact(Sender<bool>),
    /// End the thread.
    Stop,
}

/// A write under way, known to its owner and to the log thread.
#[derive(Debug)]
pub(crate) struct Txn {
    pub(crate) id: u64,
    /// Without whom it cannot be committed.
    pub(crate) supplier: Option<SupplierId>,
    /// The first reason why it cannot go on.
    refusal: OnceLock<WriteError>,
}

impl Txn {
    pub(crate) fn new(id: u64, supplier: Option<SupplierId>) -> Self {
        Self { id, supplier, refusal: OnceLock::new() }
    }

    /// Why the write cannot go on, if so.
    pub(crate) fn refusal(&self) -> Option<WriteError> {
        self.refusal.get().cloned()
    }

    /// Notes why the write cannot go on. What is refused already stays refused for its first reason.
    pub(crate) fn refuse(&self, error: WriteError) {
        self.refusal.get_or_init(|| error);
    }
}

/// Sends the answer to a request; it is lost when the other side has stopped waiting.
pub(crate) fn reply<T>(to: &Sender<T>, answer: T) {
    if to.send(answer).is_err() {
        tracing::debug!("the answer of a thread of the store came too late");
    }
}
