//! What a start finds: somebody else, leftovers, a merge half done.

use std::{fs, sync::mpsc, thread, time::Duration};

use sluice_store::{OpenError, Tuning};

use crate::world::{World, wait_until};

#[test]
fn a_second_opener_waits_for_the_first() {
    let mut world = World::new();
    world.put(&[("a", "1")]);
    let first = world.take();
    thread::scope(|scope| {
        let (done, opened) = mpsc::channel();
        let second = &world;
        let open = move || done.send(second.try_open().map(|store| store.halt())).unwrap();
        thread::Builder::new().spawn_scoped(scope, open).unwrap();
        // Long enough for an opener that would not wait.
        assert!(opened.recv_timeout(Duration::from_millis(300)).is_err());
        first.halt();
        drop(first);
        assert!(opened.recv().unwrap().is_ok());
    });
}

#[test]
fn a_snapshot_that_a_kill_left_unfinished_is_no_obstacle() {
    let mut world = World::new();
    world.put(&[("a", "1")]);
    assert!(world.store().checkpoint());
    world.halt();
    let leftover = world.data_dir().join("trees/snap.00000000FFFFFFFF.generating");
    fs::write(&leftover, b"half a snapshot").unwrap();
    let store = world.try_open().unwrap();
    assert!(!leftover.exists());
    assert_eq!(store.figures().rows_count, 1);
    store.halt();
}

#[test]
fn a_manifest_that_was_not_renamed_is_no_obstacle() {
    let mut world = World::new();
    world.put(&[("a", "1")]);
    // So that no other manifest is being written.
    assert!(world.store().checkpoint());
    fs::write(world.data_dir().join("MANIFEST.new"), b"crc32c 0").unwrap();
    world.restart();
    assert_eq!(world.get("a").as_deref(), Some("1"));
}

#[test]
fn a_merge_goes_on_after_a_restart() {
    const RUNS: usize = 6;
    const KEYS: usize = 400;
    let mut world = World::tuned(Tuning { flush_bytes: 1 << 20, part_bytes: 500, ..Tuning::default() });
    let key = |number: usize| format!("key-{number:04}");
    let newest =
        |number: usize| (0..RUNS).rev().find(|run| number.is_multiple_of(run + 1)).unwrap().to_string();
    for run in 0..RUNS {
        let context = run.to_string();
        let keys: Vec<_> = (0..KEYS).filter(|number| number.is_multiple_of(run + 1)).map(key).collect();
        world.put(&keys.iter().map(|key| (key.as_str(), context.as_str())).collect::<Vec<_>>());
        assert!(world.store().checkpoint());
    }
    let check = |world: &World| {
        for number in 0..KEYS {
            assert_eq!(world.get(&key(number)), Some(newest(number)), "key {number}");
        }
    };
    for _ in 0..2 {
        let manifest = world.data_dir().join("MANIFEST");
        wait_until(|| {
            fs::read_to_string(&manifest).is_ok_and(|text| text.contains("\"merged_through\": \""))
        });
        check(&world);
        world.restart();
        check(&world);
    }
    assert!(world.store().compact());
    check(&world);
    let figures = world.store().figures();
    assert_eq!((figures.runs_count, figures.rows_count), (1, KEYS as u64));
    world.restart();
    check(&world);
}

/// Rows of which no power-cut at birth could have left the trees.
fn fill_trees(world: &World) {
    let mut state = 1_u64;
    let mut context = String::new();
    while context.len() < 4 << 20 {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        context.push(char::from(b'0' + u8::try_from(state >> 58).unwrap()));
    }
    world.put(&[("large", &context), ("a", "1")]);
    assert!(world.store().checkpoint());
}

/// Opens the directory without what was moved out of it, which must be refused for damage, with this in the reason,
/// and must change nothing: with everything back in its place, the store opens and has all.
#[track_caller]
fn check_refused_without(mut world: World, names: &[&str], reason: &str) {
    let (dir, elsewhere) = (world.data_dir(), tempfile::tempdir().unwrap());
    world.halt();
    for name in names {
        fs::rename(dir.join(name), elsewhere.path().join(name)).unwrap();
    }
    for _ in 0..2 {
        match world.try_open() {
            Err(OpenError::Damaged { detail, .. }) => assert!(detail.contains(reason), "{detail}"),
            other => panic!("without {names:?}: {:?}", other.err()),
        }
    }
    assert!(!dir.join("trees.aside").exists());
    for name in names {
        let place = dir.join(name);
        if place.is_dir() {
            fs::remove_dir_all(&place).unwrap();
        }
        assert!(!place.exists(), "{name} was made anew");
        fs::rename(elsewhere.path().join(name), place).unwrap();
    }
    world.reopen();
    assert_eq!(world.get("a").as_deref(), Some("1"));
}

#[test]
fn trees_without_a_manifest_are_refused_though_the_log_is_gone_too() {
    let world = World::new();
    fill_trees(&world);
    check_refused_without(world, &["MANIFEST", "log"], "bytes of trees but no manifest");
}

#[test]
fn a_log_without_a_manifest_is_refused() {
    let world = World::new();
    world.put(&[("a", "1")]);
    check_refused_without(world, &["MANIFEST"], "frames of log but no manifest");
}

#[test]
fn a_log_without_trees_and_manifest_is_refused() {
    let world = World::new();
    world.put(&[("a", "1")]);
    check_refused_without(world, &["MANIFEST", "trees"], "frames of log but no manifest");
}

#[test]
fn a_manifest_without_a_log_is_refused() {
    let world = World::new();
    fill_trees(&world);
    check_refused_without(world, &["log"], "wants the log from position");
}

#[test]
fn trees_of_a_birth_that_never_finished_are_set_aside() {
    for aside in ["trees.aside", "trees.aside+"] {
        let mut world = World::unborn();
        let (dir, trees) = (world.data_dir(), world.data_dir().join("trees"));
        fs::create_dir_all(&trees).unwrap();
        if aside != "trees.aside" {
            fs::create_dir(dir.join("trees.aside")).unwrap();
        }
        fs::create_dir(dir.join("log")).unwrap();
        // Settings without their content, as a power cut leaves them: sled alone would refuse for ever.
        fs::write(trees.join("conf"), b"").unwrap();
        fs::write(trees.join("db"), vec![0; 512 * 1024]).unwrap();
        for _ in 0..2 {
            world.reopen();
            assert_eq!(fs::read(dir.join(aside).join("conf")).unwrap(), b"");
            assert_eq!(fs::read(dir.join(aside).join("db")).unwrap().len(), 512 * 1024);
            world.halt();
        }
        assert_eq!(dir.join("trees.aside+").exists(), aside == "trees.aside+");
    }
}
