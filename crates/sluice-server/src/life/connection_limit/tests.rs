//! What fits under a limit.

use super::{CONNECTION_BYTES_MAX, fit};

#[track_caller]
fn check(limit: Option<u64>, workers: usize, wanted: usize, want: usize) {
    assert_eq!(fit(limit, u64::MAX, workers, wanted), want);
}

#[test]
fn the_store_keeps_its_share() {
    check(None, 2, 10_000, 10_000);
    check(Some(u64::MAX), 2, 10_000, 10_000);
    check(Some(20_256), 2, 10_000, 10_000);
    check(Some(20_255), 2, 10_000, 9_999);
    check(Some(1_024), 2, 10_000, 384);
    check(Some(1_024), 3, 10_000, 256);
    check(Some(1_024), 2, 5, 5);
    // Too little for both: one connection each still serves.
    check(Some(256), 2, 10_000, 1);
    check(Some(0), 4, 10_000, 1);
}

#[test]
fn silent_connections_take_an_eighth_of_the_memory_at_most() {
    for (mebibytes, want) in [(256, 341), (2_048, 2_730), (16_384, 10_000), (0, 1)] {
        let fitting = fit(None, mebibytes << 20, 2, 10_000);
        assert_eq!(fitting, want);
        assert!(fitting as u64 * 2 * CONNECTION_BYTES_MAX <= (mebibytes << 20) / 8 || fitting == 1);
    }
}
