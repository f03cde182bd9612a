//! Slices and their merging against a `BTreeMap` that does the same the slow way.

use std::{collections::BTreeMap, iter, ops::Range, sync::Arc};

use proptest::prelude::*;
use sluice_model::{
    SupplierId,
    row::{self, HoldingChange, Row, TagsChange, encode},
};

use super::{
    Memtable, PushError, Slice, SliceBuilder,
    join::{SMALL_SLICE_BYTES, join},
    join_small, small_tail_count,
};
use crate::{
    contexts::{ContextRef, ContextTable, TableId},
    filter::{self, SharedFilters},
    merge::{MergeRows, Source},
    store::{Store, tests::open},
};

type Rows = Vec<(Vec<u8>, u32)>;

/// Every other row has a context, of which there are few.
fn row(updated: u32) -> Vec<u8> {
    let mut row = Vec::new();
    let context = context(updated);
    let holding =
        HoldingChange::Hold { updated, context: context.as_ref().map(String::as_bytes), spelling: &[] };
    encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
    row
}

fn context(updated: u32) -> Option<String> {
    updated.is_multiple_of(2).then(|| format!("{{\"context\":{}}}", updated % 16))
}

/// What a slice says of a key: the update time and the context.
fn get(slice: &Slice, key: &[u8]) -> Option<(u32, String)> {
    let mut row = Vec::new();
    (slice.may_contain(filter::hash(key)) && slice.get(key, &mut row)).then(|| {
        let holding = Row::decode(&row).unwrap().holdings().next().unwrap();
        (holding.updated, String::from_utf8(context_of(slice, holding.context)).unwrap())
    })
}

fn context_of(slice: &Slice, encoded: &[u8]) -> Vec<u8> {
    let named = ContextRef::read(encoded).map(|context| {
        assert_eq!(context.table, slice.table());
        slice.contexts().get(context.number).unwrap().to_vec()
    });
    named.unwrap_or_default()
}

fn slice(rows: &Rows) -> Slice {
    let mut builder = SliceBuilder::new();
    for (key, updated) in rows {
        builder.push(key, &row(*updated)).unwrap();
    }
    builder.finish()
}

fn updated(row: &[u8]) -> u32 {
    Row::decode(row).unwrap().holdings().next().unwrap().updated
}

fn merged(newest_first: &[&Slice]) -> Rows {
    let mut merge =
        MergeRows::new(newest_first.iter().map(|slice| Source::rows(slice.rows_bytes())).collect());
    let mut rows = Vec::new();
    while let Some((key, row)) = merge.next_row() {
        rows.push((key.to_vec(), updated(row)));
    }
    merge.finish().unwrap();
    rows
}

fn rows() -> impl Strategy<Value = Rows> {
    // Keys around the eight bytes that sorting looks at first, and the sixteen of fences, with common beginnings.
    let short = proptest::collection::vec(0_u8..3, 0..11);
    let long = proptest::collection::vec(0_u8..3, 0..5).prop_map(|end| [&[1; 14], end.as_slice()].concat());
    proptest::collection::vec((prop_oneof![short, long], any::<u32>()), 0..150)
}

proptest! {
    #[test]
    fn a_slice_is_sorted_and_the_later_of_equal_keys_wins(rows in rows()) {
        let want: BTreeMap<Vec<u8>, u32> = rows.iter().cloned().collect();
        let slice = slice(&rows);
        prop_assert_eq!(merged(&[&slice]), want.clone().into_iter().collect::<Rows>());
        for (key, time) in &want {
            let (seen, text) = get(&slice, key).unwrap();
            prop_assert_eq!(seen, *time);
            // A write without a context keeps that of the last one that had one.
            let earlier = rows.iter().rev().filter(|(its, _)| its == key).find_map(|(_, time)| context(*time));
            prop_assert_eq!(text, earlier.unwrap_or_default());
        }
        prop_assert_eq!(get(&slice, b"\x07"), None);
        let reread = Slice::from_bytes(&slice.to_bytes()).unwrap();
        prop_assert_eq!(merged(&[&reread]), merged(&[&slice]));
        for key in want.keys() {
            prop_assert_eq!(get(&reread, key), get(&slice, key));
        }
    }

    #[test]
    fn merging_slices_is_inserting_in_order(history in proptest::collection::vec(rows(), 0..6)) {
        let want: BTreeMap<Vec<u8>, u32> = history.iter().flatten().cloned().collect();
        let slices: Vec<Slice> = history.iter().map(slice).collect();
        let newest_first: Vec<&Slice> = slices.iter().rev().collect();
        prop_assert_eq!(merged(&newest_first), want.clone().into_iter().collect::<Rows>());
        let joined_tail = slices.into_iter().fold(Vec::new(), |mut tail, slice| {
            tail.push(Arc::new(slice));
            join_small(tail, &SharedFilters::new())
        });
        let newest_first: Vec<&Slice> = joined_tail.iter().rev().map(Arc::as_ref).collect();
        prop_assert_eq!(merged(&newest_first), want.into_iter().collect::<Rows>());
        // These slices are all small and near in size, so mostly one is left.
        if let [joined] = joined_tail.as_slice() {
            let at_once = slice(&history.concat());
            for (key, _) in history.iter().flatten() {
                prop_assert_eq!(get(joined, key), get(&at_once, key));
            }
        }
    }
}

