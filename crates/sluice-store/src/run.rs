//! Sorted runs inside the trees: what a flush or a merge leaves behind.
//!
//! A [`Run`] is a sorted stretch of history; it consists of [`Part`]s that do not overlap. A part is the unit of
//! writing, of filters and of space: blocks of rows, an index of the blocks' first keys, a filter, a
//! posting list for each supplier and tag in it, and a table of the contexts that it brought along. Runs are
//! merged part by part: while that goes on, what is merged already lies in the output, and the inputs count only
//! above their [`Run::merged_through`] key, so a merge needs the room of a part, not of a run, and can stop and go on
//! at any time.

mod index;
mod listed;
mod part;
mod rows_block;
mod writer;

use std::sync::Arc;

pub(crate) use self::{
    listed::Listing,
    part::{Part, PartMeta, posting_prefix},
    rows_block::{BlockReader, RowsBlock},
    writer::PartWriter,
};

use sluice_model::ranges::items_at;

use crate::{
    error::ReadError,
    merge::{Blocks, Source},
    rows::Rows,
    trees::Trees,
};

/// The parts of all these runs.
pub(crate) fn parts_of(runs: &[Run]) -> impl Iterator<Item = &Arc<Part>> {
    runs.iter().flat_map(|run| &run.parts)
}

/// A sorted stretch of history.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Number, for the manifest and the log.
    pub(crate) id: u32,
    /// Ascending, without overlap.
    pub(crate) parts: Vec<Arc<Part>>,
    /// Rows up to and including this key are in the run that this one is being merged into.
    pub(crate) merged_through: Option<Arc<[u8]>>,
}

impl Run {
    /// Bytes of its blocks.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.meta.stored_bytes).sum()
    }

    /// Returns true if a key of this hash may be in it.
    pub(crate) fn may_contain(&self, key: &[u8], hash: u64) -> bool {
        let Some(part) = self.parts.get(self.part_at(key)) else { return false };
        part.index.first_key() <= key && part.filter.may_contain(hash)
    }

    /// Returns true if a key may be in it that begins with the group of this hash.
    pub(crate) fn may_contain_group(&self, group: &[u8], hash: u64) -> bool {
        // The group may begin in the middle of a part, and go on in the next ones.
        let (before, after) = self.parts.split_at(self.parts_through(group));
        let begins = before.last().is_some_and(|part| part.filter.may_contain(hash));
        let mut follow = after.iter().take_while(|part| part.index.first_key().starts_with(group));
        begins || follow.any(|part| part.filter.may_contain(hash))
    }

    /// Number of the part that a key would be in; the first one's for keys before it.
    pub(crate) fn part_at(&self, key: &[u8]) -> usize {
        self.parts_through(key).saturating_sub(1)
    }

    /// How many parts begin with a key or before it.
    fn parts_through(&self, key: &[u8]) -> usize {
        self.parts.partition_point(|part| part.index.first_key() <= key)
    }

    /// The rows above `after` and above what is merged already, block by block.
    pub(crate) fn source<'a>(&'a self, trees: &'a Trees, after: Option<&'a [u8]>) -> Source<'a> {
        let after = after.max(self.merged_through.as_deref());
        let first = after.map_or(0, |after| self.part_at(after));
        let mut parts = items_at(&self.parts, first..).iter();
        let part = parts.next();
        let next = part.and_then(|part| part.index.block_of(after?)).unwrap_or(0);
        Source::blocks(RunBlocks { trees, parts, part, next, after })
    }
}

/// Reads a run through.
struct RunBlocks<'a> {
    trees: &'a Trees,
    /// Parts to come.
    parts: std::slice::Iter<'a, Arc<Part>>,
    part: Option<&'a Arc<Part>>,
    /// Number of the next block in `part`.
    next: usize,
    /// Rows up to this key are left out; they can be in the first block only.
    after: Option<&'a [u8]>,
}

impl Blocks for RunBlocks<'_> {
    fn next_block(&mut self, framed: &mut Vec<u8>) -> Result<bool, ReadError> {
        while let Some(part) = self.part {
            if self.next < part.index.fences.len() {
                part.read(self.trees, self.next, framed)?;
                self.next += 1;
                if let Some(after) = self.after.take() {
                    remove_through(after, framed);
                }
                return Ok(true);
            }
            self.part = self.parts.next();
            self.next = 0;
        }
        Ok(false)
    }
}

/// Removes the rows up to and including a key.
fn remove_through(key: &[u8], framed: &mut Vec<u8>) {
    let mut rest = Rows(framed);
    let mut kept_from = 0;
    while let Some((found, _)) = rest.next()
        && found <= key
    {
        kept_from = framed.len() - rest.0.len();
    }
    framed.drain(..kept_from);
}
