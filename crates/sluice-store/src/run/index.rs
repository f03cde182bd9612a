//! What is held in memory of a part beside its filter: where its blocks begin, and who is in it.

use std::collections::BTreeMap;

use sluice_model::{
    SupplierId, TagId,
    varint::{push_varint, take_varint, take_varint_u32},
};

use crate::rows::take_prefixed;

/// Where a block begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "each is the first of something of the block")]
pub(crate) struct Fence {
    /// First key of the block.
    pub(crate) first_key: Box<[u8]>,
    /// First of its pieces.
    pub(crate) first_piece: u32,
    /// Rows of the part before it.
    pub(crate) first_row: u32,
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
    pub(crate) fn block_after(&self, near: usize, key: &[u8]) -> Option<usize> {
        let begins_by = |fence: &Fence| &*fence.first_key <= key;
        let ahead = self.fences.get(near..).unwrap_or_default();
        let mut step = 1;
        while ahead.get(step).is_some_and(begins_by) {
            step *= 2;
        }
        let from = step / 2;
        let between = ahead.get(from..step.min(ahead.len())).unwrap_or_default();
        (near + from + between.partition_point(begins_by)).checked_sub(1)
    }

    /// First piece and number of pieces of a block.
    pub(crate) fn pieces_of(&self, block: usize) -> Option<(u32, u32)> {
        let from = self.fences.get(block)?.first_piece;
        let to = self.fences.get(block + 1).map_or(self.pieces, |fence| fence.first_piece);
        Some((from, to.checked_sub(from)?))
    }

    /// The index as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, u64::from(self.rows));
        push_varint(&mut bytes, u64::from(self.pieces));
        push_varint(&mut bytes, self.fences.len() as u64);
        for fence in &self.fences {
            push_varint(&mut bytes, fence.first_key.len() as u64);
            bytes.extend_from_slice(&fence.first_key);
            push_varint(&mut bytes, u64::from(fence.first_piece));
            push_varint(&mut bytes, u64::from(fence.first_row));
        }
        push_varint(&mut bytes, self.tables.len() as u64);
        for (table, rows) in &self.tables {
            push_varint(&mut bytes, u64::from(*table));
            push_varint(&mut bytes, u64::from(*rows));
        }
        push_postings(&mut bytes, self.suppliers.iter().map(|(id, summary)| (id.0, *summary)));
        push_postings(&mut bytes, self.tags.iter().map(|(id, summary)| (id.0, *summary)));
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let rows = take_varint_u32(&mut bytes)?;
        let pieces = take_varint_u32(&mut bytes)?;
        let fences = (0..take_varint(&mut bytes)?)
            .map(|_| {
                Some(Fence {
                    first_key: take_prefixed(&mut bytes)?.into(),
                    first_piece: take_varint_u32(&mut bytes)?,
                    first_row: take_varint_u32(&mut bytes)?,
                })
            })
            .collect::<Option<_>>()?;
        let tables = (0..take_varint(&mut bytes)?)
            .map(|_| Some((take_varint_u32(&mut bytes)?, take_varint_u32(&mut bytes)?)))
            .collect::<Option<_>>()?;
        let suppliers = take_postings(&mut bytes, SupplierId)?;
        let tags = take_postings(&mut bytes, TagId)?;
        bytes.is_empty().then_some(Self { fences, pieces, rows, tables, suppliers, tags })
    }
}

fn push_postings(bytes: &mut Vec<u8>, postings: impl ExactSizeIterator<Item = (u32, PostingSummary)>) {
    push_varint(bytes, postings.len() as u64);
    for (id, summary) in postings {
        for number in [id, summary.rows, summary.pieces, summary.newest_updated] {
            push_varint(bytes, u64::from(number));
        }
    }
}

fn take_postings<I: Ord>(bytes: &mut &[u8], id: impl Fn(u32) -> I) -> Option<BTreeMap<I, PostingSummary>> {
    (0..take_varint(bytes)?)
        .map(|_| {
            let id = id(take_varint_u32(bytes)?);
            let rows = take_varint_u32(bytes)?;
            let pieces = take_varint_u32(bytes)?;
            Some((id, PostingSummary { rows, pieces, newest_updated: take_varint_u32(bytes)? }))
        })
        .collect()
}

#[cfg(test)]
mod tests;
