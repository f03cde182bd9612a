//! Pools of threads, and how much may be in flight in each: the only way from async code to the processors.
//!
//! In: jobs. Out: a future for the result of each. Jobs begin in the order in which they are started, on threads
//! named `{name}-{n}`. A job that panics ends its own future and nothing else.
//!
//! A pool does not bound how many jobs wait: its callers hold a slot for each slice and each read, and of the jobs
//! without one (to commit, or to find the fault of a body) a request has one at a time. A job may wait for the store.
//! A job that shares its work with [`PoolWorkers::All`] waits for them, and does other jobs of its pool meanwhile: this is
//! why reads have pools of their own.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};
use sluice_model::{limits, memory_plan::MemoryPlan};
use sluice_store::{Histogram, Workers};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    error::IngestError,
    measures::{QueueMeasures, waits},
};

/// Named threads, and slots for the bytes that they work on. Clones share both; the threads end with the last clone,
/// after the jobs started.
#[derive(Clone)]
pub(crate) struct Pool {
    threads: Arc<ThreadPool>,
    /// One for each kibibyte in flight.
    slots: Arc<Semaphore>,
    slots_max: usize,
    waits: Arc<Waits>,
    name: &'static str,
}

/// How long was waited for a pool.
struct Waits {
    /// For a slot.
    slots: Histogram,
    /// For a thread.
    threads: Histogram,
}

impl Pool {
    /// Starts `threads_count` threads, at least one, whose names begin with `name`.
    ///
    /// # Errors
    ///
    /// The operating system's refusal to start a thread.
    pub(crate) fn new(
        name: &'static str,
        threads_count: usize,
        bytes_in_flight_max: usize,
    ) -> Result<Self, io::Error> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads_count.max(1))
            .thread_name(move |index| format!("{name}-{index}"))
            // Without a handler of its own the pool would abort the process.
            .panic_handler(|_| tracing::error!("a panic escaped a job"))
            .build()
            .map_err(io::Error::other)?;
        let slots_max = bytes_in_flight_max / limits::KIB;
        let slots = Arc::new(Semaphore::new(slots_max));
        let waits = Arc::new(Waits { slots: waits(), threads: waits() });
        Ok(Self { threads: Arc::new(threads), slots, slots_max, waits, name })
    }

    /// Waits until `bytes` more may be in flight; they count until the slot is dropped.
    ///
    /// # Errors
    ///
    /// [`IngestError::Internal`] for more bytes than can be counted.
    pub(crate) async fn slot(&self, bytes: usize) -> Result<OwnedSemaphorePermit, IngestError> {
        let Ok(kib) = u32::try_from(bytes.div_ceil(limits::KIB)) else { return Err(IngestError::Internal) };
        // What is free is free for whoever comes: those who wait are given theirs before.
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_many_owned(kib) {
            self.waits.slots.note(0);
            return Ok(slot);
        }
        let (slots, began) = (Arc::clone(&self.slots), Instant::now());
        let Ok(slot) = slots.acquire_many_owned(kib).await else { return Err(IngestError::Internal) };
        self.waits.slots.note_time(began.elapsed());
        Ok(slot)
    }

    /// How its queue is.
    fn measures(&self) -> QueueMeasures {
        QueueMeasures {
            pool: self.name,
            bytes: self.slots_max.saturating_sub(self.slots.available_permits()) * limits::KIB,
            slot_waits: self.waits.slots.read(),
            thread_waits: self.waits.threads.read(),
        }
    }

    /// Starts a job now; the receiver gets its result, or an error if it panicked. Dropping the receiver does not
    /// stop the job.
    pub(crate) fn start<T, F>(&self, job: F) -> oneshot::Receiver<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (result_out, result_in) = oneshot::channel();
        let (waits, began) = (Arc::clone(&self.waits), Instant::now());
        self.threads.spawn_fifo(move || {
            waits.threads.note_time(began.elapsed());
            if let Ok(result) = run_here(job) {
                // The receiver is gone when the request was cut off.
                drop(result_out.send(result));
            }
        });
        result_in
    }
}

