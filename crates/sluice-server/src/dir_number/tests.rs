//! A data directory keeps its number, and no other one has it.

use std::fs;

use super::{FILE, for_cursors, is_number, read, read_or_draw};

#[test]
fn a_number_is_drawn_once() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(read(one.path()).unwrap(), None);
    let number = read_or_draw(one.path()).unwrap();
    assert!(is_number(&number), "{number}");
    assert_eq!(read_or_draw(one.path()).unwrap(), number);
    assert_eq!(read(one.path()).unwrap(), Some(number.clone()));
    assert_ne!(read_or_draw(other.path()).unwrap(), number);
    assert_eq!(format!("{:016x}", for_cursors(one.path())), number[..16]);
}

/// A file that something else has written is no number, and is not overwritten; cursors are then of nowhere.
#[test]
fn what_is_no_number_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    for text in [&b"0123456789abcdef"[..], b"0123456789abcdef0123456789abcdeg\n", b"\xff"] {
        fs::write(&file, text).unwrap();
        assert!(read(dir.path()).is_err());
        assert!(read_or_draw(dir.path()).is_err());
        assert_eq!(fs::read(&file).unwrap(), text);
        assert_ne!(for_cursors(dir.path()), for_cursors(dir.path()));
    }
}
