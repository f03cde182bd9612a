//! Each number stands under its own name, and what has a unit is in it.

use std::{fmt::Write as _, time::Duration};

use expect_test::expect;
use sluice_ingest::{IngestMeasures, QueueMeasures};
use sluice_store::{Health, Histogram, HistogramReading, ReadCounts, StoreMeasures};
use test_support::exposition::parse;

use super::{Exposition, tell_measures};
use crate::metrics::exposition::Format;

/// As many values of this size as it tells.
fn noted(times: u64) -> HistogramReading {
    let histogram = Histogram::new(&[2_000_000]);
    (0..times).for_each(|_| histogram.note(times * 1_000_000));
    histogram.read()
}

/// No two numbers of these are alike.
fn measures() -> (IngestMeasures, StoreMeasures) {
    let queue = |pool, number: u64| QueueMeasures {
        pool,
        bytes: 100 + usize::try_from(number).unwrap(),
        slot_waits: noted(number),
        thread_waits: noted(number + 1),
    };
    let memory = IngestMeasures {
        permit_bytes_max: 3,
        permit_bytes: 1,
        permits_waiting: 2,
        permit_waits: noted(10),
        queues: vec![queue("ingest", 11), queue("lookup-short", 13)],
    };
    let reads = ReadCounts {
        denied: 61,
        found: 62,
        mistaken: 63,
        rows_hit: 64,
        rows_missed: 65,
        contexts_hit: 66,
        contexts_missed: 67,
    };
    let store = StoreMeasures {
        health: Health::Writable,
        memtable_bytes: 21,
        memtable_bytes_max: 22,
        memtable_rows: 23,
        runs_count: 24,
        parts_count: 25,
        rows_count: 26,
        stored_bytes: 27,
        resident_bytes: 28,
        merge_debt_bytes: 29,
        merge_debt_age: Duration::from_millis(30_500),
        log_bytes: 31,
        log_bytes_max: 32,
        log_queue_length: 33,
        silence: [Duration::from_millis(34_250), Duration::from_millis(35_750)],
        trees_bytes: 36,
        disk_size_bytes: 37,
        disk_free_bytes: Some(38),
        disk_reserve_bytes: 39,
        cache_bytes: 40,
        cache_bytes_max: 41,
        reads,
        sync_times: noted(15),
        group_sizes: noted(1),
        flush_times: noted(17),
        merge_times: noted(18),
    };
    (memory, store)
}

/// All samples, but for the buckets.
fn told((memory, store): (IngestMeasures, StoreMeasures)) -> String {
    let mut all = Exposition::default();
    tell_measures(memory, store, &mut all);
    let mut told = String::new();
    for sample in parse(&all.write(Format::Prometheus).unwrap()).unwrap().iter().flat_map(|of| &of.samples) {
        if !sample.name.ends_with("_bucket") {
            let labels: Vec<&str> = sample.labels.values().map(String::as_str).collect();
            writeln!(told, "{} {} {}", sample.name, labels.join(" "), sample.value).unwrap();
        }
    }
    told
}

#[test]
fn each_measure_is_told_under_its_name() {
    expect![[r#"
        sluice_permits_held_bytes  1
        sluice_permits_max_bytes  3
        sluice_permits_waiting  2
        sluice_permit_wait_seconds_sum  100
        sluice_permit_wait_seconds_count  10
        sluice_queue_in_flight_bytes ingest 111
        sluice_queue_in_flight_bytes lookup-short 113
        sluice_queue_slot_wait_seconds_sum ingest 121
        sluice_queue_slot_wait_seconds_count ingest 11
        sluice_queue_slot_wait_seconds_sum lookup-short 169
        sluice_queue_slot_wait_seconds_count lookup-short 13
        sluice_queue_thread_wait_seconds_sum ingest 144
        sluice_queue_thread_wait_seconds_count ingest 12
        sluice_queue_thread_wait_seconds_sum lookup-short 196
        sluice_queue_thread_wait_seconds_count lookup-short 14
        sluice_log_size_bytes  31
        sluice_log_size_max_bytes  32
        sluice_log_queued_requests  33
        sluice_store_thread_silence_seconds log 34.25
        sluice_store_thread_silence_seconds compaction 35.75
        sluice_memtable_bytes  21
        sluice_memtable_max_bytes  22
        sluice_memtable_rows  23
        sluice_runs  24
        sluice_run_parts  25
        sluice_filters_bytes  28
        sluice_run_rows  26
        sluice_run_blocks_bytes  27
        sluice_merge_debt_bytes  29
        sluice_merge_debt_age_seconds  30.5
        sluice_filter_checks_total denied 61
        sluice_filter_checks_total found 62
        sluice_filter_checks_total mistaken 63
        sluice_block_cache_hits_total rows 64
        sluice_block_cache_hits_total contexts 66
        sluice_block_cache_misses_total rows 65
        sluice_block_cache_misses_total contexts 67
        sluice_block_cache_bytes  40
        sluice_block_cache_max_bytes  41
        sluice_trees_bytes  36
        sluice_disk_size_bytes  37
        sluice_disk_free_bytes  38
        sluice_disk_reserve_bytes  39
        sluice_log_sync_duration_seconds_sum  225
        sluice_log_sync_duration_seconds_count  15
        sluice_log_sync_group_size_sum  1000000
        sluice_log_sync_group_size_count  1
        sluice_flush_duration_seconds_sum  289
        sluice_flush_duration_seconds_count  17
        sluice_merge_step_duration_seconds_sum  324
        sluice_merge_step_duration_seconds_count  18
    "#]]
    .assert_eq(&told(measures()));
}

#[test]
fn what_nobody_has_asked_the_disk_is_not_told() {
    let (memory, store) = measures();
    let unasked = StoreMeasures { trees_bytes: 0, disk_size_bytes: 0, disk_free_bytes: None, ..store };
    let told = told((memory, unasked));
    let of_the_disk: Vec<&str> =
        told.lines().filter(|line| line.contains("_disk_") || line.contains("_trees_")).collect();
    assert_eq!(of_the_disk, ["sluice_disk_reserve_bytes  39"]);
}
