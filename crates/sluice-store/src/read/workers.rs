//! How a long read is divided: batches for the caller's threads, and one budget of memory for all of them.

use std::{
    cmp,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::block_cache::{BlockUse, CACHED_READ_ITEMS_MAX};
use crate::error::ReadError;

/// Fewer keys or contexts are read by one thread: the work is less than what sharing it costs.
const BATCH_ITEMS_MIN: usize = 2_048;

/// Batches for each worker, so that none waits long for the others.
const BATCHES_A_WORKER: usize = 2;

/// Who does the parts of a long read.
pub trait Workers {
    /// How many there are.
    fn count(&self) -> usize;

    /// Returns true if they may wait for the disk.
    fn may_wait(&self) -> bool {
        true
    }

    /// Returns true if what they read may be kept for others.
    fn may_keep(&self) -> bool {
        true
    }

    /// Does something for each of some items, perhaps at the same time; gives what came of it, in order.
    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T>;
}

/// The caller's thread and no other.
#[derive(Clone, Copy, Debug)]
pub struct SingleThread;

impl Workers for SingleThread {
    fn count(&self) -> usize {
        1
    }

    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T> {
        items.into_iter().map(work).collect()
    }
}

/// The caller's thread, which goes through all that is stored and so leaves nothing for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassingThread;

impl Workers for PassingThread {
    fn count(&self) -> usize {
        1
    }

    fn may_keep(&self) -> bool {
        false
    }

    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T> {
        SingleThread.map(items, work)
    }
}

/// Memory that a read may still take. All its batches share it.
pub(super) struct ReadBudget {
    bytes: AtomicUsize,
}

impl ReadBudget {
    /// Begins with so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes: AtomicUsize::new(bytes) }
    }

    /// Takes some of it.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooLong`] when there is less.
    pub(super) fn take(&self, bytes: usize) -> Result<(), ReadError> {
        let taken =
            self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_ok() { Ok(()) } else { Err(ReadError::TooLong) }
    }

    /// Gives some back.
    pub(super) fn give_back(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What a read of so many keys or contexts does with the blocks that it meets.
pub(super) fn block_use(items: usize, workers: &impl Workers) -> BlockUse {
    if !workers.may_wait() {
        BlockUse::AtHand
    } else if items <= CACHED_READ_ITEMS_MAX && workers.may_keep() {
        BlockUse::Keep
    } else {
        BlockUse::Pass
    }
}

/// Tells the caller of a read how it ended: `None` for one that its budget did not allow, or its workers.
pub(super) fn outcome<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(ReadError::TooLong | ReadError::NotAtHand) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A number of bytes or items as a read keeps it.
///
/// # Errors
///
/// [`ReadError::TooLong`] beyond 32 bits.
pub(super) fn counted(count: usize) -> Result<u32, ReadError> {
    u32::try_from(count).ok().ok_or(ReadError::TooLong)
}

/// Items for each batch; all of them in one, when sharing is not worth it.
fn batch_items(items: usize, workers: &impl Workers) -> usize {
    let count = if workers.count() <= 1 { 1 } else { BATCHES_A_WORKER * workers.count() };
    items.div_ceil(count).max(BATCH_ITEMS_MIN)
}

/// Reads sorted items batch by batch; gives what came of the batches, in order.
pub(super) fn read_batches<I: Sync, T: Send>(
    items: &[I],
    workers: &impl Workers,
    read: impl Fn(&[I]) -> Result<T, ReadError> + Send + Sync,
) -> Result<Vec<T>, ReadError> {
    let batches: Vec<&[I]> = items.chunks(batch_items(items.len(), workers)).collect();
    workers.map(batches, read).into_iter().collect()
}

/// Sorts items: batches of them at the same time, which the stable sort then finds and merges.
pub(super) fn sort_by<I: Send>(
    items: &mut [I],
    workers: &impl Workers,
    order: impl Fn(&I, &I) -> cmp::Ordering + Send + Sync,
) {
    let batch_items = batch_items(items.len(), workers);
    if items.len() <= batch_items {
        items.sort_unstable_by(order);
        return;
    }
    let batches: Vec<&mut [I]> = items.chunks_mut(batch_items).collect();
    workers.map(batches, |batch| batch.sort_unstable_by(&order));
    items.sort_by(order);
}
