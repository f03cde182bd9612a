//! What is read out of sled's texts, and what becomes of its panics.

use super::{call, os_error_in};

#[track_caller]
fn check(text: &str, want: Option<i32>) {
    assert_eq!(os_error_in(text).and_then(|error| error.raw_os_error()), want, "{text}");
}

#[test]
fn the_error_of_the_system_is_found_in_sleds_words() {
    check(
        "hit error while writing iobuf with lsn 0: Io(Os { code: 28, kind: StorageFull, message: \"..\" })",
        Some(28),
    );
    check("called `Result::unwrap()` on an `Err` value: Os { code: 5, kind: Uncategorized, .. }", Some(5));
    check("failed to flush data to disk: Input/output error (os error 5)", Some(5));
    check("index out of bounds: the len is 3 but the index is 5", None);
    check("os error", None);
    check("Io(Os { code: 22, kind: InvalidInput, message: \"Invalid argument\" })", None);
}

#[test]
fn a_panic_of_sled_is_an_error_of_the_call() {
    assert_eq!(call(|| 7), Ok(7));
    let panicked: Result<(), String> = call(|| panic!("tried to load a {}", "Free"));
    assert_eq!(panicked, Err("tried to load a Free".to_owned()));
    assert_eq!(call(|| call(|| 7)), Ok(Ok(7)));
}
