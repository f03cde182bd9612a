//! Sorted runs inside the trees: what a flush or a merge leaves behind.
//!
//! A [`Run`] is a sorted stretch of history; it consists of [`Part`]s that do not overlap. A part is the unit of
//! writing, of filters and of space: blocks of rows, an index of the blocks' first keys, a filter, and a
//! posting list for each supplier and tag in it. Runs are merged part by part: while that goes on, what is
//! merged already lies in the output, and the inputs count only above their [`Run::merged_through`] key, so a
//! merge needs the room of a part, not of a run, and can stop and go on at any time.

pub(crate) mod block;
pub(crate) mod index;
pub(crate) mod part;
pub(crate) mod writer;

use std::sync::Arc;

pub(crate) use part::Part;
pub(crate) use writer::PartWriter;

use crate::{error::ReadError, merge::Source, trees::Trees};

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

    /// The stored row of a key whose filter hash is `hash`, appended to `row`; false when there is none.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the block cannot be read.
    pub(crate) fn get(
        &self,
        trees: &Trees,
        key: &[u8],
        hash: u64,
        row: &mut Vec<u8>,
    ) -> Result<bool, ReadError> {
        if self.merged_through.as_deref().is_some_and(|through| key <= through) {
            return Ok(false);
        }
        let after = self.parts.partition_point(|part| part.index.first_key() <= key);
        let part = after.checked_sub(1).and_then(|index| self.parts.get(index));
        part.map_or(Ok(false), |part| part.get(trees, key, hash, row))
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
