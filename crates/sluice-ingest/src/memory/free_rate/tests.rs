//! Advice follows the rate at which bytes come free.

use super::{FreeRate, RETRY_AFTER_SECONDS_MAX};

#[test]
fn advice_is_what_the_drain_needs() {
    let mut rate = FreeRate::default();
    assert_eq!(rate.seconds_until(1_000, 0.0), 1);
    for second in 0..100 {
        rate.add(1_000, f64::from(second));
    }
    let at_rate = rate.seconds_until(10_000, 99.0);
    assert!((9..=11).contains(&at_rate), "{at_rate}");
    assert_eq!(rate.seconds_until(1, 99.0), 1);
    assert_eq!(rate.seconds_until(10_000_000, 99.0), RETRY_AFTER_SECONDS_MAX);
    let stalled = rate.seconds_until(10_000, 120.0);
    assert!(stalled > 2 * at_rate, "{stalled}");
}

/// The example of the documentation.
#[test]
fn what_came_earlier_counts_less() {
    let mut rate = FreeRate::default();
    for second in 0..10 {
        rate.add(1 << 20, f64::from(second));
    }
    assert_eq!((rate.seconds_until(5 << 20, 9.0), rate.seconds_until(5 << 20, 19.0)), (5, 18));
}
