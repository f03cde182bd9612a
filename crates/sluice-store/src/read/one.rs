//! Reading one key: for tests and tools.

use sluice_model::{
    TagId,
    row::{self, RowHolding},
};

use super::{
    rows::{held, tags_of},
    view::Snapshot,
    workers::SingleThread,
};
use crate::{
    contexts::{ContextRef, ContextSource},
    error::ReadError,
};

/// A row as read, in memory that is reused from one read to the next.
#[derive(Clone, Debug, Default)]
pub struct Record {
    row: Vec<u8>,
}

impl Record {
    /// Makes an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who holds the indicator, ascending by number, and with which context. The catalogue may not know a supplier any
    /// more, and a holding may have expired: then it does not count.
    pub fn holdings(&self) -> impl Iterator<Item = RowHolding<'_>> {
        held(&self.row)
    }

    /// The indicator's tags as last sent; the catalogue may not know them all any more.
    pub fn tags(&self) -> impl Iterator<Item = TagId> {
        tags_of(&self.row)
    }

    /// Takes a row; `context` gives what its references name.
    pub(super) fn fill<C: AsRef<[u8]>>(
        &mut self,
        row: &[u8],
        context: impl FnMut(&[u8]) -> Result<C, ReadError>,
    ) -> Result<(), ReadError> {
        self.row.clear();
        row::replace_contexts(row, context, &mut self.row)
    }
}

impl Snapshot {
    /// Reads one key; false when no supplier holds it.
    ///
    /// Blocking: filters answer most misses from memory, a hit reads one block for each run that has the key, and the
    /// contexts. For many keys, [`Self::read_rows`] is the faster way.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a block cannot be read.
    pub fn get(&self, key: &[u8], record: &mut Record) -> Result<bool, ReadError> {
        record.row.clear();
        let rows = self.read_rows(&[key], usize::MAX, &SingleThread)?.ok_or(ReadError::TooLong)?;
        let Some(row) = rows.iter().next() else { return Ok(false) };
        let named: Vec<ContextRef> = row.holdings().filter_map(|holding| holding.context).collect();
        let texts = self.read_contexts(&named, usize::MAX, &SingleThread)?.ok_or(ReadError::TooLong)?;
        let context = |encoded: &[u8]| {
            let place = named.iter().position(|named| Some(*named) == ContextRef::read(encoded));
            place.map(|place| texts.get(place)).ok_or_else(ContextSource::missing)
        };
        record.fill(row.bytes(), context)?;
        Ok(record.holdings().next().is_some())
    }
}
