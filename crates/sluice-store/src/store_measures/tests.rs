//! What is told of a store, while it works and when it has failed.

use sluice_model::{
    SupplierId, TenantId,
    row::{self, HoldingChange, TagsChange},
};

use crate::{Health, ReadCounts, SliceBuilder, Store, read::SingleThread, store::tests::open};

fn commit(store: &Store, keys: &[String]) {
    let supplier: SupplierId = store.catalogue().supplier(TenantId::GENERAL, "InternalTI").unwrap().id;
    let mut rows = SliceBuilder::new();
    for key in keys {
        let mut encoded = Vec::new();
        let holding = HoldingChange::Hold { updated: 7, context: Some(br#"{"a":1}"#), spelling: &[] };
        row::encode(supplier, holding, TagsChange::Keep, &mut encoded);
        rows.push(key.as_bytes(), &encoded).unwrap();
    }
    let write = store.begin().unwrap();
    write.append(0, rows.finish()).unwrap();
    let (told, outcome) = crossbeam_channel::bounded(1);
    write.commit(Box::new(move |done| told.send(done).unwrap()));
    outcome.recv().unwrap().unwrap();
}

#[test]
fn a_store_tells_what_it_has_and_does() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Box::new(|_cause| {}));
    let empty = store.measures();
    assert_eq!((empty.memtable_rows, empty.runs_count, empty.parts_count), (0, 0, 0));
    assert_eq!((empty.health, empty.disk_free_bytes), (Health::Writable, None));
    let keys: Vec<String> = (0..5_000).map(|number| format!("key{number:05}")).collect();
    commit(&store, &keys);
    let written = store.measures();
    assert_eq!((written.memtable_rows, written.rows_count), (5_000, 0));
    assert!(0 < written.memtable_bytes && written.memtable_bytes < written.memtable_bytes_max);
    assert!(0 < written.log_bytes && written.log_bytes < written.log_bytes_max);
    // The commit alone.
    let syncs: u64 = written.sync_times.counts.iter().sum();
    assert_eq!((written.group_sizes.counts.first(), written.group_sizes.sum), (Some(&syncs), syncs));
    assert!(store.checkpoint());
    let flushed = store.measures();
    assert_eq!((flushed.memtable_rows, flushed.rows_count, flushed.runs_count), (0, 5_000, 1));
    assert!(0 < flushed.resident_bytes && 0 < flushed.stored_bytes && 0 < flushed.parts_count);
    assert_eq!(flushed.flush_times.counts.iter().sum::<u64>(), 1);
    assert_eq!(flushed.trees_bytes, 0);
    let asked = store.figures();
    assert_eq!(store.measures().trees_bytes, asked.trees_bytes);
    // Writes have asked how much is free.
    assert!(flushed.disk_free_bytes.is_some_and(|free| free <= flushed.disk_size_bytes));
    store.halt();
}

/// Opened parts count as those that were written.
#[test]
fn what_stays_in_memory_is_that_of_the_parts_that_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Box::new(|_cause| {}));
    assert_eq!(store.resident_bytes(), 0);
    let keys: Vec<String> = (0..5_000).map(|number| format!("key{number:05}")).collect();
    commit(&store, &keys);
    assert_eq!(store.resident_bytes(), 0);
    assert!(store.checkpoint());
    let written = store.resident_bytes();
    // Twelve bits a key, the first key of each block, and what unpacks a table of contexts.
    assert!((7_516..65_536).contains(&written), "{written}");
    store.close();
    drop(store);
    let store = open(dir.path(), Box::new(|_cause| {}));
    assert_eq!(store.resident_bytes(), written);
    assert_eq!(store.measures().resident_bytes, written);
    store.halt();
}

#[test]
fn reads_are_counted_once_for_each_key_and_part() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Box::new(|_cause| {}));
    commit(&store, &(0..1_000).map(|number| format!("key{number:05}")).collect::<Vec<_>>());
    assert!(store.checkpoint());
    let read = |keys: &[&str]| {
        let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
        let snapshot = store.snapshot();
        let rows = snapshot.read_rows(&keys, usize::MAX, &SingleThread).unwrap().unwrap();
        let named: Vec<_> =
            rows.iter().flat_map(|row| row.holdings().filter_map(|held| held.context)).collect();
        snapshot.read_contexts(&named, usize::MAX, &SingleThread).unwrap().unwrap();
        store.measures().reads
    };
    let first = read(&["key00001", "key00002", "key00002"]);
    let (rows_missed, contexts_missed) = (first.rows_missed, first.contexts_missed);
    assert_eq!(first, ReadCounts { found: 2, rows_missed, contexts_missed, ..ReadCounts::default() });
    assert!(rows_missed == 1 && contexts_missed == 1, "{first:?}");
    let second = read(&["key00001"]);
    assert_eq!(second, ReadCounts { found: 3, rows_hit: 1, contexts_hit: 1, ..first });
    let absent: Vec<String> = (0..1_000).map(|number| format!("none{number}")).collect();
    let third = read(&absent.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((third.denied + third.mistaken, third.found), (1_000, 3));
    assert!(900 < third.denied, "{third:?}");
    let measures = store.measures();
    assert!(0 < measures.cache_bytes && measures.cache_bytes <= measures.cache_bytes_max);
    store.halt();
}
