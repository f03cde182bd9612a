//! What is selected is what a look at each row would select, however it is found, and nothing else is read for it.

use std::{collections::BTreeMap, ops::Range};

use sluice_model::{
    Confidence, Indicator, RetentionMinutes, SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId,
    Vendor,
    row::{HoldingChange, TagsChange, encode},
};

use super::{SelectedHolding, Selection, WINDOW_HOLDINGS, Wanted};
use crate::{
    ReadError, SliceBuilder, Snapshot, Store, StoreConfig,
    catalogue::{CatalogueChange, SupplierSettings},
    read::rows::held,
    rows::Rows,
    run::Listing,
};

const UPDATED: u32 = 1_800_000_000;

fn open(dir: &tempfile::TempDir) -> Store {
    let mut config = StoreConfig::at(dir.path().join("data"));
    config.tuning.part_bytes = 20_000;
    Store::open(config, Box::new(|cause| panic!("{cause}"))).unwrap()
}

/// A store with these suppliers, whose indicators never expire during a test.
fn world(names: &[&str]) -> (tempfile::TempDir, Store, Vec<SupplierId>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    for name in names {
        let settings = SupplierSettings {
            confidence: Confidence::new(50_u8).unwrap(),
            retention: RetentionMinutes::MAX,
            vendor: Vendor::parse("").unwrap(),
            enabled: true,
            refang: false,
        };
        change(
            &store,
            CatalogueChange::CreateSupplier { name: SupplierName::parse(name).unwrap(), settings },
        );
    }
    let catalogue = store.catalogue();
    let ids = names.iter().map(|name| catalogue.supplier(TenantId::GENERAL, name).unwrap().id).collect();
    (dir, store, ids)
}

fn change(store: &Store, change: CatalogueChange) {
    let (told, answer) = std::sync::mpsc::channel();
    store.change_catalogue(change, Box::new(move |outcome| told.send(outcome.is_ok()).unwrap()));
    assert!(answer.recv().unwrap());
}

/// Two tags.
fn tags(store: &Store) -> [TagId; 2] {
    ["ONE", "OTHER"].map(|name| {
        let name = TagName::parse(name).unwrap();
        change(
            store,
            CatalogueChange::CreateTag { name: name.clone(), weight: TagWeight::new(1_u8).unwrap() },
        );
        store.catalogue().tag(name.as_str()).unwrap().id
    })
}

/// Commits a change of each key.
fn put(store: &Store, supplier: SupplierId, keys: &[Vec<u8>], context: &[u8], tags: TagsChange<'_>) {
    let mut slice = SliceBuilder::new();
    for key in keys {
        let mut row = Vec::new();
        let holding = match context {
            b"gone" => HoldingChange::Release,
            _ => HoldingChange::Hold { updated: UPDATED, context: Some(context), spelling: &[] },
        };
        encode(supplier, holding, tags, &mut row);
        slice.push(key, &row).unwrap();
    }
    let write = store.begin().unwrap();
    write.append(0, slice.finish()).unwrap();
    let (told, answer) = std::sync::mpsc::channel();
    write.commit(Box::new(move |outcome| told.send(outcome).unwrap()));
    answer.recv().unwrap().unwrap();
}

fn all_of(suppliers: &[SupplierId]) -> Selection {
    Selection {
        suppliers: suppliers.iter().map(|supplier| (*supplier, u64::from(u32::MAX))).collect(),
        rows_max: u64::MAX,
        now_seconds: UPDATED + 60,
        ..Selection::default()
    }
}

/// Key, supplier, context and tags of each holding that is shown.
type Told = Vec<(Vec<u8>, u32, Vec<u8>, Vec<u32>)>;

fn told(snapshot: &Snapshot, selection: &Selection, after: &[u8]) -> Result<Told, ReadError> {
    let mut told = Vec::new();
    snapshot.select(selection, after, |shown: Option<&SelectedHolding<'_>>| {
        if let Some(shown) = shown {
            let tags = shown.tags().map(|tag| tag.0).collect();
            told.push((shown.key.to_vec(), shown.supplier.0, shown.context.to_vec(), tags));
        }
        Wanted::More
    })?;
    Ok(told)
}

fn key(number: usize) -> Vec<u8> {
    format!("key-{number:05}").into_bytes()
}

