//! The store's door: open, write, read, close.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sluice_model::TenantName;

use crate::{
    catalogue::{Catalogue, CatalogueChange},
    committer::{Completion, Message, Txn},
    error::{ChangeError, OpenError, WriteError},
    keeper::Wish,
    memtable::Slice,
    recovery,
    run::block,
    shared::{Health, OnFailure, Shared},
    view::Snapshot,
};

/// Rows of a slice from which its write is slowed when flushes cannot keep up.
const PACED_ROWS_MIN: usize = 256;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Directory of everything the store keeps; created when missing.
    pub data_dir: PathBuf,
    /// Free bytes on the disk below which writes are refused.
    pub disk_reserve_bytes: u64,
    /// Tenants beside General; missing ones are created.
    pub tenants: Vec<TenantName>,
    /// Sizes at which background work happens.
    pub tuning: Tuning,
}

/// Sizes at which background work happens. The defaults are for real data; tests make them small, so that a
/// few rows flush, split and merge like many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tuning {
    /// Heap bytes of the memtable at which it is flushed into a run.
    pub flush_bytes: usize,
    /// Raw bytes of rows after which a part of a run is full.
    pub part_bytes: u64,
    /// Stored bytes below which a merge gathers the contexts of books into larger ones.
    pub book_bytes_min: u64,
    /// Bytes of log at which a checkpoint is made even of little: what abandoned bodies leave goes only with one.
    pub log_bytes: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { flush_bytes: 128 << 20, part_bytes: 64 << 20, book_bytes_min: 256 << 10, log_bytes: 256 << 20 }
    }
}

/// The store. Clones share it; all methods may be called from any thread.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// Figures of the store for operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreFigures {
    /// Heap bytes of what is not yet in the trees.
    pub memtable_bytes: usize,
    /// Sorted runs that a reader may have to ask.
    pub runs_count: usize,
    /// Rows in the runs; an indicator counts once for each run that has it.
    pub rows_count: u64,
    /// Bytes of the blocks of the runs, as stored.
    pub stored_bytes: u64,
    /// Bytes of the trees on disk, with the room that sled has yet to reuse.
    pub trees_bytes: u64,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
}

impl Store {
    /// Opens the store, creating or recovering what is in the directory. Blocking, at most some seconds.
    ///
    /// `on_failure` is called once, from a thread of the store, when it can write no more.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] when another process has held the directory for 30 s; [`OpenError::Damaged`] when
    /// acknowledged data would be lost by going on; [`OpenError::Io`] otherwise.
    pub fn open(config: StoreConfig, on_failure: OnFailure) -> Result<Self, OpenError> {
        recovery::open(config, on_failure).map(|shared| Self { shared })
    }

    /// Names and numbers as of the newest durable change.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.shared.view().catalogue)
    }

    /// Begins a write. Costs nothing until the first append.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: why no write can be taken now.
    pub fn begin(&self) -> Result<Write, WriteError> {
        self.shared.admit()?;
        let id = self.shared.next_txn.fetch_add(1, Ordering::SeqCst);
        Ok(Write {
            txn: Arc::new(Txn::new(id)),
            is_ended: AtomicBool::new(false),
            shared: Arc::clone(&self.shared),
        })
    }

    /// Changes the catalogue; `done` is told once the change is durable and visible, or why it was refused.
    ///
    /// Waits only while the log's queue is full.
    pub fn change_catalogue(&self, change: CatalogueChange, done: Completion<ChangeError>) {
        if let Err(error) = self.shared.admit() {
            return done(Err(ChangeError::Write(error)));
        }
        if let Err(refused) = self.shared.messages.send(Message::Change { change, done })
            && let Message::Change { done, .. } = refused.into_inner()
        {
            done(Err(ChangeError::Write(WriteError::Closed)));
        }
    }

    /// A consistent view of all durable writes.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { view: self.shared.view(), trees: Arc::clone(&self.shared.trees) }
    }

    /// Whether writes are taken.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Tells whether a thread of the store has been held up for so long that only a restart helps.
    pub fn is_stuck(&self) -> bool {
        self.shared.is_stuck()
    }

    /// Figures for operators. Asks the file system.
    pub fn figures(&self) -> StoreFigures {
        let view = self.shared.view();
        let parts = || view.runs.iter().flat_map(|run| &run.parts);
        StoreFigures {
            memtable_bytes: view.memtable.bytes(),
            runs_count: view.runs.len(),
            rows_count: parts().map(|part| u64::from(part.meta.rows)).sum(),
            stored_bytes: parts().map(|part| part.meta.stored_bytes).sum(),
            trees_bytes: self.shared.trees.disk_bytes(),
            log_bytes: self.shared.log_bytes.load(Ordering::Relaxed),
        }
    }

    /// Moves all that is committed into the trees and trims the log; false when that was not possible. Blocking.
    pub fn checkpoint(&self) -> bool {
        self.wish(Wish::Checkpoint)
    }

    /// Merges everything into one run, dropping what is dead; false when that was not possible. Blocking, long.
    pub fn compact(&self) -> bool {
        self.wish(Wish::Compact)
    }

    fn wish(&self, wish: impl FnOnce(crossbeam_channel::Sender<bool>) -> Wish) -> bool {
        let (done, answer) = crossbeam_channel::bounded(1);
        self.shared.wishes.send(wish(done)).is_ok() && self.shared.wait_for(&answer).unwrap_or(false)
    }

    /// Refuses new writes, makes a checkpoint and ends the threads. Blocking. Calling it again does nothing.
    pub fn close(&self) {
        self.shared.set_closed();
        if !self.shared.has_failed() {
            self.checkpoint();
        }
        self.halt();
    }

    /// Ends the threads without a checkpoint: what a kill leaves behind, less the torn end. Blocking.
    pub fn halt(&self) {
        self.shared.set_closed();
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        // The keeper first: it asks the log thread.
        let _has_ended = self.shared.wishes.send(Wish::Stop).is_err();
        for thread in threads {
            if thread.thread().name() == Some(recovery::LOG_THREAD) {
                let _has_ended = self.shared.messages.send(Message::Stop).is_err();
            }
            if thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
    }
}

