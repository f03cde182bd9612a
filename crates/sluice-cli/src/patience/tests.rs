//! Cases: pauses that nobody waits for.

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
