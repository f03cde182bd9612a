//! Which snapshot is meant.

use super::choose;

const NAMES: [&str; 3] = [
    "20260102T030405Z-00000000000000000007",
    "20260102T030406Z-00000000000000000009",
    "20260301T000000Z-00000000000000000008",
];

#[track_caller]
fn check(at: Option<&str>, wanted: Result<usize, &str>) {
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    match (choose(&names, at), wanted) {
        (Ok(chosen), Ok(index)) => assert_eq!(chosen, NAMES[index]),
        (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
        (chosen, wanted) => panic!("{chosen:?} instead of {wanted:?}"),
    }
}

#[test]
fn the_last_one_of_a_time_or_before_is_meant() {
    check(None, Ok(2));
    check(Some("2026-03-01T00:00:00Z"), Ok(2));
    check(Some("2026-02-28T23:59:59Z"), Ok(1));
    check(Some("2026-01-02 03:04:05"), Ok(0));
    check(
        Some("2026-01-02T03:04:04Z"),
        Err("no snapshot was taken at 2026-01-02T03:04:04Z or before; there are:\n2026"),
    );
    check(Some("yesterday"), Err("is no time such as"));
    assert_eq!(choose(&[], None).unwrap_err().to_string(), "there is no snapshot");
}
