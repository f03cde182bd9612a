//! Names that sets of firewalls and files can have.

use super::{LIST_NAME_BYTES_MAX, ListName};

#[test]
fn names_are_short_and_begin_with_a_letter() {
    let longest = "a".repeat(LIST_NAME_BYTES_MAX);
    for name in ["a", "edge", "edge-2_b", longest.as_str()] {
        assert_eq!(ListName::parse(name).unwrap().as_str(), name);
    }
    let too_long = "a".repeat(LIST_NAME_BYTES_MAX + 1);
    for name in
        ["", "2edge", "-edge", "_edge", "Edge", "edge.txt", "edge/a", "edge a", "\u{e9}dge", &too_long]
    {
        assert_eq!(ListName::parse(name), None, "{name}");
    }
}
