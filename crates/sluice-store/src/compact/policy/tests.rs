//! How many runs there are, and how often a row is rewritten.

use super::{FAN_IN, TIER_BYTES, full_tier_count, idle_count};

/// Flushes of equal size into an ever busy store: how many runs there are at most, and how often a byte is
/// rewritten.
fn history(flushes: u64) -> (usize, u64) {
    let (mut sizes, mut runs_max, mut rewritten) = (Vec::new(), 0, 0);
    for _ in 0..flushes {
        sizes.insert(0, TIER_BYTES);
        let due = full_tier_count(&sizes);
        if 1 < due {
            let merged = sizes.drain(..due).sum();
            rewritten += merged;
            sizes.insert(0, merged);
        }
        runs_max = runs_max.max(sizes.len());
    }
    (runs_max, rewritten / TIER_BYTES)
}

#[test]
fn runs_stay_few_and_rows_are_rewritten_once_a_tier() {
    let (runs_max, rewritten) = history(1_000);
    assert!(runs_max <= 4 * FAN_IN, "{runs_max} runs");
    assert!(rewritten <= 4 * 1_000, "{rewritten} flushes rewritten");
}

#[test]
fn a_tier_is_merged_when_it_is_full_and_newer_runs_go_along() {
    let (small, large) = (TIER_BYTES / 2, TIER_BYTES * 2);
    assert_eq!(full_tier_count(&[small; FAN_IN - 1]), 0);
    assert_eq!(full_tier_count(&[small; FAN_IN]), FAN_IN);
    assert_eq!(full_tier_count(&[&[small][..], &[large; FAN_IN]].concat()), FAN_IN + 1);
    assert_eq!(full_tier_count(&[&[large; 2][..], &[TIER_BYTES * 1_000]].concat()), 0);
}

#[test]
fn an_idle_store_merges_what_is_near_in_size() {
    assert_eq!(idle_count(&[10, 20, 1_000]), 2);
    assert_eq!(idle_count(&[10, 21]), 0);
    assert_eq!(idle_count(&[]), 0);
}
