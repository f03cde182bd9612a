//! How long rows live: suppliers that go, indicators that expire, readers that stay.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use sluice_model::{
    RetentionMinutes, SupplierName, TenantId,
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{Record, SliceBuilder, Tuning, catalogue::CatalogueChange};

use crate::world::{StoppedClock, World, read, wait_until};

fn remove(world: &World, name: &str) {
    let name = SupplierName::parse(name).unwrap();
    world.change(CatalogueChange::RemoveSupplier { name }).unwrap();
}

#[test]
fn a_removed_supplier_is_hidden_at_once_and_dropped_by_a_merge() {
    let mut world = World::new();
    world.create_supplier("Gone", RetentionMinutes::MAX);
    world.put_slice(world.slice_of("Gone", super::world::LATER, &[("a", "1"), ("b", "2")]));
    world.put(&[("b", "3"), ("c", "4")]);
    assert!(world.store().checkpoint());
    world.put_slice(world.slice_of("Gone", super::world::LATER, &[("d", "5")]));
    let gone = world.supplier("Gone").unwrap();
    remove(&world, "Gone");
    for _ in 0..2 {
        let found = ["a", "b", "c", "d"].map(|key| world.get(key));
        assert_eq!(found, [None, Some("3".to_owned()), Some("4".to_owned()), None]);
        assert_eq!(world.supplier("Gone"), None);
        world.restart();
    }
    assert!(world.store().compact());
    assert_eq!(world.store().figures().rows_count, 2);
    assert_eq!(world.store().snapshot().keys_of_supplier(gone).unwrap(), Vec::<Vec<u8>>::new());
    // The name is free again, and the new bearer holds nothing.
    world.create_supplier("Gone", RetentionMinutes::MAX);
    assert_ne!(world.supplier("Gone"), Some(gone));
    assert_eq!(world.get("a"), None);
}

#[test]
fn expired_rows_are_dropped_by_a_merge() {
    let (world, clock) = World::stopped(Tuning::default());
    world.create_supplier("Brief", RetentionMinutes::new(1_u32).unwrap());
    let put_now = |rows| world.put_slice(world.slice_of("Brief", world.store().stamp_seconds(), rows));
    put_now(&[("old", "1"), ("both", "2")]);
    clock.pass(1);
    put_now(&[("new", "3")]);
    world.put(&[("both", "4")]);
    clock.pass(59);
    assert!(world.store().checkpoint());
    assert!(world.store().compact());
    let found = ["old", "both", "new"].map(|key| world.get(key));
    assert_eq!(found, [None, Some("4".to_owned()), Some("3".to_owned())]);
    assert_eq!(world.store().figures().rows_count, 2);
}

#[test]
fn an_update_renews_a_row_that_had_expired() {
    let world = World::new();
    world.create_supplier("Brief", RetentionMinutes::new(1_u32).unwrap());
    world.put_slice(world.slice_of("Brief", 1_000, &[("a", "1")]));
    assert!(world.store().checkpoint());
    world.put_slice(world.slice_of("Brief", super::world::LATER, &[("a", "2")]));
    assert!(world.store().compact());
    assert_eq!(world.get("a").as_deref(), Some("2"));
}

/// A world in which `Brief` has held `a`, `b` and `both` for a second less than it keeps things, and has renewed two;
/// another supplier holds `both` and so many others. The next second is yet to pass.
fn renewed_at_the_last_moment(others: usize) -> (World, Arc<StoppedClock>) {
    let (world, clock) = World::stopped(Tuning { flush_bytes: 1 << 30, ..Tuning::default() });
    world.create_supplier("Brief", RetentionMinutes::new(1_u32).unwrap());
    world.put_slice(world.slice_of(
        "Brief",
        StoppedClock::START,
        &[("a", "old"), ("b", "old"), ("both", "old")],
    ));
    assert!(world.store().checkpoint());
    clock.pass(59);
    let others: Vec<String> = (0..others).map(|number| format!("other-{number}")).collect();
    let others = others.iter().map(String::as_str).chain(["both"]);
    world.put(&others.map(|key| (key, "other")).collect::<Vec<_>>());
    assert!(world.store().checkpoint());
    let mut renewal = SliceBuilder::new();
    let holding =
        HoldingChange::Hold { updated: world.store().stamp_seconds(), context: None, spelling: &[] };
    let mut row = Vec::new();
    encode(world.supplier("Brief").unwrap(), holding, TagsChange::Keep, &mut row);
    renewal.push(b"a", &row).unwrap();
    renewal.push(b"both", &row).unwrap();
    world.put_slice(renewal.finish());
    (world, clock)
}

