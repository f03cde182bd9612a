//! Single promises of writes, one test each.

use std::sync::mpsc;

use sluice_model::{RetentionMinutes, SupplierName, TenantId};
use sluice_store::{WriteError, catalogue::CatalogueChange};

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
