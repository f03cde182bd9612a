//! The rows of a slice that was picked out of documents: where each lies, and what its event gives it.

use std::sync::Arc;

/// A row of a document, in the text of its slice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PickedRow {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Offset of its first byte in the body.
    pub(crate) byte: u64,
    /// Number of its notes among those of the slice.
    pub(crate) notes: usize,
    /// Whether it is the beginning of a row that is longer than any may be.
    pub(crate) is_too_long: bool,
}

/// The rows of a slice that was picked out of documents.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Picked {
    pub(crate) rows: Vec<PickedRow>,
    /// Members of JSON, each followed by a comma, that rows are given for their context.
    pub(crate) notes: Vec<Arc<[u8]>>,
    /// Bytes that rows are given.
    pub(crate) given_bytes: usize,
}

impl Picked {
    /// Bytes of memory that the rows take beside their text.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.len() * size_of::<PickedRow>() + self.given_bytes
    }
}
