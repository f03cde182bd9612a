//! One write: its slices to the log, then its commit.

use std::{sync::Arc, thread};

use crate::{
    admission,
    error::WriteError,
    memtable::Slice,
    requests::{Completion, IfReplaced, LogRequest, Txn},
    shared::{Health, Shared},
};

/// Rows of a slice from which its write is slowed when flushes cannot keep up.
const PACED_ROWS_MIN: usize = 256;

/// One request's write: slices in any order, then [`Write::commit`]. Dropped without it, it leaves nothing.
pub struct Write {
    txn: Arc<Txn>,
    is_ended: bool,
    shared: Arc<Shared>,
}

impl Write {
    pub(super) fn new(txn: Arc<Txn>, shared: Arc<Shared>) -> Self {
        Self { txn, is_ended: false, shared }
    }

    /// Hands slice number `index`, in document order, to the log. Packs it on the calling thread, and waits while
    /// the log's queue is full, and a while when flushes cannot keep up: for the CPU pool, not for the runtime.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the write can no longer succeed.
    pub fn append(&self, index: u32, mut slice: Slice) -> Result<(), WriteError> {
        if let Some(refusal) = self.txn.refusal() {
            return Err(refusal);
        }
        // A small write must not pay for the large ones.
        if PACED_ROWS_MIN <= slice.rows_count() {
            let pause = admission::pause(
                self.shared.view().memtable.bytes(),
                self.shared.config.tuning.memtable_bytes_max,
            );
            if !pause.is_zero() {
                thread::sleep(pause);
            }
        }
        // Bodies that were admitted grow while the disk fills up.
        if self.shared.health() == Health::DiskFull {
            return Err(WriteError::DiskFull);
        }
        // zstd fails only without memory, and then so does the process.
        let payload = slice.to_payload(index).ok_or(WriteError::Failed)?;
        slice.share_filter(&self.shared.filters);
        self.shared.note_keys(self.txn.supplier, &slice);
        let slice = Arc::new(slice);
        let request = LogRequest::Append { txn: Arc::clone(&self.txn), index, payload, slice };
        self.shared.log_requests.send(request).map_err(|_log_ended| WriteError::Closed)
    }

    /// Ends the write; `done` is told once everything appended is durable and visible, or why it is not.
    pub fn commit(self, done: Completion<WriteError>) {
        self.end(IfReplaced::Refuse, done);
    }

    /// The same, but while the supplier is being replaced `done` waits for the end of that: for a write of which others before it
    /// are durable, and which is therefore not to be refused.
    pub fn commit_after_replacement(self, done: Completion<WriteError>) {
        self.end(IfReplaced::Wait, done);
    }

    fn end(mut self, if_replaced: IfReplaced, done: Completion<WriteError>) {
        self.is_ended = true;
        let request = LogRequest::Commit { txn: Arc::clone(&self.txn), if_replaced, done };
        if let Err(refused) = self.shared.log_requests.send(request)
            && let LogRequest::Commit { done, .. } = refused.into_inner()
        {
            done(Err(WriteError::Closed));
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if !self.is_ended {
            self.txn.refuse(WriteError::Closed);
            // A full queue does no harm: the log thread sweeps at the next checkpoint too.
            let _is_awake = self.shared.log_requests.try_send(LogRequest::Sweep);
        }
    }
}
