//! A stored part: opening it, reading its blocks, removing it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};
use sluice_model::{row::Row, varint::take_varint_u32};

use super::{index::Index, rows_block::BlockReader};
use crate::{
    block,
    contexts::{StoredTable, TableId},
    digest::ObjectDigest,
    error::{ReadError, TreeError},
    filter::Filter,
    resident::Resident,
    rows::Rows,
    trees::{
        FILTER_PIECES_FROM, INDEX_PIECES_FROM, Pieces, Tree, Trees, get_pieces, read_pieces, remove_pieces,
    },
};

/// What the manifest says of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartMeta {
    /// Number, never used twice.
    pub(crate) id: u32,
    /// Rows.
    pub(crate) rows: u32,
    /// Bytes of its blocks as stored.
    pub(crate) stored_bytes: u64,
    /// Pieces of the index.
    pub(crate) index_pieces: u32,
    /// Pieces of the filter.
    pub(crate) filter_pieces: u32,
}

/// A part whose index and filter are in memory.
#[derive(Debug)]
pub(crate) struct Part {
    /// What the manifest says.
    pub(crate) meta: PartMeta,
    /// Where its blocks are and who is in it.
    pub(crate) index: Index,
    /// Answers most misses.
    pub(crate) filter: Filter,
    /// The tables that its rows name, ascending by number.
    pub(crate) tables: Vec<Arc<StoredTable>>,
    /// Of its object in snapshots, once it was asked for.
    pub(crate) digest: OnceLock<ObjectDigest>,
    /// Index and filter.
    _resident: Resident,
}

impl Part {
    /// Loads index and filter.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when one of them is missing, fails its checksum or contradicts `meta`.
    pub(crate) fn open(
        trees: &Trees,
        meta: PartMeta,
        tables: &BTreeMap<u32, Arc<StoredTable>>,
    ) -> Result<Self, ReadError> {
        let mut bytes = Vec::new();
        read_block(trees, meta.id, INDEX_PIECES_FROM, meta.index_pieces, &mut bytes)?;
        let index = Index::from_bytes(&bytes).filter(|index| index.rows == meta.rows);
        let damage = ReadError::damage(meta.id, INDEX_PIECES_FROM);
        let index = index.ok_or("index makes no sense").map_err(damage)?;
        read_block(trees, meta.id, FILTER_PIECES_FROM, meta.filter_pieces, &mut bytes)?;
        let damage = ReadError::damage(meta.id, FILTER_PIECES_FROM);
        let filter = Filter::from_bytes(&bytes).ok_or("filter makes no sense").map_err(damage)?;
        let damage = ReadError::damage(meta.id, INDEX_PIECES_FROM);
        let tables = named_tables(&index, tables).ok_or("a table of contexts is missing").map_err(damage)?;
        Ok(Self::new(trees, meta, (index, filter), tables))
    }

    /// A part whose rows name these tables.
    pub(super) fn new(
        trees: &Trees,
        meta: PartMeta,
        (mut index, filter): (Index, Filter),
        tables: Vec<Arc<StoredTable>>,
    ) -> Self {
        index.fences.shrink_to_fit();
        let resident = trees.resident.count(index.heap_bytes() + filter.heap_bytes());
        Self { meta, index, filter, tables, digest: OnceLock::new(), _resident: resident }
    }

    /// A stored table, if rows of this part name it.
    pub(crate) fn stored_table(&self, id: TableId) -> Option<&StoredTable> {
        let index = self.tables.binary_search_by_key(&id, |table| table.id()).ok()?;
        self.tables.get(index).map(Arc::as_ref)
    }

    /// Numbers of the part's rows that a supplier or tag is listed with, ascending.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when the list cannot be read.
    pub(crate) fn posting(&self, tree: &Tree, id: u32, pieces: u32) -> Result<Vec<u32>, ReadError> {
        let prefix = posting_prefix(id, self.meta.id);
        let stored = get_pieces(tree, &prefix, 0, pieces).map_err(ReadError::damage(self.meta.id, 0))?;
        let stored = stored.ok_or("posting list is missing").map_err(ReadError::damage(self.meta.id, 0))?;
        let mut bytes = Vec::new();
        block::decode(&stored, &mut bytes).map_err(ReadError::damage(self.meta.id, 0))?;
        let (mut bytes, mut row, mut rows) = (bytes.as_slice(), 0, Vec::new());
        while let Some(difference) = take_varint_u32(&mut bytes) {
            row += difference;
            rows.push(row);
        }
        Ok(rows)
    }

