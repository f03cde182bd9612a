//! The blocks of a run in which posting lists name a row.
//!
//! In: suppliers or tags. Out: all rows of the blocks that have one of theirs, block by block; no other block is read. Memory: the posting
//! lists of one part while they are read, then a number for each of its blocks.

use std::{slice, sync::Arc, vec};

use sluice_model::{SupplierId, TagId, ranges::items_at, row::Row};

use super::{Part, Run, remove_through};
use crate::{
    error::ReadError,
    merge::{Blocks, Source},
    trees::{Tree, Trees},
};

/// By what rows are listed: all those of one of these suppliers, or with one of these tags.
#[derive(Clone, Debug)]
pub(crate) enum Listing {
    /// Rows that one of the suppliers, which ascend by number, has touched.
    Suppliers(Vec<SupplierId>),
    /// Rows that have set one of the tags.
    Tags(Vec<TagId>),
}

impl Listing {
    /// Whether a row is listed.
    pub(crate) fn has(&self, row: &[u8]) -> bool {
        let Some(row) = Row::decode(row) else { return false };
        match self {
            Self::Suppliers(suppliers) => {
                row.holdings().any(|holding| suppliers.binary_search(&holding.supplier).is_ok())
            }
            Self::Tags(tags) => row.tags().any(|tag| tags.contains(&tag)),
        }
    }

    /// How many rows of a part are listed; those that are listed twice count twice.
    pub(crate) fn rows_of(&self, part: &Part) -> u64 {
        let mut rows = 0;
        match self {
            Self::Suppliers(suppliers) => {
                for (supplier, summary) in &part.index.suppliers {
                    if suppliers.binary_search(supplier).is_ok() {
                        rows += u64::from(summary.rows);
                    }
                }
            }
            Self::Tags(tags) => {
                for tag in tags {
                    rows += part.index.tags.get(tag).map_or(0, |summary| u64::from(summary.rows));
                }
            }
        }
        rows
    }

    /// Numbers of the blocks of a part that have a listed row, ascending, from one of them on.
    fn blocks_of(&self, trees: &Trees, part: &Part, from: usize) -> Result<Vec<usize>, ReadError> {
        let mut blocks = Vec::new();
        let mut add = |tree: &Tree, id: u32, pieces: u32| -> Result<(), ReadError> {
            for row in part.posting(tree, id, pieces)? {
                if let Some(block) = part.index.block_of_row(row)
                    && from <= block
                    && blocks.last() != Some(&block)
                {
                    blocks.push(block);
                }
            }
            Ok(())
        };
        match self {
            Self::Suppliers(suppliers) => {
                for (supplier, summary) in &part.index.suppliers {
                    if suppliers.binary_search(supplier).is_ok() {
                        add(&trees.suppliers, supplier.0, summary.pieces)?;
                    }
                }
            }
            Self::Tags(tags) => {
                for tag in tags {
                    if let Some(summary) = part.index.tags.get(tag) {
                        add(&trees.tags, tag.0, summary.pieces)?;
                    }
                }
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }
}

impl Run {
    /// The rows of blocks that have a listed one, above `after` and above what is merged already.
    pub(crate) fn listed_source<'a>(
        &'a self,
        trees: &'a Trees,
        listing: &'a Listing,
        after: &'a [u8],
    ) -> Source<'a> {
        let after = Some(after).max(self.merged_through.as_deref()).unwrap_or(&[]);
        let parts = items_at(&self.parts, self.part_at(after)..).iter();
        Source::blocks(ListedBlocks { trees, listing, parts, part: None, after: Some(after) })
    }
}

/// Reads the listed blocks of a run.
struct ListedBlocks<'a> {
    trees: &'a Trees,
    listing: &'a Listing,
    /// Parts to come.
    parts: slice::Iter<'a, Arc<Part>>,
    /// The part at hand and its listed blocks that are to come.
    part: Option<(&'a Part, vec::IntoIter<usize>)>,
    /// Rows up to this key are left out; they can be in the first part only.
    after: Option<&'a [u8]>,
}

impl Blocks for ListedBlocks<'_> {
    fn next_block(&mut self, framed: &mut Vec<u8>) -> Result<bool, ReadError> {
        loop {
            if let Some((part, blocks)) = &mut self.part
                && let Some(block) = blocks.next()
            {
                part.read(self.trees, block, framed)?;
                // The first block that is listed may lie behind the one that the key is in, which does no harm.
                if let Some(after) = self.after.take() {
                    remove_through(after, framed);
                }
                return Ok(true);
            }
            let Some(part) = self.parts.next() else { return Ok(false) };
            let from = part.index.block_of(self.after.unwrap_or(&[])).unwrap_or(0);
            self.part = Some((part, self.listing.blocks_of(self.trees, part, from)?.into_iter()));
        }
    }
}
