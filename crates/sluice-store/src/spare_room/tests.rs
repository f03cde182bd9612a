//! What is held, when it goes and when it comes back.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use super::{BASE_BYTES, SPARE_FILE, STEP_BYTES, SpareRoom};

/// Length of the file, all of it in blocks; 0 when there is none.
#[track_caller]
fn held(dir: &Path) -> u64 {
    let Ok(metadata) = fs::metadata(dir.join(SPARE_FILE)) else { return 0 };
    assert!(metadata.len() <= 512 * metadata.blocks(), "{metadata:?}");
    metadata.len()
}

#[test]
fn what_is_given_up_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut room = SpareRoom::give_up(dir.path()).unwrap();
    room.take_back();
    assert_eq!(held(dir.path()), 0, "there was nothing to take back");
    room.keep_for(0, u64::MAX);
    assert_eq!(held(dir.path()), BASE_BYTES);
    drop(room);
    assert_eq!(held(dir.path()), BASE_BYTES);
    let mut room = SpareRoom::give_up(dir.path()).unwrap();
    assert_eq!(held(dir.path()), 0);
    room.take_back();
    assert_eq!(held(dir.path()), BASE_BYTES);
    // Whatever ends a start or a command.
    drop(SpareRoom::give_up(dir.path()).unwrap());
    assert_eq!(held(dir.path()), BASE_BYTES);
}

#[test]
fn the_room_grows_with_the_trees_and_leaves_the_disk_as_much_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut room = SpareRoom::give_up(dir.path()).unwrap();
    room.keep_for(0, 2 * BASE_BYTES - 1);
    assert_eq!(held(dir.path()), 0);
    room.keep_for(0, 2 * BASE_BYTES);
    assert_eq!(held(dir.path()), BASE_BYTES);
    // A little more is not worth a call.
    room.keep_for(256 * (STEP_BYTES - 1), u64::MAX);
    assert_eq!(held(dir.path()), BASE_BYTES);
    room.keep_for(256 * STEP_BYTES, 2 * STEP_BYTES - 1);
    assert_eq!(held(dir.path()), BASE_BYTES);
    room.keep_for(256 * STEP_BYTES + 256, 2 * STEP_BYTES + 2);
    assert_eq!(held(dir.path()), BASE_BYTES + STEP_BYTES + 1);
    // It never shrinks by itself.
    room.keep_for(0, u64::MAX);
    assert_eq!(held(dir.path()), BASE_BYTES + STEP_BYTES + 1);
}
