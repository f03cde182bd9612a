//! The time of day, which decides what has expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds in a day.
pub(crate) const DAY_SECONDS: u64 = 86_400;

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
