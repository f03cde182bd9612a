//! Stored tables give back every context, in any order, and notice damage.

use super::{StoredReader, StoredTable};
use crate::{
    contexts::{ContextTable, ContextTableBuilder},
    trees::Trees,
};

fn contexts(count: u32, of: impl Fn(u32) -> Vec<u8>) -> ContextTable {
    let mut builder = ContextTableBuilder::default();
    for number in 0..count {
        assert_eq!(builder.intern(&of(number)), Some(number));
    }
    builder.finish()
}

#[track_caller]
fn check(contexts: &ContextTable) {
    let dir = tempfile::tempdir().unwrap();
    let trees = Trees::open(dir.path()).unwrap();
    let written = StoredTable::write(&trees, 7, contexts, 1).unwrap();
    let opened = StoredTable::open(&trees, written.meta).unwrap();
    for table in [&written, &opened] {
        let mut reader = StoredReader::new(&trees, table);
        // A stride that is prime to most counts visits every number, and no two neighbors in turn.
        let count = u64::from(contexts.count());
        for step in 0..count {
            let number = u32::try_from(step * 7_919 % count).unwrap();
            assert_eq!(reader.get(number).unwrap(), contexts.get(number).unwrap());
        }
        assert!(reader.get(contexts.count()).is_err());
        assert!(reader.get(u32::MAX).is_err());
    }
    opened.remove(&trees).unwrap();
    assert_eq!(trees.contexts.len(), 0);
    assert!(StoredTable::open(&trees, written.meta).is_err());
}

#[test]
fn one_context_is_a_table() {
    check(&contexts(1, |_| b"{}".to_vec()));
}

#[test]
fn many_contexts_of_all_lengths_are_found_by_number() {
    check(&contexts(5_000, |number| {
        let fill = "x".repeat((number % 97) as usize);
        format!("{{\"source\":\"example.com/list-{}\",\"n\":{number},\"fill\":\"{fill}\"}}", number % 7)
            .into_bytes()
    }));
}

/// A block beyond a piece goes over several, between blocks that share one.
#[test]
fn a_context_longer_than_a_piece_is_found_beside_short_ones() {
    check(&contexts(40, |number| {
        let mut noise = u64::from(number) + 1;
        let bytes = if number % 10 == 3 { 20_000 } else { 30 };
        let step = |_| {
            noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(number.into());
            u8::try_from(noise >> 56).unwrap()
        };
        (0..bytes).map(step).collect()
    }));
}

#[test]
fn every_damaged_piece_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let trees = Trees::open(dir.path()).unwrap();
    let contexts =
        contexts(300, |number| format!("{{\"number\":{number},\"list\":\"example.net\"}}").into_bytes());
    let table = StoredTable::write(&trees, 7, &contexts, 1).unwrap();
    let pieces: Vec<_> = trees.contexts.iter().map(Result::unwrap).collect();
    assert!(1 < pieces.len());
    for (key, piece) in pieces {
        for at in [0, piece.len() / 2, piece.len() - 1] {
            let mut damaged = piece.to_vec();
            damaged[at] ^= 1;
            trees.contexts.insert(&key, damaged).unwrap();
            let is_noticed = StoredTable::open(&trees, table.meta)
                .and_then(|table| {
                    let mut reader = StoredReader::new(&trees, &table);
                    (0..300).try_for_each(|number| reader.get(number).map(|_| ()))
                })
                .is_err();
            assert!(is_noticed, "byte {at} of piece {key:?}");
        }
        trees.contexts.insert(&key, piece).unwrap();
    }
}