/// The pools that all requests share.
pub(crate) struct Pools {
    /// Slices of bodies.
    pub(crate) ingest: Pool,
    /// The fast lane of uploads: a short body waits behind nothing but other short ones. May wait for the log.
    pub(crate) ingest_short: Pool,
    /// The fast lane of lookups. May wait for reads of the disk.
    pub(crate) lookup_short: Pool,
    /// Reads of lookups. The slots of these two count what is read, not slices.
    read_light: Pool,
    read_heavy: Pool,
    /// The turn of a replacement, or a plan, to be carried out: it is much work, on a thread of its own.
    pub(crate) replacements: Arc<Semaphore>,
    /// The turn to read allow lists, on a thread of its own as well.
    pub(crate) allow_lists: Arc<Semaphore>,
    heavy_read_bytes_max: usize,
    /// Bytes that a short body may read in the fast lane.
    pub(crate) short_read_bytes: usize,
}

impl Pools {
    /// Starts `threads_count` threads for slices, at least one, as many for reads of either kind and for short
    /// lookups, and one for short uploads.
    ///
    /// # Errors
    ///
    /// The operating system's refusal to start a thread.
    pub(crate) fn start(threads_count: usize, plan: &MemoryPlan) -> Result<Arc<Self>, io::Error> {
        let short_bytes = limits::SHORT_BODY_BYTES_IN_FLIGHT_MAX;
        let slice_bytes = plan.slice_bytes_in_flight() - 2 * short_bytes;
        Ok(Arc::new(Self {
            ingest: Pool::new("ingest", threads_count, slice_bytes)?,
            ingest_short: Pool::new("ingest-short", 1, short_bytes)?,
            lookup_short: Pool::new("lookup-short", threads_count, short_bytes)?,
            read_light: Pool::new("read-light", threads_count, plan.light_read_bytes)?,
            read_heavy: Pool::new("read-heavy", threads_count, plan.heavy_read_bytes)?,
            replacements: Arc::new(Semaphore::new(1)),
            allow_lists: Arc::new(Semaphore::new(1)),
            heavy_read_bytes_max: plan.heavy_read_bytes,
            short_read_bytes: plan.short_read_bytes / threads_count.max(1),
        }))
    }

    /// How the queues are.
    pub(crate) fn measures(&self) -> Vec<QueueMeasures> {
        let Self { ingest, ingest_short, lookup_short, read_light, read_heavy, .. } = self;
        [ingest, ingest_short, lookup_short, read_light, read_heavy].map(Pool::measures).into()
    }

    /// Does a read once it may take `bytes` bytes of memory, or as many as a heavy read may take; the job is given
    /// the number. Light reads do not wait behind heavy ones.
    ///
    /// # Errors
    ///
    /// [`IngestError::Internal`] if the job panicked.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        bytes: usize,
        job: impl FnOnce(usize) -> T + Send + 'static,
    ) -> Result<T, IngestError> {
        let bytes = bytes.min(self.heavy_read_bytes_max);
        let is_light = bytes <= limits::LIGHT_READ_BYTES_MAX;
        let pool = if is_light { &self.read_light } else { &self.read_heavy };
        let slot = pool.slot(bytes).await?;
        let read = move || {
            let read = job(bytes);
            drop(slot);
            read
        };
        Ok(pool.start(read).await?)
    }
}

/// A job panicked; the panic hook has logged why.
impl From<oneshot::error::RecvError> for IngestError {
    fn from(_: oneshot::error::RecvError) -> Self {
        Self::Internal
    }
}

/// Which threads do a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PoolWorkers {
    /// All threads of the pool that the caller is a thread of; elsewhere, the caller's thread alone. Whoever shares work
    /// does other jobs of the pool while it waits.
    All,
    /// The caller's thread.
    Caller,
    /// The caller's thread, which may not wait for the disk.
    CallerAtOnce,
}

impl Workers for PoolWorkers {
    fn count(&self) -> usize {
        let is_shared = *self == Self::All && rayon::current_thread_index().is_some();
        if is_shared { rayon::current_num_threads() } else { 1 }
    }

    fn may_wait(&self) -> bool {
        *self != Self::CallerAtOnce
    }

    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T> {
        if items.len() <= 1 || self.count() == 1 {
            return items.into_iter().map(work).collect();
        }
        items.into_par_iter().map(work).collect()
    }
}

/// Runs a job of a few microseconds on the caller's thread; a panic is its error and nothing else.
///
/// # Errors
///
/// [`IngestError::Internal`] if the job panicked.
pub(crate) fn run_here<T>(job: impl FnOnce() -> T) -> Result<T, IngestError> {
    let Ok(result) = catch_unwind(AssertUnwindSafe(job)) else { return Err(IngestError::Internal) };
    Ok(result)
}

#[cfg(test)]
mod tests;