/// A few rows of one supplier among many of another, in several runs and in the memtable, some taken back, some with tags of others.
fn few_among_many(store: &Store, [few, many]: [SupplierId; 2], [one, other]: [TagId; 2]) {
    let range = |range: Range<usize>| range.map(key).collect::<Vec<_>>();
    put(store, many, &range(0..4_000), b"{\"of\":\"many\"}", TagsChange::Replace(&[one]));
    put(store, few, &range(1_000..1_020), b"{\"of\":\"few\"}", TagsChange::Keep);
    assert!(store.checkpoint());
    put(store, few, &range(1_005..1_010), b"gone", TagsChange::Keep);
    put(store, many, &range(1_011..1_013), b"{\"of\":\"many\"}", TagsChange::Replace(&[other]));
    assert!(store.checkpoint());
    put(store, few, &range(3_990..4_002), b"{\"of\":\"few\"}", TagsChange::Replace(&[]));
    put(store, few, &range(1_007..1_008), b"{\"of\":\"again\"}", TagsChange::Keep);
}

#[test]
fn a_few_rows_are_the_same_found_by_their_lists() {
    let (_dir, store, ids) = world(&["Few", "Many"]);
    let [one, other] = tags(&store);
    few_among_many(&store, [ids[0], ids[1]], [one, other]);
    for step in 0..3 {
        match step {
            1 => assert!(store.checkpoint()),
            2 => assert!(store.compact()),
            _ => {}
        }
        let snapshot = store.snapshot();
        let everything = told(&snapshot, &all_of(&ids), b"").unwrap();
        assert_eq!(everything.len(), 4_000 + 20 - 5 + 1 + 12);
        let of_few = all_of(&ids[..1]);
        assert!(snapshot.listing(&of_few).is_some() && snapshot.listing(&all_of(&ids)).is_none());
        let want: Told = everything.iter().filter(|row| row.1 == ids[0].0).cloned().collect();
        assert_eq!(want.len(), 28);
        assert_eq!(want[5], (key(1_007), ids[0].0, b"{\"of\":\"again\"}".to_vec(), vec![one.0]));
        assert_eq!(told(&snapshot, &of_few, b"").unwrap(), want);
        assert_eq!(told(&snapshot, &of_few, &key(1_007)).unwrap(), want[6..]);
        assert_eq!(told(&snapshot, &of_few, &key(2_000)).unwrap(), want[16..]);
        // By a tag that is on two rows, of which the lists of older runs tell the tag before.
        let tagged = Selection { tags: vec![other], ..all_of(&ids) };
        assert!(matches!(snapshot.listing(&tagged), Some(Listing::Tags(_))));
        let want: Told = everything.iter().filter(|row| row.3 == [other.0]).cloned().collect();
        assert_eq!((want.len(), told(&snapshot, &tagged, b"").unwrap()), (4, want));
        let most = Selection { tags: vec![one], ..all_of(&ids) };
        assert!(snapshot.listing(&most).is_none());
        let want: Told = everything.iter().filter(|row| row.3 == [one.0]).cloned().collect();
        assert_eq!(told(&snapshot, &most, b"").unwrap(), want);
    }
    store.halt();
}

/// Blocks without a row of the supplier may as well not be there.
#[test]
fn nothing_else_is_read_for_a_few_rows() {
    let (_dir, store, ids) = world(&["Few", "Many"]);
    let tags = tags(&store);
    few_among_many(&store, [ids[0], ids[1]], tags);
    assert!(store.compact());
    let snapshot = store.snapshot();
    let of_few = all_of(&ids[..1]);
    let want = told(&snapshot, &of_few, b"").unwrap();
    let (mut removed, mut kept) = (0, 0);
    for part in snapshot.parts() {
        for (block, fence) in part.index.fences.iter().enumerate() {
            let mut rows = Vec::new();
            part.read(&snapshot.trees, block, &mut rows).unwrap();
            let has_few = Rows(&rows).any(|(_, row)| held(row).any(|holding| holding.supplier == ids[0]));
            if has_few {
                kept += 1;
                continue;
            }
            removed += 1;
            let piece = [part.meta.id.to_be_bytes(), fence.first_piece.to_be_bytes()].concat();
            assert!(snapshot.trees.indicators.remove(piece).unwrap().is_some());
        }
    }
    assert!(0 < kept && kept < removed, "{kept} {removed}");
    // A snapshot without blocks at hand.
    let snapshot = store.snapshot();
    assert_eq!(told(&snapshot, &of_few, b"").unwrap(), want);
    assert!(told(&snapshot, &all_of(&ids), b"").is_err());
    store.halt();
}

