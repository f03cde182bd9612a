//! A range that is wrong is noticed.

use super::bytes_at;

#[test]
fn a_range_inside_gives_its_bytes() {
    assert_eq!(bytes_at(b"rows", 1..3), b"ow");
    assert_eq!(bytes_at(b"rows", 4..), b"");
}

#[test]
#[should_panic(expected = "beyond 4 items")]
#[cfg(debug_assertions)]
fn a_range_beyond_the_end_is_a_bug_that_tests_see() {
    bytes_at(b"rows", 5..);
}
