//! Pinned checkpoints: what is copied of one while the store goes on is restored as it was at that moment.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use sluice_store::{
    DirLock, ObjectId, OpenError, PinnedCheckpoint, Restore, RestoreError, Store, StoreConfig, Tuning, verify,
};
use tempfile::TempDir;

use crate::world::{World, read, wait_until};

/// A few rows make many parts.
fn small() -> Tuning {
    Tuning { flush_bytes: 1 << 20, part_bytes: 4_000, ..Tuning::default() }
}

fn put_many(world: &World, write: usize) {
    let rows: Vec<_> = (0..60).map(|key| (format!("key-{key:02}"), value(key, write))).collect();
    let rows: Vec<_> = rows.iter().map(|(key, context)| (key.as_str(), context.as_str())).collect();
    world.put(&rows);
}

fn value(key: usize, write: usize) -> String {
    format!("{{\"write\":{write},\"pad\":\"{}\"}}", format!("{:x}", key * 7_919 + write).repeat(20))
}

fn bytes_of(pinned: &PinnedCheckpoint, object: ObjectId) -> Vec<u8> {
    let mut bytes = Vec::new();
    pinned.write(object, &mut bytes).unwrap();
    bytes
}

/// Objects as a snapshot keeps them.
pub(crate) fn copied(pinned: &PinnedCheckpoint) -> BTreeMap<ObjectId, Vec<u8>> {
    let objects = pinned.objects().into_iter();
    objects.map(|object| (object, bytes_of(pinned, object))).collect()
}

pub(crate) fn restore(
    dir: &Path,
    manifest: &str,
    objects: &BTreeMap<ObjectId, Vec<u8>>,
) -> Result<(), RestoreError> {
    let restore = Restore::begin(dir, manifest)?;
    for bytes in objects.values() {
        let mut object = restore.object();
        for chunk in bytes.chunks(1_000) {
            object.take(chunk)?;
        }
        object.finish()?;
    }
    restore.finish(&mut |_, _| {}).map(drop)
}

#[track_caller]
fn check_holds(dir: &Path, write: usize) {
    assert_eq!(verify(dir, &mut |_, _| {}).unwrap().damages, []);
    let store = Store::open(StoreConfig::at(dir), Box::new(|cause| panic!("{cause}"))).unwrap();
    let snapshot = store.snapshot();
    for key in 0..60 {
        let found = read(&snapshot, &format!("key-{key:02}")).unwrap();
        assert_eq!(found.as_deref(), Some(&*value(key, write)));
    }
    drop(snapshot);
    store.close();
}

#[test]
fn what_is_pinned_stays_as_it_was_while_everything_is_merged_away() {
    let world = World::tuned(small());
    for write in 0..4 {
        put_many(&world, write);
        assert!(world.store().checkpoint());
    }
    // Committed, and in the log only.
    put_many(&world, 4);
    let pinned = world.store().pin_checkpoint().unwrap();
    for write in 5..9 {
        put_many(&world, write);
        assert!(world.store().compact());
    }
    let objects = copied(&pinned);
    assert!(3 < objects.len(), "{}", objects.len());
    let dir = TempDir::new().unwrap();
    let restored = dir.path().join("restored");
    restore(&restored, &pinned.manifest().unwrap(), &objects).unwrap();
    check_holds(&restored, 4);
}

#[test]
fn only_new_parts_have_new_digests_also_after_a_restart_and_in_a_restored_store() {
    let mut world = World::tuned(small());
    put_many(&world, 0);
    let digests = |store: &Store| {
        let pinned = store.pin_checkpoint().unwrap();
        // The catalogue is small, and stored anew after every start.
        let objects = pinned.objects().into_iter().filter(|object| *object != ObjectId::Catalogue);
        objects.map(|object| (object, pinned.digest(object).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let before = digests(world.store());
    assert_eq!(digests(world.store()), before);
    world.restart();
    assert_eq!(digests(world.store()), before);

    let pinned = world.store().pin_checkpoint().unwrap();
    let dir = TempDir::new().unwrap();
    restore(dir.path(), &pinned.manifest().unwrap(), &copied(&pinned)).unwrap();
    drop(pinned);
    let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}"))).unwrap();
    assert_eq!(digests(&store), before);
    store.close();

    world.put(&[("another", "1")]);
    let after = digests(world.store());
    assert!(before.iter().all(|(object, digest)| after.get(object) == Some(digest)));
    assert!(before.len() < after.len());
}

/// Each write sets all keys; what is restored is all of one write, no older than the last one that was acknowledged before.
#[test]
fn a_checkpoint_pinned_under_writes_is_a_moment_of_the_store() {
    let world = World::tuned(small());
    put_many(&world, 0);
    let acknowledged = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for write in (1..).take_while(|_| !is_over.load(Ordering::SeqCst)) {
                put_many(&world, write);
                acknowledged.store(write, Ordering::SeqCst);
            }
        });
        // Also when this thread panics: the scope waits for the other one.
        let _over = SetAtEnd(&is_over);
        for _ in 0..5 {
            let before = acknowledged.load(Ordering::SeqCst);
            wait_until(|| before < acknowledged.load(Ordering::SeqCst));
            let (before, pinned) =
                (acknowledged.load(Ordering::SeqCst), world.store().pin_checkpoint().unwrap());
            let dir = TempDir::new().unwrap();
            restore(dir.path(), &pinned.manifest().unwrap(), &copied(&pinned)).unwrap();
            // One may be on its way to being acknowledged.
            let after = acknowledged.load(Ordering::SeqCst) + 1;
            let found = {
                let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}")));
                let store = store.unwrap();
                let found = read(&store.snapshot(), "key-00").unwrap().unwrap();
                store.close();
                found
            };
            let write = (before..=after).find(|write| value(0, *write) == found);
            check_holds(dir.path(), write.unwrap());
        }
    });
}

struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_snapshot_of_a_store_without_anything_is_restored() {
    let mut world = World::unborn();
    world.reopen();
    let pinned = world.store().pin_checkpoint().unwrap();
    let dir = TempDir::new().unwrap();
    restore(dir.path(), &pinned.manifest().unwrap(), &copied(&pinned)).unwrap();
    let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}"))).unwrap();
    assert_eq!(store.figures().rows_count, 0);
    store.close();
}

#[test]
fn a_restore_that_lacks_an_object_is_told_and_leaves_nothing_that_opens() {
    let world = World::tuned(small());
    put_many(&world, 0);
    let pinned = world.store().pin_checkpoint().unwrap();
    let (manifest, objects) = (pinned.manifest().unwrap(), copied(&pinned));
    let dir = TempDir::new().unwrap();
    for missing in objects.keys() {
        let mut objects = objects.clone();
        objects.remove(missing);
        let told = restore(dir.path(), &manifest, &objects);
        assert!(matches!(told, Err(RestoreError::Damaged(_))), "without {missing:?}: {told:?}");
        let opened = Store::open(StoreConfig::at(dir.path()), Box::new(|_| {})).err();
        assert!(matches!(opened, Some(OpenError::Damaged { .. })), "without {missing:?}: {opened:?}");
    }
    // The next one begins anew.
    restore(dir.path(), &manifest, &objects).unwrap();
    check_holds(dir.path(), 0);
}

#[test]
fn a_damaged_object_is_told() {
    let world = World::tuned(small());
    put_many(&world, 0);
    let pinned = world.store().pin_checkpoint().unwrap();
    let (manifest, objects) = (pinned.manifest().unwrap(), copied(&pinned));
    for (object, bytes) in &objects {
        for at in (0..bytes.len()).step_by(bytes.len() / 10 + 1) {
            let dir = TempDir::new().unwrap();
            let restore = Restore::begin(dir.path(), &manifest).unwrap();
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let mut arriving = restore.object();
            let taken = arriving.take(&damaged).and_then(|()| arriving.finish());
            let is_told = taken.is_err() || taken.unwrap() != pinned.digest(*object).unwrap();
            assert!(is_told, "{object:?} byte {at}");
        }
    }
}

#[test]
fn a_directory_with_something_in_it_is_not_touched() {
    let mut world = World::new();
    let manifest = world.store().pin_checkpoint().unwrap().manifest().unwrap();
    world.halt();
    for dir in [world.data_dir(), world.data_dir().join("log")] {
        let before = fs::read_dir(&dir).unwrap().count();
        let refused = Restore::begin(&dir, &manifest).err();
        assert!(matches!(refused, Some(RestoreError::NotEmpty { .. })), "{refused:?}");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), before);
    }
}

#[test]
fn a_restore_beside_another_one_leaves_no_trace() {
    let world = World::new();
    let manifest = world.store().pin_checkpoint().unwrap().manifest().unwrap();
    let dir = TempDir::new().unwrap();
    // The other one has locked the directory, and done nothing yet, or has just finished.
    let lock = DirLock::take(dir.path()).unwrap();
    let refused = Restore::begin(dir.path(), &manifest).err();
    assert!(matches!(refused, Some(RestoreError::Open(OpenError::Locked { .. }))), "{refused:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    drop(lock);
    // As on a fresh file system.
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    drop(Restore::begin(dir.path(), &manifest).unwrap());
}

#[test]
fn verify_tells_of_a_restore_that_did_not_finish() {
    let world = World::tuned(small());
    put_many(&world, 0);
    let pinned = world.store().pin_checkpoint().unwrap();
    let dir = TempDir::new().unwrap();
    restore(dir.path(), &pinned.manifest().unwrap(), &copied(&pinned)).unwrap();
    // Killed between its last two steps.
    fs::write(dir.path().join("RESTORING"), "").unwrap();
    let damages = verify(dir.path(), &mut |_, _| {}).unwrap().damages;
    let told: Vec<_> = damages.iter().map(|damage| damage.detail.as_str()).collect();
    assert_eq!(told, ["a restore into it did not finish"]);
}
