//! What a lookup holds of the memory set aside for bodies.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use sluice_model::limits;

use crate::{budget::Permit, error::IngestError};

/// The most that is kept of a body's text: a slice being cut, with the last element.
const CUT_BYTES_MAX: usize = limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX;

/// What a lookup holds, against what its permit covers.
#[derive(Debug)]
pub(super) struct Account {
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

impl Account {
    /// Opens an account whose permit can come to `permit_bytes_max` at most.
    pub(super) fn new(permit: Permit, permit_bytes_max: usize) -> Self {
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
    pub(super) async fn make_room(&self, bytes: usize) -> Result<(), IngestError> {
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
    pub(super) fn note_answer(&self, bytes: usize) -> Result<(), IngestError> {
        let answer_bytes = self.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let answer_bytes_max = limits::LOOKUP_ANSWER_BYTES_MAX.min(self.permit_bytes_max);
        if answer_bytes <= answer_bytes_max { Ok(()) } else { Err(IngestError::TooManyAnswerBytes) }
    }

    /// How many more bytes the permit could ever cover.
    pub(super) fn bytes_left_max(&self) -> usize {
        self.permit_bytes_max.saturating_sub(self.bytes())
    }

    /// Leaves of the permit what the whole answer takes, for as long as it is being sent.
    pub(super) fn settle(&self, bytes: usize) {
        self.permit.settle(bytes);
    }

    /// Tells that nobody waits for the answer any more.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// Asks whether somebody still waits for the answer.
    ///
    /// # Errors
    ///
    /// One that nobody will see.
    pub(super) fn check_wanted(&self) -> Result<(), IngestError> {
        if self.is_abandoned.load(Ordering::Relaxed) { Err(IngestError::Internal) } else { Ok(()) }
    }
}

#[cfg(test)]
impl Account {
    pub(super) fn permit_bytes(&self) -> usize {
        self.permit.bytes()
    }
}

/// Memory that somebody holds on an account, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    account: Arc<Account>,
    bytes: usize,
}

impl Held {
    pub(super) fn nothing(account: &Arc<Account>) -> Self {
        Self { account: Arc::clone(account), bytes: 0 }
    }

    /// Notes how much it is now.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`] for more than the permit could ever cover; those of a permit that cannot
    /// grow at once: a thread of the pool may hold what others wait for.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), IngestError> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            self.account.held_bytes.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        self.account.held_bytes.fetch_add(bytes - before, Ordering::Relaxed);
        let wanted = self.account.bytes();
        if self.account.permit_bytes_max < wanted {
            return Err(IngestError::TooManyAnswerBytes);
        }
        Ok(self.account.permit.cover(wanted)?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
