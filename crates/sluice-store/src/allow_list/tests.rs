//! What is on an allow list is never denied, however it came there.

use std::{cell::Cell, sync::mpsc, thread};

use sluice_model::{
    SupplierId, TenantId, TenantName,
    row::{self, HoldingChange, TagsChange},
    supplier::FALSE_POSITIVE,
};

use super::{AllowFilter, SharedFilter};
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
    held(snapshot.allow_filter(), numbers)
}

fn held(filter: &AllowFilter, numbers: std::ops::Range<u32>) -> usize {
    numbers.filter(|number| filter.may_hold(&key(*number))).count()
}

fn note(filter: &AllowFilter, numbers: std::ops::Range<u32>) {
    let mut adding = filter.adding();
    numbers.for_each(|number| adding.push(&key(number)));
}

#[test]
fn a_list_of_any_length_is_known_and_strangers_seldom_pass() {
    let filter = AllowFilter::new(20 << 20);
    assert!(filter.is_empty() && filter.heap_bytes() == 0);
    note(&filter, 0..1_500_000);
    let left = || filter.made().map(SharedFilter::left).collect::<Vec<_>>();
    let left_first = left();
    assert_eq!(left_first.len(), 3);
    // What is sent again takes no room.
    note(&filter, 0..1_500_000);
    assert_eq!(left(), left_first);
    assert_eq!(held(&filter, 0..1_500_000), 1_500_000);
    let passed = held(&filter, 2_000_000..2_100_000);
    assert!(passed < 3_000, "{passed} of 100,000");
}

#[test]
fn beyond_its_bytes_nothing_is_denied_that_is_on_a_list() {
    for (bytes_max, filters_count) in [(0, 1), (1 << 20, 2), (2 << 20, 2)] {
        let filter = AllowFilter::new(bytes_max);
        note(&filter, 0..800_000);
        assert_eq!(held(&filter, 0..800_000), 800_000);
        assert_eq!(filter.made().count(), filters_count, "of {bytes_max}");
        assert!(filter.heap_bytes() <= bytes_max.max(384 << 10), "{} of {bytes_max}", filter.heap_bytes());
    }
}

#[test]
fn what_is_expected_finds_room_in_one_filter() {
    let filter = AllowFilter::new(20 << 20);
    filter.expect(1_000_000);
    note(&filter, 0..1_000_000);
    assert_eq!(filter.made().count(), 1);
    // With keys that were noted before, and with more than there is room for.
    let filter = AllowFilter::new(2 << 20);
    note(&filter, 0..1_000);
    filter.expect(10_000_000);
    note(&filter, 0..1_000_000);
    assert_eq!((filter.made().count(), held(&filter, 0..1_000_000)), (2, 1_000_000));
    assert!(filter.heap_bytes() <= 2 << 20);
}

/// Bits that another thread sets in the same word must not go.
#[test]
fn many_note_at_once() {
    let filter = AllowFilter::new(4 << 20);
    thread::scope(|scope| {
        for part in 0..8 {
            let filter = &filter;
            scope.spawn(move || note(filter, part * 50_000..(part + 1) * 50_000));
        }
    });
    assert_eq!(held(&filter, 0..400_000), 400_000);
    assert_eq!(filter.made().count(), 2);
}

#[test]
fn blocks_at_hand_yield_what_the_filter_takes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 1 << 20);
    let bytes_max = store.shared.blocks.bytes_max();
    put(&store, list_of(&store, "acme"), 0..10);
    let filter_bytes = store.shared.allowed.heap_bytes() as u64;
    assert!(0 < filter_bytes);
    assert_eq!(store.shared.blocks.bytes_max(), bytes_max - filter_bytes);
    store.close();
}

#[test]
fn reading_what_is_stored_can_be_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 1 << 20);
    put(&store, list_of(&store, "General"), 0..1_000);
    assert!(store.checkpoint());
    store.halt();
    drop(store);
    let store = open(&dir, 1 << 20);
    let looks = Cell::new(0);
    let is_wanted = || {
        looks.set(looks.get() + 1);
        looks.get() < 100
    };
    assert!(!store.snapshot().read_allow_lists(is_wanted).unwrap());
    assert_eq!(looks.get(), 100);
    assert!(!store.knows_allow_lists());
    store.close();
    assert!(!store.read_allow_lists().unwrap() && !store.knows_allow_lists());
}

#[test]
fn without_a_list_nothing_is_asked_and_a_write_of_one_is_known_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 1 << 20);
    let feed = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").unwrap().id;
    put(&store, feed, 0..1_000);
    assert!(!store.knows_no_allow_list());
    assert!(store.read_allow_lists().unwrap() && store.knows_no_allow_list());
    put(&store, list_of(&store, "acme"), 1_000..1_100);
    assert!(!store.knows_no_allow_list());
    assert_eq!(listed(&store, 1_000..1_100), 100);
    assert!(listed(&store, 0..1_000) < 50);
    let snapshot = store.snapshot();
    let filter = snapshot.allow_filter();
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
    assert!(store.shared.allowed.is_empty() && !store.knows_allow_lists());
    assert!(store.read_allow_lists().unwrap() && store.knows_allow_lists());
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
        assert!(store.read_allow_lists().unwrap() && store.knows_no_allow_list());
        let mut feed = store.begin_feed().unwrap();
        feed.add(&[slice(list, 0..500)]).unwrap();
        assert_eq!(store.replace(list, feed, 0, &|| true).unwrap().added, 500);
        assert_eq!(listed(&store, 0..500), 500, "{written_bytes_max}");
        store.close();
    }
}
