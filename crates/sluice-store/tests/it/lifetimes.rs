//! How long rows live: suppliers that go, indicators that expire, readers that stay.

use std::time::{SystemTime, UNIX_EPOCH};

use sluice_model::{RetentionMinutes, SupplierName, TenantId};
use sluice_store::{Tuning, catalogue::CatalogueChange};

use crate::world::{World, read};

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
    let world = World::new();
    world.create_supplier("Brief", RetentionMinutes::new(1_u32).unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_seconds = u32::try_from(now.as_secs()).unwrap();
    world.put_slice(world.slice_of("Brief", now_seconds - 120, &[("old", "1"), ("both", "2")]));
    world.put_slice(world.slice_of("Brief", now_seconds + 600, &[("new", "3")]));
    world.put(&[("both", "4")]);
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
