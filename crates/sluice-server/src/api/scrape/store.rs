//! The store and the memory of requests, as metrics.
//!
//! In: what both tell of themselves without asking the file system. Out: samples.

use std::time::Duration;

use sluice_ingest::{IngestMeasures, Ingestor, QueueMeasures};
use sluice_store::{HistogramReading, ReadCounts, StoreMeasures};

use crate::metrics::{
    declared::{
        CACHE_BYTES, CACHE_BYTES_MAX, CACHE_HITS, CACHE_MISSES, DISK_FREE, DISK_RESERVE, DISK_SIZE,
        FILTER_CHECKS, FILTERS, FLUSHES, LOG_BYTES, LOG_BYTES_MAX, LOG_GROUPS, LOG_QUEUE, LOG_SYNCS,
        MEMTABLE, MEMTABLE_MAX, MEMTABLE_ROWS, MERGE_DEBT, MERGE_DEBT_AGE, MERGES, Metric, PARTS,
        PERMIT_WAITS, PERMITS, PERMITS_MAX, PERMITS_WAITING, QUEUE_BYTES, ROWS, RUNS, SILENCE, SLOT_WAITS,
        STORED, THREAD_WAITS, TREES,
    },
    exposition::{Exposition, Labels, Value},
};

#[cfg(test)]
mod tests;

/// Tells all of it. Of a store that is not open yet nothing is known.
pub(super) fn tell(ingestor: &Ingestor, to: &mut Exposition) {
    tell_measures(ingestor.measures(), ingestor.store().measures(), to);
}

fn tell_measures(memory: IngestMeasures, measures: StoreMeasures, to: &mut Exposition) {
    tell_memory(memory, to);
    tell_log(&measures, to);
    tell_runs(&measures, to);
    tell_reads(&measures, to);
    tell_disk(&measures, to);
    let StoreMeasures { sync_times, group_sizes, flush_times, merge_times, .. } = measures;
    for (metric, reading) in
        [(LOG_SYNCS, sync_times), (LOG_GROUPS, group_sizes), (FLUSHES, flush_times), (MERGES, merge_times)]
    {
        to.add_one(metric, Value::Histogram(reading));
    }
}

fn tell_memory(measures: IngestMeasures, to: &mut Exposition) {
    let IngestMeasures { permit_bytes_max, permit_bytes, permits_waiting, permit_waits, queues } = measures;
    to.add_one(PERMITS, of_size(permit_bytes));
    to.add_one(PERMITS_MAX, of_size(permit_bytes_max));
    to.add_one(PERMITS_WAITING, of_size(permits_waiting));
    to.add_one(PERMIT_WAITS, Value::Histogram(permit_waits));
    to.add(QUEUE_BYTES, queues.iter().map(|queue| (of_pool(queue), of_size(queue.bytes))));
    let waits = |waits: fn(&QueueMeasures) -> &HistogramReading| {
        queues.iter().map(move |queue| (of_pool(queue), Value::Histogram(waits(queue).clone())))
    };
    to.add(SLOT_WAITS, waits(|queue| &queue.slot_waits));
    to.add(THREAD_WAITS, waits(|queue| &queue.thread_waits));
}

fn tell_log(measures: &StoreMeasures, to: &mut Exposition) {
    to.add_one(LOG_BYTES, Value::Whole(measures.log_bytes));
    to.add_one(LOG_BYTES_MAX, Value::Whole(measures.log_bytes_max));
    to.add_one(LOG_QUEUE, of_size(measures.log_queue_length));
    let silence = ["log", "compaction"].into_iter().zip(measures.silence);
    to.add(SILENCE, silence.map(|(thread, silence)| (vec![("thread", thread.into())], of_time(silence))));
}

fn tell_runs(measures: &StoreMeasures, to: &mut Exposition) {
    for (metric, size) in [
        (MEMTABLE, measures.memtable_bytes),
        (MEMTABLE_MAX, measures.memtable_bytes_max),
        (MEMTABLE_ROWS, measures.memtable_rows),
        (RUNS, measures.runs_count),
        (PARTS, measures.parts_count),
        (FILTERS, measures.resident_bytes),
    ] {
        to.add_one(metric, of_size(size));
    }
    to.add_one(ROWS, Value::Whole(measures.rows_count));
    to.add_one(STORED, Value::Whole(measures.stored_bytes));
    to.add_one(MERGE_DEBT, Value::Whole(measures.merge_debt_bytes));
    to.add_one(MERGE_DEBT_AGE, of_time(measures.merge_debt_age));
}

fn tell_reads(measures: &StoreMeasures, to: &mut Exposition) {
    let ReadCounts { denied, found, mistaken, rows_hit, rows_missed, contexts_hit, contexts_missed } =
        measures.reads;
    let mut add = |metric: Metric, label: &'static str, counts: &[(&'static str, u64)]| {
        let samples =
            counts.iter().map(|(name, count)| (vec![(label, (*name).into())], Value::Whole(*count)));
        to.add(metric, samples);
    };
    add(FILTER_CHECKS, "result", &[("denied", denied), ("found", found), ("mistaken", mistaken)]);
    add(CACHE_HITS, "kind", &[("rows", rows_hit), ("contexts", contexts_hit)]);
    add(CACHE_MISSES, "kind", &[("rows", rows_missed), ("contexts", contexts_missed)]);
    to.add_one(CACHE_BYTES, Value::Whole(measures.cache_bytes));
    to.add_one(CACHE_BYTES_MAX, Value::Whole(measures.cache_bytes_max));
}

/// What the disk said last; nothing before that.
fn tell_disk(measures: &StoreMeasures, to: &mut Exposition) {
    let known = |bytes: u64| Some((vec![], Value::Whole(bytes))).filter(|_| bytes != 0);
    to.add(TREES, known(measures.trees_bytes));
    to.add(DISK_SIZE, known(measures.disk_size_bytes));
    to.add(DISK_FREE, measures.disk_free_bytes.map(|bytes| (vec![], Value::Whole(bytes))));
    to.add_one(DISK_RESERVE, Value::Whole(measures.disk_reserve_bytes));
}

fn of_pool(queue: &QueueMeasures) -> Labels {
    vec![("pool", queue.pool.into())]
}

fn of_size(size: usize) -> Value {
    Value::Whole(size as u64)
}

fn of_time(time: Duration) -> Value {
    Value::Real(time.as_secs_f64())
}
