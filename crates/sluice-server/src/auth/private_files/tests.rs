//! Modes and owners, also for a superuser in the directory of another user.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::Path,
};

use super::{create_private_dir, open_lock, replace_private};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A directory of another user, where we may make one.
fn foreign_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        chown(dir.path(), Some(54_321), Some(54_322)).unwrap();
    }
    dir
}

/// Checks that only the owner of its directory can use a file.
#[track_caller]
fn check(path: &Path) {
    let (file, dir) = (fs::metadata(path).unwrap(), fs::metadata(path.parent().unwrap()).unwrap());
    assert_eq!((file.uid(), file.gid()), (dir.uid(), dir.gid()), "{}", path.display());
    assert_eq!(mode(path), 0o600, "{}", path.display());
}

#[test]
fn a_directory_is_made_private_with_its_parents() {
    let dir = tempfile::tempdir().unwrap();
    let (outer, inner) = (dir.path().join("a"), dir.path().join("a/b"));
    create_private_dir(&inner).unwrap();
    assert_eq!((mode(&outer), mode(&inner)), (0o700, 0o700));
}

#[test]
fn an_existing_directory_of_ours_is_tightened() {
    let dir = tempfile::tempdir().unwrap();
    for (before, after) in [(0o755, 0o700), (0o770, 0o700), (0o700, 0o700), (0o500, 0o500), (0o1777, 0o1777)]
    {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(before)).unwrap();
        create_private_dir(dir.path()).unwrap();
        assert_eq!(mode(dir.path()), after, "{before:o}");
    }
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let dir = foreign_dir();
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        create_private_dir(dir.path()).unwrap();
        assert_eq!(mode(dir.path()), 0o750);
    }
}

#[test]
fn a_file_in_the_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    assert!(create_private_dir(&path).is_err());
}

#[test]
fn a_file_belongs_to_the_owner_of_its_directory() {
    let dir = foreign_dir();
    let (path, lock) = (dir.path().join("kept"), dir.path().join("lock"));
    for text in ["one", "two"] {
        replace_private(&path, text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        check(&path);
        drop(open_lock(&lock).unwrap());
        check(&lock);
    }
}

#[test]
fn no_link_is_followed() {
    let dir = foreign_dir();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, "untouched").unwrap();
    let owner = fs::metadata(&target).unwrap().uid();
    for name in ["lock", "kept", "kept.new"] {
        symlink(&target, dir.path().join(name)).unwrap();
    }
    assert!(open_lock(&dir.path().join("lock")).is_err());
    replace_private(&dir.path().join("kept"), b"new").unwrap();
    check(&dir.path().join("kept"));
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert_eq!(fs::metadata(&target).unwrap().uid(), owner);
}
