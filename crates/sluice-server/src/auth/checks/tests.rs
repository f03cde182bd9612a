//! One check at a time for a fingerprint, however it ends.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use parking_lot::Mutex;

use super::{Cause, Check, Checks, Outcome, REFUSED_RETRY_SECONDS, Standing, Step};

const FINGERPRINT: [u8; 32] = [1; 32];

const UNCHECKED: Cause = Cause::TooManyAttempts { retry_after_seconds: REFUSED_RETRY_SECONDS };

fn begin_at(checks: &Arc<Mutex<Checks>>, now: Instant) -> Result<Step, Cause> {
    begin_as(checks, Standing::Stranger, now)
}

fn begin_as(checks: &Arc<Mutex<Checks>>, standing: Standing, now: Instant) -> Result<Step, Cause> {
    Checks::begin(checks, FINGERPRINT, standing, address(1), "ann", now)
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn begin(checks: &Arc<Mutex<Checks>>) -> Result<Step, Cause> {
    begin_at(checks, Instant::now())
}

/// What those who wait have been told so far.
fn told(outcome: Outcome) -> Option<Result<(), Cause>> {
    outcome.wait().now_or_never()
}

/// Begins a check with two more requests waiting for it, ends it by `end`, and gives what comes next.
#[track_caller]
fn check(end: impl FnOnce(Check), want: Result<(), Cause>) -> Step {
    let checks = Arc::default();
    let Ok(Step::Check(check, first)) = begin(&checks) else { panic!("no check") };
    let Ok(Step::Wait(second)) = begin(&checks) else { panic!("a second check") };
    let Ok(Step::Wait(third)) = begin(&checks) else { panic!("a third check") };
    assert_eq!(told(third), None);
    end(check);
    assert_eq!((told(first), told(second)), (Some(want.clone()), Some(want)));
    begin(&checks).unwrap_or_else(|cause| panic!("{cause:?}"))
}

#[test]
fn a_success_is_told_to_all_and_known_from_then_on() {
    let next = check(|check| drop(check.run(|| Ok(()))), Ok(()));
    assert!(matches!(next, Step::Passed));
}

#[test]
fn a_failure_is_told_to_all_and_checked_again() {
    let next = check(|check| drop(check.run(|| Err(Cause::Unauthorized))), Err(Cause::Unauthorized));
    assert!(matches!(next, Step::Check(..)));
}

#[test]
fn a_check_that_finds_the_queue_full_is_told_to_all() {
    let next = check(drop, Err(UNCHECKED));
    assert!(matches!(next, Step::Check(..)));
}

#[test]
fn a_panic_is_told_to_all() {
    let panics = |check: Check| {
        let run = std::panic::AssertUnwindSafe(|| check.run(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(run).is_err());
    };
    let next = check(panics, Err(Cause::Internal));
    assert!(matches!(next, Step::Check(..)));
}

#[test]
fn a_success_is_remembered_for_five_minutes() {
    let checks = Arc::default();
    let before = Instant::now();
    let Ok(Step::Check(check, _)) = begin_at(&checks, before) else { panic!("no check") };
    assert_eq!(check.run(|| Ok(())), Ok(()));
    let after = Instant::now();
    assert!(matches!(begin_at(&checks, before + Duration::from_secs(299)), Ok(Step::Passed)));
    assert!(matches!(begin_at(&checks, after + Duration::from_mins(5)), Ok(Step::Check(..))));
}

#[test]
fn a_known_client_does_not_wait_for_the_check_of_a_stranger() {
    let checks = Arc::default();
    let now = Instant::now();
    let Ok(Step::Check(_strangers, stranger)) = begin(&checks) else { panic!("no check") };
    let Ok(Step::Check(check, known)) = begin_as(&checks, Standing::KnownPair, now) else {
        panic!("the known client waits")
    };
    assert_eq!(check.run(|| Ok(())), Ok(()));
    assert_eq!((told(known), told(stranger)), (Some(Ok(())), None));
    assert!(matches!(begin(&checks), Ok(Step::Passed)));
}

#[test]
fn a_success_is_news_once_from_each_address_in_turn() {
    let checks = Arc::<Mutex<Checks>>::default();
    let now = Instant::now();
    let recall = |last| checks.lock().recall(&FINGERPRINT, address(last), now);
    assert_eq!(recall(1), None);
    let Ok(Step::Check(check, _)) = begin_at(&checks, now) else { panic!("no check") };
    assert_eq!(check.run(|| Ok(())), Ok(()));
    assert_eq!([1, 1, 2, 2, 1].map(recall), [true, false, true, false, true].map(Some));
}

#[test]
fn only_failures_are_counted_and_only_once_for_all_who_wait() {
    let checks = Arc::default();
    for outcome in [Err(UNCHECKED), Err(Cause::Internal), Err(Cause::Unauthorized)] {
        for n in 0..10 {
            let Ok(Step::Check(check, _)) = begin(&checks) else { panic!("{outcome:?} {n} is refused") };
            for _ in 0..10 {
                assert!(matches!(begin(&checks), Ok(Step::Wait(_))));
            }
            assert_eq!(check.run(|| outcome.clone()), outcome);
        }
    }
    assert!(matches!(begin(&checks), Err(Cause::TooManyAttempts { retry_after_seconds: 1..=60 })));
}
