//! Advice follows the rate at which bytes come free.

use super::{FreeRate, RETRY_AFTER_SECONDS_MAX};

#[test]
fn advice_is_what_the_drain_needs() {
    let mut free_rate = FreeRate::default();
    assert_eq!(free_rate.seconds_until(1_000, 0.0), 1);
    for second in 0..100 {
        free_rate.add(1_000, f64::from(second));
    }
    let at_rate = free_rate.seconds_until(10_000, 99.0);
    assert!((9..=11).contains(&at_rate), "{at_rate}");
    assert_eq!(free_rate.seconds_until(1, 99.0), 1);
    assert_eq!(free_rate.seconds_until(10_000_000, 99.0), RETRY_AFTER_SECONDS_MAX);
    let stalled = free_rate.seconds_until(10_000, 120.0);
    assert!(stalled > 2 * at_rate, "{stalled}");
}
