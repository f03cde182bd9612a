//! Every stored block of a part, a table of contexts or a catalogue, one by one: what a snapshot copies.
//!
//! In: what is open. Out: the places of its blocks, and the blocks as stored. Each begins with its checksum,
//! which is checked here; what it says is the matter of whoever reads it.

use crate::{
    block,
    catalogue::StoredCatalogue,
    contexts::StoredTable,
    error::ReadError,
    run::{Part, posting_prefix},
    trees::{FILTER_PIECES_FROM, INDEX_PIECES_FROM, Pieces, Tree, Trees, get_pieces},
};

/// Which tree a block is in. The numbers are part of the format of snapshots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TreeName {
    /// Rows, indexes and filters.
    Indicators = 1,
    /// Contexts.
    Contexts = 2,
    /// Posting lists of suppliers.
    Suppliers = 3,
    /// Posting lists of tags.
    Tags = 4,
    /// The catalogue.
    Catalogue = 5,
}

impl TreeName {
    /// The tree of a number.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Indicators, Self::Contexts, Self::Suppliers, Self::Tags, Self::Catalogue]
            .into_iter()
            .find(|name| *name as u8 == byte)
    }

    /// The tree itself.
    pub(crate) fn of(self, trees: &Trees) -> &Tree {
        match self {
            Self::Indicators => &trees.indicators,
            Self::Contexts => &trees.contexts,
            Self::Suppliers => &trees.suppliers,
            Self::Tags => &trees.tags,
            Self::Catalogue => &trees.catalogue,
        }
    }
}

/// Where a block is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockPlace {
    /// In which tree.
    pub(crate) tree: TreeName,
    /// Whose posting list it is; 0 for all else.
    pub(crate) owner: u32,
    /// Number of its part or table, or generation of its catalogue.
    pub(crate) part: u32,
    /// Its first piece.
    pub(crate) from: u32,
    /// How many pieces it has.
    pub(crate) pieces: u32,
}

impl BlockPlace {
    /// What the keys of its pieces begin with.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        match self.tree {
            TreeName::Indicators | TreeName::Contexts | TreeName::Catalogue => {
                self.part.to_be_bytes().to_vec()
            }
            TreeName::Suppliers | TreeName::Tags => posting_prefix(self.owner, self.part).to_vec(),
        }
    }

    /// Reads the block as stored and checks it.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it cannot be read.
    pub(crate) fn read(&self, trees: &Trees) -> Result<Pieces, ReadError> {
        let stored = get_pieces(self.tree.of(trees), &self.prefix(), self.from, self.pieces)
            .map_err(ReadError::damage(self.part, self.from))?
            .ok_or_else(|| ReadError::damaged(self.part, self.from, "piece is missing"))?;
        block::unseal(&stored).map_err(ReadError::damage(self.part, self.from))?;
        Ok(stored)
    }
}

/// The blocks of a part, without those of the tables that its rows name.
pub(super) fn blocks_of_part(part: &Part) -> Vec<BlockPlace> {
    let (id, index) = (part.meta.id, &part.index);
    let place = |tree, owner, from, pieces| BlockPlace { tree, owner, part: id, from, pieces };
    let mut places = Vec::with_capacity(index.fences.len() + index.suppliers.len() + index.tags.len() + 2);
    for block in 0..index.fences.len() {
        let (from, pieces) = index.pieces_of(block).unwrap_or((0, 0));
        places.push(place(TreeName::Indicators, 0, from, pieces));
    }
    places.push(place(TreeName::Indicators, 0, INDEX_PIECES_FROM, part.meta.index_pieces));
    places.push(place(TreeName::Indicators, 0, FILTER_PIECES_FROM, part.meta.filter_pieces));
    for (supplier, summary) in &index.suppliers {
        places.push(place(TreeName::Suppliers, supplier.0, 0, summary.pieces));
    }
    for (tag, summary) in &index.tags {
        places.push(place(TreeName::Tags, tag.0, 0, summary.pieces));
    }
    places
}

/// The blocks of a table of contexts.
pub(super) fn blocks_of_table(table: &StoredTable) -> Vec<BlockPlace> {
    let mut places = Vec::new();
    let mut place = |from, pieces| {
        places.push(BlockPlace { tree: TreeName::Contexts, owner: 0, part: table.meta.id, from, pieces });
    };
    for (from, pieces) in table.leaf_pieces() {
        place(from, pieces);
    }
    place(INDEX_PIECES_FROM, table.meta.index_pieces);
    places
}

/// The block of a stored catalogue.
pub(super) fn block_of_catalogue(stored: StoredCatalogue) -> BlockPlace {
    let StoredCatalogue { generation: part, pieces } = stored;
    BlockPlace { tree: TreeName::Catalogue, owner: 0, part, from: 0, pieces }
}