    /// Decodes one block into `raw`.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it cannot be read.
    pub(crate) fn read(&self, trees: &Trees, block: usize, raw: &mut Vec<u8>) -> Result<(), ReadError> {
        let stored = self.read_stored(trees, block)?;
        BlockReader::default()
            .expand(&stored, raw)
            .map_err(ReadError::damage(self.meta.id, self.pieces_of(block).0))
    }

    /// Reads one block as stored and checks it.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it cannot be read.
    pub(crate) fn read_stored(&self, trees: &Trees, block: usize) -> Result<Pieces, ReadError> {
        let (from, count) = self.pieces_of(block);
        let stored = read_pieces(&trees.indicators, self.meta.id, from, count)?;
        block::unseal(&stored).map_err(ReadError::damage(self.meta.id, from))?;
        Ok(stored)
    }

    /// Reads one block through and checks that it has the rows that the index says; returns its stored bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it cannot be read or has others.
    pub(crate) fn check(&self, trees: &Trees, block: usize) -> Result<u64, ReadError> {
        let stored = self.read_stored(trees, block)?;
        let mut framed = Vec::new();
        let damage = |detail: &str| self.damaged_block(block, detail);
        BlockReader::default().expand(&stored, &mut framed).map_err(damage)?;
        let mut rows = Rows(&framed);
        let (mut last_key, mut count): (Option<&[u8]>, u32) = (None, 0);
        for (key, row) in rows.by_ref() {
            if last_key.is_some_and(|last_key| key <= last_key) || Row::decode(row).is_none() {
                return Err(damage("a row makes no sense"));
            }
            last_key = Some(key);
            count += 1;
        }
        if !rows.0.is_empty() || count != self.rows_of(block) {
            return Err(damage("block has other rows than the index says"));
        }
        Ok(stored.len() as u64)
    }

    /// Rows of a block that the index has.
    pub(crate) fn rows_of(&self, block: usize) -> u32 {
        let fences = &self.index.fences;
        let to = fences.get(block + 1).map_or(self.index.rows, |next| next.first_row);
        fences.get(block).map_or(0, |fence| to.saturating_sub(fence.first_row))
    }

    /// The damage of a block that passes its checksum and makes no sense.
    pub(crate) fn damaged_block(&self, block: usize, detail: &str) -> ReadError {
        ReadError::damaged(self.meta.id, self.pieces_of(block).0, detail)
    }

    /// First piece and number of pieces of a block that the index has.
    pub(crate) fn pieces_of(&self, block: usize) -> (u32, u32) {
        let pieces = self.index.pieces_of(block);
        debug_assert!(pieces.is_some(), "blocks are those of the index");
        pieces.unwrap_or((0, 0))
    }

    /// Takes everything of the part out of the trees. To be called when no reader can hold it any more.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn remove(&self, trees: &Trees) -> Result<(), TreeError> {
        let prefix = self.meta.id.to_be_bytes();
        remove_pieces(&trees.indicators, &prefix, 0, self.index.pieces)?;
        remove_pieces(&trees.indicators, &prefix, INDEX_PIECES_FROM, self.meta.index_pieces)?;
        remove_pieces(&trees.indicators, &prefix, FILTER_PIECES_FROM, self.meta.filter_pieces)?;
        for (id, summary) in &self.index.suppliers {
            remove_pieces(&trees.suppliers, &posting_prefix(id.0, self.meta.id), 0, summary.pieces)?;
        }
        for (id, summary) in &self.index.tags {
            remove_pieces(&trees.tags, &posting_prefix(id.0, self.meta.id), 0, summary.pieces)?;
        }
        Ok(())
    }
}

/// Prefix of the pieces of a posting list.
pub(crate) fn posting_prefix(id: u32, part: u32) -> [u8; 8] {
    let mut prefix = [0; 8];
    let (head, tail) = prefix.split_at_mut(4);
    head.copy_from_slice(&id.to_be_bytes());
    tail.copy_from_slice(&part.to_be_bytes());
    prefix
}

fn read_block(trees: &Trees, part: u32, from: u32, count: u32, raw: &mut Vec<u8>) -> Result<(), ReadError> {
    let stored = read_pieces(&trees.indicators, part, from, count)?;
    block::decode(&stored, raw).map_err(ReadError::damage(part, from))
}

/// The tables that an index names, in its order; `None` when one is missing.
pub(super) fn named_tables(
    index: &Index,
    tables: &BTreeMap<u32, Arc<StoredTable>>,
) -> Option<Vec<Arc<StoredTable>>> {
    index.tables.iter().map(|(table, _)| tables.get(table).cloned()).collect()
}
