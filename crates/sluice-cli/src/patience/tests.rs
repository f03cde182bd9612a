//! Cases: pauses that nobody waits for.

use std::cell::RefCell;

use tokio::time::timeout;

use super::*;

#[track_caller]
fn check_given_up(retry_for: Duration, asked: Option<Duration>, silence: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut patience = Patience::new(retry_for);
    let waited = runtime.block_on(patience.wait("busy", asked, silence, |text| panic!("{text}")));
    assert!(!waited);
}

/// Any number may stand in `Retry-After`.
#[test]
fn a_pause_without_end_is_not_waited_for() {
    let asked = Some(Duration::from_secs(u64::MAX));
    check_given_up(Duration::from_mins(10), asked, Duration::from_secs(1));
    check_given_up(Duration::from_mins(10), asked, Duration::ZERO);
}

#[test]
fn time_that_was_lost_before_counts() {
    check_given_up(Duration::from_secs(5), None, Duration::from_secs(5));
    check_given_up(Duration::from_secs(5), Some(Duration::from_secs(4)), Duration::from_secs(2));
}

#[test]
fn nobody_is_made_to_wait_for_a_year() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let year = Duration::from_hours(365 * 24);
    for (asked, told) in
        [(year, "busy; tries again in 10m"), (PAUSE_ASKED_MAX / 2, "busy; tries again in 5m")]
    {
        let (mut patience, said) = (Patience::new(2 * year), RefCell::new(String::new()));
        let waiting =
            patience.wait("busy", Some(asked), Duration::ZERO, |text| said.borrow_mut().push_str(text));
        assert!(runtime.block_on(async { timeout(Duration::ZERO, waiting).await }).is_err());
        assert_eq!(said.into_inner(), told);
        assert_eq!(patience.left + asked.min(PAUSE_ASKED_MAX), 2 * year);
    }
}

/// Each try costs its silence as well, and each pause that is not asked for is longer than the one before.
#[test]
fn patience_runs_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut patience = Patience::new(Duration::from_secs(10));
    let waiting = patience.wait("busy", None, Duration::from_secs(6), |_text| {});
    assert!(runtime.block_on(async { timeout(Duration::ZERO, waiting).await }).is_err());
    assert_eq!((patience.left, patience.pause), (Duration::from_millis(3_750), 2 * PAUSE_FIRST));
}
