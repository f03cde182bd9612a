//! One `check` decodes both ways: they differ only where a `%` begins no escape.

use super::{decode, decode_strictly};

#[track_caller]
fn check(text: &str, want: &str, is_strict: bool) {
    let want = want.as_bytes().to_vec();
    assert_eq!(decode(text), want);
    assert_eq!(decode_strictly(text), is_strict.then_some(want));
}

#[test]
fn escapes_are_decoded_once() {
    check("", "", true);
    check("a%20b%2F", "a b/", true);
    check("%2541%25", "%41%", true);
}

#[test]
fn a_percent_sign_that_begins_no_escape_is_itself_or_a_fault() {
    check("%", "%", false);
    check("a%4", "a%4", false);
    check("%%41", "%A", false);
    check("%4g%41", "%4gA", false);
}
