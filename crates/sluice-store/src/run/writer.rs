//! Sorted rows to a stored part: blocks, index, filter and posting lists.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;
use sluice_model::{SupplierId, TagId, row::Row, varint::push_varint};

use super::{
    index::{Fence, Index, PostingSummary},
    part::{Part, PartMeta, named_tables, posting_prefix},
    rows_block::BlockBuilder,
};
use crate::{
    block,
    contexts::{ContextRef, StoredTable},
    error::{ReadError, TreeError},
    filter::Hashes,
    trees::{FILTER_PIECES_FROM, INDEX_PIECES_FROM, Tree, Trees, put_pieces},
};

/// Bytes after which a block is closed: it fits one piece, and a lookup reads one.
const BLOCK_BYTES: usize = 4 * 1024;

/// Writes one part. Nothing of it counts before the manifest names it.
pub(crate) struct PartWriter<'a> {
    trees: &'a Trees,
    id: u32,
    block: BlockBuilder,
    stored_bytes: u64,
    index: Index,
    hashes: Hashes,
    suppliers: HashMap<u32, PostingList>,
    tags: HashMap<u32, PostingList>,
    /// Rows by the table that they name; few at a time, the one last named in front.
    tables: Vec<(u32, u32)>,
}

#[derive(Default)]
struct PostingList {
    deltas: Vec<u8>,
    last_row: u32,
    summary: PostingSummary,
}

impl PostingList {
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

    fn store(mut self, tree: &Tree, id: u32, part: u32) -> Result<PostingSummary, TreeError> {
        let mut stored = Vec::new();
        block::encode(&self.deltas, &mut stored).map_err(TreeError::io("pack a posting list"))?;
        self.summary.pieces = put_pieces(tree, &posting_prefix(id, part), 0, &stored)?;
        Ok(self.summary)
    }
}

impl<'a> PartWriter<'a> {
    /// Starts part number `id`.
    pub(crate) fn new(trees: &'a Trees, id: u32) -> Self {
        Self {
            trees,
            id,
            block: BlockBuilder::new(),
            stored_bytes: 0,
            index: Index::default(),
            hashes: Hashes::default(),
            suppliers: HashMap::new(),
            tags: HashMap::new(),
            tables: Vec::new(),
        }
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
            self.index.fences.push(Fence::new(key.into(), first_piece, number));
        }
        self.block.push(key, row);
        self.hashes.push(key);
        let Some(row) = Row::decode(row) else { return Err(self.damaged("a row makes no sense")) };
        for holding in row.holdings() {
            if !holding.is_released() {
                self.suppliers.entry(holding.supplier.0).or_default().add(number, holding.updated);
                self.count_table(holding.context)?;
            }
        }
        for tag in row.tags() {
            self.tags.entry(tag.0).or_default().add(number, 0);
        }
        self.index.rows += 1;
        if BLOCK_BYTES <= self.block.bytes_count() { self.close_block() } else { Ok(()) }
    }

    /// Counts a row for the table that its context is in.
    fn count_table(&mut self, encoded: &[u8]) -> Result<(), TreeError> {
        if encoded.is_empty() {
            return Ok(());
        }
        let table = ContextRef::read(encoded).and_then(|context| context.table.stored());
        let table = table.ok_or_else(|| self.damaged("a row names no stored table"))?;
        let known = self.tables.iter().position(|(known, _)| *known == table);
        let place = known.unwrap_or(self.tables.len());
        if known.is_none() {
            self.tables.push((table, 0));
        }
        self.tables.swap(0, place);
        if let Some((_, rows)) = self.tables.first_mut() {
            *rows += 1;
        }
        Ok(())
    }

    fn damaged(&self, detail: &str) -> TreeError {
        TreeError::Read(ReadError::damaged(self.id, 0, detail))
    }

    fn close_block(&mut self) -> Result<(), TreeError> {
        let Self { trees, id, block, index, stored_bytes, .. } = self;
        *stored_bytes += block.bytes_count() as u64;
        index.pieces +=
            block.finish(|stored| put_pieces(&trees.indicators, &id.to_be_bytes(), index.pieces, stored))?;
        Ok(())
    }

    /// Writes what is left, the index, the filter and the posting lists; `None` when there was no row. `tables` are
    /// all that the rows may name, by number.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn finish(
        mut self,
        tables: &BTreeMap<u32, Arc<StoredTable>>,
    ) -> Result<Option<Part>, TreeError> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        if self.index.rows == 0 {
            return Ok(None);
        }
        for (id, posting) in sorted(&mut self.suppliers) {
            let summary = posting.store(&self.trees.suppliers, id, self.id)?;
            self.index.suppliers.insert(SupplierId(id), summary);
        }
        for (id, posting) in sorted(&mut self.tags) {
            let summary = posting.store(&self.trees.tags, id, self.id)?;
            self.index.tags.insert(TagId(id), summary);
        }
        self.tables.sort_unstable();
        self.index.tables = std::mem::take(&mut self.tables);
        let named = named_tables(&self.index, tables);
        let tables = named.ok_or_else(|| self.damaged("rows name a table that is not there"))?;
        let filter = self.hashes.build();
        let index_pieces = self.store_block(INDEX_PIECES_FROM, &self.index.to_bytes())?;
        let filter_pieces = self.store_block(FILTER_PIECES_FROM, &filter.to_bytes())?;
        let meta = PartMeta {
            id: self.id,
            rows: self.index.rows,
            stored_bytes: self.stored_bytes,
            index_pieces,
            filter_pieces,
        };
        Ok(Some(Part::new(self.trees, meta, (self.index, filter), tables)))
    }

    fn store_block(&self, from_piece: u32, raw: &[u8]) -> Result<u32, TreeError> {
        let mut stored = Vec::new();
        block::encode(raw, &mut stored).map_err(TreeError::io("pack an index"))?;
        put_pieces(&self.trees.indicators, &self.id.to_be_bytes(), from_piece, &stored)
    }
}

fn sorted(postings: &mut HashMap<u32, PostingList>) -> Vec<(u32, PostingList)> {
    let mut sorted: Vec<_> = postings.drain().collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    sorted
}
