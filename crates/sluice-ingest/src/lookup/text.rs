//! The text of results, written in chunks that do not move while they grow.
//!
//! In: room wanted for so many bytes, then the bytes. Out: a [`AnswerText`]. So what an answer takes is on the memory of
//! the request before it is taken. A chunk that ends less than half full is moved to where it takes less.

use std::sync::Arc;

use sluice_model::limits;

use super::rank::TextSink;
use crate::{
    error::IngestError,
    memory::{HeldBytes, RequestMemory},
};

/// Longest chunk, unless a single context is longer.
const CHUNK_BYTES_MAX: usize = 256 * limits::KIB;

/// The results of some values, without the closing bracket.
pub(super) struct AnswerText {
    pub(super) chunks: Vec<Vec<u8>>,
    /// For as long as the text is there.
    _held: HeldBytes,
}

/// Writes a text on an memory.
pub(super) struct Writer<'a> {
    memory: &'a RequestMemory,
    held: HeldBytes,
    /// Chunks that are full.
    full: Vec<Vec<u8>>,
    chunk: Vec<u8>,
    /// Bytes of memory of all chunks, and what is needed beside them.
    chunks_bytes: usize,
    beside_bytes: usize,
    /// About what is still to come.
    expected_bytes: usize,
    /// Bytes of the present chunk that the memory knows.
    noted_bytes: usize,
}

impl<'a> Writer<'a> {
    /// Begins a text of about so many bytes.
    pub(super) fn new(memory: &'a Arc<RequestMemory>, expected_bytes: usize) -> Self {
        Self {
            memory,
            held: HeldBytes::nothing(memory),
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

    /// Tells the memory how long the text has become.
    fn note(&mut self) -> Result<(), IngestError> {
        self.memory.note_answer(self.chunk.len() - self.noted_bytes)?;
        self.noted_bytes = self.chunk.len();
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`].
    pub(super) fn finish(mut self) -> Result<AnswerText, IngestError> {
        self.note()?;
        self.shrink();
        self.held.set(self.chunks_bytes)?;
        self.full.push(self.chunk);
        Ok(AnswerText { chunks: self.full, _held: self.held })
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
