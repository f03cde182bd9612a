//! Points of a block from which reading can begin, so that a key is found without reading all before it.
//!
//! In: a checked block. Out: the row of a key. A row of a block follows from those before it: its key from the last one,
//! its head and its table from those that the block has named so far. A restart point is what a reader knows after a
//! row. Restart points are made when a block in memory is asked again, and are no part of what is stored.

use sluice_model::ranges::items_at;

use super::{BlockReader, CodedHead, CodedRow, NO_SENSE, bytes_of, span};
use crate::{contexts::TableId, trees::Pieces};

/// Rows from one restart point of a block to the next.
pub(super) const RESTART_ROWS: usize = 32;

/// A checked block, and points from which reading can begin.
#[derive(Debug, Default)]
pub(crate) struct RowsBlock {
    stored: Pieces,
    has_restarts: bool,
    /// Ascending.
    restarts: Vec<Restart>,
    /// Keys of the restart points, one after the other.
    keys: Vec<u8>,
    /// All heads of the block.
    heads: Vec<CodedHead>,
    /// For each restart point the tables named before it.
    tables: Vec<(TableId, u32)>,
}

/// How far a reader has come that has just read a row.
#[derive(Clone, Copy, Debug)]
struct Restart {
    current: CodedRow,
    position: usize,
    key: (u32, u32),
    updated: u32,
    heads_count: u32,
    tables: (u32, u32),
}

impl RowsBlock {
    /// A block that is searched from its beginning.
    pub(crate) fn new(stored: Pieces) -> Self {
        Self { stored, ..Self::default() }
    }

    /// The same block with restart points, to be searched again and again. Cost: a pass over its rows.
    ///
    /// # Errors
    ///
    /// A content that no builder makes.
    pub(crate) fn with_restarts(&self) -> Result<Self, &'static str> {
        let (mut block, mut reader) = (Self::new(self.stored.clone()), BlockReader::default());
        block.has_restarts = true;
        reader.begin();
        for row in 1_usize.. {
            if reader.advance(&block.stored)?.is_none() {
                break;
            }
            if row.is_multiple_of(RESTART_ROWS) {
                block.add_restart(&reader).ok_or(NO_SENSE)?;
            }
        }
        block.heads = reader.heads;
        Ok(block)
    }

    fn add_restart(&mut self, reader: &BlockReader) -> Option<()> {
        let (key_from, tables_from) = (self.keys.len(), self.tables.len());
        self.keys.extend_from_slice(&reader.key);
        self.tables.extend_from_slice(&reader.tables);
        self.restarts.push(Restart {
            current: reader.current?,
            position: reader.position,
            key: span(key_from, self.keys.len())?,
            updated: reader.updated,
            heads_count: u32::try_from(reader.heads.len()).ok()?,
            tables: span(tables_from, self.tables.len())?,
        });
        Some(())
    }

    /// Appends the row of `key` to `row`; false when there is none. The reader goes on from where it is in this block,
    /// or from a restart point between there and the key.
    ///
    /// # Errors
    ///
    /// A content that no builder makes.
    pub(crate) fn find(
        &self,
        reader: &mut BlockReader,
        key: &[u8],
        row: &mut Vec<u8>,
    ) -> Result<bool, &'static str> {
        let passed = self.restarts.partition_point(|restart| bytes_of(&self.keys, restart.key) <= key);
        if let Some(restart) = passed.checked_sub(1).and_then(|last| self.restarts.get(last))
            && reader.position < restart.position
        {
            self.go_to(restart, reader);
        }
        reader.find(&self.stored, key, row)
    }

    fn go_to(&self, restart: &Restart, reader: &mut BlockReader) {
        (reader.current, reader.position, reader.updated) =
            (Some(restart.current), restart.position, restart.updated);
        reader.key.clear();
        reader.key.extend_from_slice(bytes_of(&self.keys, restart.key));
        reader.heads.clear();
        reader.heads.extend_from_slice(items_at(&self.heads, 0..restart.heads_count as usize));
        reader.tables.clear();
        let (from, to) = restart.tables;
        reader.tables.extend_from_slice(items_at(&self.tables, from as usize..to as usize));
    }

    pub(crate) fn has_restarts(&self) -> bool {
        self.has_restarts
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn restarts_count(&self) -> usize {
        self.restarts.len()
    }

    /// Bytes of memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.stored.len()
            + size_of::<Self>()
            + self.restarts.capacity() * size_of::<Restart>()
            + self.keys.capacity()
            + self.heads.capacity() * size_of::<CodedHead>()
            + self.tables.capacity() * size_of::<(TableId, u32)>()
    }
}