#[test]
fn ten_thousand_single_rows_become_few_slices() {
    let mut tail = Vec::new();
    for number in 0..10_000_u32 {
        tail.push(Arc::new(slice(&vec![(number.to_be_bytes().to_vec(), number)])));
        tail = join_small(tail, &SharedFilters::new());
    }
    assert!(tail.len() < 20, "{} slices", tail.len());
    assert_eq!(tail.iter().map(|slice| slice.rows_count()).sum::<usize>(), 10_000);
}

#[test]
fn large_slices_are_left_alone() {
    let mut builder = SliceBuilder::new();
    let large = vec![b'c'; SMALL_SLICE_BYTES];
    let mut row = Vec::new();
    let holding = HoldingChange::Hold { updated: 1, context: Some(&large), spelling: &[] };
    encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
    builder.push(b"large", &row).unwrap();
    let slices = vec![Arc::new(builder.finish()), Arc::new(slice(&vec![(b"small".to_vec(), 1)]))];
    assert_eq!(small_tail_count(&slices), 1);
    assert_eq!(join_small(slices, &SharedFilters::new()).len(), 2);
}

#[test]
fn rows_out_of_order_or_cut_or_with_strange_handles_are_no_slice() {
    let Slice { table, contexts, rows, .. } = slice(&vec![(b"a".to_vec(), 2), (b"b".to_vec(), 2)]);
    let (first, second) = rows.split_at(rows.len() / 2);
    let of = |rows: &[&[u8]]| Slice::from_rows(table, contexts.clone(), rows.concat());
    assert!(of(&[first, second]).is_some());
    assert!(of(&[second, first]).is_none());
    assert!(of(&[first, first]).is_none());
    assert!(of(&[&rows[..rows.len() - 1]]).is_none());
    assert!(Slice::from_rows(table, ContextTable::default(), rows.clone()).is_none());
    assert!(Slice::from_rows(TableId::of_stored(1), contexts, rows).is_none());
}

#[test]
fn every_cut_of_a_logged_slice_is_refused() {
    let whole = slice(&vec![(b"a".to_vec(), 2), (b"b".to_vec(), 3)]).to_bytes();
    for length in 0..whole.len() {
        assert!(Slice::from_bytes(&whole[..length]).is_none(), "length {length}");
    }
    assert!(Slice::from_bytes(&[whole.as_slice(), b"x"].concat()).is_none());
}

#[test]
fn merging_combines_rows_and_does_not_only_pick_the_newest() {
    let of = |supplier: u32| {
        let (mut builder, mut row) = (SliceBuilder::new(), Vec::new());
        let holding = HoldingChange::Hold { updated: supplier, context: None, spelling: &[] };
        encode(SupplierId(supplier), holding, TagsChange::Keep, &mut row);
        builder.push(b"key", &row).unwrap();
        (builder.finish(), row)
    };
    let ((older, older_row), (newer, newer_row)) = (of(1), of(2));
    let mut want = Vec::new();
    row::merge(&newer_row, &older_row, &mut want);
    let mut merge = MergeRows::new(vec![Source::rows(newer.rows_bytes()), Source::rows(older.rows_bytes())]);
    assert_eq!(merge.next_row(), Some((b"key".as_slice(), want.as_slice())));
    assert_eq!(merge.next_row(), None);
}

/// Pairwise merging copied the long context once for each repetition: minutes of CPU for one body.
#[test]
fn a_long_context_survives_many_repetitions_of_its_indicator() {
    let context = vec![b'c'; 100_000];
    let mut builder = SliceBuilder::new();
    let mut row = Vec::new();
    let holding = HoldingChange::Hold { updated: 1, context: Some(&context), spelling: &[] };
    encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
    builder.push(b"key", &row).unwrap();
    // Without a context each.
    for updated in (3..=20_001).step_by(2) {
        builder.push(b"key", &self::row(updated)).unwrap();
    }
    let slice = builder.finish();
    let mut kept = Vec::new();
    assert!(slice.get(b"key", &mut kept));
    let kept = Row::decode(&kept).unwrap();
    let holding = kept.holdings().next().unwrap();
    assert_eq!((holding.updated, context_of(&slice, holding.context)), (20_001, context));
}

