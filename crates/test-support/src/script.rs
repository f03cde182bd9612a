//! Histories of several clients, and what a store must hold after them.
//!
//! In: a seed. Out: for each client an endless list of operations, and a model that applies them. A client has
//! keys, a supplier and tags of its own and does one thing after the other; so what it may find after a crash is
//! known exactly: all that was answered, and of the one operation without an answer everything or nothing.
//! How an operation is carried out, on a store or over HTTP, is left to others.

use std::collections::{BTreeMap, BTreeSet};

use crate::dice::Dice;

/// Where a client's history goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Script {
    /// What the histories are drawn from.
    pub seed: u64,
    /// Keys of each client, numbered from 0.
    pub keys: u32,
}

/// What is done to one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Held with this context, JSON text.
    Put(String),
    /// Held, with the context that it has.
    Touch,
}

impl Change {
    /// The one after which a key is held with this context, if it was not held, or with the same.
    pub(crate) fn to(context: &str) -> Self {
        if context.is_empty() { Self::Touch } else { Self::Put(context.to_owned()) }
    }
}

/// One operation of one client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Creates the client's supplier.
    CreateSupplier,
    /// Removes it, with all that it holds.
    RemoveSupplier,
    /// Creates a tag.
    CreateTag(String),
    /// Removes a tag.
    RemoveTag(String),
    /// One write of these slices, in this order.
    Put(Vec<Vec<(u32, Change)>>),
    /// Such a write that is given up before its end.
    Abandon(Vec<Vec<(u32, Change)>>),
    /// One write that gives these keys up.
    Delete(Vec<u32>),
    /// A feed of these slices, in this order, in the place of all that the supplier holds.
    Replace(Vec<Vec<(u32, Change)>>),
    /// Moves everything into the trees.
    Checkpoint,
    /// Merges everything.
    Compact,
}

/// What one client must find.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Model {
    /// Whether its supplier exists.
    pub has_supplier: bool,
    /// By key: the context's JSON text, empty when there is none.
    pub values: BTreeMap<u32, String>,
    /// Its tags.
    pub tags: BTreeSet<String>,
}

/// How likely each kind of operation is, in percent: large writes, deletions, abandoned writes, catalogue
/// changes, checkpoints, compactions, replacements; the rest are small writes.
const STYLES: [[u64; 7]; 4] =
    [[3, 5, 5, 6, 2, 1, 10], [40, 10, 10, 3, 3, 2, 20], [2, 5, 5, 50, 5, 1, 5], [10, 10, 5, 5, 15, 15, 15]];

impl Script {
    /// Operation `number` of a client whose model is `model`.
    pub fn operation(&self, client: u32, number: u32, model: &Model) -> Operation {
        let mut dice = Dice::new(&[self.seed, u64::from(client), u64::from(number)]);
        if !model.has_supplier {
            return Operation::CreateSupplier;
        }
        let style = STYLES[usize::try_from(self.seed % 4).unwrap()];
        let mut choice = dice.below(100);
        let mut kind = 0;
        while kind < style.len() && style[kind] <= choice {
            choice -= style[kind];
            kind += 1;
        }
        match kind {
            0 => {
                let slices = 1 + dice.below(4);
                Operation::Put((0..slices).map(|_| self.slice(&mut dice, number, 400)).collect())
            }
            1 => {
                let count = 1 + dice.below(30);
                Operation::Delete((0..count).map(|_| self.key(&mut dice)).collect())
            }
            2 => {
                let slices = 1 + dice.below(3);
                Operation::Abandon((0..slices).map(|_| self.slice(&mut dice, number, 50)).collect())
            }
            3 => catalogue_change(&mut dice, client, number, model),
            4 => Operation::Checkpoint,
            5 => Operation::Compact,
            6 => Operation::Replace(self.feed(&mut dice, number, model)),
            _ => Operation::Put(vec![self.slice(&mut dice, number, 8)]),
        }
    }

