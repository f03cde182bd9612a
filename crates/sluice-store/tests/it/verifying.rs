//! `verify` finds every damage that a start refuses or a read meets, and none where there is none.

use std::{fs, path::Path};

use sluice_model::TenantId;
use sluice_store::{OpenError, Store, StoreConfig, Verified, verify};
use tempfile::TempDir;

use crate::{
    damage::{built, copy},
    world::{World, read},
};

fn verified(dir: &Path) -> Verified {
    let (mut told, mut of) = (0, 0);
    let verified = verify(dir, &mut |done, total| {
        assert!(told <= done && done <= total, "{told} {done} {total}");
        (told, of) = (done, total);
    });
    let verified = verified.unwrap();
    assert!(told == of || 0 < verified.damages_count);
    verified
}

#[track_caller]
fn check_whole(dir: &Path) -> Verified {
    let verified = verified(dir);
    assert_eq!(verified.damages, []);
    verified
}

#[test]
fn an_undamaged_directory_is_whole_and_all_of_it_is_read() {
    let (mut world, dir) = built(3);
    let found = check_whole(&dir);
    assert!(0 < found.rows && 0 < found.stored_bytes && 0 < found.frames, "{found:?}");
    // A look changes nothing that counts: it opens as before, and is whole ever after.
    world.reopen();
    assert!(world.store().compact());
    world.take().close();
    assert!(0 < check_whole(&dir).rows);
}

#[test]
fn a_torn_end_of_the_log_is_told_and_left_alone() {
    let (_world, dir) = built(3);
    let newest = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.extension().is_some_and(|end| end == "log")).max().unwrap();
    let torn = [fs::read(&newest).unwrap(), vec![7; 100]].concat();
    fs::write(&newest, &torn).unwrap();
    assert_eq!(check_whole(&dir).torn_bytes, 100);
    assert!(fs::read(&newest).unwrap() == torn);
}

#[test]
fn a_directory_in_use_and_one_that_is_none_are_refused() {
    let world = World::new();
    let refusal = verify(&world.data_dir(), &mut |_, _| {});
    assert!(matches!(refusal, Err(OpenError::Locked { .. })), "{refusal:?}");
    let empty = TempDir::new().unwrap();
    assert!(matches!(verify(empty.path(), &mut |_, _| {}), Err(OpenError::Io { .. })));
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

/// What a start and reads of all keys make of a directory: whether they meet damage.
fn meets_damage(dir: &Path) -> bool {
    let store = match Store::open(StoreConfig::at(dir), Box::new(|cause| println!("{cause}"))) {
        Ok(store) => store,
        Err(OpenError::Damaged { .. }) => return true,
        Err(error) => panic!("{error}"),
    };
    let snapshot = store.snapshot();
    assert!(snapshot.catalogue().supplier(TenantId::GENERAL, "Feed").is_some());
    let is_unreadable = (0..60).any(|key| read(&snapshot, &format!("key-{key:02}")).is_err());
    drop(snapshot);
    store.halt();
    is_unreadable
}

/// Damages one file of a copy and compares what `verify` says with what the store meets. Returns the damages.
#[track_caller]
fn check_damaged(dir: &Path, file: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Verified {
    let scratch = TempDir::new().unwrap();
    let (for_verify, for_store) = (scratch.path().join("verify"), scratch.path().join("store"));
    copy(dir, &for_verify);
    let path = for_verify.join(file);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, bytes).unwrap();
    copy(&for_verify, &for_store);
    let found = verified(&for_verify);
    if meets_damage(&for_store) {
        assert!(0 < found.damages_count, "{file}: the store meets damage that was not found");
    }
    for damage in &found.damages {
        assert!(damage.meaning.contains("start"), "{damage:?}");
    }
    found
}

#[test]
fn what_a_start_or_a_read_meets_in_the_trees_is_found() {
    let (_world, dir) = built(5);
    let bytes = fs::read(dir.join("trees/db")).unwrap().len();
    let mut found_count = 0;
    for place in 0..60 {
        let at = (place * bytes / 60 + place * 131) % bytes;
        let found = check_damaged(&dir, "trees/db", |bytes| bytes[at] ^= 1 << (at % 8));
        found_count += usize::from(0 < found.damages_count);
    }
    println!("{found_count} of 60");
    assert!(0 < found_count);
}

#[test]
fn a_damaged_manifest_is_found() {
    let (_world, dir) = built(5);
    let found = check_damaged(&dir, "MANIFEST", |bytes| bytes[40] ^= 1);
    assert!(found.damages[0].place.ends_with("MANIFEST"), "{found:?}");
    assert!(found.damages[0].meaning.contains("restore a snapshot"), "{found:?}");
}

#[test]
fn a_damaged_log_is_found() {
    let (_world, dir) = built(0);
    let log = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().file_name());
    let segment = log.map(|name| name.into_string().unwrap()).find(|name| name.contains(".log")).unwrap();
    let found = check_damaged(&dir, &format!("log/{segment}"), |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    assert_eq!(found.damages_count, 1, "{found:?}");
    assert!(found.damages[0].meaning.contains("acknowledged"), "{found:?}");
}

#[test]
fn missing_files_are_found() {
    let (_world, dir) = built(3);
    for file in ["MANIFEST", "log", "trees"] {
        let scratch = TempDir::new().unwrap();
        copy(&dir, scratch.path());
        let path = scratch.path().join(file);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        assert!(0 < verified(scratch.path()).damages_count, "without {file}");
        assert!(!path.exists(), "{file} was made");
    }
}
