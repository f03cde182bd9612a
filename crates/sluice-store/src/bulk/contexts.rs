//! Names of contexts to their texts, read in the order in which they lie in their tables.

use super::{Room, Stop, Workers, outcome, read_stretches, sort_by};
use crate::{
    context::{Handle, TableId},
    error::ReadError,
    repack::Origin,
    view::Snapshot,
};

/// Texts are gathered in buffers of this size, which are never moved while they grow.
const BUFFER_BYTES: usize = 1 << 20;

/// About what a text takes, for the first buffer of a short read.
const TEXT_BYTES: usize = 256;

/// Bytes that a read takes for each context, beside its text.
const CONTEXT_BYTES: usize = size_of::<Sorted>() + 2 * size_of::<Place>() + size_of::<u32>();

/// The name of a stored context, good for the snapshot that gave it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ContextId {
    table: TableId,
    number: u32,
}

impl ContextId {
    /// Reads what a row has in the place of a context; `None` when it has none.
    pub(crate) fn named_by(handle: &[u8]) -> Option<Self> {
        Handle::read(handle).map(|(table, number)| Self { table, number })
    }
}

/// A name, and its place among those that were asked.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Sorted {
    table: TableId,
    number: u32,
    place: u32,
}

/// Where a text lies.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    buffer: u32,
    from: u32,
    length: u32,
}

/// The texts of the contexts of one read.
#[derive(Debug, Default)]
pub struct ReadContexts {
    places: Vec<Place>,
    buffers: Vec<Vec<u8>>,
}

impl Snapshot {
    /// Reads the texts of contexts that rows of this snapshot name. `None` when that would take more than `bytes_max`
    /// bytes of memory.
    ///
    /// Blocking. Cost: a sort, and a pass over the leaves of books that have one of them.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a leaf cannot be read.
    pub fn read_contexts(
        &self,
        contexts: &[ContextId],
        bytes_max: usize,
        workers: &impl Workers,
    ) -> Result<Option<ReadContexts>, ReadError> {
        outcome(self.try_read_contexts(contexts, &Room::new(bytes_max), workers))
    }

    fn try_read_contexts(
        &self,
        contexts: &[ContextId],
        room: &Room,
        workers: &impl Workers,
    ) -> Result<ReadContexts, Stop> {
        room.take(contexts.len().saturating_mul(CONTEXT_BYTES))?;
        let named = contexts.iter().zip(0..u32::MAX);
        let mut order: Vec<Sorted> =
            named.map(|(id, place)| Sorted { table: id.table, number: id.number, place }).collect();
        if order.len() < contexts.len() {
            return Err(Stop::Full);
        }
        sort_by(&mut order, workers, Ord::cmp);
        let stretches = read_stretches(&order, workers, |order| self.read_texts(order, room))?;
        drop(order);
        let mut read = ReadContexts { places: vec![Place::default(); contexts.len()], buffers: Vec::new() };
        for stretch in stretches {
            read.append(stretch);
        }
        Ok(read)
    }

    fn read_texts(&self, order: &[Sorted], room: &Room) -> Result<Texts, Stop> {
        let mut texts = Texts { found: Vec::with_capacity(order.len()), buffers: Vec::new() };
        for of_table in order.chunk_by(|one, other| one.table == other.table) {
            let Some(table) = of_table.first().map(|first| first.table) else { continue };
            // What it holds of the table goes with it.
            let mut origin = self.origin(table).ok_or_else(Origin::nowhere)?;
            for same in of_table.chunk_by(|one, other| one.number == other.number) {
                let Some(first) = same.first() else { continue };
                let place = texts.push(origin.get(first.number)?, order.len(), room)?;
                texts.found.extend(same.iter().map(|sorted| (sorted.place, place)));
            }
        }
        Ok(texts)
    }
}

/// The texts of consecutive contexts.
struct Texts {
    /// Places of what was asked, each with that of its text here.
    found: Vec<(u32, Place)>,
    buffers: Vec<Vec<u8>>,
}

impl Texts {
    /// Keeps a text; `asked` is how many there are to be at most.
    fn push(&mut self, text: &[u8], asked: usize, room: &Room) -> Result<Place, Stop> {
        let is_room = |buffer: &Vec<u8>| text.len() <= buffer.capacity() - buffer.len();
        if !self.buffers.last().is_some_and(is_room) {
            let capacity = text.len().max(BUFFER_BYTES.min(asked.saturating_mul(TEXT_BYTES)));
            room.take(capacity)?;
            self.buffers.push(Vec::with_capacity(capacity));
        }
        let number = |count: usize| u32::try_from(count).map_err(|_many| Stop::Full);
        let buffer = number(self.buffers.len() - 1)?;
        let Some(bytes) = self.buffers.last_mut() else { return Err(Stop::Full) };
        let place = Place { buffer, from: number(bytes.len())?, length: number(text.len())? };
        bytes.extend_from_slice(text);
        Ok(place)
    }
}

impl ReadContexts {
    fn append(&mut self, texts: Texts) {
        let first_buffer = u32::try_from(self.buffers.len()).unwrap_or(u32::MAX);
        self.buffers.extend(texts.buffers);
        for (asked, place) in texts.found {
            if let Some(slot) = self.places.get_mut(asked as usize) {
                *slot = Place { buffer: first_buffer.saturating_add(place.buffer), ..place };
            }
        }
    }

    /// The text of the context at a place among those that were asked.
    pub fn get(&self, place: usize) -> &[u8] {
        let text = |place: &Place| {
            let (from, to) = (place.from as usize, place.from as usize + place.length as usize);
            self.buffers.get(place.buffer as usize)?.get(from..to)
        };
        self.places.get(place).and_then(text).unwrap_or_default()
    }

    /// Bytes of memory.
    pub fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>() + self.buffers.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Bytes of all texts; one that was asked for more than once is there once.
    pub fn text_bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }
}
