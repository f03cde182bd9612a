//! The text of results, written in chunks that do not move while they grow.
//!
//! In: room wanted for so many bytes, then the bytes. Out: a [`Text`]. So what an answer takes is on the account of
//! the request before it is taken. A chunk that ends less than half full is moved to where it takes less.

use std::sync::Arc;

use sluice_model::limits;

use super::account::{Account, Held};
use crate::{detect::TextSink, error::IngestError};

/// Longest chunk, unless a single context is longer.
const CHUNK_BYTES_MAX: usize = 256 * limits::KIB;

/// The results of some values, without the closing bracket.
pub(super) struct Text {
    pub(super) chunks: Vec<Vec<u8>>,
    /// For as long as the text is there.
    _held: Held,
}

/// Writes a text on an account.
pub(super) struct Writer<'a> {
    account: &'a Account,
    held: Held,
    /// Chunks that are full.
    full: Vec<Vec<u8>>,
    chunk: Vec<u8>,
    /// Bytes of memory of all chunks, and what is needed beside them.
    chunks_bytes: usize,
    beside_bytes: usize,
    /// About what is still to come.
    expected_bytes: usize,
    /// Bytes of the present chunk that the account knows.
    noted_bytes: usize,
}

impl<'a> Writer<'a> {
    /// Begins a text of about so many bytes.
    pub(super) fn new(account: &'a Arc<Account>, expected_bytes: usize) -> Self {
        Self {
            account,
            held: Held::nothing(account),
            full: Vec::new(),
            chunk: Vec::new(),
            chunks_bytes: 0,
            beside_bytes: 0,
            expected_bytes,
            noted_bytes: 0,
        }
    }

    fn begin_chunk(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.note()?;
        self.expected_bytes = self.expected_bytes.saturating_sub(self.chunk.len());
        let more = if self.expected_bytes == 0 { 2 * self.chunk.capacity() } else { self.expected_bytes };
        let capacity = bytes.max(more.min(CHUNK_BYTES_MAX));
        self.shrink();
        self.chunks_bytes += capacity;
        self.held.set(self.chunks_bytes + self.beside_bytes)?;
        let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(capacity));
        if !full.is_empty() {
            self.full.push(full);
        }
        self.noted_bytes = 0;
        Ok(())
    }

    /// Gives back most of what the present chunk did not need.
    fn shrink(&mut self) {
        if self.chunk.len() < self.chunk.capacity() / 2 {
            self.chunks_bytes -= self.chunk.capacity();
            self.chunk.shrink_to_fit();
            self.chunks_bytes += self.chunk.capacity();
        }
    }

    /// Tells the account how long the text has become.
    fn note(&mut self) -> Result<(), IngestError> {
        self.account.note_answer(self.chunk.len() - self.noted_bytes)?;
        self.noted_bytes = self.chunk.len();
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`].
    pub(super) fn finish(mut self) -> Result<Text, IngestError> {
        self.note()?;
        self.shrink();
        self.held.set(self.chunks_bytes)?;
        self.full.push(self.chunk);
        Ok(Text { chunks: self.full, _held: self.held })
    }
}

impl TextSink for Writer<'_> {
    fn room(&mut self, bytes: usize) -> Result<&mut Vec<u8>, IngestError> {
        if self.chunk.capacity() - self.chunk.len() < bytes {
            self.begin_chunk(bytes)?;
        }
        Ok(&mut self.chunk)
    }

    fn note_beside(&mut self, bytes: usize) -> Result<(), IngestError> {
        if self.beside_bytes < bytes {
            self.beside_bytes = bytes;
            self.held.set(self.chunks_bytes + self.beside_bytes)?;
        }
        Ok(())
    }
}
