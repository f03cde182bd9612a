//! Stored tables: the contexts that a part of a run brought along, in blocks.
//!
//! In: a table of distinct contexts ([`ContextTable`]), written at once. Out: a [`StoredTable`], from which any of them
//! can be read by number. Rows name table and number, so merges move rows and leave tables where they are. A table
//! lives as long as a part names it; when few of its rows are left, or when it is small, a merge copies what is still
//! named into a table of its own.
//!
//! A piece is `crc32c varint(blocks)`, for each block `varint(contexts) varint(length)`, then the blocks. Blocks are
//! small, so that reading one context unpacks little, and packed against a dictionary of contexts from all over the
//! table, so that they are small on the disk too.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sluice_model::varint::{push_varint, take_varint, take_varint_u32};

use super::{dictionary::Dictionary, reference::TableId, table::ContextTable};
use crate::{
    block::{self, CHECKSUM_BYTES},
    digest::ObjectDigest,
    error::{ReadError, TreeError},
    resident::Resident,
    rows::{push_prefixed, take_prefixed},
    trees::{INDEX_PIECES_FROM, PIECE_BYTES_MAX, Pieces, Trees, put_pieces, read_pieces, remove_pieces},
};

/// Bytes of contexts after which a block is closed.
const BLOCK_BYTES: usize = 1024;
/// Stored bytes after which a piece is closed. A block that does not fit goes over several.
const PIECE_BYTES: usize = PIECE_BYTES_MAX - 1024;
/// Memory that a reader keeps from one leaf to the next: there may be a reader for each table.
const KEPT_BYTES_MAX: usize = 32 * 1024;

/// What the manifest says of a stored table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredTableMeta {
    /// Number: that of the part it was written with.
    pub(crate) id: u32,
    /// Contexts.
    pub(crate) contexts: u32,
    /// Rows that named one when it was written.
    pub(crate) rows: u32,
    /// Bytes of its blocks as stored.
    pub(crate) stored_bytes: u64,
    /// Pieces of its index.
    pub(crate) index_pieces: u32,
}

/// A stored table whose index is in memory.
#[derive(Debug)]
pub(crate) struct StoredTable {
    /// What the manifest says.
    pub(crate) meta: StoredTableMeta,
    /// Of its object in snapshots, once it was asked for.
    pub(crate) digest: OnceLock<ObjectDigest>,
    dictionary: Dictionary,
    /// The first number and the first piece of each leaf, and at last those that the next one would have. A leaf is
    /// blocks that are stored together: in one piece, or in several when one of them is long.
    leaves: Vec<(u32, u32)>,
    /// Dictionary and leaves.
    _resident: Resident,
}