/// Rows that do not fit into memory together are read in parts, and contexts of one row as well.
#[test]
fn windows_are_bounded_and_nothing_is_lost_between_them() {
    let (_dir, store, ids) = world(&["One", "Two", "Three"]);
    let keys: Vec<Vec<u8>> = (0..2 * WINDOW_HOLDINGS + 100).map(key).collect();
    put(&store, ids[0], &keys, b"{}", TagsChange::Keep);
    let long: Vec<Vec<u8>> =
        ids.iter().map(|id| format!("{{\"{}\":\"{}\"}}", id.0, "x".repeat(3 << 20)).into()).collect();
    for (id, context) in ids.iter().zip(&long) {
        put(&store, *id, &[key(5)], context, TagsChange::Keep);
    }
    for is_flushed in [false, true] {
        assert!(!is_flushed || store.checkpoint());
        let snapshot = store.snapshot();
        let shown = told(&snapshot, &all_of(&ids), b"").unwrap();
        assert_eq!(shown.len(), keys.len() + 2);
        let of_five: Vec<_> = shown.iter().filter(|row| row.0 == key(5)).map(|row| &row.2).collect();
        assert_eq!(of_five, long.iter().collect::<Vec<_>>());
        let rest: Vec<_> = shown.iter().filter(|row| row.0 != key(5)).map(|row| &row.0).collect();
        assert_eq!(rest, keys.iter().filter(|other| **other != key(5)).collect::<Vec<_>>());
        let some = Selection { rows_max: 7, ..all_of(&ids) };
        assert_eq!(told(&snapshot, &some, b"").unwrap(), shown[..9]);
        assert_eq!(told(&snapshot, &some, &key(5)).unwrap(), shown[8..15]);
    }
    store.halt();
}

#[test]
fn what_was_asked_for_decides_and_nothing_else() {
    let (_dir, store, ids) = world(&["Kinds"]);
    let texts = [
        "d41d8cd98f00b204e9800998ecf8427e",
        "192.0.2.1",
        "2001:db8::1",
        "example.com",
        "example.com/a",
        "192.0.2.0/24",
        "2001:db8::/32",
    ];
    let keys: BTreeMap<Vec<u8>, &str> =
        texts.iter().map(|text| (Indicator::parse(text).unwrap().key().to_vec(), *text)).collect();
    put(&store, ids[0], &keys.keys().cloned().collect::<Vec<_>>(), b"{}", TagsChange::Keep);
    let snapshot = store.snapshot();
    let shown = |selection: &Selection| -> Vec<&str> {
        told(&snapshot, selection, b"").unwrap().iter().map(|row| keys[&row.0]).collect()
    };
    let of = |kinds: &[&'static str]| shown(&Selection { kinds: kinds.to_vec(), ..all_of(&ids) });
    assert_eq!(of(&[]), texts);
    assert_eq!(of(&["md5"]), texts[..1]);
    assert_eq!(of(&["ipv6", "md5"]), [texts[0], texts[2]]);
    assert_eq!(of(&["domain"]), texts[3..4]);
    assert_eq!(of(&["url", "ipv4"]), [texts[1], texts[4]]);
    assert_eq!(of(&["cidr"]), texts[5..]);
    assert_eq!(of(&["sha1"]), [""; 0]);
    // The clock says when things were updated, as far as the store has not been running longer.
    let age = u32::try_from(snapshot.age_seconds(ids[0], UPDATED, UPDATED + 60)).unwrap();
    let aged = |selection: Selection| shown(&selection).len();
    let at = u64::from(UPDATED + 60 - age);
    assert_eq!(aged(Selection { updated_after: Some(at), ..all_of(&ids) }), 0);
    assert_eq!(aged(Selection { updated_after: Some(at - 1), ..all_of(&ids) }), 7);
    let living = |seconds| Selection { suppliers: vec![(ids[0], seconds)], ..all_of(&ids) };
    assert_eq!((aged(living(age.into())), aged(living(u64::from(age) + 1))), (0, 7));
    store.halt();
}

/// A reader that has enough is shown no more.
#[test]
fn a_reader_may_have_enough() {
    let (_dir, store, ids) = world(&["Left"]);
    put(&store, ids[0], &(0..10).map(key).collect::<Vec<_>>(), b"{}", TagsChange::Keep);
    let mut count = 0;
    let show = |_shown: Option<&SelectedHolding<'_>>| {
        count += 1;
        if count < 3 { Wanted::More } else { Wanted::Enough }
    };
    store.snapshot().select(&all_of(&ids), b"", show).unwrap();
    assert_eq!(count, 3);
    store.halt();
}
