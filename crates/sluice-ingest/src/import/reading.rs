//! How a body is cut and read once its format is known: rows that follow one another, or documents with rows in them.

use super::{
    cut::{Cutter, RowsSlice, given_bytes},
    document::DocumentCutter,
    document_rows::DocumentFormat,
    rows::RowFormat,
};
use crate::error::BodyError;

/// Bytes of memory that a row takes at least until it is durable: in a plain list, more than its text.
const ROW_BYTES_MIN: usize = 32;

/// Cuts a body into slices.
#[derive(Debug)]
pub(crate) enum BodyCutter {
    Rows(Cutter),
    Documents(Box<DocumentCutter>),
}

/// What the rows of a body are, with what it takes to read them.
#[derive(Debug)]
pub(crate) enum BodyFormat {
    Rows(RowFormat),
    Documents(DocumentFormat),
}

impl BodyCutter {
    /// Bytes that are not handed out yet.
    pub(crate) fn kept_bytes(&self) -> usize {
        match self {
            Self::Rows(cutter) => cutter.kept_bytes(),
            Self::Documents(cutter) => cutter.kept_bytes(),
        }
    }

    /// Number of the row that is being read, or that comes next.
    pub(crate) fn line(&self) -> u64 {
        match self {
            Self::Rows(cutter) => cutter.line(),
            Self::Documents(cutter) => cutter.line(),
        }
    }

    /// Consumes `chunk`, which is moderately long, until a slice is full or the chunk is used up (`None`).
    ///
    /// # Errors
    ///
    /// The first byte after which no row can be told from the next.
    pub(crate) fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<RowsSlice>, BodyError> {
        match self {
            Self::Rows(cutter) => cutter.next_slice(chunk),
            Self::Documents(cutter) => cutter.next_slice(chunk),
        }
    }

    /// Ends the body; gives a slice of what is left. To be called until it gives nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::Unfinished`](crate::error::Fault::Unfinished) for an array or document that is not closed.
    pub(crate) fn finish(&mut self) -> Result<Option<RowsSlice>, BodyError> {
        match self {
            Self::Rows(cutter) => cutter.finish(),
            Self::Documents(cutter) => cutter.finish(),
        }
    }

    /// Gives the whole rows that are there.
    pub(crate) fn flush(&mut self) -> Option<RowsSlice> {
        match self {
            Self::Rows(cutter) => cutter.flush(),
            Self::Documents(cutter) => cutter.flush(),
        }
    }
}

impl BodyFormat {
    /// Bytes that each row is given beside its own, at most, if they are as many for each.
    pub(crate) fn given_bytes(&self) -> usize {
        match self {
            Self::Rows(format) => format.given_bytes(),
            Self::Documents(_) => 0,
        }
    }

    /// Bytes of memory that a slice and its rows take at most until they are durable.
    pub(crate) fn weight(&self, slice: &RowsSlice) -> usize {
        let (given, indicators) = match self {
            Self::Rows(format) => (given_bytes(slice.lines, format.given_bytes()), slice.lines),
            Self::Documents(format) => (slice.picked.bytes(), format.indicators_max(slice)),
        };
        slice.text.len().saturating_add(given).max(given_bytes(indicators, ROW_BYTES_MIN))
    }
}
