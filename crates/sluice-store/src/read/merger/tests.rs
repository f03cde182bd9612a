//! Merged rows take no more memory than the rows do.

use sluice_model::{
    SupplierId,
    row::{HoldingChange, TagsChange, encode, merge},
};

use super::{REPLACED_BYTES_MAX, RowMerger, row_at};
use crate::read::workers::ReadBudget;

const ROWS: usize = 50;
const SOURCES: u32 = 400;

/// The row of a supplier of its own.
fn row(number: usize, source: u32) -> Vec<u8> {
    let mut row = Vec::new();
    let holding = HoldingChange::Hold { updated: source, context: None, spelling: &[] };
    let supplier = source * 2 + u32::try_from(number % 2).unwrap();
    encode(SupplierId(supplier), holding, TagsChange::Keep, &mut row);
    row
}

fn merged(order: impl Iterator<Item = (usize, u32)>, room_bytes: usize) -> Option<Vec<Vec<u8>>> {
    let budget = ReadBudget::new(room_bytes);
    let mut merger = RowMerger::new(ROWS, &budget);
    for (number, source) in order {
        let give = |bytes: &mut Vec<u8>| {
            bytes.extend(row(number, source));
            Ok(true)
        };
        merger.take_older(number, give).ok()?;
    }
    Some(merger.rows.iter().map(|span| row_at(&merger.bytes, *span).to_vec()).collect())
}

/// Otherwise a feed that was pushed often enough could not be looked up any more.
#[test]
fn a_row_takes_no_more_room_for_being_in_many_sources() {
    let wanted: Vec<Vec<u8>> = (0..ROWS)
        .map(|number| {
            (1..SOURCES).fold(row(number, 0), |newer, source| {
                let mut merged = Vec::new();
                merge(&newer, &row(number, source), &mut merged);
                merged
            })
        })
        .collect();
    let wanted_bytes: usize = wanted.iter().map(Vec::len).sum();
    let room_bytes = 2 * (2 * wanted_bytes + REPLACED_BYTES_MAX);
    // As slices are read, and as runs are.
    let by_row = (0..ROWS).flat_map(|number| (0..SOURCES).map(move |source| (number, source)));
    let by_source = (0..SOURCES).flat_map(|source| (0..ROWS).map(move |number| (number, source)));
    assert!(merged(by_row.clone(), room_bytes).is_some_and(|rows| rows == wanted));
    assert!(merged(by_source, room_bytes).is_some_and(|rows| rows == wanted));
    assert!(merged(by_row, wanted_bytes).is_none());
}
