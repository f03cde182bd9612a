//! Distinct contexts in memory, each with a number.
//!
//! In: contexts as clients sent them. Out: a [`ContextTable`], in which every context stands once. A slice of the
//! memtable has one; a flush or merge writes one to the trees (`stored.rs`).

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    sync::LazyLock,
};

use hashbrown::HashTable;
use sluice_model::varint::{push_varint, take_varint_u32};

use crate::rows::{push_prefixed, take_prefixed};

/// Distinct contexts by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContextTable {
    bytes: Vec<u8>,
    /// Where each context ends in `bytes`, and its hash.
    entries: Vec<(u32, (u64, u64))>,
}

/// What tells contexts apart. Taken under a number that no client knows, so that a client cannot make two contexts
/// collide; 128 bits, so that none do by chance, and bytes need no second look.
pub(crate) fn hash_of(context: &[u8]) -> (u64, u64) {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    let hash = xxhash_rust::xxh3::xxh3_128_with_seed(context, *SEED);
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    (half(hash >> 64), half(hash))
}

impl ContextTable {
    /// The context of a number.
    pub(crate) fn get(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let end_of = |number: usize| self.entries.get(number).map(|(end, _)| *end as usize);
        let start = number.checked_sub(1).map_or(Some(0), end_of)?;
        self.bytes.get(start..end_of(number)?)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// All, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count()).map_while(|number| self.get(number))
    }

    /// Bytes of all contexts.
    pub(crate) fn bytes_count(&self) -> usize {
        self.bytes.len()
    }

    /// Heap bytes held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<(u32, (u64, u64))>()
    }

    /// Appends the table as bytes.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        push_varint(bytes, u64::from(self.count()));
        for context in self.iter() {
            push_prefixed(bytes, context);
        }
    }

    /// Takes what [`Self::write`] wrote off the front.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut contexts = Self::default();
        for _ in 0..take_varint_u32(bytes)? {
            let context = take_prefixed(bytes)?;
            contexts.push(context, hash_of(context))?;
        }
        Some(contexts)
    }

    fn push(&mut self, context: &[u8], hash: (u64, u64)) -> Option<()> {
        let end = u32::try_from(self.bytes.len() + context.len()).ok()?;
        self.bytes.extend_from_slice(context);
        self.entries.push((end, hash));
        Some(())
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.entries.shrink_to_fit();
    }
}

/// Collects distinct contexts. Numbers follow the order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct ContextTableBuilder {
    contexts: ContextTable,
    known: HashTable<((u64, u64), u32)>,
}

impl ContextTableBuilder {
    /// Begins with room for so many bytes and contexts.
    pub(crate) fn with_capacity(bytes: usize, contexts: usize) -> Self {
        let entries = Vec::with_capacity(contexts);
        let contexts_room = ContextTable { bytes: Vec::with_capacity(bytes), entries };
        Self { contexts: contexts_room, known: HashTable::with_capacity(contexts) }
    }

    /// The number of a context, which is added when it is new; `None` beyond 4 GiB.
    pub(crate) fn intern(&mut self, context: &[u8]) -> Option<u32> {
        let hash = hash_of(context);
        self.number_of(hash).or_else(|| self.add(context, hash))
    }

    /// The number of a context of another table, which is copied when it is new; `None` beyond 4 GiB, and for a number
    /// that the table does not have.
    pub(crate) fn copy_from(&mut self, table: &ContextTable, number: u32) -> Option<u32> {
        let (_, hash) = *table.entries.get(number as usize)?;
        self.number_of(hash).or_else(|| self.add(table.get(number)?, hash))
    }

    fn number_of(&self, hash: (u64, u64)) -> Option<u32> {
        let (_, number) = self.known.find(hash.0, |(known, _)| *known == hash)?;
        Some(*number)
    }

    fn add(&mut self, context: &[u8], hash: (u64, u64)) -> Option<u32> {
        let number = self.contexts.count();
        self.contexts.push(context, hash)?;
        self.known.insert_unique(hash.0, (hash, number), |(hash, _)| hash.0);
        Some(number)
    }

    /// What was collected so far.
    pub(crate) fn contexts(&self) -> &ContextTable {
        &self.contexts
    }

    /// Begins anew, with the memory that is there.
    pub(crate) fn clear(&mut self) {
        self.contexts.bytes.clear();
        self.contexts.entries.clear();
        self.known.clear();
    }

    /// Ends the collecting.
    pub(crate) fn finish(mut self) -> ContextTable {
        self.contexts.shrink();
        self.contexts
    }
}

#[cfg(test)]
mod tests;
