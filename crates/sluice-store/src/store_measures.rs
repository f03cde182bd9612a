//! What can be told of a store at one moment, without waiting.
//!
//! In: numbers in memory alone: whoever asks neither touches the file system nor waits for anybody who does. Out:
//! [`StoreMeasures`]. What only the file system knows is as of the last time that somebody else asked it.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{
    histogram::HistogramReading,
    read::ReadCounts,
    run::parts_of,
    shared::{Health, Shared},
};

#[cfg(test)]
mod tests;

/// What the store is and does, at one moment.
#[derive(Clone, Debug)]
pub struct StoreMeasures {
    /// Whether it can write, as far as is known.
    pub health: Health,
    /// Heap bytes of what is not yet in the trees.
    pub memtable_bytes: usize,
    /// Heap bytes of that above which no write begins.
    pub memtable_bytes_max: usize,
    /// Rows that are not yet in the trees.
    pub memtable_rows: usize,
    /// Sorted runs that a reader may have to ask.
    pub runs_count: usize,
    /// Parts of these.
    pub parts_count: usize,
    /// Rows in them; an indicator counts once for each run that has it.
    pub rows_count: u64,
    /// Bytes of their blocks, as stored.
    pub stored_bytes: u64,
    /// Heap bytes of their filters and indexes, and of what snapshots and merges hold beside them.
    pub resident_bytes: usize,
    /// Bytes of runs that are due to be merged, or are being merged.
    pub merge_debt_bytes: u64,
    /// For how long there have been such.
    pub merge_debt_age: Duration,
    /// Bytes of the log on disk.
    pub log_bytes: u64,
    /// Bytes of it at which writes are refused.
    pub log_bytes_max: u64,
    /// Requests that wait for the log thread.
    pub log_queue_length: usize,
    /// How long the log thread and the compaction thread have given no sign of life.
    pub silence: [Duration; 2],
    /// Bytes of the trees on disk, when that was last asked.
    pub trees_bytes: u64,
    /// Bytes of the disk; 0 before that was asked.
    pub disk_size_bytes: u64,
    /// Bytes of it that are free, when that was last asked; `None` if that is not known.
    pub disk_free_bytes: Option<u64>,
    /// Free bytes below which writes are refused.
    pub disk_reserve_bytes: u64,
    /// Bytes of blocks and contexts at hand.
    pub cache_bytes: u64,
    /// What these may come to.
    pub cache_bytes_max: u64,
    /// What reads have met so far.
    pub reads: ReadCounts,
    /// How long syncs of the log took, in microseconds.
    pub sync_times: HistogramReading,
    /// How many commits shared a sync.
    pub group_sizes: HistogramReading,
    /// How long flushes took, in microseconds.
    pub flush_times: HistogramReading,
    /// How long steps of merges took, in microseconds.
    pub merge_times: HistogramReading,
}

impl StoreMeasures {
    /// Reads them.
    pub(crate) fn read(shared: &Shared) -> Self {
        let (view, measures, tuning) = (shared.view(), &shared.measures, &shared.config.tuning);
        let (mut parts_count, mut rows_count, mut stored_bytes) = (0, 0, 0);
        for part in parts_of(&view.runs) {
            parts_count += 1;
            rows_count += u64::from(part.meta.rows);
            stored_bytes += part.meta.stored_bytes;
        }
        let now_ms = shared.now_ms();
        let free_bytes = shared.disk_free_bytes.load(Ordering::Relaxed);
        Self {
            health: shared.known_health(),
            memtable_bytes: view.memtable.bytes(),
            memtable_bytes_max: tuning.memtable_bytes_max,
            memtable_rows: view.memtable.rows_count(),
            runs_count: view.runs.len(),
            parts_count,
            rows_count,
            stored_bytes,
            resident_bytes: shared.trees.resident.get(),
            merge_debt_bytes: measures.merge_debt_bytes.load(Ordering::Relaxed),
            merge_debt_age: measures.merge_debt_age(now_ms),
            log_bytes: shared.log_bytes.load(Ordering::Relaxed),
            log_bytes_max: tuning.log_bytes_max,
            log_queue_length: shared.log_requests.len(),
            silence: [&shared.log_beat_ms, &shared.compaction_beat_ms]
                .map(|beat_ms| Duration::from_millis(now_ms.saturating_sub(beat_ms.load(Ordering::Relaxed)))),
            trees_bytes: measures.trees_bytes.load(Ordering::Relaxed),
            disk_size_bytes: measures.disk_size_bytes.load(Ordering::Relaxed),
            disk_free_bytes: (free_bytes != u64::MAX).then_some(free_bytes),
            disk_reserve_bytes: shared.disk_reserve_bytes.load(Ordering::Relaxed),
            cache_bytes: shared.blocks.bytes(),
            cache_bytes_max: shared.blocks.bytes_max(),
            reads: shared.blocks.counts.read(),
            sync_times: measures.sync_times.read(),
            group_sizes: measures.group_sizes.read(),
            flush_times: measures.flush_times.read(),
            merge_times: measures.merge_times.read(),
        }
    }
}
