//! What is on an allow list is never denied, however it came there.

use std::sync::mpsc;

use sluice_model::{
    SupplierId, TenantId, TenantName,
    row::{self, HoldingChange, TagsChange},
    supplier::FALSE_POSITIVE,
};

use crate::{SliceBuilder, Store, StoreConfig};

fn key(number: u32) -> Vec<u8> {
    format!("\x06com.example.h{number}.").into_bytes()
}

fn open(dir: &tempfile::TempDir, replaced_bytes_written_max: u64) -> Store {
    let mut config = StoreConfig::at(dir.path());
    config.tenants = vec![TenantName::parse("acme").unwrap()];
    config.tuning.replaced_bytes_written_max = replaced_bytes_written_max;
    Store::open(config, Box::new(|cause| panic!("{cause}"))).unwrap()
}

fn list_of(store: &Store, tenant: &str) -> SupplierId {
    let catalogue = store.catalogue();
    catalogue.supplier(catalogue.tenant(tenant).unwrap(), FALSE_POSITIVE).unwrap().id
}

fn slice(supplier: SupplierId, numbers: std::ops::Range<u32>) -> crate::Slice {
    let mut slice = SliceBuilder::new();
    for number in numbers {
        let mut row = Vec::new();
        row::encode(
            supplier,
            HoldingChange::Hold { updated: 1, context: None, spelling: &[] },
            TagsChange::Keep,
            &mut row,
        );
        slice.push(&key(number), &row).unwrap();
    }
    slice.finish()
}

fn put(store: &Store, supplier: SupplierId, numbers: std::ops::Range<u32>) {
    let write = store.begin_for(supplier).unwrap();
    write.append(0, slice(supplier, numbers)).unwrap();
    let (done, outcome) = mpsc::channel();
    write.commit(Box::new(move |result| done.send(result).unwrap()));
    outcome.recv().unwrap().unwrap();
}

fn listed(store: &Store, numbers: std::ops::Range<u32>) -> usize {
    let snapshot = store.snapshot();
    let filter = snapshot.allow_filter().unwrap();
    numbers.filter(|number| filter.may_hold(&key(*number))).count()
}

#[test]
fn without_a_list_nothing_is_asked_and_a_write_of_one_is_known_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 1 << 20);
    let feed = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").unwrap().id;
    put(&store, feed, 0..1_000);
    assert!(store.snapshot().allow_filter().unwrap().is_empty());
    put(&store, list_of(&store, "acme"), 1_000..1_100);
    assert_eq!(listed(&store, 1_000..1_100), 100);
    assert!(listed(&store, 0..1_000) < 50);
    let snapshot = store.snapshot();
    let filter = snapshot.allow_filter().unwrap();
    assert!(filter.may_hold_group(b"\x06com.example.") && !filter.may_hold_group(b"\x06net.example."));
    store.close();
}

#[test]
fn what_the_log_and_the_runs_have_of_a_list_is_read_when_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 1 << 20);
    let list = list_of(&store, "General");
    let feed = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").unwrap().id;
    put(&store, feed, 0..3_000);
    put(&store, list, 3_000..8_000);
    assert!(store.checkpoint());
    put(&store, list, 8_000..8_100);
    store.halt();
    drop(store);
    let store = open(&dir, 1 << 20);
    assert!(store.shared.allowed.is_empty());
    assert_eq!(listed(&store, 3_000..8_100), 5_100);
    assert!(listed(&store, 0..3_000) < 100);
    store.close();
}

/// A large one comes to its run without being a write.
#[test]
fn a_list_that_is_replaced_is_known() {
    for written_bytes_max in [0, 1 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir, written_bytes_max);
        let list = list_of(&store, "General");
        assert!(store.snapshot().allow_filter().unwrap().is_empty());
        let mut feed = store.begin_feed().unwrap();
        feed.add(&[slice(list, 0..500)]).unwrap();
        assert_eq!(store.replace(list, feed, 0, &|| true).unwrap().added, 500);
        assert_eq!(listed(&store, 0..500), 500, "{written_bytes_max}");
        store.close();
    }
}
