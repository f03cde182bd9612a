//! What a start finds: somebody else, leftovers, a merge half done.

use std::{
    fs,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use sluice_store::Tuning;

use crate::world::World;

/// Longest wait for something that must happen.
const WAIT: Duration = Duration::from_secs(30);

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + WAIT;
    while !is_so() {
        assert!(Instant::now() < give_up, "it did not happen");
        thread::park_timeout(Duration::from_millis(5));
    }
}

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
