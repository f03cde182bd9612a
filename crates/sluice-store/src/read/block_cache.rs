//! What lookups have read of the trees lately, in memory: checked, and ready to be searched.
//!
//! In: the place of a block of rows, or of a context. Out: what lies there, if it is at hand. Neither ever changes and
//! their numbers are never used twice, so nothing is ever invalidated; what no reader asks for makes room in time. The
//! policy (`quick_cache`, S3-FIFO) prefers what is asked again to what a long read has touched once, and reads of very
//! many keys leave nothing behind ([`CACHED_READ_ITEMS_MAX`]).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use quick_cache::{Weighter, sync::Cache};

use super::counts::ReadTotals;
use crate::run::RowsBlock;

/// Reads of more keys use the blocks that are at hand and leave nothing: they touch each block once. Reads of more contexts
/// do not look here at all.
pub(super) const CACHED_READ_ITEMS_MAX: usize = 64 * 1024;

/// Longest context that is kept.
const CONTEXT_BYTES_MAX: usize = 64 * 1024;

/// About what an item takes, for the first size of the tables.
const ITEM_BYTES: usize = 1024;

/// What an item takes beside its content: key, value, links, and the head of an allocation.
const ENTRY_BYTES: usize = 96;

/// What a reader does with the blocks that it meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BlockUse {
    /// Reads what is not at hand, and keeps it there for the next reader.
    Keep,
    /// Reads what is not at hand, and leaves nothing.
    Pass,
    /// Does without what is not at hand: it may not wait for the disk.
    AtHand,
}

/// Where something lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place {
    /// Number of the part, first piece of the block.
    Rows(u32, u32),
    /// Number of the stored table, number of the context in it.
    Context(u32, u32),
}

/// What lies there.
#[derive(Clone)]
enum Cached {
    Rows(Arc<RowsBlock>),
    Context(Arc<[u8]>),
}

#[derive(Clone, Copy)]
struct CachedWeight;

impl Weighter<Place, Cached> for CachedWeight {
    fn weight(&self, _place: &Place, cached: &Cached) -> u64 {
        let bytes = match cached {
            Cached::Rows(block) => block.heap_bytes(),
            Cached::Context(context) => context.len(),
        };
        (bytes + ENTRY_BYTES) as u64
    }
}

/// What is at hand; all readers share it.
pub(crate) struct BlockCache {
    cache: Cache<Place, Cached, CachedWeight>,
    /// Bytes that it may grow to, and how many of them others have now.
    planned_bytes: usize,
    yielded_bytes: AtomicUsize,
    /// What readers have met, here and in filters.
    pub(crate) counts: ReadTotals,
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlockCache").field("items", &self.cache.len()).finish_non_exhaustive()
    }
}

impl BlockCache {
    /// An empty one, which grows to so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let items = bytes_max / ITEM_BYTES;
        let cache = Cache::with_weighter(items, bytes_max as u64, CachedWeight);
        let yielded_bytes = AtomicUsize::new(0);
        Self { cache, planned_bytes: bytes_max, yielded_bytes, counts: ReadTotals::default() }
    }

    /// Leaves so many bytes of what it may grow to to others. Costs a look as long as they are no more than before.
    pub(crate) fn yield_bytes(&self, bytes: usize) {
        if bytes <= self.yielded_bytes.load(Ordering::Relaxed) {
            return;
        }
        self.yielded_bytes.fetch_max(bytes, Ordering::SeqCst);
        loop {
            let yielded = self.yielded_bytes.load(Ordering::SeqCst);
            self.cache.set_capacity(self.planned_bytes.saturating_sub(yielded) as u64);
            // Others may have had it yield more, and been overtaken.
            if self.yielded_bytes.load(Ordering::SeqCst) == yielded {
                break;
            }
        }
    }

    /// Bytes that are at hand.
    pub(crate) fn bytes(&self) -> u64 {
        self.cache.weight()
    }

    /// What they may come to.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.cache.capacity()
    }

    /// The block of a part that begins with a piece.
    pub(super) fn rows(&self, part: u32, piece: u32) -> Option<Arc<RowsBlock>> {
        match self.cache.get(&Place::Rows(part, piece))? {
            Cached::Rows(block) => Some(block),
            Cached::Context(_) => None,
        }
    }

    /// Keeps a block.
    pub(super) fn keep_rows(&self, part: u32, piece: u32, block: &Arc<RowsBlock>) {
        self.cache.insert(Place::Rows(part, piece), Cached::Rows(Arc::clone(block)));
    }

    /// A context of a stored table.
    pub(super) fn context(&self, table: u32, number: u32) -> Option<Arc<[u8]>> {
        match self.cache.get(&Place::Context(table, number))? {
            Cached::Context(context) => Some(context),
            Cached::Rows(_) => None,
        }
    }

    /// Keeps a context, unless it is very long.
    pub(super) fn keep_context(&self, table: u32, number: u32, context: &Arc<[u8]>) {
        if context.len() <= CONTEXT_BYTES_MAX {
            self.cache.insert(Place::Context(table, number), Cached::Context(Arc::clone(context)));
        }
    }
}

#[cfg(test)]
mod tests;
