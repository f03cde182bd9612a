//! Reading many keys at once, in two steps: keys to rows, and contexts that rows name to their texts.
//!
//! In: keys, then contexts, in any order ([`Snapshot::read_rows`], [`Snapshot::read_contexts`]). Out: what is stored,
//! found again by the place of what was asked. Both steps sort what is asked and go through the store once, page by
//! page, so the more is asked at once the less each costs; and a reader that has no use for a row (it has expired, or
//! is of another tenant) leaves its contexts alone.
//!
//! A long read is cut into stretches, which [`Workers`] of the caller share. Memory follows what the caller allows, not
//! what is asked.

mod contexts;
mod rows;

use std::sync::atomic::{AtomicUsize, Ordering};

pub use self::{
    contexts::{ContextId, ReadContexts},
    rows::{ReadRows, RowNumbers, StoredHolding, StoredRow},
};
use crate::{error::ReadError, filter, view::Snapshot};

/// Fewer keys or contexts are read by one thread: the work is less than what sharing it costs.
const STRETCH_ITEMS_MIN: usize = 2_048;

/// Stretches for each worker, so that none waits long for the others.
const STRETCHES_A_WORKER: usize = 2;

/// Who does the parts of a long read.
pub trait Workers {
    /// How many there are.
    fn count(&self) -> usize;

    /// Does something for each of some items, perhaps at the same time; gives what came of it, in order.
    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T>;
}

/// The caller's thread and no other.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Workers for Alone {
    fn count(&self) -> usize {
        1
    }

    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T> {
        items.into_iter().map(work).collect()
    }
}

impl Snapshot {
    /// Tells whether a key may be stored that begins with `group`, a whole one as
    /// [`group_of`](sluice_model::matching::group_of) gives it. Asks filters only.
    pub fn may_hold_group(&self, group: &[u8]) -> bool {
        let hash = filter::hash(group);
        self.view.memtable.may_contain(hash)
            || self.view.runs.iter().any(|run| run.may_contain_group(group, hash))
    }

    /// Tells whether a key may be stored. Asks filters only.
    pub fn may_hold(&self, key: &[u8]) -> bool {
        let hash = filter::hash(key);
        self.view.memtable.may_contain(hash) || self.view.runs.iter().any(|run| run.may_contain(key, hash))
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
        let taken =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_left| ()).map_err(|_left| Stop::Full)
    }

    /// Gives some back.
    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
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

/// Items for each stretch; all of them in one, when sharing is not worth it.
fn stretch_items(items: usize, workers: &impl Workers) -> usize {
    let count = if workers.count() <= 1 { 1 } else { STRETCHES_A_WORKER * workers.count() };
    items.div_ceil(count).max(STRETCH_ITEMS_MIN)
}

/// Reads sorted items stretch by stretch; gives what came of the stretches, in order.
fn read_stretches<I: Sync, T: Send>(
    items: &[I],
    workers: &impl Workers,
    read: impl Fn(&[I]) -> Result<T, Stop> + Send + Sync,
) -> Result<Vec<T>, Stop> {
    let stretches: Vec<&[I]> = items.chunks(stretch_items(items.len(), workers)).collect();
    workers.map(stretches, read).into_iter().collect()
}

/// Sorts items: stretches of them at the same time, which the stable sort then finds and merges.
fn sort_by<I: Send>(
    items: &mut [I],
    workers: &impl Workers,
    order: impl Fn(&I, &I) -> std::cmp::Ordering + Send + Sync,
) {
    let stretch_items = stretch_items(items.len(), workers);
    if items.len() <= stretch_items {
        items.sort_unstable_by(order);
        return;
    }
    let stretches: Vec<&mut [I]> = items.chunks_mut(stretch_items).collect();
    workers.map(stretches, |stretch| stretch.sort_unstable_by(&order));
    items.sort_by(order);
}
