//! Dates are those of the formatter for people, whichever writes them.

use super::{DAY_SECONDS, LAST_SECOND, append_date, date};

#[track_caller]
fn check(seconds: u64) {
    let mut text = Vec::new();
    append_date(seconds, &mut text);
    assert_eq!(String::from_utf8(text).unwrap(), date(seconds).to_string(), "{seconds}");
}

#[test]
fn every_day_has_its_date() {
    for day in 0..=LAST_SECOND / DAY_SECONDS {
        // Each day at another time.
        check(day * DAY_SECONDS + day * 7_919 % DAY_SECONDS);
    }
}

#[test]
fn the_last_date_stands_for_all_later_ones() {
    for seconds in [LAST_SECOND - 1, LAST_SECOND, LAST_SECOND + 1, u64::MAX] {
        check(seconds);
    }
}