    /// Most of what is held, and something new; now and then little else than that.
    fn feed(&self, dice: &mut Dice, number: u32, model: &Model) -> Vec<Vec<(u32, Change)>> {
        let kept_percent = [0, 90, 99, 100][dice.index(4)];
        let mut kept = Vec::new();
        for (key, context) in &model.values {
            if dice.chance(kept_percent) {
                kept.push((*key, Change::to(context)));
            }
        }
        vec![kept, self.slice(dice, number, 8)]
    }

    fn slice(&self, dice: &mut Dice, number: u32, rows_max: u64) -> Vec<(u32, Change)> {
        let rows = 1 + dice.below(rows_max);
        (0..rows)
            .map(|row| {
                let key = self.key(dice);
                if dice.chance(10) {
                    return (key, Change::Touch);
                }
                let words = dice.below(30);
                let padding =
                    (0..words).fold(String::new(), |padding, _| format!("{padding}{:016x}", dice.next()));
                // In the order in which a sorted map prints them.
                (key, Change::Put(format!("{{\"op\":{number},\"pad\":\"{padding}\",\"row\":{row}}}")))
            })
            .collect()
    }

    fn key(&self, dice: &mut Dice) -> u32 {
        u32::try_from(dice.below(u64::from(self.keys))).unwrap()
    }
}

/// The name of a client's supplier.
pub fn supplier_name(client: u32) -> String {
    format!("Client-{client}")
}

/// How the names of a client's tags begin.
pub fn tag_prefix(client: u32) -> String {
    format!("CLIENT-{client}-")
}

fn catalogue_change(dice: &mut Dice, client: u32, number: u32, model: &Model) -> Operation {
    match dice.below(10) {
        0 => Operation::RemoveSupplier,
        1..4 if !model.tags.is_empty() => {
            let tag = model.tags.iter().nth(dice.index(model.tags.len())).unwrap();
            Operation::RemoveTag(tag.clone())
        }
        _ => Operation::CreateTag(format!("{}{number}", tag_prefix(client))),
    }
}

impl Model {
    /// Does what the operation does when it succeeds.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::CreateSupplier => self.has_supplier = true,
            Operation::RemoveSupplier => {
                self.has_supplier = false;
                self.values.clear();
            }
            Operation::CreateTag(name) => {
                self.tags.insert(name.clone());
            }
            Operation::RemoveTag(name) => {
                self.tags.remove(name);
            }
            Operation::Put(slices) => {
                for (key, change) in slices.iter().flatten() {
                    let value = self.values.entry(*key).or_default();
                    if let Change::Put(context) = change {
                        value.clone_from(context);
                    }
                }
            }
            Operation::Replace(slices) => {
                self.values.clear();
                self.apply(&Operation::Put(slices.clone()));
            }
            Operation::Delete(keys) => {
                for key in keys {
                    self.values.remove(key);
                }
            }
            Operation::Abandon(_) | Operation::Checkpoint | Operation::Compact => {}
        }
    }

    /// Says where two models differ, for the reader of a failed test.
    pub fn difference(&self, other: &Self) -> String {
        let keys: BTreeSet<_> = self.values.keys().chain(other.values.keys()).collect();
        let unequal: Vec<_> =
            keys.into_iter().filter(|key| self.values.get(key) != other.values.get(key)).collect();
        let shown: Vec<String> = unequal
            .iter()
            .take(5)
            .map(|key| {
                let head =
                    |value: Option<&String>| value.map(|text| text.chars().take(40).collect::<String>());
                format!("{key}: {:?} / {:?}", head(self.values.get(key)), head(other.values.get(key)))
            })
            .collect();
        format!(
            "{} values differ ({}); supplier {} / {}; tags differ: {:?}",
            unequal.len(),
            shown.join(", "),
            self.has_supplier,
            other.has_supplier,
            self.tags.symmetric_difference(&other.tags).collect::<Vec<_>>()
        )
    }
}
