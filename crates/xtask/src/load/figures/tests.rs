//! Percentiles of few durations and of many.

use std::time::Duration;

use super::Latencies;

#[track_caller]
fn check(count: u64, want: [f64; 4]) {
    let mut latencies = Latencies::default();
    // Not in order.
    for number in (1..=count).rev() {
        latencies.push(Duration::from_millis(number));
    }
    let got = latencies.summary();
    assert_eq!(got.count as u64, count);
    for (got, want) in [got.p50_ms, got.p99_ms, got.p999_ms, got.max_ms].into_iter().zip(want) {
        assert!((got - want).abs() < 1e-6, "{got} instead of {want}");
    }
}

#[test]
fn a_percentile_is_the_value_of_the_nearest_rank() {
    check(0, [0.0; 4]);
    check(1, [1.0; 4]);
    check(2, [1.0, 2.0, 2.0, 2.0]);
    check(100, [50.0, 99.0, 100.0, 100.0]);
    check(2_000, [1_000.0, 1_980.0, 1_998.0, 2_000.0]);
}
