//! What the store's handles and its threads have in common: the view, the queues, and whether all is well.

use std::{
    collections::BTreeSet,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::{Mutex, RwLock};
use sluice_model::{SupplierId, matching::FIRST_NETWORK_KEY};

use crate::{
    admission,
    allow_list::AllowFilter,
    config::StoreConfig,
    error::WriteError,
    filter::SharedFilters,
    measures::Measures,
    memtable::Slice,
    networks::NetworkSummary,
    read::{BlockCache, View},
    requests::{CompactionRequest, LogRequest},
    stamps::Stamps,
    trees::Trees,
};

/// Milliseconds of silence of the log thread after which the store counts as stuck: writes wait for it.
const LOG_SILENCE_MS_MAX: u64 = 8_000;
/// Milliseconds of silence of the compaction thread after which the store counts as stuck; it may have to sync a whole
/// part.
const COMPACTION_SILENCE_MS_MAX: u64 = 60_000;
/// Age in milliseconds up to which the last answer of the file system about free space is believed.
const DISK_ANSWER_AGE_MS_MAX: u64 = 200;
/// How often a caller that waits for one of the threads checks whether the store has failed, or has ended.
const ANSWER_LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Whether the store can write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Writes are taken.
    Writable,
    /// The disk has less free space than the reserve; reads go on.
    DiskFull,
    /// The log or the trees failed; the process must end.
    Failed,
}

/// The state that all of them see.
pub(crate) struct Shared {
    pub(crate) config: StoreConfig,
    pub(crate) stamps: Stamps,
    pub(crate) view: RwLock<Arc<View>>,
    pub(crate) trees: Arc<Trees>,
    /// Of the trees.
    pub(crate) blocks: Arc<BlockCache>,
    /// Of all networks that are in a view or on the way there.
    pub(crate) networks: Arc<NetworkSummary>,
    /// Of what the allow lists hold in a view or on the way there.
    pub(crate) allowed: Arc<AllowFilter>,
    /// Of the slices that writes bring.
    pub(crate) filters: SharedFilters,
    /// Of those that the log thread joins, so that it never waits for the others.
    pub(crate) joined_filters: SharedFilters,
    pub(crate) log_requests: Sender<LogRequest>,
    pub(crate) compaction_requests: Sender<CompactionRequest>,
    /// Suppliers that are being replaced: nothing else of theirs is committed meanwhile, and no merge drops what they
    /// hold. The log thread adds to them.
    pub(crate) replaced: Mutex<BTreeSet<SupplierId>>,
    /// Bytes of the files in the spool.
    pub(crate) spooled_bytes: Arc<AtomicU64>,
    pub(crate) next_txn: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    /// Rate of the last flush of some size, in bytes of memtable a second; 0 before it.
    pub(crate) flush_rate: AtomicU64,
    /// Free bytes of the disk below which writes are refused.
    pub(crate) disk_reserve_bytes: AtomicU64,
    /// Free bytes of the disk when they were asked last.
    pub(crate) disk_free_bytes: AtomicU64,
    /// When that was, in milliseconds of the clock plus one; 0 before the first time.
    pub(crate) disk_asked_ms: AtomicU64,
    /// When the log thread last gave a sign of life, in milliseconds of the clock.
    pub(crate) log_beat_ms: AtomicU64,
    /// When the compaction thread did.
    pub(crate) compaction_beat_ms: AtomicU64,
    /// For whoever watches.
    pub(crate) measures: Measures,
    pub(crate) threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    /// Whether the store is closing, or closed.
    pub(crate) is_closed: AtomicBool,
    /// Whether the threads have ended.
    pub(crate) has_ended: AtomicBool,
    /// Whether nothing can be written any more.
    pub(crate) has_failed: AtomicBool,
    /// Called once, with the cause, when the store can write no more.
    pub(crate) on_failure: Box<dyn Fn(&str) + Send + Sync>,
}

