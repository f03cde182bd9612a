//! Sent spellings: they are there wherever their rows are, go with the update that sent them, and count as a change.

use sluice_model::{
    SupplierId,
    normalize::{normalize_into, normalize_spelled, write_sent},
    row::{HoldingChange, TagsChange, encode},
};
use sluice_store::{Changes, FeedMode, Record, Slice, SliceBuilder, Snapshot, Store, StoreConfig, Tuning};
use tempfile::TempDir;

use crate::{
    snapshots::{copied, restore},
    world::{LATER, World},
};

const UPPER: &str = "http://example.com:8080/Dir/File.EXE";
const OTHER: &str = "https://www.example.com/dir/file.exe/";
const PLAIN: &str = "http://example.com/dir/file.exe";
const ADDRESS: &str = "http://192.0.2.7:8443/";
const PLAIN_TOO: &str = "http://example.net/a";

/// Rows of texts as they are sent, each with a context or without one.
fn slice_of(supplier: SupplierId, updated: u32, rows: &[(&str, Option<&str>)]) -> Slice {
    let mut slice = SliceBuilder::new();
    for (text, context) in rows {
        let (mut key, mut normal, mut spelling, mut row) = <(Vec<u8>, String, Vec<u8>, Vec<u8>)>::default();
        normalize_spelled(text, &mut key, &mut normal, &mut spelling).unwrap();
        let holding =
            HoldingChange::Hold { updated, context: context.map(str::as_bytes), spelling: &spelling };
        encode(supplier, holding, TagsChange::Keep, &mut row);
        slice.push(&key, &row).unwrap();
    }
    slice.finish()
}

fn put(world: &World, supplier: &str, rows: &[(&str, Option<&str>)]) {
    world.put_slice(slice_of(world.supplier(supplier).unwrap(), LATER, rows));
}

/// What each supplier has sent for the indicator of a text, and its context.
fn sent(snapshot: &Snapshot, text: &str) -> Vec<(u32, String, String)> {
    let (mut key, mut record) = (Vec::new(), Record::new());
    normalize_into(text, &mut key).unwrap();
    assert!(snapshot.get(&key, &mut record).unwrap());
    let holdings = record.holdings().map(|holding| {
        let mut sent = String::new();
        if !holding.spelling.is_empty() {
            write_sent(&key, holding.spelling, &mut sent).unwrap();
        }
        (holding.supplier.0, sent, String::from_utf8(holding.context.to_vec()).unwrap())
    });
    holdings.collect()
}

#[test]
fn a_spelling_goes_through_log_runs_merges_restarts_and_snapshots() {
    let tuning = Tuning { flush_bytes: 1 << 20, part_bytes: 4_000, ..Tuning::default() };
    let mut world = World::tuned(tuning);
    world.create_supplier("Second", sluice_model::RetentionMinutes::MAX);
    let [one, two] = ["Feed", "Second"].map(|name| world.supplier(name).unwrap().0);
    put(&world, "Feed", &[(UPPER, Some("{}")), (ADDRESS, None)]);
    put(&world, "Second", &[(OTHER, None)]);
    let check = |store: &Store| {
        let snapshot = store.snapshot();
        let wanted = [(one, UPPER.to_owned(), "{}".to_owned()), (two, OTHER.to_owned(), String::new())];
        assert_eq!(sent(&snapshot, PLAIN), wanted);
        assert_eq!(sent(&snapshot, ADDRESS), [(one, ADDRESS.to_owned(), String::new())]);
    };
    check(world.store());
    world.restart();
    check(world.store());
    assert!(world.store().checkpoint());
    check(world.store());
    put(&world, "Second", &[(OTHER, None), ("http://other.example.com/A", None)]);
    assert!(world.store().compact());
    check(world.store());
    world.restart();
    check(world.store());
    let pinned = world.store().pin_checkpoint().unwrap();
    let dir = TempDir::new().unwrap();
    restore(dir.path(), &pinned.manifest().unwrap(), &copied(&pinned)).unwrap();
    let store = Store::open(StoreConfig::at(dir.path()), Box::new(|cause| panic!("{cause}"))).unwrap();
    check(&store);
    store.close();
}

/// The context that an update does not give is the older one's; how the indicator was spelled never is.
#[test]
fn a_spelling_goes_with_the_update_that_sent_it() {
    let world = World::new();
    let one = world.supplier("Feed").unwrap().0;
    for is_flushed in [false, true] {
        for (text, spelled) in [(UPPER, UPPER), (PLAIN, ""), (OTHER, OTHER), (PLAIN, "")] {
            put(&world, "Feed", &[(UPPER, Some("{}")), (text, None)]);
            if is_flushed {
                put(&world, "Feed", &[(UPPER, Some("{}"))]);
                assert!(world.store().checkpoint());
                put(&world, "Feed", &[(text, None)]);
                assert!(world.store().compact());
            }
            let wanted = [(one, spelled.to_owned(), "{}".to_owned())];
            assert_eq!(sent(&world.store().snapshot(), PLAIN), wanted, "flushed: {is_flushed}");
        }
    }
}

#[test]
fn another_spelling_alone_is_a_change_of_a_replacement() {
    for replaced_bytes_written_max in [0, 1 << 20] {
        let world = World::tuned(Tuning { replaced_bytes_written_max, ..Tuning::default() });
        let (store, supplier) = (world.store(), world.supplier("Feed").unwrap());
        put(&world, "Feed", &[(UPPER, Some("{}")), (ADDRESS, None)]);
        for (text, changed) in [(UPPER, 0), (OTHER, 1), (OTHER, 0), (PLAIN, 1), (PLAIN, 0), (UPPER, 1)] {
            let mut feed = store.begin_feed().unwrap();
            feed.add(&[slice_of(supplier, 0, &[(text, Some("{}")), (ADDRESS, None)])]).unwrap();
            let wanted = Changes { changed, unchanged: 2 - changed, ..Changes::default() };
            for mode in [FeedMode::Upsert, FeedMode::Replace] {
                assert_eq!(store.plan(supplier, &feed, mode, &|| true).unwrap(), wanted, "{text}");
            }
            assert_eq!(store.replace(supplier, feed, 0, &|| true).unwrap(), wanted, "{text}");
            let spelled = if text == PLAIN { "" } else { text };
            assert_eq!(sent(&store.snapshot(), PLAIN), [(supplier.0, spelled.to_owned(), "{}".to_owned())]);
            assert_eq!(sent(&store.snapshot(), ADDRESS), [(supplier.0, ADDRESS.to_owned(), String::new())]);
        }
    }
}

#[test]
fn another_spelling_of_the_host_or_the_port_is_none() {
    let world = World::tuned(Tuning::default());
    let (store, supplier) = (world.store(), world.supplier("Feed").unwrap());
    put(&world, "Feed", &[(UPPER, Some("{}")), (PLAIN_TOO, None)]);
    for (text, too) in [
        ("HTTP://EXAMPLE.com:8080/Dir/File.EXE", "http://EXAMPLE.NET/a"),
        ("http://Example.Com.:08080/Dir/File.EXE", "https://www.example.net:443/a"),
    ] {
        let mut feed = store.begin_feed().unwrap();
        feed.add(&[slice_of(supplier, 0, &[(text, Some("{}")), (too, None)])]).unwrap();
        let wanted = Changes { unchanged: 2, ..Changes::default() };
        assert_eq!(store.replace(supplier, feed, 0, &|| true).unwrap(), wanted, "{text} {too}");
    }
    assert_eq!(sent(&store.snapshot(), PLAIN), [(supplier.0, UPPER.to_owned(), "{}".to_owned())]);
}
