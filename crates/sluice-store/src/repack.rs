//! Handles to handles: what a new part brings along of the contexts that its rows name.
//!
//! In: rows whose handles name tables. Out: the same rows; handles of the tables to be left name the part's own book
//! instead, whose contexts gather here. A flush leaves all slices, a merge leaves books that are small or have few
//! rows left. Handles of other tables stay as they are.

use hashbrown::HashMap;
use sluice_model::row;

use crate::{
    context::{Contexts, ContextsBuilder, Handle, TableId},
    error::ReadError,
    run::{Book, book::ContextReader},
    trees::Trees,
};

/// Bytes beside a context itself: its entry, its place in the hash table, its new number.
const CONTEXT_OVERHEAD_BYTES: usize = 72;

/// Rewrites rows for one part after the other.
pub(crate) struct Repacker<'a> {
    left: HashMap<TableId, Left<'a>>,
    own: TableId,
    contexts: ContextsBuilder,
    rows_count: u32,
}

/// A table to be left.
struct Left<'a> {
    contexts: Origin<'a>,
    /// The new number of each context, plus one; 0 while it has none.
    moved: Vec<u32>,
}

/// Where the contexts of a table are read.
pub(crate) enum Origin<'a> {
    /// In memory.
    Slice(&'a Contexts),
    /// In the trees.
    Book {
        /// The trees.
        trees: &'a Trees,
        /// Which.
        book: &'a Book,
        /// Where it was read last.
        reader: ContextReader,
    },
}

impl<'a> Repacker<'a> {
    /// Prepares for leaving these tables.
    pub(crate) fn new(left: impl Iterator<Item = (TableId, Origin<'a>)>) -> Self {
        let left = left.map(|(table, contexts)| (table, Left { contexts, moved: Vec::new() })).collect();
        Self { left, own: TableId::of_book(0), contexts: ContextsBuilder::default(), rows_count: 0 }
    }

    /// Begins part number `id`.
    pub(crate) fn begin(&mut self, id: u32) {
        self.own = TableId::of_book(id);
        self.contexts.clear();
        self.rows_count = 0;
        for left in self.left.values_mut() {
            left.moved.clear();
        }
    }

    /// Tells whether rows can be taken as they are.
    pub(crate) fn is_idle(&self) -> bool {
        self.left.is_empty()
    }

    /// Bytes of the contexts gathered, and of what finds them.
    pub(crate) fn bytes_count(&self) -> usize {
        let contexts = self.contexts.contexts();
        contexts.bytes_count() + contexts.count() as usize * CONTEXT_OVERHEAD_BYTES
    }

    /// Appends the rewritten row to `repacked`.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a context cannot be read.
    pub(crate) fn repack(&mut self, row: &[u8], repacked: &mut Vec<u8>) -> Result<(), ReadError> {
        let Self { left, own, contexts, rows_count } = self;
        let move_one = |handle: &[u8]| {
            let (table, number) = Handle::read(handle).ok_or_else(|| nowhere("a handle makes no sense"))?;
            let Some(left) = left.get_mut(&table) else {
                let is_book = table.book().is_some();
                return is_book.then(|| Handle::new(table, number)).ok_or_else(Origin::nowhere);
            };
            *rows_count += 1;
            let number = left.move_one(number, contexts)?;
            Ok(Handle::new(*own, number))
        };
        row::replace_contexts(row, move_one, repacked)
    }

    /// The contexts of the part's own book, and how many rows name one; `None` when there are none.
    pub(crate) fn own(&self) -> Option<(&Contexts, u32)> {
        let contexts = self.contexts.contexts();
        (0 < contexts.count()).then_some((contexts, self.rows_count))
    }
}

impl<'a> Origin<'a> {
    /// A book from its beginning.
    pub(crate) fn book(trees: &'a Trees, book: &'a Book) -> Self {
        Self::Book { trees, book, reader: ContextReader::default() }
    }

    /// Reads one context.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it is not there or cannot be read.
    pub(crate) fn get(&mut self, number: u32) -> Result<&[u8], ReadError> {
        match self {
            Self::Slice(contexts) => contexts.get(number).ok_or_else(Self::nowhere),
            Self::Book { trees, book, reader } => reader.get(trees, book, number),
        }
    }

    /// The damage that a handle into nowhere is.
    pub(crate) fn nowhere() -> ReadError {
        nowhere("a context is missing")
    }
}

impl Left<'_> {
    fn move_one(&mut self, number: u32, contexts: &mut ContextsBuilder) -> Result<u32, ReadError> {
        let place = number as usize;
        if let Some(moved) = self.moved.get(place).and_then(|moved| moved.checked_sub(1)) {
            return Ok(moved);
        }
        let moved = match &mut self.contexts {
            Origin::Slice(its) => {
                let hash = its.hash(number).ok_or_else(Origin::nowhere)?;
                contexts.intern_hashed(hash, || its.get(number))
            }
            Origin::Book { trees, book, reader } => contexts.intern(reader.get(trees, book, number)?),
        };
        let moved = moved.ok_or_else(|| nowhere("a part has too many contexts"))?;
        if self.moved.len() <= place {
            self.moved.resize(place + 1, 0);
        }
        if let Some(known) = self.moved.get_mut(place) {
            *known = moved + 1;
        }
        Ok(moved)
    }
}

fn nowhere(detail: &str) -> ReadError {
    ReadError::damaged(0, 0, detail)
}