/// The contexts of all who hold a key, in the order in which the suppliers were created.
fn contexts(world: &World, key: &str) -> Vec<String> {
    let mut record = Record::new();
    world.store().snapshot().get(key.as_bytes(), &mut record).unwrap();
    record.holdings().map(|holding| String::from_utf8(holding.context.to_vec()).unwrap()).collect()
}

/// The renewal is not among the rows that are merged, and the context is only in those.
#[test]
fn a_renewed_row_keeps_its_context_when_the_old_one_is_merged_after_its_time() {
    let (world, clock) = renewed_at_the_last_moment(20);
    clock.pass(3);
    wait_until(|| world.store().figures().runs_count == 1);
    for _ in 0..2 {
        assert_eq!(contexts(&world, "a"), ["old"]);
        assert_eq!(contexts(&world, "both"), ["other", "old"]);
        assert!(world.store().compact());
    }
}

#[test]
fn a_renewed_row_keeps_its_context_when_much_has_expired() {
    let (world, clock) = renewed_at_the_last_moment(1);
    clock.pass(1);
    // Merging before the renewal is flushed would leave the old row, again and again.
    wait_until(|| {
        let figures = world.store().figures();
        (figures.rows_count, figures.memtable_bytes) == (3, 0)
    });
    assert_eq!(contexts(&world, "a"), ["old"]);
    assert_eq!(contexts(&world, "b"), Vec::<String>::new());
    assert_eq!(contexts(&world, "both"), ["other", "old"]);
}

/// An expired row stays as long as newer ones of its indicator come: merging for its sake must not go on and on.
#[test]
fn what_has_to_stay_dead_is_not_merged_without_end() {
    const CHECKPOINTS: u32 = 20;
    let (world, clock) = World::stopped(Tuning::default());
    world.create_supplier("Brief", RetentionMinutes::new(1_u32).unwrap());
    world.put(&[("b", "new")]);
    assert!(world.store().checkpoint());
    world.put_slice(world.slice_of("Brief", 1_000, &[("a", "old")]));
    clock.pass(60);
    let runs_made = || {
        let manifest = fs::read_to_string(world.data_dir().join("MANIFEST")).unwrap();
        let (_, after) = manifest.split_once("\"next_run\":").unwrap();
        after.trim_start().split(|one: char| !one.is_ascii_digit()).next().unwrap().parse::<u32>().unwrap()
    };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Pushed when the merge begins, and from then on.
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                world.put(&[("a", "new")]);
            }
        });
        // Each makes one run of its own. What is due follows it, so the last but one has been followed at the end.
        let runs_made_by_checkpoints = || {
            let before = runs_made();
            let are_made = (0..CHECKPOINTS).all(|_| world.store().checkpoint());
            are_made.then(|| runs_made() - before)
        };
        let first = runs_made_by_checkpoints();
        let without_rest = runs_made_by_checkpoints();
        clock.pass(60);
        let after_rest = runs_made_by_checkpoints();
        is_over.store(true, Ordering::SeqCst);
        // Besides, eight runs become one; and the time that passed makes each kind of merge due once.
        let most = CHECKPOINTS + CHECKPOINTS / 7 + 2;
        let made = (first.unwrap(), without_rest.unwrap(), after_rest.unwrap());
        assert!(made.0 <= most + 4 && made.1 <= most && made.2 <= most + 4, "{made:?} runs");
    });
}

#[test]
fn a_snapshot_stays_readable_across_compactions() {
    const KEYS: usize = 2_000;
    let world = World::tuned(Tuning { part_bytes: 20_000, ..Tuning::default() });
    let keys: Vec<String> = (0..KEYS).map(|key| format!("key-{key:04}")).collect();
    let put = |value: &str| {
        world.put(&keys.iter().map(|key| (key.as_str(), value)).collect::<Vec<_>>());
    };
    put("old");
    assert!(world.store().compact());
    let before = world.store().snapshot();
    for value in ["newer", "newest"] {
        put(value);
        assert!(world.store().compact());
    }
    remove(&world, "Feed");
    assert!(world.store().compact());
    assert_eq!(world.store().figures().rows_count, 0);
    for key in &keys {
        assert_eq!(read(&before, key).unwrap().as_deref(), Some("old"), "{key}");
        assert_eq!(world.get(key), None, "{key}");
    }
    let feed =
        before.catalogue().suppliers(TenantId::GENERAL).find(|supplier| supplier.name.as_str() == "Feed");
    assert_eq!(before.keys_of_supplier(feed.unwrap().id).unwrap().len(), KEYS);
    drop(before);
    assert!(world.store().compact());
}
