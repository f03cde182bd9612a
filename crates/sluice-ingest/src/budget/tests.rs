//! Permits come back, and advice follows the drain.

use super::{Budget, Busy, Drain, RETRY_AFTER_SECONDS_MAX};

#[test]
fn bytes_come_back_with_the_permit() {
    let budget = Budget::new(100);
    let first = budget.take(60).unwrap();
    assert_eq!(budget.take(41).unwrap_err(), Busy { retry_after_seconds: 1 });
    let second = budget.take(40).unwrap();
    assert_eq!(budget.held_bytes(), 100);
    drop(first);
    assert_eq!(budget.held_bytes(), 40);
    assert!(budget.take(60).is_ok());
    drop(second);
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn a_wish_for_more_than_all_can_run_alone() {
    let budget = Budget::new(100);
    let all = budget.take(1_000).unwrap();
    assert_eq!(all.bytes(), 100);
    assert!(budget.take(1).is_err());
    drop(all);
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn a_permit_grows_within_the_budget() {
    let budget = Budget::new(100);
    let permit = budget.take(50).unwrap();
    permit.cover(40).unwrap();
    assert_eq!(permit.bytes(), 50);
    permit.cover(80).unwrap();
    assert_eq!(budget.held_bytes(), 80);
    assert!(permit.cover(101).is_err());
    assert_eq!(permit.bytes(), 80);
    drop(permit);
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn advice_is_what_the_drain_needs() {
    let mut drain = Drain::default();
    assert_eq!(drain.seconds_until(1_000, 0.0), 1);
    for second in 0..100 {
        drain.add(1_000, f64::from(second));
    }
    let at_rate = drain.seconds_until(10_000, 99.0);
    assert!((9..=11).contains(&at_rate), "{at_rate}");
    assert_eq!(drain.seconds_until(1, 99.0), 1);
    assert_eq!(drain.seconds_until(10_000_000, 99.0), RETRY_AFTER_SECONDS_MAX);
    let stalled = drain.seconds_until(10_000, 120.0);
    assert!(stalled > 2 * at_rate, "{stalled}");
}
