//! What is held in memory of a part beside its filter: where its blocks begin, and who is in it.

use std::{cmp::Ordering, collections::BTreeMap};

use sluice_model::{
    SupplierId, TagId,
    ranges::items_at,
    varint::{push_varint, take_varint, take_varint_u32},
};

use crate::rows::{long_key_prefix, push_prefixed, take_prefixed};

/// What an allocation is a multiple of.
const KEY_BYTES_STEP: usize = 16;

/// What a map takes for a posting list, about: its nodes are two thirds full.
const POSTING_BYTES: usize = (size_of::<u32>() + size_of::<PostingSummary>()) * 3 / 2;

/// Where a block begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    /// First key of the block.
    pub(crate) first_key: Box<[u8]>,
    /// What it begins with, so that most comparisons stay within the list of fences.
    key_prefix: u128,
    /// First of its pieces.
    pub(crate) first_piece: u32,
    /// Rows of the part before it.
    pub(crate) first_row: u32,
}

impl Fence {
    /// A block that begins with a key.
    pub(crate) fn new(first_key: Box<[u8]>, first_piece: u32, first_row: u32) -> Self {
        Self { key_prefix: long_key_prefix(&first_key), first_key, first_piece, first_row }
    }

    /// Returns true if the block begins at a key, whose prefix is at hand, or before it.
    fn is_at_or_before(&self, key: &[u8], prefix: u128) -> bool {
        match self.key_prefix.cmp(&prefix) {
            Ordering::Equal => *self.first_key <= *key,
            order => order == Ordering::Less,
        }
    }
}

/// A posting list as the index knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PostingSummary {
    /// Rows listed.
    pub(crate) rows: u32,
    /// Pieces it is stored in.
    pub(crate) pieces: u32,
    /// Newest `updated` among the rows; 0 for tags.
    pub(crate) newest_updated: u32,
}

/// Index of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// Blocks, ascending.
    pub(crate) fences: Vec<Fence>,
    /// Pieces of all blocks: where a block after the last would begin.
    pub(crate) pieces: u32,
    /// Rows of all blocks.
    pub(crate) rows: u32,
    /// How many rows name each table, ascending by table.
    pub(crate) tables: Vec<(u32, u32)>,
    /// Posting lists by supplier.
    pub(crate) suppliers: BTreeMap<SupplierId, PostingSummary>,
    /// Posting lists by tag.
    pub(crate) tags: BTreeMap<TagId, PostingSummary>,
}

impl Index {
    /// Heap bytes held, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let keys: usize =
            self.fences.iter().map(|fence| fence.first_key.len().next_multiple_of(KEY_BYTES_STEP)).sum();
        keys + self.fences.capacity() * size_of::<Fence>()
            + self.tables.capacity() * size_of::<(u32, u32)>()
            + (self.suppliers.len() + self.tags.len()) * POSTING_BYTES
    }

    /// First key of the part; empty for an empty one.
    pub(crate) fn first_key(&self) -> &[u8] {
        self.fences.first().map_or(&[], |fence| &fence.first_key)
    }

    /// Number of the block that a key would be in; `None` when it lies before the first.
    pub(crate) fn block_of(&self, key: &[u8]) -> Option<usize> {
        self.fences.partition_point(|fence| &*fence.first_key <= key).checked_sub(1)
    }

    /// Number of the block that a row is in.
    pub(crate) fn block_of_row(&self, row: u32) -> Option<usize> {
        self.fences.partition_point(|fence| fence.first_row <= row).checked_sub(1)
    }

    /// As of [`Self::block_of`], for a key not below one that block `near` was for; costs little if it is not far.
    ///
    /// Steps double until a block begins after the key, then the last step is searched: from block 10 to block 15 it
    /// looks at 11, 12, 14 and 18, and then between 14 and 18.
    pub(crate) fn block_after(&self, near: usize, key: &[u8]) -> Option<usize> {
        let (ahead, prefix) = (items_at(&self.fences, near..), long_key_prefix(key));
        let mut step = 1;
        while let Some(fence) = ahead.get(step)
            && fence.is_at_or_before(key, prefix)
        {
            step *= 2;
        }
        let from = step / 2;
        let between = items_at(ahead, from..step.min(ahead.len()));
        (near + from + between.partition_point(|fence| fence.is_at_or_before(key, prefix))).checked_sub(1)
    }

    /// First piece and number of pieces of a block.
    pub(crate) fn pieces_of(&self, block: usize) -> Option<(u32, u32)> {
        let from = self.fences.get(block)?.first_piece;
        let to = self.fences.get(block + 1).map_or(self.pieces, |next| next.first_piece);
        Some((from, to.checked_sub(from)?))
    }

    /// The index as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, u64::from(self.rows));
        push_varint(&mut bytes, u64::from(self.pieces));
        push_varint(&mut bytes, self.fences.len() as u64);
        for fence in &self.fences {
            push_prefixed(&mut bytes, &fence.first_key);
            push_varint(&mut bytes, u64::from(fence.first_piece));
            push_varint(&mut bytes, u64::from(fence.first_row));
        }
        push_varint(&mut bytes, self.tables.len() as u64);
        for (table, rows) in &self.tables {
            push_varint(&mut bytes, u64::from(*table));
            push_varint(&mut bytes, u64::from(*rows));
        }
        push_varint(&mut bytes, self.suppliers.len() as u64);
        for (supplier, summary) in &self.suppliers {
            push_posting(&mut bytes, supplier.0, *summary);
        }
        push_varint(&mut bytes, self.tags.len() as u64);
        for (tag, summary) in &self.tags {
            push_posting(&mut bytes, tag.0, *summary);
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let (rows, pieces) = (take_varint_u32(&mut bytes)?, take_varint_u32(&mut bytes)?);
        let mut index = Self { pieces, rows, ..Self::default() };
        for _ in 0..take_varint(&mut bytes)? {
            let first_key = take_prefixed(&mut bytes)?.into();
            let first_piece = take_varint_u32(&mut bytes)?;
            let first_row = take_varint_u32(&mut bytes)?;
            index.fences.push(Fence::new(first_key, first_piece, first_row));
        }
        for _ in 0..take_varint(&mut bytes)? {
            index.tables.push((take_varint_u32(&mut bytes)?, take_varint_u32(&mut bytes)?));
        }
        for _ in 0..take_varint(&mut bytes)? {
            let (id, summary) = take_posting(&mut bytes)?;
            index.suppliers.insert(SupplierId(id), summary);
        }
        for _ in 0..take_varint(&mut bytes)? {
            let (id, summary) = take_posting(&mut bytes)?;
            index.tags.insert(TagId(id), summary);
        }
        if bytes.is_empty() { Some(index) } else { None }
    }
}

fn push_posting(bytes: &mut Vec<u8>, id: u32, summary: PostingSummary) {
    for number in [id, summary.rows, summary.pieces, summary.newest_updated] {
        push_varint(bytes, u64::from(number));
    }
}

fn take_posting(bytes: &mut &[u8]) -> Option<(u32, PostingSummary)> {
    let id = take_varint_u32(bytes)?;
    let rows = take_varint_u32(bytes)?;
    let pieces = take_varint_u32(bytes)?;
    let newest_updated = take_varint_u32(bytes)?;
    Some((id, PostingSummary { rows, pieces, newest_updated }))
}

#[cfg(test)]
mod tests;
