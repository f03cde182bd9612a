//! Which files nobody but their owner can read.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use super::is_closed_to_others;

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// As of ACME clients: links to files in a directory that is closed.
#[test]
fn a_file_is_closed_by_itself_or_by_a_directory_on_any_way_to_it() {
    // Open to everybody, which the directory that TMPDIR names need not be.
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    allow(dir.path(), 0o755);
    let (live, archive) = (dir.path().join("live"), dir.path().join("archive"));
    for place in [&live, &archive] {
        fs::create_dir(place).unwrap();
        allow(place, 0o755);
    }
    let (file, link) = (archive.join("key1.pem"), live.join("key.pem"));
    fs::write(&file, "").unwrap();
    symlink(&file, &link).unwrap();
    for (mode, is_closed) in [(0o600, true), (0o640, false), (0o604, false)] {
        allow(&file, mode);
        assert_eq!(
            (is_closed_to_others(&file), is_closed_to_others(&link)),
            (is_closed, is_closed),
            "{mode:o}"
        );
    }
    allow(&archive, 0o700);
    assert!(is_closed_to_others(&file) && is_closed_to_others(&link));
    allow(&archive, 0o750);
    assert!(!is_closed_to_others(&link));
    allow(&live, 0o700);
    assert!(is_closed_to_others(&link) && !is_closed_to_others(&file));
    assert!(!is_closed_to_others(&dir.path().join("missing")));
}
