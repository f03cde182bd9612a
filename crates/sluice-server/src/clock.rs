//! The time of day, which decides what has expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01 UTC; 0 before, and the largest number after 2106.
pub fn now_seconds() -> u32 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX)
}
