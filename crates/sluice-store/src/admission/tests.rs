//! From which memtable and how many runs on, writes are slowed and refused.

use std::time::Duration;

use sluice_model::limits::MEMTABLE_BYTES_MAX;

use super::{PACE_MAX, RUNS_MAX, pause, retry_after_seconds};

#[test]
fn writes_are_slowed_from_a_half_full_memtable_on() {
    assert_eq!(pause(MEMTABLE_BYTES_MAX / 2, MEMTABLE_BYTES_MAX), Duration::ZERO);
    assert_eq!(pause(MEMTABLE_BYTES_MAX / 4 * 3, MEMTABLE_BYTES_MAX), PACE_MAX / 2);
    assert_eq!(pause(MEMTABLE_BYTES_MAX, MEMTABLE_BYTES_MAX), PACE_MAX);
    assert_eq!(pause(usize::MAX, MEMTABLE_BYTES_MAX), PACE_MAX);
}

#[test]
fn writes_are_refused_until_a_flush_should_have_caught_up() {
    let rate = MEMTABLE_BYTES_MAX as u64 / 20;
    assert_eq!(retry_after_seconds(MEMTABLE_BYTES_MAX, MEMTABLE_BYTES_MAX, RUNS_MAX, rate), None);
    assert_eq!(retry_after_seconds(MEMTABLE_BYTES_MAX + 1, MEMTABLE_BYTES_MAX, RUNS_MAX, rate), Some(11));
    assert_eq!(retry_after_seconds(MEMTABLE_BYTES_MAX + 1, MEMTABLE_BYTES_MAX, RUNS_MAX, 0), Some(1));
    assert_eq!(retry_after_seconds(MEMTABLE_BYTES_MAX + 1, MEMTABLE_BYTES_MAX, RUNS_MAX, 1), Some(60));
    assert_eq!(retry_after_seconds(0, MEMTABLE_BYTES_MAX, RUNS_MAX + 1, rate), Some(15));
}
