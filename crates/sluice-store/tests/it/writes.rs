//! Single promises of writes, one test each.

use std::sync::mpsc;

use sluice_model::{RetentionMinutes, SupplierName, TenantId};
use sluice_store::{Tuning, WriteError, catalogue::CatalogueChange};

use crate::world::{LATER, World, commit, read};

#[test]
fn an_abandoned_write_leaves_nothing() {
    let mut world = World::new();
    let write = world.store().begin().unwrap();
    write.append(0, world.slice(&[("a", "1")])).unwrap();
    drop(write);
    world.put(&[("b", "2")]);
    assert_eq!(world.get("a"), None);
    world.restart();
    assert_eq!((world.get("a"), world.get("b").as_deref()), (None, Some("2")));
    assert!(world.store().checkpoint());
    assert_eq!(world.get("a"), None);
    assert_eq!(world.store().figures().rows_count, 1);
}

#[test]
fn frames_without_a_commit_leave_nothing_after_a_halt() {
    let mut world = World::new();
    let write = world.store().begin().unwrap();
    write.append(0, world.slice(&[("a", "1"), ("b", "1")])).unwrap();
    let before = world.store().snapshot().catalogue().suppliers(TenantId::GENERAL).count();
    let store = world.take();
    store.halt();
    let log_bytes: u64 = std::fs::read_dir(world.data_dir().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    drop((write, store));
    world.reopen();
    assert_eq!((world.get("a"), world.get("b")), (None, None));
    // The next write must not take the number, and so the frames, of the one that was never ended.
    world.put(&[("b", "2"), ("c", "2")]);
    for _ in 0..2 {
        let found = ["a", "b", "c"].map(|key| world.get(key));
        assert_eq!(found, [None, Some("2".to_owned()), Some("2".to_owned())]);
        world.restart();
    }
    assert!(world.store().compact());
    assert_eq!(world.store().figures().rows_count, 2);
    assert_eq!(world.store().catalogue().suppliers(TenantId::GENERAL).count(), before);
    println!("{log_bytes} bytes of log were replayed");
}

#[test]
fn a_write_is_visible_wholly_and_from_its_completion_on() {
    let world = World::new();
    let write = world.store().begin().unwrap();
    write.append(1, world.slice(&[("b", "2")])).unwrap();
    write.append(0, world.slice(&[("a", "1")])).unwrap();
    let before = world.store().snapshot();
    assert_eq!((world.get("a"), world.get("b")), (None, None));
    let (done, answer) = mpsc::channel();
    let store = world.store().clone();
    write.commit(Box::new(move |outcome| {
        let snapshot = store.snapshot();
        done.send((outcome.is_ok(), read(&snapshot, "a").unwrap(), read(&snapshot, "b").unwrap())).unwrap();
    }));
    assert_eq!(answer.recv().unwrap(), (true, Some("1".to_owned()), Some("2".to_owned())));
    assert_eq!((read(&before, "a").unwrap(), read(&before, "b").unwrap()), (None, None));
}

#[test]
fn the_later_of_equal_keys_in_one_write_wins() {
    let mut world = World::new();
    let write = world.store().begin().unwrap();
    // The slices arrive in another order than they stand in the body.
    write.append(2, world.slice(&[("a", "4"), ("b", "5"), ("b", "6")])).unwrap();
    write.append(0, world.slice(&[("a", "1"), ("c", "2"), ("c", "7")])).unwrap();
    write.append(1, world.slice(&[("a", "3"), ("b", "3")])).unwrap();
    commit(write).unwrap();
    for _ in 0..2 {
        let found = ["a", "b", "c"].map(|key| world.get(key).unwrap());
        assert_eq!(found, ["4", "6", "7"]);
        world.restart();
    }
    assert!(world.store().compact());
    assert_eq!(["a", "b", "c"].map(|key| world.get(key).unwrap()), ["4", "6", "7"]);
}

#[test]
fn the_write_that_is_answered_later_wins_also_after_restarts() {
    let mut world = World::new();
    let first = world.store().begin().unwrap();
    first.append(0, world.slice(&[("a", "first")])).unwrap();
    let second = world.store().begin().unwrap();
    second.append(0, world.slice(&[("a", "second")])).unwrap();
    commit(second).unwrap();
    assert_eq!(world.get("a").as_deref(), Some("second"));
    commit(first).unwrap();
    assert_eq!(world.get("a").as_deref(), Some("first"));
    world.restart();
    assert_eq!(world.get("a").as_deref(), Some("first"));
}

#[test]
fn a_write_that_was_under_way_during_a_checkpoint_is_kept() {
    let mut world = World::new();
    let write = world.store().begin().unwrap();
    write.append(0, world.slice(&[("a", "1")])).unwrap();
    for round in 0..3 {
        world.put(&[("b", &round.to_string())]);
        assert!(world.store().checkpoint());
    }
    commit(write).unwrap();
    world.restart();
    assert_eq!((world.get("a").as_deref(), world.get("b").as_deref()), (Some("1"), Some("2")));
}

#[test]
fn an_empty_write_succeeds() {
    let world = World::new();
    commit(world.store().begin().unwrap()).unwrap();
}

#[test]
fn a_checkpoint_trims_the_log() {
    let mut world = World::new();
    let context = "x".repeat(10_000);
    for round in 0..30 {
        world.put(&[(&format!("key-{round}"), &context)]);
    }
    let written_bytes = world.store().figures().log_bytes;
    assert!(world.store().checkpoint());
    // The log thread trims before it takes this one.
    world.put(&[("after", "1")]);
    let figures = world.store().figures();
    assert!(
        figures.log_bytes < 1_000 && figures.log_bytes < written_bytes,
        "{figures:?} was {written_bytes}"
    );
    let segments_bytes: u64 = std::fs::read_dir(world.data_dir().join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(segments_bytes, figures.log_bytes);
    world.restart();
    assert_eq!((world.get("after").as_deref(), world.get("key-29")), (Some("1"), Some(context)));
}

#[test]
fn a_closed_store_takes_no_writes() {
    let world = World::new();
    let store = world.store().clone();
    store.close();
    assert!(store.begin().is_err());
    store.close();
}

fn remove(world: &World, name: &str) {
    let name = SupplierName::parse(name).unwrap();
    world.change(CatalogueChange::RemoveSupplier { name }).unwrap();
}

/// A success would be for rows that nobody can find.
#[test]
fn a_write_of_a_supplier_that_was_removed_meanwhile_is_refused() {
    for (is_empty, is_created_anew) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = World::new();
        world.create_supplier("Gone", RetentionMinutes::MAX);
        let write = world.store().begin_for(world.supplier("Gone").unwrap()).unwrap();
        if !is_empty {
            write.append(0, world.slice_of("Gone", LATER, &[("a", "1")])).unwrap();
        }
        remove(&world, "Gone");
        if is_created_anew {
            world.create_supplier("Gone", RetentionMinutes::MAX);
        }
        assert!(matches!(commit(write), Err(WriteError::NoSupplier)));
        for _ in 0..2 {
            assert_eq!(world.get("a"), None);
            assert_eq!(world.store().figures().memtable_bytes, 0);
            world.restart();
        }
    }
}

/// The removal and the commit may wait for the same sync: what counts is their order in the log.
#[test]
fn a_removal_and_a_commit_are_told_in_the_order_of_the_log() {
    let world = World::new();
    for round in 0..100 {
        let name = SupplierName::parse(&format!("Gone{round}")).unwrap();
        world.create_supplier(name.as_str(), RetentionMinutes::MAX);
        let write = world.store().begin_for(world.supplier(name.as_str()).unwrap()).unwrap();
        write.append(0, world.slice_of(name.as_str(), LATER, &[("a", "1")])).unwrap();
        let (done, removed) = mpsc::channel();
        let done = Box::new(move |outcome: Result<(), _>| done.send(outcome).unwrap());
        let removal = CatalogueChange::RemoveSupplier { name };
        if round % 2 == 0 {
            world.store().change_catalogue(removal, done);
            assert!(matches!(commit(write), Err(WriteError::NoSupplier)));
        } else {
            let (told, committed) = mpsc::channel();
            write.commit(Box::new(move |outcome| told.send(outcome).unwrap()));
            world.store().change_catalogue(removal, done);
            committed.recv().unwrap().unwrap();
        }
        removed.recv().unwrap().unwrap();
        assert_eq!(world.get("a"), None);
    }
}

/// Text that no compression makes short.
fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed;
    let letter = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        char::from(b'0' + u8::try_from(state >> 58).unwrap())
    };
    (0..bytes).map(letter).collect()
}

