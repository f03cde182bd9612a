//! Where the contexts of one table are read: in memory while its slice is there, in the trees afterwards.

use super::{
    stored::{StoredReader, StoredTable},
    table::ContextTable,
};
use crate::{error::ReadError, trees::Trees};

/// A table to read contexts of.
pub(crate) enum ContextSource<'a> {
    /// That of a slice.
    Slice(&'a ContextTable),
    /// One in the trees, and what was read of it last.
    Stored(StoredReader<'a>),
}

impl<'a> ContextSource<'a> {
    /// A stored table, of which nothing was read yet.
    pub(crate) fn stored(trees: &'a Trees, table: &'a StoredTable) -> Self {
        Self::Stored(StoredReader::new(trees, table))
    }

    /// Reads one context.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when it is not there or cannot be read.
    pub(crate) fn get(&mut self, number: u32) -> Result<&[u8], ReadError> {
        match self {
            Self::Slice(contexts) => contexts.get(number).ok_or_else(Self::missing),
            Self::Stored(reader) => reader.get(number),
        }
    }

    /// The damage that a reference is which leads nowhere.
    pub(crate) fn missing() -> ReadError {
        ReadError::damaged(0, 0, "a context is missing")
    }
}
