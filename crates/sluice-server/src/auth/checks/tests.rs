//! One flight for a tag, whatever becomes of it.

use std::{net::IpAddr, time::Instant};

use futures_util::FutureExt as _;

use super::{Checks, Landing, Step, Verdict};

const TAG: [u8; 32] = [1; 32];

fn ask(checks: &Checks) -> Step {
    checks.ask(TAG, IpAddr::from([192, 0, 2, 1]), "ann", Instant::now())
}

/// What those who wait have been told so far.
fn told(landing: Landing) -> Option<Verdict> {
    landing.verdict().now_or_never()
}

/// Begins a check with one more request waiting for it, ends it by `verdict`, and gives what comes next.
#[track_caller]
fn check(end: impl FnOnce(super::Flight), want: Verdict) -> Step {
    let checks = Checks::default();
    let Step::Check(flight, first) = ask(&checks) else { panic!("no check") };
    let Step::Wait(second) = ask(&checks) else { panic!("a second check") };
    let Step::Wait(third) = ask(&checks) else { panic!("a third check") };
    assert_eq!(told(third), None);
    end(flight);
    assert_eq!((told(first), told(second)), (Some(want), Some(want)));
    ask(&checks)
}

#[test]
fn a_success_is_told_to_all_and_known_from_then_on() {
    let next = check(|flight| flight.run(|| Verdict::Fits), Verdict::Fits);
    assert!(matches!(next, Step::Known), "{next:?}");
}

#[test]
fn a_failure_is_told_to_all_and_checked_again() {
    let next = check(|flight| flight.run(|| Verdict::Wrong), Verdict::Wrong);
    assert!(matches!(next, Step::Check(..)), "{next:?}");
}

#[test]
fn a_check_that_finds_no_place_is_told_to_all() {
    let next = check(drop, Verdict::Unchecked);
    assert!(matches!(next, Step::Check(..)), "{next:?}");
}

#[test]
fn a_panic_is_told_to_all() {
    let panics = |flight: super::Flight| {
        let run = std::panic::AssertUnwindSafe(|| flight.run(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(run).is_err());
    };
    let next = check(panics, Verdict::Failed);
    assert!(matches!(next, Step::Check(..)), "{next:?}");
}

#[test]
fn only_failures_are_counted_and_only_once_for_all_who_wait() {
    let checks = Checks::default();
    for verdict in [Verdict::Unchecked, Verdict::Failed, Verdict::Wrong] {
        for n in 0..10 {
            let Step::Check(flight, _) = ask(&checks) else { panic!("{verdict:?} {n} is refused") };
            for _ in 0..10 {
                assert!(matches!(ask(&checks), Step::Wait(_)));
            }
            flight.run(|| verdict);
        }
    }
    assert!(matches!(ask(&checks), Step::Refuse(1..=60)));
}
