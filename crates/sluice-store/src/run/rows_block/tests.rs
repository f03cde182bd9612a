//! Blocks give back what was put in, whatever it was, and nothing else.

use proptest::prelude::*;
use sluice_model::{
    SupplierId, TagId,
    row::{HoldingChange, TagsChange, encode, merge},
};

use super::{BlockBuilder, BlockReader, RowsBlock, restarts::RESTART_ROWS};
use crate::{
    block::unseal,
    contexts::{ContextRef, TableId},
    rows::Rows,
};

type Keyed = Vec<(Vec<u8>, Vec<u8>)>;

fn block(rows: &Keyed) -> Vec<u8> {
    let mut builder = BlockBuilder::new();
    // A block before it must leave nothing behind.
    builder.push(b"earlier", &row(1, &[3], 9, Some((5, 5))));
    builder.finish(|_| ());
    for (key, row) in rows {
        builder.push(key, row);
    }
    builder.finish(<[u8]>::to_vec)
}

fn row(supplier: u32, tags: &[u32], updated: u32, context: Option<(u32, u32)>) -> Vec<u8> {
    spelled(supplier, tags, updated, context, &[])
}

fn spelled(
    supplier: u32,
    tags: &[u32],
    updated: u32,
    context: Option<(u32, u32)>,
    spelling: &[u8],
) -> Vec<u8> {
    let tags: Vec<TagId> = tags.iter().copied().map(TagId).collect();
    let context =
        context.map(|(table, number)| ContextRef { table: TableId::of_stored(table), number }.encode());
    let holding = HoldingChange::Hold { updated, context: context.as_ref().map(AsRef::as_ref), spelling };
    let mut row = Vec::new();
    encode(SupplierId(supplier), holding, TagsChange::Replace(&tags), &mut row);
    row
}

fn rows() -> impl Strategy<Value = Keyed> {
    let single = (
        0_u32..4,
        proptest::collection::vec(0_u32..300, 0..3),
        any::<u32>(),
        proptest::option::of((0_u32..300, any::<u32>())),
        proptest::collection::vec(any::<u8>(), 0..4),
    )
        .prop_map(|(supplier, tags, updated, context, spelling)| {
            spelled(supplier, &tags, updated, context, &spelling)
        });
    let double = (any::<u32>(), any::<u32>()).prop_map(|(one, two)| {
        let mut both = Vec::new();
        merge(&row(1, &[], one, None), &row(2, &[7], two, Some((1, 2))), &mut both);
        both
    });
    let released = Just(()).prop_map(|()| {
        let mut row = Vec::new();
        encode(SupplierId(3), HoldingChange::Release, TagsChange::Keep, &mut row);
        row
    });
    let strange = proptest::collection::vec(any::<u8>(), 0..12);
    let row = prop_oneof![8 => single, 1 => double, 1 => released, 1 => strange];
    proptest::collection::btree_map(proptest::collection::vec(0_u8..4, 0..9), row, 0..300)
        .prop_map(|rows| rows.into_iter().collect())
}

proptest! {
    #[test]
    fn rows_come_back(rows in rows()) {
        let stored = block(&rows);
        prop_assert!(unseal(&stored).is_ok());
        let (mut reader, mut framed) = (BlockReader::default(), Vec::new());
        reader.expand(&stored, &mut framed).unwrap();
        let seen: Keyed = Rows(&framed).map(|(key, row)| (key.to_vec(), row.to_vec())).collect();
        prop_assert_eq!(&seen, &rows);
        for (key, row) in &rows {
            let mut found = Vec::new();
            reader.begin();
            prop_assert!(reader.find(&stored, key, &mut found).unwrap());
            prop_assert_eq!(&found, row);
            let beside = [key.as_slice(), &[9]].concat();
            prop_assert!(!reader.find(&stored, &beside, &mut found).unwrap());
        }
        reader.begin();
        for (key, row) in rows.iter().filter(|(key, _)| key.len() % 2 == 0) {
            let mut found = Vec::new();
            for _ in 0..2 {
                found.clear();
                prop_assert!(reader.find(&stored, key, &mut found).unwrap());
                prop_assert_eq!(&found, row);
            }
        }
    }

    /// Whatever is looked for in one pass, stored or not, neither the bytes that keys share nor the restart points of a block
    /// mislead a search.
    #[test]
    fn a_pass_finds_what_is_there(
        rows in rows(),
        asked in proptest::collection::btree_set(proptest::collection::vec(0_u8..4, 0..9), 0..40),
    ) {
        let stored = block(&rows);
        let blocks = {
            let plain = RowsBlock::new(stored.into());
            let with_restarts = plain.with_restarts().unwrap();
            [plain, with_restarts]
        };
        prop_assert_eq!(blocks[1].restarts_count(), rows.len() / RESTART_ROWS);
        for block in blocks {
            let mut reader = BlockReader::default();
            reader.begin();
            for key in &asked {
                let mut found = Vec::new();
                let want = rows.iter().find(|(stored, _)| stored == key).map(|(_, row)| row);
                prop_assert_eq!(block.find(&mut reader, key, &mut found).unwrap(), want.is_some());
                prop_assert_eq!(found.as_slice(), want.map_or(&[][..], Vec::as_slice));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (mut reader, mut framed) = (BlockReader::default(), Vec::new());
        let _whatever = reader.expand(&bytes, &mut framed);
        let _whatever = RowsBlock::new(bytes.into()).with_restarts();
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let stored = block(&vec![(b"key".to_vec(), row(1, &[2], 3, Some((4, 5)))); 1]);
    for bit in 0..stored.len() * 8 {
        let mut damaged = stored.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(unseal(&damaged).is_err(), "bit {bit}");
    }
    for length in 0..stored.len() {
        assert!(unseal(&stored[..length]).is_err(), "length {length}");
    }
}

#[test]
fn neighbors_share_what_they_have_in_common() {
    let rows: Keyed = (0..100_u32)
        .map(|number| {
            (
                format!("com.example.{number:03}.").into_bytes(),
                row(1, &[300, 301], 1_900_000_000, Some((7, 70_000 + number))),
            )
        })
        .collect();
    let bytes = block(&rows).len();
    assert!(bytes < 100 * 12, "{bytes}");
}
