//! Sorted runs inside the trees: what a flush or a merge leaves behind.
//!
//! A [`Run`] is a sorted stretch of history; it consists of [`Part`]s that do not overlap. A part is the unit of
//! writing, of filters and of space: blocks of rows, an index of the blocks' first keys, a filter, a
//! posting list for each supplier and tag in it, and a table of the contexts that it brought along. Runs are
//! merged part by part: while that goes on, what is merged already lies in the output, and the inputs count only
//! above their [`Run::merged_through`] key, so a merge needs the room of a part, not of a run, and can stop and go on
//! at any time.

mod index;
mod part;
mod rows_block;
mod writer;

use std::sync::Arc;

pub(crate) use self::{
    part::{Part, PartMeta},
    rows_block::BlockReader,
    writer::PartWriter,
};

use crate::{merge::Source, trees::Trees};

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

    /// Tells whether a key of this hash may be in it.
    pub(crate) fn may_contain(&self, key: &[u8], hash: u64) -> bool {
        self.part_of(key).is_some_and(|part| part.filter.may_contain(hash))
    }

    /// Tells whether a key may be in it that begins with the group of this hash.
    pub(crate) fn may_contain_group(&self, group: &[u8], hash: u64) -> bool {
        // The group may begin in the middle of a part, and go on in the next ones.
        let after = self.parts.partition_point(|part| part.index.first_key() <= group);
        let (before, after) = self.parts.split_at(after);
        let follow = after.iter().take_while(|part| part.index.first_key().starts_with(group));
        before.last().into_iter().chain(follow).any(|part| part.filter.may_contain(hash))
    }

    fn part_of(&self, key: &[u8]) -> Option<&Arc<Part>> {
        self.parts.get(self.part_at(key)).filter(|part| part.index.first_key() <= key)
    }

    /// Number of the part that a key would be in; the first one's for keys before it.
    pub(crate) fn part_at(&self, key: &[u8]) -> usize {
        self.parts.partition_point(|part| part.index.first_key() <= key).saturating_sub(1)
    }

    /// The rows above `after` and above what is merged already, block by block.
    pub(crate) fn source<'a>(&'a self, trees: &'a Trees, after: Option<&'a [u8]>) -> Source<'a> {
        let after = after.max(self.merged_through.as_deref());
        let first = after.map_or(0, |after| {
            self.parts.partition_point(|part| part.index.first_key() <= after).saturating_sub(1)
        });
        let mut parts = self.parts.iter().skip(first);
        let mut blocks: Option<part::Blocks<'a>> = None;
        Source::blocks(Box::new(move |bytes| {
            loop {
                if let Some(blocks) = &mut blocks
                    && blocks.next_block(bytes)?
                {
                    return Ok(true);
                }
                let Some(part) = parts.next() else { return Ok(false) };
                blocks = Some(part.blocks(trees, after));
            }
        }))
    }
}
