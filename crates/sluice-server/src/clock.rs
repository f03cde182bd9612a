//! The time of day, which decides what has expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds in a day.
pub(crate) const DAY_SECONDS: u64 = 86_400;

/// Days in a year, in a century that does not end with a leap year, and in the 400 years after which dates repeat.
const YEAR_DAYS: u64 = 365;
const CENTURY_DAYS: u64 = 36_524;
const ERA_DAYS: u64 = 146_097;

/// Days from the first of March of the year 0 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

/// The last second that has four digits of year.
const LAST_SECOND: u64 = 253_402_300_799;

/// Seconds since 1970-01-01 UTC; 0 before, and the largest number after 2106.
pub fn now_seconds() -> u32 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX)
}

/// Milliseconds since 1970-01-01 UTC; 0 before.
pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// A time in milliseconds since 1970 as people read it, as of [`date`].
pub(crate) fn date_of_ms(ms: u64) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms.min(LAST_SECOND * 1_000)))
}

/// A time as people read it; the last one that has four digits of year stands for all later ones.
pub fn date(seconds: u64) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND)))
}

/// Appends a time as of [`date`], in a fraction of what the formatting machinery takes.
pub(crate) fn append_date(seconds: u64, text: &mut Vec<u8>) {
    let seconds = seconds.min(LAST_SECOND);
    let (days, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    // Years are taken to begin with March, so that a leap day is the last of its year: months then have 31 and 30 days by
    // turns of five, 153 days each.
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / (4 * YEAR_DAYS) + day / CENTURY_DAYS - day / (ERA_DAYS - 1)) / YEAR_DAYS;
    let day = day - (YEAR_DAYS * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let is_after_december = 10 <= month;
    let year = 400 * era + year + u64::from(is_after_december);
    let month = if is_after_december { month - 9 } else { month + 3 };
    let [[y1, y2], [y3, y4]] = [year / 100, year % 100].map(two_digits);
    let [[m1, m2], [d1, d2]] = [month, day].map(two_digits);
    let [[h1, h2], [n1, n2], [s1, s2]] = [second / 3_600, second / 60 % 60, second % 60].map(two_digits);
    text.extend_from_slice(&[
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z',
    ]);
}

/// The digits of a number below 100.
fn two_digits(number: u64) -> [u8; 2] {
    let [.., number] = number.to_be_bytes();
    [b'0' + number / 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests;
