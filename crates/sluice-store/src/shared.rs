//! What the store's handles and its threads have in common.

use std::{
    fs::File,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::{Mutex, RwLock};
use sluice_model::limits::MEMTABLE_BYTES_MAX;

use crate::{
    committer::Message, disk::DiskWatch, error::WriteError, filter::Covers, keeper::Wish, store::Tuning,
    trees::Trees, view::View,
};

/// Runs above which new writes are told to come back: readers would have to ask too many filters. Full tiers come to
/// some 30; the rest is for the flushes during a long merge, whose inputs count until its end.
const RUNS_MAX: usize = 64;
/// What is asked of clients when there are too many runs: a merge takes its time.
const RUNS_RETRY_AFTER_SECONDS: u64 = 15;
/// Heap bytes of the memtable from which writes are slowed, the more the fuller it is: flushes catch up before
/// anybody has to be sent away.
const PACE_FROM_BYTES: usize = MEMTABLE_BYTES_MAX / 2;
/// Longest pause of a write for each of its slices.
const PACE_MAX: Duration = Duration::from_millis(60);
/// Silence of the log thread after which the store counts as stuck: writes wait for it.
const LOG_SILENCE_MAX: Duration = Duration::from_secs(8);
/// Silence of the keeper after which the store counts as stuck; it may have to sync a whole part.
const KEEPER_SILENCE_MAX: Duration = Duration::from_mins(1);
/// How often whoever waits for one of the threads looks whether the store has failed.
const ANSWER_LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Longest time that a client is asked to wait.
const RETRY_AFTER_SECONDS_MAX: u64 = 60;

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

/// Called once, with the cause, when the store can write no more. The process must then end.
pub type OnFailure = Box<dyn Fn(&str) + Send + Sync>;

/// A sign of life that one thread gives and others look for.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    started: Instant,
    /// Milliseconds since `started`.
    last_ms: AtomicU64,
}

impl Heartbeat {
    fn start() -> Self {
        Self { started: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    /// Gives a sign.
    pub(crate) fn beat(&self) {
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Time since the last sign.
    pub(crate) fn silence(&self) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

const RUNNING: u8 = 0;
const CLOSED: u8 = 1;
const FAILED: u8 = 2;

pub(crate) struct Shared {
    pub(crate) data_dir: PathBuf,
    pub(crate) view: RwLock<Arc<View>>,
    pub(crate) trees: Arc<Trees>,
    /// Of the slices that writes bring.
    pub(crate) covers: Covers,
    /// Of those that the log thread joins, so that it never waits for the others.
    pub(crate) joined_covers: Covers,
    pub(crate) messages: Sender<Message>,
    pub(crate) wishes: Sender<Wish>,
    pub(crate) next_txn: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    /// Rate of the last flush of some size, in bytes of memtable a second; 0 before it.
    pub(crate) flush_rate: AtomicU64,
    pub(crate) disk: DiskWatch,
    pub(crate) tuning: Tuning,
    /// Sign of life of the log thread.
    pub(crate) log_beat: Heartbeat,
    /// Sign of life of the keeper.
    pub(crate) keeper_beat: Heartbeat,
    pub(crate) threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    /// Held for its lock.
    pub(crate) _lock: File,
    state: AtomicU8,
    on_failure: OnFailure,
}

/// What [`Shared`] is made of.
pub(crate) struct Parts {
    pub(crate) data_dir: PathBuf,
    pub(crate) view: View,
    pub(crate) trees: Arc<Trees>,
    pub(crate) covers: Covers,
    pub(crate) messages: Sender<Message>,
    pub(crate) wishes: Sender<Wish>,
    pub(crate) next_txn: u64,
    pub(crate) disk: DiskWatch,
    pub(crate) tuning: Tuning,
    pub(crate) lock: File,
    pub(crate) on_failure: OnFailure,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            data_dir: parts.data_dir,
            view: RwLock::new(Arc::new(parts.view)),
            trees: parts.trees,
            covers: parts.covers,
            joined_covers: Covers::new(),
            messages: parts.messages,
            wishes: parts.wishes,
            next_txn: AtomicU64::new(parts.next_txn),
            log_bytes: AtomicU64::new(0),
            flush_rate: AtomicU64::new(0),
            disk: parts.disk,
            tuning: parts.tuning,
            log_beat: Heartbeat::start(),
            keeper_beat: Heartbeat::start(),
            threads: Mutex::new(Vec::new()),
            _lock: parts.lock,
            state: AtomicU8::new(RUNNING),
            on_failure: parts.on_failure,
        }
    }

    /// The present view.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
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

    /// Lets slices to come have other covers than those there are, which can then go.
    pub(crate) fn begin_covers_anew(&self) {
        self.covers.begin_anew();
        self.joined_covers.begin_anew();
    }

    /// Notes that nothing can be written any more, and says so once.
    pub(crate) fn fail(&self, cause: &str) {
        if self.state.swap(FAILED, Ordering::SeqCst) != FAILED {
            tracing::error!(cause, "the store failed and takes no more writes");
            (self.on_failure)(cause);
        }
    }

    /// Waits for what one of the threads answers; nothing when the store fails before that. A question that a thread
    /// leaves behind in its queue keeps the way of its answer open, so nobody may wait for that way to close.
    pub(crate) fn wait_for<T>(&self, answer: &Receiver<T>) -> Option<T> {
        loop {
            match answer.recv_timeout(ANSWER_LOOK_INTERVAL) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Timeout) if !self.has_failed() => {}
                Err(_ended) => return None,
            }
        }
    }

