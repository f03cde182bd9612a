//! A feed on its way: slices in any number become a few sorted chunks.
//!
//! In: sorted slices in the order of the feed, some at a time. Out: all rows by key, each key once, repeated ones merged as
//! uploads would. Chunks stand in tiers like runs do: [`FAN_IN`] of one become one of the next. Long rows make for long
//! blocks, so chunks are merged earlier where those would come to more than [`BLOCKS_BYTES_MAX`].

use std::{io, sync::Arc};

use hashbrown::HashMap;
use sluice_model::{limits, row};

use super::outcome::ReplaceError;
use crate::{
    contexts::{ContextRef, ContextSource},
    memtable::Slice,
    merge::{MergeRows, Source},
    shared::Shared,
    spool::{Chunk, ChunkWriter, Gauge},
};

/// Heap bytes of the memtable above which it is flushed first, because the view of the join would keep it.
pub(super) const KEPT_MEMTABLE_BYTES_MAX: usize = 8 * limits::MIB;

/// Chunks of one tier that become one of the next.
const FAN_IN: usize = 32;

/// Bytes of one block of each chunk together, from which on chunks are merged.
const BLOCKS_BYTES_MAX: usize = 20 * limits::MIB;

/// Bytes of memory of what the size of blocks does not tell: readers of contexts, a block of each run, the rows at hand,
/// the block being written, what is remembered of contexts; and what the view keeps of the memtable.
const BESIDE_BYTES: usize = 20 * limits::MIB + KEPT_MEMTABLE_BYTES_MAX;

/// The rows of a feed, as far as they have come. Dropped, it leaves nothing.
pub struct Feed {
    shared: Arc<Shared>,
    gauge: Arc<Gauge>,
    /// Oldest first, each with its tier.
    chunks: Vec<(u32, Arc<Chunk>)>,
}

impl Feed {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, gauge: Arc::default(), chunks: Vec::new() }
    }

    /// Adds slices, oldest first, whose rows are of one supplier. Blocking: they are written to a file.
    ///
    /// # Errors
    ///
    /// [`ReplaceError`]; the feed is of no use then.
    pub fn add(&mut self, slices: &[Slice]) -> Result<(), ReplaceError> {
        if slices.iter().all(|slice| slice.rows_count() == 0) {
            return Ok(());
        }
        let sources = slices.iter().rev().map(|slice| Source::rows(slice.rows_bytes())).collect();
        let tables: HashMap<_, _> = slices.iter().map(|slice| (slice.table(), slice.contexts())).collect();
        let mut rows = MergeRows::new(sources);
        let mut writer = self.writer()?;
        let mut whole = Vec::new();
        while let Some((key, row)) = rows.next_row() {
            whole.clear();
            let context = |encoded: &[u8]| {
                let context = ContextRef::read(encoded);
                let found = context.and_then(|context| tables.get(&context.table)?.get(context.number));
                found.ok_or_else(ContextSource::missing)
            };
            row::replace_contexts(row, context, &mut whole).map_err(ReplaceError::Read)?;
            writer.add(key, &whole)?;
        }
        let chunk = writer.finish()?;
        self.chunks.push((0, Arc::new(chunk)));
        self.merge_tiers()
    }

    /// Bytes of memory that comparing the feed takes at most, its difference left aside.
    pub fn reading_bytes(&self) -> usize {
        BESIDE_BYTES + self.blocks_bytes()
    }

    /// The most memory that its blocks took so far.
    pub fn peak_bytes(&self) -> usize {
        self.gauge.peak_bytes()
    }

    fn blocks_bytes(&self) -> usize {
        self.chunks.iter().map(|(_, chunk)| chunk.block_bytes_max()).sum()
    }

    /// A chunk to write beside those of the feed.
    pub(super) fn writer(&self) -> io::Result<ChunkWriter<'_>> {
        ChunkWriter::new(&self.shared, &self.gauge)
    }

    /// All rows by key.
    pub(super) fn rows(&self) -> MergeRows<'static> {
        MergeRows::new(self.chunks.iter().rev().map(|(_, chunk)| Chunk::source(chunk)).collect())
    }

    fn merge_tiers(&mut self) -> Result<(), ReplaceError> {
        while let Some((tier, _)) = self.chunks.last().map(|(tier, chunk)| (*tier, chunk)) {
            let same = self.chunks.iter().rev().take_while(|(other, _)| *other == tier).count();
            let is_full = FAN_IN <= same || BLOCKS_BYTES_MAX < self.blocks_bytes();
            if !is_full || self.chunks.len() < 2 {
                break;
            }
            let merged = self.chunks.split_off(self.chunks.len() - same.max(2).min(self.chunks.len()));
            let tier = merged.iter().map(|(tier, _)| *tier).max().unwrap_or(tier);
            let mut rows =
                MergeRows::new(merged.iter().rev().map(|(_, chunk)| Chunk::source(chunk)).collect());
            let mut writer = self.writer()?;
            while let Some((key, row)) = rows.next_row() {
                writer.add(key, row)?;
            }
            rows.finish().map_err(ReplaceError::Read)?;
            let chunk = writer.finish()?;
            self.chunks.push((tier + 1, Arc::new(chunk)));
        }
        Ok(())
    }
}
