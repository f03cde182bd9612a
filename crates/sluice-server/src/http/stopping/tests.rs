//! What is judged of a body during a stop, and how connections are counted.

use std::{sync::Arc, time::Duration};

use proptest::{prop_assert_eq, prop_assume, proptest};
use sluice_model::limits::{KIB, MIB};
use tokio::time::Instant;

use super::{Arrival, JUDGE_INTERVAL, Stopping, UNDECLARED_TIME_MAX};

/// Judges a body of which so much has come in `taken_ms`.
fn can_end(received_bytes: u64, missing_bytes: Option<u64>, taken_ms: u64, left_ms: u64) -> bool {
    let began = Instant::now();
    let now = began + Duration::from_millis(taken_ms);
    Arrival { began, received_bytes, missing_bytes }.can_end(now, now + Duration::from_millis(left_ms))
}

#[test]
fn a_body_goes_on_at_its_own_rate() {
    let (mib, kib) = (MIB as u64, KIB as u64);
    for (received, missing, taken_ms, left_ms, want) in [
        // 1 MiB a second.
        (10 * mib, Some(27 * mib), 10_000, 27_000, true),
        (10 * mib, Some(27 * mib + 1), 10_000, 27_000, false),
        // Slower than any: its last bytes may come faster.
        (1, Some(64 * kib), 10_000, 1_000, true),
        (1, Some(64 * kib + 1), 10_000, 1_000, false),
        // Of one that has just begun nothing is known, unless it is fast.
        (0, Some(4 * mib), 0, 1_000, true),
        (0, Some(4 * mib + 1), 999, 1_000, false),
        (0, Some(4 * mib), 1_000, 1_000, false),
        (mib, Some(100 * mib), 10, 1_000, true),
        // However long it is, if that is unknown.
        (0, None, 60_000, 1_000, true),
        (100 * mib, None, 1_000, 0, false),
        (100 * mib, Some(1), 1_000, 0, false),
    ] {
        let seen = can_end(received, missing, taken_ms, left_ms);
        assert_eq!(seen, want, "{received} {missing:?} {taken_ms} {left_ms}");
    }
}

proptest! {
    /// Whoever is refused with more time, with less to send or after more has come, is refused with less of it too.
    #[test]
    fn a_better_case_is_never_refused(
        received in 0..1_u64 << 40,
        missing in 1..1_u64 << 40,
        taken_ms in 0..100_000_000_u64,
        left_ms in 0..100_000_000_u64,
        more in 0..1_u64 << 30,
    ) {
        prop_assume!(can_end(received, Some(missing), taken_ms, left_ms));
        prop_assert_eq!(can_end(received + more, Some(missing), taken_ms, left_ms), true);
        prop_assert_eq!(can_end(received, Some(missing.saturating_sub(more).max(1)), taken_ms, left_ms), true);
        prop_assert_eq!(can_end(received, Some(missing), taken_ms, left_ms + more), true);
        prop_assert_eq!(can_end(received, None, taken_ms, left_ms), true);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_silent_body_is_given_up_when_its_rest_cannot_come() {
    let stopping = Stopping::default();
    let arrival = Arrival::announced(Some(10 * 64 * KIB as u64));
    let judged = async {
        stopping.out_of_time(&arrival).await;
        arrival.began.elapsed()
    };
    let begin = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(!stopping.is_out_of_time(&arrival));
        stopping.begin(arrival.began + Duration::from_mins(2));
    };
    let ((), given_up) = tokio::join!(begin, judged);
    // From the 110th second on, less than 10 s are left for what takes 10 s.
    let latest = Duration::from_secs(110) + JUDGE_INTERVAL;
    assert!((Duration::from_secs(110)..=latest).contains(&given_up), "{given_up:?}");
}

/// However much of it comes: it may have no end.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_of_unknown_length_holds_up_a_stop_for_seconds_only() {
    let (stopping, began) = (Stopping::default(), Instant::now());
    let unknown = |received_bytes| Arrival { began, received_bytes, missing_bytes: None };
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(!stopping.is_out_of_time(&unknown(1)));
    stopping.begin(Instant::now() + Duration::from_hours(1));
    tokio::time::sleep(UNDECLARED_TIME_MAX / 2).await;
    assert!(!stopping.is_out_of_time(&unknown(1)));
    // One that begins meanwhile has its own time.
    let late = Arrival::announced(None);
    tokio::time::sleep(UNDECLARED_TIME_MAX / 2).await;
    assert!(stopping.is_out_of_time(&unknown(1)) && stopping.is_out_of_time(&unknown(1 << 40)));
    assert!(!stopping.is_out_of_time(&late));
    assert!(!stopping.is_out_of_time(&Arrival { missing_bytes: Some(1), ..unknown(1) }));
    stopping.out_of_time(&late).await;
    let taken = late.began.elapsed();
    assert!((UNDECLARED_TIME_MAX..UNDECLARED_TIME_MAX + 2 * JUDGE_INTERVAL).contains(&taken), "{taken:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_time_of_bodies_can_be_cut_short() {
    let stopping = Stopping::default();
    let arrival = Arrival::announced(Some(1));
    stopping.begin(arrival.began + Duration::from_hours(1));
    let cut = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stopping.begin(arrival.began + Duration::from_secs(3));
    };
    tokio::join!(cut, stopping.out_of_time(&arrival));
    assert_eq!(arrival.began.elapsed().as_secs(), 3);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn connections_from_before_the_stop_are_told_apart() {
    let stopping = Arc::new(Stopping::default());
    let counts = || (stopping.early_count(), stopping.open_count());
    let early = [stopping.connection(), stopping.connection()];
    assert_eq!(counts(), (2, 2));
    stopping.begin(Instant::now());
    let late = stopping.connection();
    assert_eq!(counts(), (2, 3));
    drop(early);
    assert_eq!(counts(), (0, 1));
    drop(late);
    assert_eq!(counts(), (0, 0));
}
