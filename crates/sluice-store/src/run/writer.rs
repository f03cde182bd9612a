//! Sorted rows to a stored part: blocks, index, filter and posting lists.

use std::collections::BTreeMap;

use sluice_model::{
    SupplierId, TagId,
    operation::{Row, push_varint},
};

use super::{
    block,
    index::{Fence, Index, PostingSummary},
    part::{Part, PartMeta, posting_prefix},
};
use crate::{
    error::TreeError,
    filter::{self, Filter},
    rows::push_row,
    trees::{FILTER_PIECES_FROM, INDEX_PIECES_FROM, Trees, put_pieces},
};

/// Writes one part. Nothing of it counts before the manifest names it.
pub(crate) struct PartWriter<'a> {
    trees: &'a Trees,
    id: u32,
    block: Vec<u8>,
    stored: Vec<u8>,
    raw_bytes: u64,
    raw_bytes_max: u64,
    stored_bytes: u64,
    index: Index,
    hashes: Vec<u64>,
    suppliers: BTreeMap<SupplierId, Posting>,
    tags: BTreeMap<TagId, Posting>,
}

#[derive(Default)]
struct Posting {
    deltas: Vec<u8>,
    last_row: u32,
    summary: PostingSummary,
}

impl Posting {
    fn add(&mut self, row: u32, updated: u32) {
        // A tag that was sent twice in one list is listed once.
        if 0 < self.summary.rows && row == self.last_row {
            return;
        }
        push_varint(&mut self.deltas, u64::from(row - self.last_row));
        self.last_row = row;
        self.summary.rows += 1;
        self.summary.newest_updated = self.summary.newest_updated.max(updated);
    }

    fn store(mut self, tree: &sled::Tree, id: u32, part: u32) -> Result<PostingSummary, TreeError> {
        let mut stored = Vec::new();
        block::encode(&self.deltas, &mut stored).map_err(TreeError::io("pack a posting list"))?;
        self.summary.pieces = put_pieces(tree, &posting_prefix(id, part), 0, &stored)?;
        Ok(self.summary)
    }
}

impl<'a> PartWriter<'a> {
    /// Starts part number `id`, which is full after `raw_bytes_max` bytes of rows.
    pub(crate) fn new(trees: &'a Trees, id: u32, raw_bytes_max: u64) -> Self {
        Self {
            trees,
            raw_bytes_max,
            id,
            block: Vec::with_capacity(2 * block::BLOCK_BYTES),
            stored: Vec::new(),
            raw_bytes: 0,
            stored_bytes: 0,
            index: Index::default(),
            hashes: Vec::new(),
            suppliers: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    /// Tells whether the part has reached its size.
    pub(crate) fn is_full(&self) -> bool {
        self.raw_bytes_max <= self.raw_bytes
    }

    /// Adds a row; keys ascend.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn add(&mut self, key: &[u8], row: &[u8]) -> Result<(), TreeError> {
        let number = self.index.rows;
        if self.block.is_empty() {
            let first_piece = self.index.pieces;
            self.index.fences.push(Fence { first_key: key.into(), first_piece, first_row: number });
        }
        push_row(&mut self.block, key, row);
        self.hashes.push(filter::hash(key));
        if let Some(row) = Row::decode(row) {
            for holding in row.holdings().filter(|holding| !holding.is_released()) {
                self.suppliers.entry(holding.supplier).or_default().add(number, holding.updated);
            }
            for tag in row.tags() {
                self.tags.entry(tag).or_default().add(number, 0);
            }
        }
        self.index.rows += 1;
        self.raw_bytes += (key.len() + row.len()) as u64;
        if block::BLOCK_BYTES <= self.block.len() { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<(), TreeError> {
        self.stored.clear();
        block::encode(&self.block, &mut self.stored).map_err(TreeError::io("pack a block"))?;
        let prefix = self.id.to_be_bytes();
        self.index.pieces += put_pieces(&self.trees.indicators, &prefix, self.index.pieces, &self.stored)?;
        self.stored_bytes += self.stored.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Writes what is left, the index, the filter and the posting lists; `None` when there was no row.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn finish(mut self) -> Result<Option<Part>, TreeError> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        if self.index.rows == 0 {
            return Ok(None);
        }
        for (id, posting) in std::mem::take(&mut self.suppliers) {
            let summary = posting.store(&self.trees.suppliers, id.0, self.id)?;
            self.index.suppliers.insert(id, summary);
        }
        for (id, posting) in std::mem::take(&mut self.tags) {
            let summary = posting.store(&self.trees.tags, id.0, self.id)?;
            self.index.tags.insert(id, summary);
        }
        let filter = Filter::build(&self.hashes);
        let index_pieces = self.store_block(INDEX_PIECES_FROM, &self.index.to_bytes())?;
        let filter_pieces = self.store_block(FILTER_PIECES_FROM, &filter.to_bytes())?;
        let meta = PartMeta {
            id: self.id,
            rows: self.index.rows,
            stored_bytes: self.stored_bytes,
            index_pieces,
            filter_pieces,
        };
        Ok(Some(Part { meta, index: self.index, filter }))
    }

    fn store_block(&self, from_piece: u32, raw: &[u8]) -> Result<u32, TreeError> {
        let mut stored = Vec::new();
        block::encode(raw, &mut stored).map_err(TreeError::io("pack an index"))?;
        put_pieces(&self.trees.indicators, &self.id.to_be_bytes(), from_piece, &stored)
    }
}
