//! What requests and the thread that writes share of the batches.
//!
//! In: commands. Out: the index, and the queue to the thread.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{
    id::BatchId,
    index::Index,
    summary::{BatchState, Summary},
    writer::BatchCommand,
};

/// Summaries after which the thread is woken.
const LATER_MAX: usize = 256;

/// See the module.
pub(super) struct Ledger {
    pub(super) index: Arc<Mutex<Index>>,
    pub(super) commands_out: mpsc::Sender<BatchCommand>,
    /// Summaries that nobody waits for, until the thread looks.
    later: Arc<Mutex<Vec<Summary>>>,
    ended: [AtomicU64; BatchState::ENDED.len()],
}

impl Ledger {
    /// One that nothing has ended in.
    pub(super) fn new(
        index: Arc<Mutex<Index>>,
        commands_out: mpsc::Sender<BatchCommand>,
        later: Arc<Mutex<Vec<Summary>>>,
    ) -> Self {
        Self { index, commands_out, later, ended: Default::default() }
    }

    /// Has a summary written within a second, by a thread that is not woken for it: many imports are short.
    pub(super) async fn write_later(&self, summary: Summary) {
        let count = {
            let mut later = self.later.lock();
            later.push(summary);
            later.len()
        };
        if LATER_MAX <= count {
            self.write(BatchCommand::Look).await;
        }
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