/// One request's write: slices in any order, then [`Write::commit`]. Dropped without it, it leaves nothing.
#[derive(Debug)]
pub struct Write {
    txn: Arc<Txn>,
    is_ended: AtomicBool,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.fmt(formatter)
    }
}

impl Write {
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
        let pause = if PACED_ROWS_MIN <= slice.rows_count() { self.shared.pause() } else { Duration::ZERO };
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        let mut payload = index.to_be_bytes().to_vec();
        // zstd fails only without memory, and then so does the process.
        block::encode(&slice.to_bytes(), &mut payload).map_err(|_no_memory| WriteError::Failed)?;
        slice.take_cover(&self.shared.covers);
        let slice = Arc::new(slice);
        let message = Message::Append { txn: Arc::clone(&self.txn), index, payload, slice };
        self.shared.messages.send(message).map_err(|_log_ended| WriteError::Closed)
    }

    /// Ends the write; `done` is told once everything appended is durable and visible, or why it is not.
    pub fn commit(self, done: Completion<WriteError>) {
        self.is_ended.store(true, Ordering::Relaxed);
        let message = Message::Commit { txn: Arc::clone(&self.txn), done };
        if let Err(refused) = self.shared.messages.send(message)
            && let Message::Commit { done, .. } = refused.into_inner()
        {
            done(Err(WriteError::Closed));
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if !self.is_ended.load(Ordering::Relaxed) {
            self.txn.abandon();
            // A full queue is no matter: the log thread sweeps at the next checkpoint too.
            let _is_awake = self.shared.messages.try_send(Message::Sweep);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{path::Path, thread, time::Duration};

    use super::{OnFailure, Store, StoreConfig, Tuning};

    /// A store in a directory of a test, as it is by default.
    pub(crate) fn open(dir: &Path, on_failure: OnFailure) -> Store {
        let data_dir = dir.to_owned();
        let tuning = Tuning::default();
        let config = StoreConfig { data_dir, disk_reserve_bytes: 0, tenants: Vec::new(), tuning };
        Store::open(config, on_failure).unwrap()
    }

    /// Otherwise a failure while somebody waits for a checkpoint would keep the process from ending.
    #[test]
    fn nobody_waits_for_a_store_that_has_failed() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Box::new(|_cause| {}));
        let (left_behind, answer) = crossbeam_channel::bounded::<bool>(1);
        let (waited, wait) = std::sync::mpsc::channel();
        let shared = store.shared.clone();
        let waiting = move || waited.send(shared.wait_for(&answer)).unwrap();
        let waiting = thread::Builder::new().name("waiting".to_owned()).spawn(waiting).unwrap();
        store.shared.fail("as the test wants it");
        assert_eq!(wait.recv_timeout(Duration::from_secs(30)), Ok(None));
        waiting.join().unwrap();
        drop(left_behind);
        store.halt();
    }
}