    /// Notes that no more writes are taken because the store is closing.
    pub(crate) fn set_closed(&self) {
        // A failure stays one.
        let _was = self.state.compare_exchange(RUNNING, CLOSED, Ordering::SeqCst, Ordering::SeqCst);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state.load(Ordering::SeqCst) == FAILED
    }

    /// Tells whether the log thread or the keeper has given no sign of life for too long.
    pub(crate) fn is_stuck(&self) -> bool {
        LOG_SILENCE_MAX < self.log_beat.silence() || KEEPER_SILENCE_MAX < self.keeper_beat.silence()
    }

    pub(crate) fn health(&self) -> Health {
        if self.has_failed() {
            Health::Failed
        } else if self.disk.is_full() {
            Health::DiskFull
        } else {
            Health::Writable
        }
    }

    /// How long a write is to pause before its next slice.
    pub(crate) fn pause(&self) -> Duration {
        let over_bytes = self.view().memtable.bytes().saturating_sub(PACE_FROM_BYTES);
        let share = over_bytes.min(MEMTABLE_BYTES_MAX - PACE_FROM_BYTES) * 1_000
            / (MEMTABLE_BYTES_MAX - PACE_FROM_BYTES);
        PACE_MAX * u32::try_from(share).unwrap_or(1_000) / 1_000
    }

    /// Tells whether a new write may begin.
    ///
    /// # Errors
    ///
    /// The reason why not.
    pub(crate) fn admit(&self) -> Result<(), WriteError> {
        match self.state.load(Ordering::SeqCst) {
            FAILED => return Err(WriteError::Failed),
            CLOSED => return Err(WriteError::Closed),
            _ => {}
        }
        if self.disk.is_full() {
            return Err(WriteError::DiskFull);
        }
        let view = self.view();
        if view.memtable.bytes() <= MEMTABLE_BYTES_MAX && view.runs.len() <= RUNS_MAX {
            return Ok(());
        }
        let excess_bytes = view.memtable.bytes().saturating_sub(MEMTABLE_BYTES_MAX / 2) as u64;
        // Before the first flush of some size the rate is unknown, and one is under way.
        let rate = Some(self.flush_rate.load(Ordering::Relaxed)).filter(|rate| 0 < *rate);
        let least = if RUNS_MAX < view.runs.len() { RUNS_RETRY_AFTER_SECONDS } else { 1 };
        let seconds =
            rate.map_or(1, |rate| excess_bytes.div_ceil(rate)).clamp(least, RETRY_AFTER_SECONDS_MAX);
        Err(WriteError::Busy { retry_after_seconds: u32::try_from(seconds).unwrap_or(1) })
    }
}