impl StoredTable {
    /// Writes a table whose contexts `rows` rows name. Nothing of it counts before the manifest names it.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn write(
        trees: &Trees,
        id: u32,
        contexts: &ContextTable,
        rows: u32,
    ) -> Result<Self, TreeError> {
        let dictionary = Dictionary::of(contexts);
        let mut writer = LeafWriter {
            trees,
            id,
            head: Vec::new(),
            blocks: Vec::new(),
            blocks_count: 0,
            first_number: 0,
            pieces: 0,
            stored_bytes: 0,
            leaves: Vec::new(),
        };
        let (mut raw, mut raw_contexts, mut packed) = (Vec::new(), 0, Vec::new());
        for (number, context) in (1..).zip(contexts.iter()) {
            push_prefixed(&mut raw, context);
            raw_contexts += 1;
            if BLOCK_BYTES <= raw.len() || number == contexts.count() {
                dictionary.pack(&raw, &mut packed).map_err(TreeError::io("pack contexts"))?;
                writer.push(&packed, raw_contexts, number)?;
                raw.clear();
                raw_contexts = 0;
            }
        }
        writer.close(contexts.count())?;
        let LeafWriter { pieces, stored_bytes, mut leaves, .. } = writer;
        leaves.push((contexts.count(), pieces));
        let mut index = Vec::new();
        push_prefixed(&mut index, dictionary.bytes());
        for (first_number, first_piece) in &leaves {
            push_varint(&mut index, u64::from(*first_number));
            push_varint(&mut index, u64::from(*first_piece));
        }
        let mut stored = Vec::new();
        block::encode(&index, &mut stored).map_err(TreeError::io("pack an index"))?;
        let index_pieces = put_pieces(&trees.contexts, &id.to_be_bytes(), INDEX_PIECES_FROM, &stored)?;
        let meta = StoredTableMeta { id, contexts: contexts.count(), rows, stored_bytes, index_pieces };
        Ok(Self::new(trees, meta, dictionary.for_reading(), leaves))
    }

    /// Loads the index.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it is missing, fails its checksum or contradicts `meta`.
    pub(crate) fn open(trees: &Trees, meta: StoredTableMeta) -> Result<Self, ReadError> {
        let mut bytes = Vec::new();
        let stored = read_pieces(&trees.contexts, meta.id, INDEX_PIECES_FROM, meta.index_pieces)?;
        block::decode(&stored, &mut bytes).map_err(ReadError::damage(meta.id, INDEX_PIECES_FROM))?;
        let damage = ReadError::damage(meta.id, INDEX_PIECES_FROM);
        Self::from_index(trees, meta, &bytes).ok_or("index of a context table makes no sense").map_err(damage)
    }

    fn new(
        trees: &Trees,
        meta: StoredTableMeta,
        dictionary: Dictionary,
        mut leaves: Vec<(u32, u32)>,
    ) -> Self {
        leaves.shrink_to_fit();
        let bytes = dictionary.heap_bytes() + size_of_val(leaves.as_slice());
        Self { meta, digest: OnceLock::new(), dictionary, leaves, _resident: trees.resident.count(bytes) }
    }

    fn from_index(trees: &Trees, meta: StoredTableMeta, mut rest: &[u8]) -> Option<Self> {
        let dictionary = Dictionary::new(take_prefixed(&mut rest)?.to_vec())?;
        let mut leaves = Vec::new();
        while !rest.is_empty() {
            leaves.push((take_varint_u32(&mut rest)?, take_varint_u32(&mut rest)?));
        }
        let is_whole = *leaves.first()? == (0, 0)
            && leaves.is_sorted_by_key(|(first_number, _)| *first_number)
            && leaves.is_sorted_by_key(|(_, first_piece)| *first_piece)
            && leaves.last()?.0 == meta.contexts;
        if is_whole { Some(Self::new(trees, meta, dictionary, leaves)) } else { None }
    }

    /// What references into this table name.
    pub(crate) fn id(&self) -> TableId {
        TableId::of_stored(self.meta.id)
    }

    /// Takes the table out of the trees. To be called when no reader can hold it any more.
    ///
    /// # Errors
    ///
    /// Any failure of sled.
    pub(crate) fn remove(&self, trees: &Trees) -> Result<(), TreeError> {
        let prefix = self.meta.id.to_be_bytes();
        let pieces = self.leaves.last().map_or(0, |(_, first_piece)| *first_piece);
        remove_pieces(&trees.contexts, &prefix, 0, pieces)?;
        remove_pieces(&trees.contexts, &prefix, INDEX_PIECES_FROM, self.meta.index_pieces)
    }

    /// First piece and number of pieces of each leaf.
    pub(crate) fn leaf_pieces(&self) -> impl Iterator<Item = (u32, u32)> {
        self.leaves.windows(2).filter_map(|pair| match pair {
            [(_, from), (_, to)] => Some((*from, to - from)),
            _ => None,
        })
    }

    /// Reads every context; `report` gets the numbers of those that a damaged leaf has, from and to, and the damage.
    pub(crate) fn check(&self, trees: &Trees, report: &mut dyn FnMut(u32, u32, ReadError)) {
        let mut reader = StoredReader::new(trees, self);
        for pair in self.leaves.windows(2) {
            let [(from, _), (to, _)] = pair else { continue };
            let damaged = (*from..*to).find_map(|number| reader.get(number).err());
            if let Some(error) = damaged {
                report(*from, *to, error);
            }
        }
    }

    fn missing(&self) -> ReadError {
        ReadError::damaged(self.meta.id, 0, "context is missing")
    }
}

/// Gathers packed blocks into leaves and stores them.
struct LeafWriter<'a> {
    trees: &'a Trees,
    id: u32,
    head: Vec<u8>,
    blocks: Vec<u8>,
    blocks_count: u64,
    first_number: u32,
    pieces: u32,
    stored_bytes: u64,
    leaves: Vec<(u32, u32)>,
}

