//! References to references: what a new part brings along of the contexts that its rows name.
//!
//! In: rows whose references name tables. Out: the same rows; references into the tables to be given up name the
//! part's own table instead, in which those contexts gather. A flush gives up the tables of all slices, a merge those
//! that are small or have few rows left. References into other tables stay as they are.

use hashbrown::HashMap;
use sluice_model::row;

use super::{
    reference::{ContextRef, EncodedRef, TableId},
    source::ContextSource,
    table::{ContextTable, ContextTableBuilder},
};
use crate::error::ReadError;

/// Bytes beside a context itself: its entry, its place in the hash table, its new number.
const CONTEXT_OVERHEAD_BYTES: usize = 72;

/// Rewrites rows for one part after the other.
pub(crate) struct ContextRewriter<'a> {
    /// Tables that no row of the part is to name, each with the new number of its contexts, plus one; 0 while it has
    /// none.
    given_up: HashMap<TableId, (ContextSource<'a>, Vec<u32>)>,
    own: TableId,
    contexts: ContextTableBuilder,
    rows_count: u32,
}

impl<'a> ContextRewriter<'a> {
    /// Prepares for giving up these tables.
    pub(crate) fn new(given_up: impl Iterator<Item = (TableId, ContextSource<'a>)>) -> Self {
        let given_up = given_up.map(|(table, contexts)| (table, (contexts, Vec::new()))).collect();
        let contexts = ContextTableBuilder::default();
        Self { given_up, own: TableId::of_stored(0), contexts, rows_count: 0 }
    }

    /// Begins part number `id`.
    pub(crate) fn begin(&mut self, id: u32) {
        self.own = TableId::of_stored(id);
        self.contexts.clear();
        self.rows_count = 0;
        for (_, moved) in self.given_up.values_mut() {
            moved.clear();
        }
    }

    /// Returns true if rows can be taken as they are.
    pub(crate) fn is_idle(&self) -> bool {
        self.given_up.is_empty()
    }

    /// Bytes of the contexts gathered, and of what finds them.
    pub(crate) fn bytes_count(&self) -> usize {
        let contexts = self.contexts.contexts();
        contexts.bytes_count() + contexts.count() as usize * CONTEXT_OVERHEAD_BYTES
    }

    /// Appends the rewritten row to `rewritten`.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a context cannot be read.
    pub(crate) fn rewrite(&mut self, row: &[u8], rewritten: &mut Vec<u8>) -> Result<(), ReadError> {
        row::replace_contexts(row, |encoded| self.replace(encoded), rewritten)
    }

    /// What stands in the place of one reference.
    fn replace(&mut self, encoded: &[u8]) -> Result<EncodedRef, ReadError> {
        let Some(context) = ContextRef::read(encoded) else {
            return Err(ReadError::damaged(0, 0, "a context reference makes no sense"));
        };
        let Some((source, moved)) = self.given_up.get_mut(&context.table) else {
            // The tables of all slices are given up, so this must be a stored one that stays.
            let is_stored = context.table.stored().is_some();
            return if is_stored { Ok(context.encode()) } else { Err(ContextSource::missing()) };
        };
        self.rows_count += 1;
        let place = context.number as usize;
        if moved.get(place).is_none_or(|known| *known == 0) {
            let number = copy(source, context.number, &mut self.contexts)?;
            if moved.len() <= place {
                moved.resize(place + 1, 0);
            }
            if let Some(known) = moved.get_mut(place) {
                *known = number + 1;
            }
        }
        let Some(known) = moved.get(place) else { return Err(ContextSource::missing()) };
        Ok(ContextRef { table: self.own, number: *known - 1 }.encode())
    }

    /// The contexts of the part's own table, and how many rows name one; `None` when there are none.
    pub(crate) fn own(&self) -> Option<(&ContextTable, u32)> {
        let contexts = self.contexts.contexts();
        if contexts.count() == 0 { None } else { Some((contexts, self.rows_count)) }
    }
}

/// Copies a context to the new table, and gives its number there.
fn copy(
    source: &mut ContextSource<'_>,
    number: u32,
    contexts: &mut ContextTableBuilder,
) -> Result<u32, ReadError> {
    let copied = match source {
        ContextSource::Slice(table) if table.count() <= number => return Err(ContextSource::missing()),
        ContextSource::Slice(table) => contexts.copy_from(table, number),
        ContextSource::Stored(reader) => contexts.intern(reader.get(number)?),
    };
    copied.ok_or_else(|| ReadError::damaged(0, 0, "a part has too many contexts"))
}
