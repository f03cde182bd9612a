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
    merge::MergeRows,
    renewals::Renewal,
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
        /// What becomes of it if another one replaces its supplier.
        if_replaced: IfReplaced,
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
    /// Refuses commits of a supplier but that of its replacement, from when the answer is given until it is taken out of
    /// [`Shared::replaced`](crate::shared::Shared::replaced). All commits before are visible then.
    Hold {
        /// Whose.
        supplier: SupplierId,
        /// Told whether it is held for the one who asks, or for another one already.
        reply: Sender<bool>,
    },
    /// A supplier is held no more: commit what waits for that.
    Released,
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
    /// Has something shown beside commits, under the next number.
    Number {
        /// Puts a view with that number in the place of the present one. Pointers only, no work.
        show: Box<dyn FnOnce(u64) + Send>,
        /// Whom to tell the number when it is visible.
        reply: Sender<u64>,
    },
    /// Ends the thread; after a marker when all was well.
    Stop,
}

/// What becomes of a commit while its supplier is being replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IfReplaced {
    /// It is refused.
    Refuse,
    /// It waits for the end of that.
    Wait,
}

/// What the compaction thread is asked to do.
pub(crate) enum CompactionRequest {
    /// Look whether there is something to do.
    Look,
    /// Nothing; true, between two steps.
    Pass(Sender<bool>),
    /// Flush and checkpoint; true when it is done.
    Checkpoint(Sender<bool>),
    /// Flush, and pin the checkpoint.
    Pin(Sender<Result<PinnedCheckpoint, SnapshotError>>),
    /// Write rows into a run of their own and make it the newest.
    Adopt {
        /// The rows, contexts in place.
        rows: MergeRows<'static>,
        /// What becomes visible with them.
        renewal: Renewal,
        /// Whom to tell when it is durable and visible.
        done: Sender<Result<(), WriteError>>,
    },
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
    /// That it replaces what its supplier held.
    pub(crate) renewal: Option<Renewal>,
    /// The first reason why it cannot go on.
    refusal: OnceLock<WriteError>,
}

impl Txn {
    pub(crate) fn new(id: u64, supplier: Option<SupplierId>, renewal: Option<Renewal>) -> Self {
        Self { id, supplier, renewal, refusal: OnceLock::new() }
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
