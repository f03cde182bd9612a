//! What a lookup holds of the memory set aside for bodies.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use sluice_model::limits;

use super::budget::Permit;
use crate::error::IngestError;

/// The most that is kept of a body's text: a slice being cut, with the last element.
const CUT_BYTES_MAX: usize = limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX;

/// What a lookup holds, against what its permit covers.
#[derive(Debug)]
pub(crate) struct RequestMemory {
    permit: Permit,
    permit_bytes_max: usize,
    /// Bytes of the body so far, or of the longest slice.
    cut_bytes: AtomicUsize,
    /// Bytes of all answers so far.
    answer_bytes: AtomicUsize,
    /// Bytes of memory in gathered values and in answers.
    held_bytes: AtomicUsize,
    is_abandoned: AtomicBool,
}

impl RequestMemory {
    /// Begins with nothing held and a permit that permit comes to `permit_bytes_max` at most.
    pub(crate) fn new(permit: Permit, permit_bytes_max: usize) -> Self {
        Self {
            permit,
            permit_bytes_max,
            cut_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            held_bytes: AtomicUsize::new(0),
            is_abandoned: AtomicBool::new(false),
        }
    }

    /// Makes room for the next bytes of the body; waits for others to free some.
    ///
    /// # Errors
    ///
    /// Those of a permit that cannot grow.
    pub(crate) async fn make_room(&self, bytes: usize) -> Result<(), IngestError> {
        let before = self.cut_bytes.load(Ordering::Relaxed);
        self.cut_bytes.store(CUT_BYTES_MAX.min(before + bytes), Ordering::Relaxed);
        Ok(self.permit.grow(self.bytes()).await?)
    }

    fn bytes(&self) -> usize {
        self.cut_bytes.load(Ordering::Relaxed) + self.held_bytes.load(Ordering::Relaxed)
    }

    /// Notes that answers have become longer by so many bytes.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`].
    pub(crate) fn note_answer(&self, bytes: usize) -> Result<(), IngestError> {
        let answer_bytes = self.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let answer_bytes_max = limits::LOOKUP_ANSWER_BYTES_MAX.min(self.permit_bytes_max);
        if answer_bytes <= answer_bytes_max { Ok(()) } else { Err(IngestError::TooManyAnswerBytes) }
    }

    /// How many more bytes the permit could ever cover.
    pub(crate) fn bytes_left_max(&self) -> usize {
        self.permit_bytes_max.saturating_sub(self.bytes())
    }

    /// Leaves of the permit what the whole answer takes, for as long as it is being sent.
    pub(crate) fn settle(&self, bytes: usize) {
        self.permit.settle(bytes);
    }

    /// Tells that nobody waits for the answer any more.
    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// Asks whether somebody still waits for the answer.
    ///
    /// # Errors
    ///
    /// One that nobody will see.
    pub(crate) fn check_wanted(&self) -> Result<(), IngestError> {
        if self.is_abandoned.load(Ordering::Relaxed) { Err(IngestError::Internal) } else { Ok(()) }
    }
}

#[cfg(test)]
impl RequestMemory {
    pub(crate) fn permit_bytes(&self) -> usize {
        self.permit.bytes()
    }
}

/// Memory that somebody holds of a request's memory, until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    memory: Arc<RequestMemory>,
    bytes: usize,
}

impl HeldBytes {
    /// Holds nothing yet.
    pub(crate) fn new(memory: &Arc<RequestMemory>) -> Self {
        Self { memory: Arc::clone(memory), bytes: 0 }
    }

    /// The memory it is part of.
    pub(crate) fn memory(&self) -> &RequestMemory {
        &self.memory
    }

    /// Notes how much it is now.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`] for more than the permit could ever cover; those of a permit that cannot
    /// grow at once: a thread of the pool may hold what others wait for.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), IngestError> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            self.memory.held_bytes.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        self.memory.held_bytes.fetch_add(bytes - before, Ordering::Relaxed);
        let wanted = self.memory.bytes();
        if self.memory.permit_bytes_max < wanted {
            return Err(IngestError::TooManyAnswerBytes);
        }
        Ok(self.memory.permit.cover(wanted)?)
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.memory.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