impl Shared {
    /// The present view.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
    }

    /// Notes what a slice of a write has for the summaries in memory; to be done before it is visible.
    pub(crate) fn note_keys(&self, supplier: Option<SupplierId>, slice: &Slice) {
        for key in slice.keys_from(FIRST_NETWORK_KEY) {
            self.networks.note(key);
        }
        self.allowed.note_slice(&self.view().catalogue, supplier, slice);
        self.make_room_for_allowed();
    }

    /// Has blocks at hand yield what the filter of the allow lists takes.
    pub(crate) fn make_room_for_allowed(&self) {
        self.blocks.yield_bytes(self.allowed.heap_bytes());
    }

    /// Puts a changed copy of the view in its place. `change` runs under the lock: pointers only, no work.
    pub(crate) fn publish<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        let mut slot = self.view.write();
        let mut view = View::clone(&slot);
        let outcome = change(&mut view);
        let before = std::mem::replace(&mut *slot, Arc::new(view));
        drop(slot);
        // The last share of a flushed memtable may go here, and freeing that takes time.
        drop(before);
        outcome
    }

    /// Notes that nothing can be written any more, and says so once.
    pub(crate) fn fail(&self, cause: &str) {
        if !self.has_failed.swap(true, Ordering::SeqCst) {
            tracing::error!(
                cause,
                "the store failed and takes no more writes; nothing that was acknowledged is lost"
            );
            (self.on_failure)(cause);
        }
    }

    /// Waits for the answer of a thread; `None` if the store fails or ends first. A request that is never taken from its queue
    /// keeps the channel of its answer open, so waiting for that channel to close is not enough.
    pub(crate) fn wait_for<T>(&self, answer: &Receiver<T>) -> Option<T> {
        loop {
            match answer.recv_timeout(ANSWER_LOOK_INTERVAL) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Timeout) if !self.has_failed() && !self.has_ended() => {}
                // It may have been there before the end.
                Err(_ended) => return answer.try_recv().ok(),
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    /// Gives the sign of life of one thread.
    pub(crate) fn beat(&self, beat_ms: &AtomicU64) {
        beat_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// The clock in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.config.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns true if the log thread or the compaction thread has given no sign of life for too long.
    pub(crate) fn is_stuck(&self) -> bool {
        let now_ms = self.now_ms();
        let log_silence_ms = now_ms.saturating_sub(self.log_beat_ms.load(Ordering::Relaxed));
        let compaction_silence_ms = now_ms.saturating_sub(self.compaction_beat_ms.load(Ordering::Relaxed));
        LOG_SILENCE_MS_MAX < log_silence_ms || COMPACTION_SILENCE_MS_MAX < compaction_silence_ms
    }

    /// Free bytes of the disk as of at most a fifth of a second ago. A file system that does not answer counts as
    /// having space: if it has none, the write itself will fail.
    pub(crate) fn disk_free_bytes(&self) -> u64 {
        let now_ms = self.now_ms().saturating_add(1);
        let asked_ms = self.disk_asked_ms.load(Ordering::Relaxed);
        if asked_ms == 0 || DISK_ANSWER_AGE_MS_MAX <= now_ms.saturating_sub(asked_ms) {
            self.disk_asked_ms.store(now_ms, Ordering::Relaxed);
            let free_bytes = match rustix::fs::statvfs(&self.config.data_dir) {
                Ok(stat) => {
                    let size_bytes = stat.f_blocks.saturating_mul(stat.f_frsize);
                    self.measures.disk_size_bytes.store(size_bytes, Ordering::Relaxed);
                    stat.f_bavail.saturating_mul(stat.f_frsize)
                }
                Err(_no_answer) => u64::MAX,
            };
            self.disk_free_bytes.store(free_bytes, Ordering::Relaxed);
        }
        self.disk_free_bytes.load(Ordering::Relaxed)
    }

    /// Those above the reserve.
    pub(crate) fn disk_left_bytes(&self) -> u64 {
        self.disk_free_bytes().saturating_sub(self.disk_reserve_bytes.load(Ordering::Relaxed))
    }

    pub(crate) fn health(&self) -> Health {
        self.health_with(self.disk_free_bytes())
    }

    /// The same without asking the file system: as of the last time that somebody did.
    pub(crate) fn known_health(&self) -> Health {
        self.health_with(self.disk_free_bytes.load(Ordering::Relaxed))
    }

    fn health_with(&self, free_bytes: u64) -> Health {
        if self.has_failed() {
            Health::Failed
        } else if free_bytes < self.disk_reserve_bytes.load(Ordering::Relaxed) {
            Health::DiskFull
        } else {
            Health::Writable
        }
    }

    /// Returns without an error if a new write may begin.
    ///
    /// # Errors
    ///
    /// The reason why not.
    pub(crate) fn admit(&self) -> Result<(), WriteError> {
        match self.health() {
            Health::Failed => return Err(WriteError::Failed),
            _ if self.is_closed() => return Err(WriteError::Closed),
            Health::DiskFull => return Err(WriteError::DiskFull),
            Health::Writable => {}
        }
        if self.config.tuning.log_bytes_max <= self.log_bytes.load(Ordering::Relaxed) {
            return Err(WriteError::Busy { retry_after_seconds: admission::LOG_RETRY_AFTER_SECONDS });
        }
        let view = self.view();
        let flush_rate = self.flush_rate.load(Ordering::Relaxed);
        let memtable_bytes_max = self.config.tuning.memtable_bytes_max;
        let bytes = view.memtable.bytes();
        match admission::retry_after_seconds(bytes, memtable_bytes_max, view.runs.len(), flush_rate) {
            Some(retry_after_seconds) => Err(WriteError::Busy { retry_after_seconds }),
            None => Ok(()),
        }
    }
}
