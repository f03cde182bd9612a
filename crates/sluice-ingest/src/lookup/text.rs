//! The text of results, written in chunks that do not move while they grow.
//!
//! In: room for so many bytes, then the bytes. Out: the chunks. So the memory of a request is asked before an answer
//! takes it. A chunk that ends less than half full is moved to where it takes less.

use std::sync::Arc;

use sluice_model::limits;

use crate::{
    error::IngestError,
    memory::{HeldBytes, RequestMemory},
};

/// Longest chunk, unless a single context is longer.
const CHUNK_BYTES_MAX: usize = 256 * limits::KIB;

/// The results of some consecutive values.
#[derive(Debug)]
pub struct AnswerText {
    /// Chunks that are full; all of them, once the text is finished.
    pub(super) chunks: Vec<Vec<u8>>,
    /// Number of the first of the values in the body.
    pub(super) first_index: u64,
    /// How many they are.
    pub(super) values_count: usize,
    chunk: Vec<u8>,
    held: HeldBytes,
    /// Bytes of memory of all chunks, and what is needed beside them.
    chunks_bytes: usize,
    pub(super) beside_bytes: usize,
    /// About what is still to come.
    expected_bytes: usize,
    /// Bytes of the present chunk that count towards the length of the answer already.
    noted_bytes: usize,
    /// How long the present chunk may become, from the room that was asked for last.
    #[cfg(debug_assertions)]
    promised_bytes: usize,
}

impl AnswerText {
    /// Begins a text of about so many bytes.
    pub(super) fn new(memory: &Arc<RequestMemory>, first_index: u64, expected_bytes: usize) -> Self {
        Self {
            chunks: Vec::new(),
            first_index,
            values_count: 0,
            chunk: Vec::new(),
            held: HeldBytes::new(memory),
            chunks_bytes: 0,
            beside_bytes: 0,
            expected_bytes,
            noted_bytes: 0,
            #[cfg(debug_assertions)]
            promised_bytes: 0,
        }
    }

    /// A text that is there already; `held` is what holds its memory.
    ///
    /// # Errors
    ///
    /// Those of [`finish`](Self::finish).
    pub(super) fn whole(
        text: Vec<u8>,
        held: HeldBytes,
        first_index: u64,
        values_count: usize,
    ) -> Result<Self, IngestError> {
        let whole = Self {
            chunks: Vec::new(),
            first_index,
            values_count,
            chunks_bytes: text.capacity(),
            beside_bytes: 0,
            expected_bytes: 0,
            noted_bytes: 0,
            #[cfg(debug_assertions)]
            promised_bytes: text.len(),
            chunk: text,
            held,
        };
        whole.finish()
    }

    /// Appends bytes, however many.
    ///
    /// # Errors
    ///
    /// Those of [`room`](Self::room).
    pub(super) fn append(&mut self, mut bytes: &[u8]) -> Result<(), IngestError> {
        while !bytes.is_empty() {
            let left = self.chunk.capacity() - self.chunk.len();
            let fitting = if left == 0 { CHUNK_BYTES_MAX } else { left };
            let (now, later) = bytes.split_at_checked(fitting).unwrap_or((bytes, &[]));
            self.room(now.len())?.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Gives room for at most so many more bytes, to append them.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`]; [`sluice_store::WriteError::Busy`] when other requests have the memory.
    #[inline]
    pub fn room(&mut self, bytes: usize) -> Result<&mut Vec<u8>, IngestError> {
        #[cfg(debug_assertions)]
        self.check_promise();
        if self.chunk.capacity() - self.chunk.len() < bytes {
            self.begin_chunk(bytes)?;
        }
        #[cfg(debug_assertions)]
        {
            self.promised_bytes = self.chunk.len() + bytes;
        }
        Ok(&mut self.chunk)
    }

    /// What is written beyond the room for it is memory that is not counted.
    #[cfg(debug_assertions)]
    fn check_promise(&self) {
        assert!(self.chunk.len() <= self.promised_bytes, "{} of {}", self.chunk.len(), self.promised_bytes);
    }

    /// Notes how much memory is taken beside the text, at most.
    ///
    /// # Errors
    ///
    /// Those of [`room`](Self::room).
    pub(super) fn note_beside(&mut self, bytes: usize) -> Result<(), IngestError> {
        if self.beside_bytes < bytes {
            self.beside_bytes = bytes;
            self.held.set(self.chunks_bytes + self.beside_bytes)?;
        }
        Ok(())
    }

    fn begin_chunk(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.note_length()?;
        self.expected_bytes = self.expected_bytes.saturating_sub(self.chunk.len());
        let more = if self.expected_bytes == 0 { 2 * self.chunk.capacity() } else { self.expected_bytes };
        let capacity = bytes.max(more.min(CHUNK_BYTES_MAX));
        self.shrink();
        self.chunks_bytes += capacity;
        self.held.set(self.chunks_bytes + self.beside_bytes)?;
        let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(capacity));
        if !full.is_empty() {
            self.chunks.push(full);
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

    /// Counts what the text has become longer towards the length of the answer.
    fn note_length(&mut self) -> Result<(), IngestError> {
        self.held.memory().note_answer(self.chunk.len() - self.noted_bytes)?;
        self.noted_bytes = self.chunk.len();
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`].
    pub(super) fn finish(mut self) -> Result<Self, IngestError> {
        #[cfg(debug_assertions)]
        self.check_promise();
        self.note_length()?;
        self.shrink();
        self.held.set(self.chunks_bytes)?;
        self.chunks.push(std::mem::take(&mut self.chunk));
        Ok(self)
    }
}