fn log_bytes(world: &World) -> u64 {
    let segments = std::fs::read_dir(world.data_dir().join("log")).unwrap();
    // One may be trimmed meanwhile.
    segments.filter_map(|segment| segment.unwrap().metadata().ok()).map(|found| found.len()).sum()
}

const LOG_BYTES_MAX: u64 = 1 << 20;

fn world_of_a_short_log() -> World {
    World::tuned(Tuning { log_bytes: LOG_BYTES_MAX / 8, log_bytes_max: LOG_BYTES_MAX, ..Tuning::default() })
}

/// Pushes so much that the log is trimmed many times; it never gets too long.
fn push_much(world: &World, round: u64) {
    for push in 0..60 {
        let context = noise(1 + round * 1_000 + push, 100_000);
        let rows = [(format!("other-{push}"), context)];
        loop {
            let Ok(write) = world.store().begin() else { continue };
            let rows: Vec<_> = rows.iter().map(|(key, context)| (key.as_str(), context.as_str())).collect();
            if write.append(0, world.slice(&rows)).is_ok() && commit(write).is_ok() {
                break;
            }
        }
        assert!(log_bytes(world) <= LOG_BYTES_MAX + 10_000, "{} bytes", log_bytes(world));
    }
}

/// Writes of every age, some of which end and some of which never do, pin nothing and lose nothing.
#[test]
fn the_log_stays_short_however_long_writes_take() {
    const WRITES: usize = 12;
    let mut world = world_of_a_short_log();
    let mut open = Vec::new();
    let key = |write: usize, slice: u32| format!("slow-{write}-{slice}");
    let append = |world: &World, write: &sluice_store::Write, number: usize, slice: u32| {
        let rows = [(key(number, slice), format!("{number} {slice}"))];
        let rows: Vec<_> = rows.iter().map(|(key, context)| (key.as_str(), context.as_str())).collect();
        write.append(slice, world.slice(&rows)).unwrap();
    };
    for number in 0..WRITES {
        let write = world.store().begin_for(world.supplier("Feed").unwrap()).unwrap();
        for slice in [2, 0] {
            append(&world, &write, number, slice);
        }
        open.push(write);
        push_much(&world, u64::try_from(number).unwrap());
        assert!(world.store().checkpoint());
        for (older, write) in open.iter().enumerate().filter(|(older, _)| older + 1 == number) {
            append(&world, write, older, 1);
        }
    }
    let mut abandoned = Vec::new();
    for (number, write) in open.into_iter().enumerate() {
        assert_eq!(world.get(&key(number, 0)), None);
        if number % 3 == 0 {
            abandoned.push(write);
        } else {
            commit(write).unwrap();
        }
    }
    assert!(log_bytes(&world) <= LOG_BYTES_MAX + 10_000);
    world.halt();
    drop(abandoned);
    for _ in 0..2 {
        world.reopen();
        for number in 0..WRITES {
            for slice in 0..3 {
                let is_there = number % 3 != 0 && (slice != 1 || number + 1 != WRITES);
                let want = is_there.then(|| format!("{number} {slice}"));
                assert_eq!(world.get(&key(number, slice)), want, "slice {slice} of {number}");
            }
        }
        assert!(world.store().checkpoint());
        world.halt();
    }
}

