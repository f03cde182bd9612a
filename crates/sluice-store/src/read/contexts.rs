//! Context references to texts, read in the order in which they lie in their tables.

use std::sync::Arc;

use sluice_model::ranges::bytes_at;

use super::{
    block_cache::BlockUse,
    counts::ReadCounts,
    view::Snapshot,
    workers::{ReadBudget, Workers, block_use, counted, outcome, read_batches, sort_by},
};
use crate::{
    contexts::{ContextRef, ContextSource, TableId},
    error::ReadError,
};

/// Texts are gathered in buffers of this size, which are never moved while they grow.
const BUFFER_BYTES: usize = 1 << 20;

/// About what a text takes, for the first buffer of a short read.
const TEXT_BYTES: usize = 256;

/// Bytes that a read takes for each context, beside its text.
const CONTEXT_BYTES: usize = size_of::<AskedContext>() + 2 * size_of::<TextPlace>() + size_of::<u32>();

/// A reference, and its place among those that were asked. Flat: with a [`ContextRef`] inside it would take 24 bytes,
/// not 16.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct AskedContext {
    table: TableId,
    number: u32,
    place: u32,
}

/// Where a text lies.
#[derive(Clone, Copy, Debug, Default)]
struct TextPlace {
    buffer: u32,
    from: u32,
    length: u32,
}

/// The texts of the contexts of one read.
#[derive(Debug, Default)]
pub struct ReadContexts {
    places: Vec<TextPlace>,
    buffers: Vec<Vec<u8>>,
}

impl Snapshot {
    /// Reads the texts of contexts that rows of this snapshot name. `None` when that would take more than `bytes_max`
    /// bytes of memory.
    ///
    /// Blocking. Cost: a sort, and a pass over the leaves of stored tables that have one of them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a leaf cannot be read.
    pub fn read_contexts(
        &self,
        contexts: &[ContextRef],
        bytes_max: usize,
        workers: &impl Workers,
    ) -> Result<Option<ReadContexts>, ReadError> {
        outcome(self.try_read_contexts(contexts, &ReadBudget::new(bytes_max), workers))
    }

    fn try_read_contexts(
        &self,
        contexts: &[ContextRef],
        budget: &ReadBudget,
        workers: &impl Workers,
    ) -> Result<ReadContexts, ReadError> {
        budget.take(contexts.len().saturating_mul(CONTEXT_BYTES))?;
        counted(contexts.len())?;
        let mut order = Vec::with_capacity(contexts.len());
        for (ContextRef { table, number }, place) in contexts.iter().zip(0..) {
            order.push(AskedContext { table: *table, number: *number, place });
        }
        sort_by(&mut order, workers, Ord::cmp);
        let block_use = block_use(contexts.len(), workers);
        let batches = read_batches(&order, workers, |order| self.read_texts(order, block_use, budget))?;
        drop(order);
        let mut read =
            ReadContexts { places: vec![TextPlace::default(); contexts.len()], buffers: Vec::new() };
        for (found, texts) in batches {
            let first_buffer = counted(read.buffers.len())?;
            read.buffers.extend(texts.buffers);
            for (asked, place) in found {
                if let Some(slot) = read.places.get_mut(asked as usize) {
                    *slot = TextPlace { buffer: first_buffer + place.buffer, ..place };
                }
            }
        }
        Ok(read)
    }

    /// Reads the texts of consecutive contexts, and tells for each place among those that were asked where its text
    /// lies.
    fn read_texts(
        &self,
        order: &[AskedContext],
        block_use: BlockUse,
        budget: &ReadBudget,
    ) -> Result<(Vec<(u32, TextPlace)>, ReadContexts), ReadError> {
        let (mut found, mut texts) = (Vec::with_capacity(order.len()), ReadContexts::default());
        let mut counts = ReadCounts::default();
        for of_table in order.chunk_by(|one, other| one.table == other.table) {
            let Some(first) = of_table.first() else { continue };
            // What it holds of the table goes with it.
            let mut source = self.context_source(first.table)?;
            // The contexts of slices are in memory anyway.
            let cached_in = if block_use == BlockUse::Pass { None } else { first.table.stored() };
            for same in of_table.chunk_by(|one, other| one.number == other.number) {
                let Some(AskedContext { number, .. }) = same.first() else { continue };
                let place = if let Some(table) = cached_in {
                    let at_hand = self.blocks.context(table, *number);
                    *(if at_hand.is_some() {
                        &mut counts.contexts_hit
                    } else {
                        &mut counts.contexts_missed
                    }) += 1;
                    let context = match at_hand {
                        Some(context) => context,
                        None => self.read_context(table, *number, &mut source, block_use)?,
                    };
                    texts.push(&context, order.len(), budget)?
                } else {
                    texts.push(source.get(*number)?, order.len(), budget)?
                };
                found.extend(same.iter().map(|asked| (asked.place, place)));
            }
        }
        self.blocks.counts.add(&counts);
        Ok((found, texts))
    }

    /// Reads a context of a stored table that is not at hand, and keeps it there.
    fn read_context(
        &self,
        table: u32,
        number: u32,
        source: &mut ContextSource<'_>,
        block_use: BlockUse,
    ) -> Result<Arc<[u8]>, ReadError> {
        if block_use == BlockUse::AtHand {
            return Err(ReadError::NotAtHand);
        }
        let context: Arc<[u8]> = source.get(number)?.into();
        self.blocks.keep_context(table, number, &context);
        Ok(context)
    }
}

impl ReadContexts {
    /// Keeps a text, and tells where; `asked` is how many texts there are to be at most.
    fn push(&mut self, text: &[u8], asked: usize, budget: &ReadBudget) -> Result<TextPlace, ReadError> {
        let is_room = |buffer: &Vec<u8>| text.len() <= buffer.capacity() - buffer.len();
        if !self.buffers.last().is_some_and(is_room) {
            let capacity = text.len().max(BUFFER_BYTES.min(asked.saturating_mul(TEXT_BYTES)));
            budget.take(capacity)?;
            self.buffers.push(Vec::with_capacity(capacity));
        }
        let buffer = counted(self.buffers.len() - 1)?;
        let Some(bytes) = self.buffers.last_mut() else { return Err(ReadError::TooLong) };
        let place = TextPlace { buffer, from: counted(bytes.len())?, length: counted(text.len())? };
        bytes.extend_from_slice(text);
        Ok(place)
    }

    /// The text of the context at a place among those that were asked.
    pub fn get(&self, place: usize) -> &[u8] {
        let Some(TextPlace { buffer, from, length }) = self.places.get(place).copied() else { return &[] };
        let Some(buffer) = self.buffers.get(buffer as usize) else { return &[] };
        bytes_at(buffer, from as usize..from as usize + length as usize)
    }

    /// Bytes of memory.
    pub fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<TextPlace>()
            + self.buffers.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Bytes of all texts; one that was asked for more than once is there once.
    pub fn text_bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }
}
