//! How times are told.

use std::time::Duration;

use super::milliseconds;

/// Imports take as long as they like.
#[test]
fn a_time_is_told_in_milliseconds_however_long_it_is() {
    let seen = [480, 1_234, 1_000_000, 2 * 3_600 * 1_000_000, 100 * 3_600 * 1_000_000 + 1]
        .map(|microseconds| milliseconds(Duration::from_micros(microseconds)).to_string());
    assert_eq!(seen, ["0.48", "1.234", "1000", "7200000", "360000000.001"]);
}