impl LeafWriter<'_> {
    /// Adds a block of `contexts` contexts, after which context `next_number` follows.
    fn push(&mut self, packed: &[u8], contexts: u32, next_number: u32) -> Result<(), TreeError> {
        if 0 < self.blocks_count && PIECE_BYTES < self.blocks.len() + packed.len() {
            self.close(next_number - contexts)?;
        }
        push_varint(&mut self.head, u64::from(contexts));
        push_varint(&mut self.head, packed.len() as u64);
        self.blocks.extend_from_slice(packed);
        self.blocks_count += 1;
        Ok(())
    }

    fn close(&mut self, next_number: u32) -> Result<(), TreeError> {
        let mut leaf = vec![0; CHECKSUM_BYTES];
        push_varint(&mut leaf, self.blocks_count);
        leaf.extend_from_slice(&self.head);
        leaf.extend_from_slice(&self.blocks);
        block::seal(&mut leaf);
        self.leaves.push((self.first_number, self.pieces));
        self.pieces += put_pieces(&self.trees.contexts, &self.id.to_be_bytes(), self.pieces, &leaf)?;
        self.stored_bytes += leaf.len() as u64;
        self.head.clear();
        self.blocks.clear();
        self.blocks_count = 0;
        self.first_number = next_number;
        Ok(())
    }
}

/// Reads contexts of a table one after the other. The last leaf stays at hand, and the last block unpacked, so
/// neighbors cost little.
#[derive(Debug)]
pub(crate) struct StoredReader<'a> {
    trees: &'a Trees,
    table: &'a StoredTable,
    /// Number of the leaf at hand.
    leaf: Option<usize>,
    stored: Pieces,
    /// First number in the unpacked block.
    block: Option<u32>,
    raw: Vec<u8>,
}

impl<'a> StoredReader<'a> {
    /// Reads nothing yet.
    pub(crate) fn new(trees: &'a Trees, table: &'a StoredTable) -> Self {
        Self { trees, table, leaf: None, stored: Pieces::default(), block: None, raw: Vec::new() }
    }

    /// Reads one context.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it cannot be read.
    pub(crate) fn get(&mut self, number: u32) -> Result<&[u8], ReadError> {
        let StoredTable { meta, dictionary, leaves, .. } = self.table;
        let index = leaves.partition_point(|(first_number, _)| *first_number <= number).saturating_sub(1);
        let (Some((first_number, from)), Some((_, to))) = (leaves.get(index), leaves.get(index + 1)) else {
            return Err(self.table.missing());
        };
        if self.leaf != Some(index) {
            self.leaf = None;
            self.block = None;
            self.raw.shrink_to(KEPT_BYTES_MAX);
            self.stored = read_pieces(&self.trees.contexts, meta.id, *from, to - from)?;
            block::unseal(&self.stored).map_err(ReadError::damage(meta.id, *from))?;
            self.leaf = Some(index);
        }
        let Some((first, packed)) = block_of(&self.stored, *first_number, number) else {
            return Err(self.table.missing());
        };
        if self.block != Some(first) {
            self.block = None;
            let damage = ReadError::damage(meta.id, *from);
            dictionary.unpack(packed, &mut self.raw).map_err(damage)?;
            self.block = Some(first);
        }
        nth_prefixed(&self.raw, number - first).ok_or_else(|| self.table.missing())
    }
}

/// Item number `count` of `varint(length)` and that many bytes, one after the other.
fn nth_prefixed(mut bytes: &[u8], count: u32) -> Option<&[u8]> {
    for _ in 0..count {
        take_prefixed(&mut bytes)?;
    }
    take_prefixed(&mut bytes)
}

/// The packed block that context `number` is in, and the first number in it.
fn block_of(stored: &[u8], mut first: u32, number: u32) -> Option<(u32, &[u8])> {
    let mut head = stored.get(CHECKSUM_BYTES..)?;
    let blocks_count = take_varint(&mut head)?;
    let (mut start, mut found) = (0, None);
    for _ in 0..blocks_count {
        let contexts = take_varint_u32(&mut head)?;
        let length = usize::try_from(take_varint(&mut head)?).ok()?;
        if found.is_none() {
            if number.checked_sub(first)? < contexts {
                found = Some((start, length));
            } else {
                first = first.checked_add(contexts)?;
                start = length.checked_add(start)?;
            }
        }
    }
    let (start, length) = found?;
    Some((first, head.get(start..start.checked_add(length)?)?))
}

#[cfg(test)]
mod tests;
