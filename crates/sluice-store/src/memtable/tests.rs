//! Slices and their merging against a `BTreeMap` that does the same the slow way.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use sluice_model::{
    SupplierId,
    operation::{self, HoldingChange, Row, TagsChange, encode},
};

use super::{SMALL_SLICE_BYTES, Slice, SliceBuilder, join_small, small_tail_count};
use crate::{
    filter,
    merge::{MergeRows, Source},
};

type Rows = Vec<(Vec<u8>, u32)>;

fn row(updated: u32) -> Vec<u8> {
    let mut row = Vec::new();
    let holding = HoldingChange::Hold { updated, context: None };
    encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
    row
}

fn slice(rows: &Rows) -> Slice {
    let mut builder = SliceBuilder::new();
    for (key, updated) in rows {
        builder.push(key, &row(*updated));
    }
    builder.finish()
}

fn updated(row: &[u8]) -> u32 {
    Row::decode(row).unwrap().holdings().next().unwrap().updated
}

fn merged(newest_first: &[&Slice]) -> Rows {
    let mut merge = MergeRows::new(newest_first.iter().map(|slice| Source::slice(slice)).collect());
    let mut rows = Vec::new();
    while let Some((key, row)) = merge.next_row() {
        rows.push((key.to_vec(), updated(row)));
    }
    merge.finish().unwrap();
    rows
}

fn rows() -> impl Strategy<Value = Rows> {
    // Keys around the eight bytes that sorting looks at first, with common beginnings.
    let key = proptest::collection::vec(0_u8..3, 0..11);
    proptest::collection::vec((key, any::<u32>()), 0..60)
}

proptest! {
    #[test]
    fn a_slice_is_sorted_and_the_later_of_equal_keys_wins(rows in rows()) {
        let want: BTreeMap<Vec<u8>, u32> = rows.iter().cloned().collect();
        let slice = slice(&rows);
        prop_assert_eq!(merged(&[&slice]), want.clone().into_iter().collect::<Rows>());
        for (key, time) in &want {
            prop_assert_eq!(slice.get(key, filter::hash(key)).map(updated), Some(*time));
        }
        prop_assert_eq!(slice.get(b"\x07", filter::hash(b"\x07")), None);
        let reread = Slice::from_rows(slice.bytes().to_vec()).unwrap();
        prop_assert_eq!(merged(&[&reread]), merged(&[&slice]));
    }

    #[test]
    fn merging_slices_is_inserting_in_order(history in proptest::collection::vec(rows(), 0..6)) {
        let want: BTreeMap<Vec<u8>, u32> = history.iter().flatten().cloned().collect();
        let slices: Vec<Slice> = history.iter().map(slice).collect();
        let newest_first: Vec<&Slice> = slices.iter().rev().collect();
        prop_assert_eq!(merged(&newest_first), want.clone().into_iter().collect::<Rows>());
        let folded = slices.into_iter().fold(Vec::new(), |mut tail, slice| {
            tail.push(Arc::new(slice));
            join_small(tail)
        });
        let newest_first: Vec<&Slice> = folded.iter().rev().map(Arc::as_ref).collect();
        prop_assert_eq!(merged(&newest_first), want.into_iter().collect::<Rows>());
    }
}

#[test]
fn ten_thousand_single_rows_become_few_slices() {
    let mut tail = Vec::new();
    for number in 0..10_000_u32 {
        tail.push(Arc::new(slice(&vec![(number.to_be_bytes().to_vec(), number)])));
        tail = join_small(tail);
    }
    assert!(tail.len() < 20, "{} slices", tail.len());
    assert_eq!(tail.iter().map(|slice| slice.rows_count()).sum::<usize>(), 10_000);
}

#[test]
fn large_slices_are_left_alone() {
    let mut builder = SliceBuilder::new();
    let large = vec![b'c'; SMALL_SLICE_BYTES];
    let mut row = Vec::new();
    let holding = HoldingChange::Hold { updated: 1, context: Some(&large) };
    encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
    builder.push(b"large", &row);
    let slices = vec![Arc::new(builder.finish()), Arc::new(slice(&vec![(b"small".to_vec(), 1)]))];
    assert_eq!(small_tail_count(&slices), 1);
    assert_eq!(join_small(slices).len(), 2);
}

#[test]
fn rows_out_of_order_or_cut_are_no_slice() {
    let good = slice(&vec![(b"a".to_vec(), 1), (b"b".to_vec(), 2)]);
    let bytes = good.bytes();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    assert!(Slice::from_rows([second, first].concat()).is_none());
    assert!(Slice::from_rows(bytes[..bytes.len() - 1].to_vec()).is_none());
    assert!(Slice::from_rows([first, first].concat()).is_none());
}

#[test]
fn merging_folds_rows_and_does_not_only_pick_the_newest() {
    let of = |supplier: u32| {
        let (mut builder, mut row) = (SliceBuilder::new(), Vec::new());
        let holding = HoldingChange::Hold { updated: supplier, context: None };
        encode(SupplierId(supplier), holding, TagsChange::Keep, &mut row);
        builder.push(b"key", &row);
        (builder.finish(), row)
    };
    let ((older, older_row), (newer, newer_row)) = (of(1), of(2));
    let mut want = Vec::new();
    operation::merge(&newer_row, &older_row, &mut want);
    let mut merge = MergeRows::new(vec![Source::slice(&newer), Source::slice(&older)]);
    assert_eq!(merge.next_row(), Some((b"key".as_slice(), want.as_slice())));
    assert_eq!(merge.next_row(), None);
}

/// Pairwise folding copied the long context once for each repetition: minutes of CPU for one body.
#[test]
fn a_long_context_survives_many_repetitions_of_its_indicator() {
    let context = vec![b'c'; 100_000];
    let mut builder = SliceBuilder::new();
    let mut row = Vec::new();
    let holding = HoldingChange::Hold { updated: 1, context: Some(&context) };
    encode(SupplierId(1), holding, TagsChange::Keep, &mut row);
    builder.push(b"key", &row);
    for updated in 2..=20_000 {
        builder.push(b"key", &self::row(updated));
    }
    let slice = builder.finish();
    let kept = Row::decode(slice.get(b"key", filter::hash(b"key")).unwrap()).unwrap();
    let holding = kept.holdings().next().unwrap();
    assert_eq!((holding.updated, holding.context), (20_000, context.as_slice()));
}