/// Joined slices once took the number of a slice that came later in the log, whose references were then read in the
/// wrong table: contexts went to other indicators after a restart.
#[test]
fn a_joined_slice_never_has_the_number_of_a_logged_one() {
    let logged: Vec<Slice> = (1..=3).map(|number| slice(&vec![(vec![b'k', number], 2)])).collect();
    let [first, second, third] = logged.as_slice() else { panic!("three slices") };
    let joined = join(first, second).unwrap();
    assert!(!joined.table().note_replayed() && third.table().note_replayed());
    assert!(Slice::from_bytes(&joined.to_bytes()).is_none());
    // Whatever a log holds, the numbers of later slices lie beyond it.
    let far = TableId::from_number((1 << 40) + 1);
    assert!(far.note_replayed());
    assert!(far < slice(&Vec::new()).table());
    assert!(!TableId::from_number(u64::MAX - 2).note_replayed());
}

#[test]
fn slices_with_tables_of_others_are_not_joined_and_not_lost() {
    let good = Arc::new(slice(&vec![(b"a".to_vec(), 2)]));
    let strange = Slice { table: TableId::of_new_slice(), ..slice(&vec![(b"b".to_vec(), 2)]) };
    let strange = Arc::new(strange);
    assert_eq!(join_small(vec![good, strange], &SharedFilters::new()).len(), 2);
}

#[test]
fn bytes_that_are_not_a_row_are_refused_and_told() {
    let mut builder = SliceBuilder::new();
    assert_eq!(builder.push(b"key", &[0x80]), Err(PushError::NotARow));
    assert!(builder.is_empty());
}

/// Whether a slice is in a shared filter or not, no key of any slice is denied, and strangers seldom pass.
#[test]
fn a_memtable_denies_no_key_that_it_has() {
    let key = |number: u32| format!("key-{number:05}").into_bytes();
    let filters = SharedFilters::new();
    let slices: Vec<Arc<Slice>> = (0..30_u32)
        .map(|number| {
            let mut slice =
                slice(&(number * 100..number * 100 + 100).map(|number| (key(number), 2)).collect());
            if !number.is_multiple_of(7) {
                slice.share_filter(&filters);
            }
            if number == 11 {
                filters.begin_anew();
            }
            Arc::new(slice)
        })
        .collect();
    let holds = |memtable: &Memtable, number| memtable.may_contain(filter::hash(&key(number)));
    let mut memtable = Memtable::of(slices[..20].to_vec());
    memtable.freeze();
    memtable.extend(slices[20..].to_vec());
    assert_eq!((memtable.joinable().len(), memtable.slices().len()), (10, 30));
    assert!((0..3_000).all(|number| holds(&memtable, number)));
    memtable.drop_oldest(20);
    assert!((2_000..3_000).all(|number| holds(&memtable, number)));
    assert!((3_000..13_000).filter(|number| holds(&memtable, *number)).count() < 500);
    memtable.drop_oldest(10);
    assert!(!(0..3_000).any(|number| holds(&memtable, number)));
    assert_eq!(memtable.bytes(), 0);
}

const SINGLES: u32 = 50;
const KEYS: u32 = 40_000;

/// Without shared filters, readers would ask each slice, and hundreds of them answer slowly.
#[test]
fn all_slices_of_a_store_are_covered() {
    let dir = tempfile::tempdir().unwrap();
    let open = || open(dir.path(), Box::new(|cause| panic!("{cause}")));
    let slice = |numbers: Range<u32>| {
        let (mut builder, mut row) = (SliceBuilder::new(), Vec::new());
        let holding = HoldingChange::Hold { updated: 1, context: None, spelling: &[] };
        encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
        for number in numbers {
            builder.push(&number.to_be_bytes(), &row).unwrap();
        }
        builder.finish()
    };
    let store = open();
    // One that is too long to be joined with those after it, which are joined.
    let singles = (0..SINGLES).map(|number| number..number + 1);
    for numbers in iter::once(SINGLES..KEYS).chain(singles) {
        let write = store.begin().unwrap();
        write.append(0, slice(numbers)).unwrap();
        let (done, ended) = std::sync::mpsc::channel();
        write.commit(Box::new(move |outcome| done.send(outcome).unwrap()));
        ended.recv().unwrap().unwrap();
    }
    let check = |store: &Store| {
        let snapshot = store.snapshot();
        let rows: Vec<usize> =
            snapshot.view.memtable.slices().iter().map(|slice| slice.rows_count()).collect();
        assert_eq!(rows.first(), Some(&((KEYS - SINGLES) as usize)), "{rows:?}");
        assert!(1 < rows.len() && rows.len() < SINGLES as usize, "{rows:?}");
        assert_eq!(snapshot.view.memtable.unshared, Vec::<usize>::new());
        assert!((0..KEYS).all(|number| snapshot.may_hold(&number.to_be_bytes())));
    };
    check(&store);
    store.halt();
    drop(store);
    let store = open();
    check(&store);
    store.halt();
}
