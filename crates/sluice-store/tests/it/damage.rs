//! D8: a flipped byte is noticed, or changes nothing; it never makes a wrong answer and never a panic.
//!
//! Each test damages a copy of one directory at many places, one at a time.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sluice_model::TenantId;
use sluice_store::{OpenError, Store, StoreConfig, Tuning};
use tempfile::TempDir;

use crate::world::{World, read};

const KEYS: usize = 60;
const WRITES: usize = 5;

/// What became of one damaged copy.
enum Outcome {
    Refused,
    Read { unreadable: usize },
}

fn value(key: usize, write: usize) -> String {
    format!(
        "{{\"key\":{key},\"write\":{write},\"pad\":\"{}\"}}",
        format!("{:x}", key * 7_919 + write).repeat(20)
    )
}

/// A directory in which each key was written [`WRITES`] times; `in_trees` of the writes are in the trees.
fn built(in_trees: usize) -> (World, PathBuf) {
    let mut world = World::tuned(Tuning { flush_bytes: 1 << 20, part_bytes: 4_000, ..Tuning::default() });
    for write in 0..WRITES {
        let rows: Vec<_> = (0..KEYS).map(|key| (format!("key-{key:02}"), value(key, write))).collect();
        let rows: Vec<_> = rows.iter().map(|(key, context)| (key.as_str(), context.as_str())).collect();
        world.put(&rows);
        if write + 1 == in_trees {
            assert!(world.store().checkpoint());
        }
    }
    world.halt();
    let dir = world.data_dir();
    (world, dir)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Opens a copy of `dir` with one byte of `file` changed, and reads every key. `may_lack` writes may be missing
/// from the end, all keys alike.
fn check(dir: &Path, file: &str, at: usize, may_lack: usize) -> Outcome {
    let scratch = TempDir::new().unwrap();
    copy(dir, scratch.path());
    let path = scratch.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1 << (at % 8);
    fs::write(&path, bytes).unwrap();
    let config = StoreConfig::at(scratch.path());
    let store = match Store::open(config, Box::new(|cause| println!("{cause}"))) {
        Ok(store) => store,
        Err(OpenError::Damaged { .. }) => return Outcome::Refused,
        Err(error) => panic!("{file} byte {at}: {error}"),
    };
    let snapshot = store.snapshot();
    let feed = snapshot.catalogue().supplier(TenantId::GENERAL, "Feed");
    assert!(feed.is_some(), "{file} byte {at}: the supplier is gone");
    let (mut unreadable, mut seen_write) = (0, None);
    for key in 0..KEYS {
        match read(&snapshot, &format!("key-{key:02}")) {
            Err(_) => unreadable += 1,
            Ok(found) => {
                let write = (0..WRITES).find(|write| found.as_deref() == Some(&value(key, *write)));
                let Some(write) = write else { panic!("{file} byte {at}: key {key} is {found:?}") };
                assert!(WRITES <= write + 1 + may_lack, "{file} byte {at}: key {key} is of write {write}");
                assert_eq!(*seen_write.get_or_insert(write), write, "{file} byte {at}: torn at key {key}");
            }
        }
    }
    drop(snapshot);
    store.halt();
    Outcome::Read { unreadable }
}

/// Damages every file of a directory below `dir` at `places` places; tells how often the store refused to open.
fn check_files(dir: &Path, below: &str, places: usize, may_lack: usize) -> usize {
    let mut refused = 0;
    for entry in fs::read_dir(dir.join(below)).unwrap() {
        let entry = entry.unwrap();
        let bytes = usize::try_from(entry.metadata().unwrap().len()).unwrap();
        if entry.path().is_dir() || bytes == 0 {
            continue;
        }
        let file = format!("{below}/{}", entry.file_name().to_str().unwrap());
        for place in 0..places.min(bytes) {
            // A stride without a common divisor with the size of a block.
            let at = (place * bytes / places.min(bytes) + place * 131) % bytes;
            match check(dir, &file, at, may_lack) {
                Outcome::Refused => refused += 1,
                Outcome::Read { unreadable } => println!("{file} byte {at}: {unreadable} unreadable"),
            }
        }
    }
    refused
}

#[test]
fn a_damaged_log_is_refused_or_lacks_an_end_that_nothing_vouches_for() {
    let (_world, dir) = built(0);
    // Nothing was written after the last write, so damage to it looks like a write that power loss cut off.
    let refused = check_files(&dir, "log", 60, 1);
    assert!(30 < refused, "{refused}");
}

#[test]
fn damaged_trees_are_refused_or_unreadable() {
    let (_world, dir) = built(WRITES);
    let refused = check_files(&dir, "trees", 80, 0);
    assert!(0 < refused);
}

#[test]
fn a_damaged_manifest_is_refused() {
    let (_world, dir) = built(WRITES);
    let bytes = fs::read(dir.join("MANIFEST")).unwrap().len();
    for at in (0..bytes).step_by(bytes / 20 + 1) {
        assert!(matches!(check(&dir, "MANIFEST", at, 0), Outcome::Refused), "byte {at}");
    }
}

#[track_caller]
fn check_missing(dir: &Path, file: &str) {
    let scratch = TempDir::new().unwrap();
    copy(dir, scratch.path());
    let path = scratch.path().join(file);
    if path.is_dir() {
        fs::remove_dir_all(&path).unwrap();
    } else {
        fs::remove_file(&path).unwrap();
    }
    let config = StoreConfig::at(scratch.path());
    let opened = Store::open(config, Box::new(|cause| println!("{cause}")));
    assert!(matches!(opened, Err(OpenError::Damaged { .. })), "without {file}: {:?}", opened.err());
}

#[test]
fn a_missing_file_is_refused() {
    let (_world, dir) = built(3);
    for file in ["MANIFEST", "log", "trees", "trees/db"] {
        check_missing(&dir, file);
    }
}
