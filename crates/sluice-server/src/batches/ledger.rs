//! What requests and the thread that writes share of the batches.
//!
//! In: commands, and the last summaries of batches. Out: the index, the queue to the thread, and whether a summary is durable.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::{
    id::BatchId,
    index::Index,
    summary::{BatchState, Summary},
    writer::{BatchCommand, LastSummaries, WaitFor},
};

/// See the module.
pub(super) struct Ledger {
    pub(super) index: Arc<Mutex<Index>>,
    pub(super) commands_out: mpsc::Sender<BatchCommand>,
    last: Arc<Mutex<LastSummaries>>,
    ended: [AtomicU64; BatchState::ENDED.len()],
}

impl Ledger {
    /// One that nothing has ended in.
    pub(super) fn new(
        index: Arc<Mutex<Index>>,
        commands_out: mpsc::Sender<BatchCommand>,
        last: Arc<Mutex<LastSummaries>>,
    ) -> Self {
        Self { index, commands_out, last, ended: Default::default() }
    }

    /// Has the last summary of a batch written, after all that was told of the batch before, and waits for that: there is one
    /// sync for all that wait. False if it may not be there.
    pub(super) async fn write_last(&self, summary: Summary, wait: WaitFor) -> bool {
        let (done_out, done_in) = oneshot::channel();
        if self.push_last(summary.clone(), Some((wait, done_out))) {
            self.write(BatchCommand::Look).await;
        }
        let Ok(is_written) = done_in.await else {
            // The thread is gone.
            self.index.lock().end(summary);
            return false;
        };
        is_written
    }

    /// Has the last summary of a batch written within a second.
    pub(super) fn write_later(&self, summary: Summary) {
        self.push_last(summary, None);
    }

    /// Returns true if the thread is to be woken: it takes all that there are.
    fn push_last(&self, summary: Summary, done: Option<(WaitFor, oneshot::Sender<bool>)>) -> bool {
        let mut last = self.last.lock();
        let Some(last) = &mut *last else {
            self.index.lock().end(summary);
            return false;
        };
        let has_waited = last.iter().any(|(_, done)| done.is_some());
        last.push((summary, done));
        !has_waited
    }

    /// Waits for room in the queue, and tells the thread.
    pub(super) async fn write(&self, command: BatchCommand) {
        // An error when the daemon ends.
        drop(self.commands_out.send(command).await);
    }

    /// What is known of a batch.
    pub(super) fn summary(&self, id: BatchId) -> Option<Summary> {
        self.index.lock().get(id).map(|entry| entry.summary.clone())
    }

    /// Counts a batch that has ended.
    pub(super) fn count(&self, state: BatchState) {
        let counts = self.ended.iter().zip(BatchState::ENDED);
        for (count, _) in counts.filter(|(_, (ended, _))| *ended == state) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many have ended, in the order of [`BatchState::ENDED`].
    pub(super) fn ended(&self) -> [u64; BatchState::ENDED.len()] {
        self.ended.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}
