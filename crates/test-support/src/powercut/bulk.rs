//! Histories that fill the trees with tens of mebibytes, so that sled frees segments and writes over them.
//!
//! In: a seed, a client, the number of an operation, and the client's model. Out: that operation. Rows are about
//! a kibibyte long and hardly compress; most writes replace what is there, so nearly all of the trees is rewritten
//! again and again. Every value names its operation and row, so a stale one is noticed.

use std::sync::OnceLock;

use crate::{
    dice::Dice,
    script::{Change, Model, Operation, tag_prefix},
};

/// Keys of each client.
pub(super) const KEYS: u32 = 8_000;
/// Rows of one slice at most.
const SLICE_ROWS_MAX: u32 = 500;
/// Slices of one write at most.
const SLICES_MAX: u64 = 4;
/// Bytes of padding of a row, at least and at most.
const PADDING_BYTES: (usize, usize) = (500, 1_500);
/// Text from which padding is cut: so long that the rows of a block seldom share any.
const TEXT_BYTES: usize = 1 << 20;

/// Operation `number` of a client whose model is `model`.
pub(super) fn operation(seed: u64, client: u32, number: u32, model: &Model) -> Operation {
    let mut dice = Dice::new(&[seed, u64::from(client), u64::from(number)]);
    if !model.has_supplier {
        return Operation::CreateSupplier;
    }
    match dice.below(100) {
        0..5 => Operation::Delete(keys(&mut dice)),
        5..10 => Operation::Abandon(vec![slice(&mut dice, number)]),
        10..13 => Operation::CreateTag(format!("{}{number}", tag_prefix(client))),
        13..15 => Operation::Checkpoint,
        15..20 => Operation::Compact,
        20..30 => {
            let kept = model.values.iter().filter(|(key, _)| *key % 50 != number % 50);
            let kept = kept.map(|(key, context)| (*key, Change::to(context))).collect();
            Operation::Replace(vec![kept, slice(&mut dice, number)])
        }
        _ => {
            let slices = 1 + dice.below(SLICES_MAX);
            Operation::Put((0..slices).map(|_| slice(&mut dice, number)).collect())
        }
    }
}

/// A stretch of keys, now dense and now with gaps, so that merges find old and new rows mixed.
fn keys(dice: &mut Dice) -> Vec<u32> {
    let rows = 1 + u32::try_from(dice.below(u64::from(SLICE_ROWS_MAX))).unwrap();
    let from = u32::try_from(dice.below(u64::from(KEYS))).unwrap();
    let stride = if dice.chance(50) { 1 } else { 7 };
    (0..rows).map(|row| (from + row * stride) % KEYS).collect()
}

fn slice(dice: &mut Dice, number: u32) -> Vec<(u32, Change)> {
    let keys = keys(dice);
    let with_context = |(row, key): (usize, u32)| {
        let (least, most) = PADDING_BYTES;
        let length = least + dice.index(most - least);
        let from = dice.index(TEXT_BYTES - length);
        let padding = &text()[from..from + length];
        (key, Change::Put(format!("{{\"op\":{number},\"pad\":\"{padding}\",\"row\":{row}}}")))
    };
    keys.into_iter().enumerate().map(with_context).collect()
}

/// The same text for every seed: cheaper than new chance for each row.
fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut dice = Dice::new(&[0]);
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..TEXT_BYTES).map(|_| char::from(letters[dice.index(letters.len())])).collect()
    })
}
