//! The time in the name of a snapshot.

use std::time::{Duration, SystemTime};

use super::taken_at;

#[test]
fn a_name_tells_when_its_snapshot_was_taken() {
    let taken = taken_at("20260131T180102Z-00000000000000000007");
    assert_eq!(taken, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_882_462)));
    for name in ["", "20260131T180102Z", "2026-7", "20261331T180102Z-7", "2026013é180102Z-7"] {
        assert_eq!(taken_at(name), None, "{name}");
    }
}
