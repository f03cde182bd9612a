//! The store's door: open, write, read, close.

use std::{
    collections::BTreeSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Sender, bounded};
use parking_lot::{Mutex, RwLock};
use sluice_model::{SupplierId, TenantName, limits};

use crate::{
    admission,
    allow_list::AllowFilter,
    catalogue::{Catalogue, CatalogueChange},
    compact::CompactionThread,
    config::StoreConfig,
    dir_lock::DirLock,
    error::{ChangeError, OpenError, ReadError, WriteError},
    filter::SharedFilters,
    log::LogThread,
    measures::Measures,
    read::{BlockCache, Snapshot},
    recovery::recover,
    renewals::Renewal,
    requests::{self, CompactionRequest, Completion, LogRequest, Txn},
    run::parts_of,
    shared::{Health, Shared},
    snapshot::{PinnedCheckpoint, SnapshotError},
    spare_room::SpareRoom,
    spool,
    stamps::Stamps,
    store_measures::StoreMeasures,
};

mod write;

pub use self::write::Write;

/// Name of the log thread.
const LOG_THREAD: &str = "log";

/// Heap bytes of the memtable that a snapshot may keep for a while.
const KEPT_MEMTABLE_BYTES_MAX: usize = 32 * limits::MIB;

/// The store. Clones share it; all methods may be called from any thread.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
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
    /// As of [`Store::resident_bytes`].
    pub resident_bytes: usize,
    /// Bytes of the trees on disk, with the free space in them.
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
    /// [`OpenError::Locked`] when another process holds the directory; [`OpenError::Damaged`] when
    /// acknowledged data would be lost by going on; [`OpenError::Io`] otherwise.
    pub fn open(config: StoreConfig, on_failure: Box<dyn Fn(&str) + Send + Sync>) -> Result<Self, OpenError> {
        let lock = match config.lock {
            Some(taken) => taken,
            None => DirLock::take(&config.data_dir)?,
        };
        let config = StoreConfig { lock: Some(lock), ..config };
        let mut spare_room = SpareRoom::give_up(&config.data_dir)?;
        spool::clear_spool(&config.data_dir)?;
        let found = recover(&config)?;
        spare_room.take_back();
        found.trees.let_pile_up(config.tuning.pages_piled_up_max);
        let blocks = Arc::new(BlockCache::new(config.tuning.block_cache_bytes));
        let (log_requests, log_inbox) = bounded(limits::LOG_QUEUE_MAX);
        let (compaction_requests, compaction_inbox) = bounded(1);
        let shared = Arc::new(Shared {
            disk_reserve_bytes: AtomicU64::new(config.disk_reserve_bytes),
            disk_free_bytes: AtomicU64::new(u64::MAX),
            disk_asked_ms: AtomicU64::new(0),
            stamps: Stamps::begin(Arc::clone(&config.clock), found.manifest.stamps.clone(), found.given),
            allowed: Arc::new(AllowFilter::new(config.tuning.block_cache_bytes / 2)),
            config,
            networks: Arc::clone(&found.view.networks),
            view: RwLock::new(Arc::new(found.view)),
            trees: found.trees,
            blocks,
            filters: found.filters,
            joined_filters: SharedFilters::new(),
            log_requests,
            compaction_requests,
            replaced: Mutex::new(BTreeSet::new()),
            spooled_bytes: Arc::default(),
            next_txn: AtomicU64::new(found.next_txn),
            log_bytes: AtomicU64::new(0),
            flush_rate: AtomicU64::new(0),
            log_beat_ms: AtomicU64::new(0),
            compaction_beat_ms: AtomicU64::new(0),
            measures: Measures::new(),
            threads: Mutex::new(Vec::new()),
            is_closed: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            on_failure,
        });
        // Recovery took its time: silence counts from here.
        shared.beat(&shared.log_beat_ms);
        shared.beat(&shared.compaction_beat_ms);
        let log = LogThread::new(Arc::clone(&shared), found.log, log_inbox, found.newest_by_segment);
        let (compaction, run_parts) = CompactionThread::new(
            Arc::clone(&shared),
            compaction_inbox,
            found.manifest,
            found.history,
            found.stored_catalogue,
            spare_room,
        );
        // Joined in this order: the compaction thread needs the log thread to the end, and the parts thread ends with
        // the compaction thread.
        let threads = vec![
            start(&shared, "compaction", || compaction.run())?,
            start(&shared, "parts", run_parts)?,
            start(&shared, LOG_THREAD, || log.run())?,
        ];
        *shared.threads.lock() = threads;
        let store = Self { shared };
        for name in &store.shared.config.tenants {
            let added = store.add_tenant(name).map_err(io::Error::other);
            added.map_err(OpenError::io("add the tenant", name.as_str().as_ref()))?;
        }
        Ok(store)
    }

    /// Creates a tenant if it is not there yet. Blocking. Asks the log thread itself: a memtable that recovery has filled
    /// must not keep the store from opening.
    ///
    /// # Errors
    ///
    /// As for any change of the catalogue.
    pub fn add_tenant(&self, name: &TenantName) -> Result<(), ChangeError> {
        if self.catalogue().tenant(name.as_str()).is_some() {
            return Ok(());
        }
        let (told, answer) = bounded(1);
        let done = Box::new(move |outcome| requests::reply(&told, outcome));
        let change = CatalogueChange::AddTenant { name: name.clone() };
        // When the log thread has ended, so is the answer.
        drop(self.shared.log_requests.send(LogRequest::Change { change, done }));
        self.shared.wait_for(&answer).unwrap_or(Err(ChangeError::Write(WriteError::Closed)))
    }

    /// Refuses writes from now on while fewer bytes than this are free on the disk.
    pub fn set_disk_reserve(&self, bytes: u64) {
        self.shared.disk_reserve_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Names and numbers as of the newest durable change.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.shared.view().catalogue)
    }

    /// Number of the newest commit that is durable and visible, or of what has changed beside commits later
    /// (see the module `history`). While it stays the same, so does all that a reader sees, but for what expires.
    pub fn sequence(&self) -> u64 {
        self.shared.view().sequence
    }

    /// Begins a write. Costs nothing until the first append.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: why no write can be taken now.
    pub fn begin(&self) -> Result<Write, WriteError> {
        self.begin_with(None, None)
    }

    /// Returns without an error if a write may begin now: of that supplier, if one is named.
    ///
    /// # Errors
    ///
    /// As [`Store::begin_for`].
    pub fn check_writable(&self, supplier: Option<SupplierId>) -> Result<(), WriteError> {
        if let Some(supplier) = supplier {
            self.check_not_replaced(supplier)?;
        }
        self.shared.admit()
    }

    fn check_not_replaced(&self, supplier: SupplierId) -> Result<(), WriteError> {
        if self.shared.replaced.lock().contains(&supplier) { Err(admission::REPLACED) } else { Ok(()) }
    }

    /// Begins a write that is refused with [`WriteError::NoSupplier`] if this supplier is gone when it is committed,
    /// in the order of the log: no removal that was acknowledged before is followed by the success of such a write.
    ///
    /// # Errors
    ///
    /// As [`Store::begin`].
    pub fn begin_for(&self, supplier: SupplierId) -> Result<Write, WriteError> {
        self.check_not_replaced(supplier)?;
        self.begin_with(Some(supplier), None)
    }

    /// Begins the write that replaces what a supplier, which is held, holds.
    ///
    /// # Errors
    ///
    /// As [`Store::begin`].
    pub(crate) fn begin_renewal(&self, renewal: Renewal) -> Result<Write, WriteError> {
        self.begin_with(Some(renewal.supplier), Some(renewal))
    }

    fn begin_with(
        &self,
        supplier: Option<SupplierId>,
        renewal: Option<Renewal>,
    ) -> Result<Write, WriteError> {
        self.shared.admit()?;
        let id = self.shared.next_txn.fetch_add(1, Ordering::SeqCst);
        let txn = Arc::new(Txn::new(id, supplier, renewal));
        Ok(Write::new(txn, Arc::clone(&self.shared)))
    }

    /// Changes the catalogue; `done` is told once the change is durable and visible, or why it was refused.
    ///
    /// Waits only while the log's queue is full.
    pub fn change_catalogue(&self, change: CatalogueChange, done: Completion<ChangeError>) {
        if let Err(error) = self.shared.admit() {
            return done(Err(ChangeError::Write(error)));
        }
        if let Err(refused) = self.shared.log_requests.send(LogRequest::Change { change, done })
            && let LogRequest::Change { done, .. } = refused.into_inner()
        {
            done(Err(ChangeError::Write(WriteError::Closed)));
        }
    }

    /// A consistent view of all durable writes.
    pub fn snapshot(&self) -> Snapshot {
        let Shared { trees, blocks, allowed, stamps, .. } = &*self.shared;
        let (trees, blocks, allowed) = (Arc::clone(trees), Arc::clone(blocks), Arc::clone(allowed));
        Snapshot { view: self.shared.view(), trees, blocks, ages: stamps.ages(), allowed }
    }

    /// The same, for readers that keep it: if it would keep much of the memtable, that is flushed first. Blocking.
    pub fn snapshot_to_keep(&self) -> Snapshot {
        if KEPT_MEMTABLE_BYTES_MAX < self.memtable_bytes() {
            // If it cannot be flushed now, the reader may still have the memory for it.
            let _is_flushed = self.checkpoint();
        }
        self.snapshot()
    }

    /// Returns true if what the allow lists hold is in the filter of them.
    pub fn knows_allow_lists(&self) -> bool {
        self.shared.allowed.has_read()
    }

    /// Returns true if no allow list holds anything, as far as that is known without reading.
    pub fn knows_no_allow_list(&self) -> bool {
        self.shared.allowed.has_read() && self.shared.allowed.is_empty()
    }

    /// Reads what the allow lists hold, so that [`Snapshot::allow_filter`] has it; false if the store closes or fails first. What is
    /// written for them is noted anyway, so once in the life of a store is enough. Blocking: reads each block that holds a row
    /// of theirs.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a list or block cannot be read.
    pub fn read_allow_lists(&self) -> Result<bool, ReadError> {
        let shared = &*self.shared;
        let has_read = self.snapshot().read_allow_lists(|| !shared.has_failed() && !shared.is_closed())?;
        shared.make_room_for_allowed();
        if has_read {
            shared.allowed.end_reading();
        }
        Ok(has_read)
    }

    /// What holdings that are updated now are stamped with: seconds that the store has been running, counted from the
    /// hour of its birth. It is the time of day only while the clock of the machine was always right and the store never
    /// down.
    pub fn stamp_seconds(&self) -> u32 {
        self.shared.stamps.for_update()
    }

    /// Whether writes are taken.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// The same without asking the disk: as of the last time that somebody did.
    pub fn known_health(&self) -> Health {
        self.shared.known_health()
    }

    /// Bytes that are free on the disk above its reserve. Asks the file system now and then.
    pub fn disk_left_bytes(&self) -> u64 {
        self.shared.disk_left_bytes()
    }

    /// Why no write can be taken now; `None` if one can.
    pub fn refusal(&self) -> Option<WriteError> {
        self.shared.admit().err()
    }

    /// Returns true if a thread of the store has been held up for so long that only a restart helps.
    pub fn is_stuck(&self) -> bool {
        self.shared.is_stuck()
    }

    /// Heap bytes of what is not yet in the trees. Asks nobody.
    pub fn memtable_bytes(&self) -> usize {
        self.shared.view().memtable.bytes()
    }

    /// Heap bytes of what grows with what is stored and stays in memory: filters and indexes. Asks nobody.
    pub fn resident_bytes(&self) -> usize {
        self.shared.trees.resident.get()
    }

    /// Figures for operators. Asks the file system.
    pub fn figures(&self) -> StoreFigures {
        let view = self.shared.view();
        let (mut rows_count, mut stored_bytes) = (0, 0);
        for part in parts_of(&view.runs) {
            rows_count += u64::from(part.meta.rows);
            stored_bytes += part.meta.stored_bytes;
        }
        let trees_bytes = self.shared.trees.disk_bytes();
        self.shared.measures.trees_bytes.store(trees_bytes, Ordering::Relaxed);
        StoreFigures {
            memtable_bytes: view.memtable.bytes(),
            runs_count: view.runs.len(),
            rows_count,
            stored_bytes,
            resident_bytes: self.resident_bytes(),
            trees_bytes,
            log_bytes: self.shared.log_bytes.load(Ordering::Relaxed),
        }
    }

    /// What can be told of the store without asking the file system, and without waiting for anybody who does.
    pub fn measures(&self) -> StoreMeasures {
        StoreMeasures::read(&self.shared)
    }

    /// Takes no more writes, because of something that the store cannot see itself.
    pub fn fail(&self, cause: &str) {
        self.shared.fail(cause);
    }

    /// Moves all that is committed into the trees and trims the log; false when that was not possible. Blocking.
    pub fn checkpoint(&self) -> bool {
        self.ask_compaction(CompactionRequest::Checkpoint)
    }

    /// Merges everything into one run, dropping what is dead; false when that was not possible. Blocking, long.
    pub fn compact(&self) -> bool {
        self.ask_compaction(CompactionRequest::Compact)
    }

    /// Moves all that is committed into the trees and keeps that state readable. Blocking.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::DiskFull`], [`SnapshotError::Damaged`] or [`SnapshotError::Closed`].
    pub fn pin_checkpoint(&self) -> Result<PinnedCheckpoint, SnapshotError> {
        let (done, answer) = bounded(1);
        let asked = self.shared.compaction_requests.send(CompactionRequest::Pin(done));
        asked.map_err(|_ended| SnapshotError::Closed)?;
        self.shared.wait_for(&answer).unwrap_or(Err(SnapshotError::Closed))
    }

    pub(crate) fn ask_compaction(&self, request: impl FnOnce(Sender<bool>) -> CompactionRequest) -> bool {
        let (done, answer) = bounded(1);
        self.shared.compaction_requests.send(request(done)).is_ok()
            && self.shared.wait_for(&answer).unwrap_or(false)
    }

    /// Refuses new writes, makes a checkpoint and ends the threads. Blocking. Calling it again does nothing.
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        if !self.shared.has_failed() {
            self.checkpoint();
        }
        self.halt();
    }

    /// Ends the threads without a checkpoint: what a kill leaves behind, less the torn end. Blocking.
    pub fn halt(&self) {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        // The compaction thread first: it asks the log thread.
        let _has_ended = self.shared.compaction_requests.send(CompactionRequest::Stop).is_err();
        for thread in threads {
            if thread.thread().name() == Some(LOG_THREAD) {
                let _has_ended = self.shared.log_requests.send(LogRequest::Stop).is_err();
            }
            if thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
        self.shared.has_ended.store(true, Ordering::SeqCst);
    }
}

/// Starts a thread whose panic is a failure of the store.
fn start(
    shared: &Arc<Shared>,
    name: &'static str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OpenError> {
    let shared = Arc::clone(shared);
    let guarded = move || {
        // Nothing of the thread's own state is used after a panic.
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            shared.fail(&format!("the thread {name} panicked"));
        }
    };
    let started = thread::Builder::new().name(name.to_owned()).spawn(guarded);
    started.map_err(OpenError::io("start the thread", name.as_ref()))
}

#[cfg(test)]
pub(crate) mod tests;
