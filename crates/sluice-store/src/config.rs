//! How to open a store.

use std::{path::PathBuf, sync::Arc, time::Instant};

use sluice_model::{
    TenantName,
    memory_plan::{MemoryPlan, RESIDENT_BYTES_MAX},
};

use crate::{clock::Clock, dir_lock::DirLock};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Directory of everything the store keeps; created when missing.
    pub data_dir: PathBuf,
    /// The lock of that directory; `None` to take it when the store is opened.
    pub lock: Option<DirLock>,
    /// Free bytes on the disk below which writes are refused, until [`Store::set_disk_reserve`](crate::Store) changes it.
    pub disk_reserve_bytes: u64,
    /// Tenants beside General; missing ones are created.
    pub tenants: Vec<TenantName>,
    /// Seconds that the store has been running for which it tells what has changed.
    pub history_seconds: u32,
    /// Sizes at which background work happens.
    pub tuning: Tuning,
    /// Where the store has the time from.
    pub clock: Arc<dyn Clock>,
}

impl StoreConfig {
    /// A store of this directory that keeps no disk space free, has the tenant General only, and goes by the clock of
    /// the machine.
    pub fn at(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            lock: None,
            disk_reserve_bytes: 0,
            tenants: Vec::new(),
            history_seconds: 7 * 24 * 60 * 60,
            tuning: Tuning::default(),
            clock: Arc::new(Instant::now()),
        }
    }
}

/// Sizes at which background work happens. The defaults are for real data; tests make them small, so that a
/// few rows flush, split and merge like many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tuning {
    /// Heap bytes of the memtable above which no write begins; from half of it on they are slowed.
    pub memtable_bytes_max: usize,
    /// Heap bytes of the memtable at which it is flushed into a run.
    pub flush_bytes: usize,
    /// Bytes of blocks that lookups keep at hand. What is known of the allow lists takes up to half of it.
    pub block_cache_bytes: usize,
    /// Pages of each 256th of the trees that may be in memory beside the cache of the trees.
    pub pages_piled_up_max: u32,
    /// Raw bytes of rows after which a part of a run is full.
    pub part_bytes: u64,
    /// Stored bytes below which a merge gathers the contexts of tables into larger ones.
    pub context_table_bytes_min: u64,
    /// Bytes of the rows that a replacement changes up to which they are an ordinary write, held in memory; of more, the
    /// compaction thread makes a run of its own.
    pub replaced_bytes_written_max: u64,
    /// Bytes of the history of changes, beyond which the oldest go.
    pub history_bytes_max: u64,
    /// Bytes of log at which a checkpoint is made even of little: the log of abandoned bodies goes only with one.
    pub log_bytes: u64,
    /// Longest log, but for what ends writes: slices that would make it longer are refused, whoever sends them.
    pub log_bytes_max: u64,
}

/// Default of [`Tuning::log_bytes_max`]. Rows that are not in the trees yet and bodies under way take 1.5 GiB of memory at
/// most, and less in the log.
pub const LOG_BYTES_MAX: u64 = 2 << 30;

/// Default of [`Tuning::history_bytes_max`]: some 250 million changes of rows.
pub const HISTORY_BYTES_MAX: u64 = 4 << 30;

impl Tuning {
    /// What fits into a plan, with a log of at most so many bytes, and checkpoints the more often the shorter it is.
    pub fn of(plan: &MemoryPlan, log_bytes_max: u64) -> Self {
        Self {
            memtable_bytes_max: plan.memtable_bytes,
            flush_bytes: plan.flush_bytes(),
            block_cache_bytes: plan.block_cache_bytes,
            pages_piled_up_max: plan.pages_piled_up_max(),
            part_bytes: plan.part_bytes() as u64,
            context_table_bytes_min: 256 << 10,
            // As much as of a step of an import.
            replaced_bytes_written_max: 16 << 20,
            history_bytes_max: HISTORY_BYTES_MAX,
            log_bytes: log_bytes_max / 8,
            log_bytes_max,
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self::of(&MemoryPlan::of(RESIDENT_BYTES_MAX), LOG_BYTES_MAX)
    }
}
