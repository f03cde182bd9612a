//! Reading many keys at once, in two steps: keys to rows, and contexts that rows name to their texts.
//!
//! In: keys, then contexts, in any order ([`Snapshot::read_rows`], [`Snapshot::read_contexts`]). Out: what is stored,
//! found again by the place of what was asked. Both steps sort what is asked and go through the store once, page by
//! page, so the more is asked at once the less each costs; and a reader that has no use for a row (it has expired, or is
//! of another tenant) leaves its contexts alone.
//!
//! A long read is cut into stretches, which the threads of the caller's rayon pool share. Memory follows what the caller
//! allows, not what is asked.

mod contexts;
mod rows;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

pub use self::{
    contexts::{ContextId, ReadContexts},
    rows::{ReadRows, RowNumbers, StoredHolding, StoredRow},
};
use crate::{error::ReadError, filter, view::Snapshot};

/// Fewer keys or contexts are read by one thread: the work is less than what sharing it costs.
const STRETCH_ITEMS_MIN: usize = 2_048;

/// Stretches for each thread, so that none waits long for the others.
const STRETCHES_A_THREAD: usize = 2;

impl Snapshot {
    /// Tells whether a key may be stored that begins with `group`, a whole one as
    /// [`group_of`](sluice_model::matching::group_of) gives it. Asks filters only.
    pub fn may_hold_group(&self, group: &[u8]) -> bool {
        let hash = filter::hash(group);
        self.view.slices.iter().any(|slice| slice.may_contain(hash))
            || self.view.runs.iter().any(|run| run.may_contain_group(group, hash))
    }

    /// Tells whether a key may be stored. Asks filters only.
    pub fn may_hold(&self, key: &[u8]) -> bool {
        let hash = filter::hash(key);
        self.view.slices.iter().any(|slice| slice.may_contain(hash))
            || self.view.runs.iter().any(|run| run.may_contain(key, hash))
    }
}

/// Memory that a read may still take.
struct Room {
    left: AtomicUsize,
}

impl Room {
    fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// Takes some of it.
    fn take(&self, bytes: usize) -> Result<(), Stop> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_left| ()).map_err(|_left| Stop::Full)
    }
}

/// Why a stretch was not read to its end.
enum Stop {
    /// There is no room for it.
    Full,
    Failed(ReadError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// Tells the caller of a read how it ended; without room, with nothing.
fn outcome<T>(read: Result<T, Stop>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Stop::Full) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Tells whether so many items are worth sharing, and with whom.
fn is_shared(items: usize) -> bool {
    STRETCH_ITEMS_MIN < items && rayon::current_thread_index().is_some()
}

/// Reads sorted items stretch by stretch, on all threads of the pool that the caller is of; gives what came of the
/// stretches, in order.
fn read_stretches<I: Sync, T: Send>(
    items: &[I],
    read: impl Fn(&[I]) -> Result<T, Stop> + Send + Sync,
) -> Result<Vec<T>, Stop> {
    if !is_shared(items.len()) {
        return Ok(vec![read(items)?]);
    }
    let count = STRETCHES_A_THREAD * rayon::current_num_threads();
    items.par_chunks(items.len().div_ceil(count).max(STRETCH_ITEMS_MIN)).map(read).collect()
}

fn sort<I: Ord + Send>(items: &mut [I]) {
    sort_by(items, Ord::cmp);
}

fn sort_by<I: Send>(items: &mut [I], order: impl Fn(&I, &I) -> std::cmp::Ordering + Sync) {
    if is_shared(items.len()) {
        items.par_sort_unstable_by(order);
    } else {
        items.sort_unstable_by(order);
    }
}