/// Bodies that are sent and never ended, one after the other, leave the log no longer than it may be.
#[test]
fn writes_that_are_never_committed_do_not_make_the_log_long() {
    let world = world_of_a_short_log();
    let mut refused = 0;
    let mut open = Vec::new();
    for number in 0..200_u64 {
        let Ok(write) = world.store().begin() else {
            refused += 1;
            continue;
        };
        let outcome = write.append(0, world.slice(&[("a", &noise(1 + number, 100_000))]));
        refused += usize::from(outcome.is_err());
        if number % 2 == 0 {
            open.push(write);
        }
        assert!(log_bytes(&world) <= LOG_BYTES_MAX + 10_000, "{} bytes", log_bytes(&world));
    }
    println!("{refused} writes were refused");
    drop(open);
    // Whatever they did, others are served again.
    crate::world::wait_until(|| {
        let Ok(write) = world.store().begin() else { return false };
        write.append(0, world.slice(&[("b", "1")])).is_ok() && commit(write).is_ok()
    });
    assert_eq!((world.get("a"), world.get("b").as_deref()), (None, Some("1")));
}

/// A restart sees the frames that were appended with the commit, and perhaps some that were given up.
#[test]
fn a_write_whose_frames_were_given_up_comes_back_whole() {
    let mut world = world_of_a_short_log();
    let write = world.store().begin().unwrap();
    write.append(0, world.slice(&[("a", "1"), ("b", "1")])).unwrap();
    write.append(1, world.slice(&[("a", "2")])).unwrap();
    for push in 0..5 {
        world.put(&[("other", &noise(push + 1, 100_000))]);
    }
    assert!(world.store().checkpoint());
    assert!(log_bytes(&world) < 10_000);
    commit(write).unwrap();
    for _ in 0..2 {
        assert_eq!((world.get("a").as_deref(), world.get("b").as_deref()), (Some("2"), Some("1")));
        world.restart();
    }
}
