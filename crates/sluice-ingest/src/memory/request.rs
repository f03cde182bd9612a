//! What one request holds of the memory set aside for requests, against what its permit covers.
//!
//! A request holds bytes of its body, and what its work takes beside them: values gathered and text of answers of a
//! lookup. What arrives of the body may wait for memory; what its work takes may not, because a thread of a pool that
//! waits may hold what others wait for.
//!
//! An upload holds all of its body until its rows are committed: of 100 MiB, 100 MiB. A lookup gathers slice by slice:
//! of 60 MiB it holds 5 MiB, a slice and the longest element, and what it has gathered.

use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use sluice_model::limits;
use sluice_store::{Store, WriteError};
use tokio::time::Instant;

use super::budget::{Busy, Permit};
use crate::error::IngestError;

/// Time between two looks at a memtable that is too large.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The memory of one request.
#[derive(Debug)]
pub(crate) struct RequestMemory {
    permit: Permit,
    /// As of the beginning; less, if what is stored takes more by now.
    permit_bytes_max: usize,
    /// Bytes of the body that are held, and the most of them that are held together.
    body_bytes: AtomicUsize,
    body_bytes_max: usize,
    /// Bytes of the answer so far.
    answer_bytes: AtomicUsize,
    /// Bytes of all [`HeldBytes`].
    held_bytes: AtomicUsize,
    is_abandoned: AtomicBool,
}

impl RequestMemory {
    /// Begins with nothing held. Of the body, `body_bytes_max` bytes are held together at most.
    pub(crate) fn new(permit: Permit, body_bytes_max: usize) -> Arc<Self> {
        let permit_bytes_max = permit.bytes_max();
        Arc::new(Self {
            permit,
            permit_bytes_max,
            body_bytes: AtomicUsize::new(0),
            body_bytes_max,
            answer_bytes: AtomicUsize::new(0),
            held_bytes: AtomicUsize::new(0),
            is_abandoned: AtomicBool::new(false),
        })
    }

    /// Takes the next bytes of the body; waits for others to free some, for a bounded time. Returns true if the permit
    /// grew.
    ///
    /// # Errors
    ///
    /// [`WriteError::Busy`] when there is no memory now; [`IngestError::OverMemory`] or, with what is gathered for an
    /// answer, [`IngestError::TooManyAnswerBytes`] when there never will be enough.
    pub(crate) async fn take_body(&self, bytes: usize) -> Result<bool, IngestError> {
        let body_bytes =
            self.body_bytes.load(Ordering::Relaxed).saturating_add(bytes).min(self.body_bytes_max);
        self.body_bytes.store(body_bytes, Ordering::Relaxed);
        let permit_bytes_max = self.permit_bytes_max();
        if permit_bytes_max < body_bytes {
            return Err(IngestError::OverMemory { bytes_max: permit_bytes_max });
        }
        if permit_bytes_max < self.bytes() {
            return Err(IngestError::TooManyAnswerBytes);
        }
        Ok(self.permit.grow(self.bytes()).await?)
    }

    /// Notes that so many bytes are all that is held of the body; the permit stays as it is.
    pub(crate) fn keep_body(&self, bytes: usize) {
        self.body_bytes.store(bytes.min(self.body_bytes_max), Ordering::Relaxed);
    }

    /// Waits until all permits and the memtable together are within what is planned for both, for a bounded time.
    ///
    /// # Errors
    ///
    /// [`WriteError::Busy`] when they are not.
    pub(crate) async fn wait_for_memtable(&self, store: &Store) -> Result<(), IngestError> {
        let (budget, since) = (&self.permit.budget, Instant::now());
        budget.make_way(store.resident_bytes());
        while let Some(level) = budget.unsure() {
            match budget.set_level(level.with_memtable(store.memtable_bytes())) {
                Ok(()) => break,
                Err(busy) if budget.wait_max <= since.elapsed() => return Err(busy.into()),
                Err(_wait) => tokio::time::sleep(LOOK_INTERVAL).await,
            }
        }
        Ok(())
    }

    /// The most that the permit can come to now: never less than it stands for.
    fn permit_bytes_max(&self) -> usize {
        self.permit_bytes_max.min(self.permit.bytes_max().max(self.permit.bytes()))
    }

    fn bytes(&self) -> usize {
        self.body_bytes.load(Ordering::Relaxed) + self.held_bytes.load(Ordering::Relaxed)
    }

    /// Notes that the answer has become longer by so many bytes.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`].
    pub(crate) fn note_answer(&self, bytes: usize) -> Result<(), IngestError> {
        let answer_bytes = self.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let answer_bytes_max = limits::LOOKUP_ANSWER_BYTES_MAX.min(self.permit_bytes_max());
        if answer_bytes <= answer_bytes_max { Ok(()) } else { Err(IngestError::TooManyAnswerBytes) }
    }

    /// How many more bytes the permit could ever cover.
    pub(crate) fn bytes_left_max(&self) -> usize {
        self.permit_bytes_max().saturating_sub(self.bytes())
    }

    /// Gives back all of the permit but what the finished answer takes, for as long as it is being sent.
    pub(crate) fn release_all_but(&self, bytes: usize) {
        self.permit.release_all_but(bytes);
    }

    /// Returns true if the client has gone: the outcome is not needed any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
impl RequestMemory {
    /// Of a request whose permit can come to so many bytes.
    pub(crate) fn within(permit: Permit, permit_bytes_max: usize) -> Arc<Self> {
        let mut memory = Self::new(permit, usize::MAX);
        Arc::get_mut(&mut memory).unwrap().permit_bytes_max = permit_bytes_max;
        memory
    }

    pub(crate) fn permit_bytes(&self) -> usize {
        self.permit.bytes()
    }
}

/// Ends the work on a request when the client goes away.
#[derive(Debug)]
pub(crate) struct CancelGuard(pub(crate) Arc<RequestMemory>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

/// A part of a request's memory, until this is dropped.
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

    /// The memory it is a part of.
    pub(crate) fn memory(&self) -> &RequestMemory {
        &self.memory
    }

    /// Notes how much it is now. Never waits.
    ///
    /// # Errors
    ///
    /// [`IngestError::TooManyAnswerBytes`] for more than the permit could ever cover; [`WriteError::Busy`] for more than
    /// it can cover now.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), IngestError> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            self.memory.held_bytes.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        self.memory.held_bytes.fetch_add(bytes - before, Ordering::Relaxed);
        let wanted = self.memory.bytes();
        if self.memory.permit_bytes_max() < wanted {
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

impl From<Busy> for IngestError {
    fn from(Busy { retry_after_seconds }: Busy) -> Self {
        Self::Write(WriteError::Busy { retry_after_seconds })
    }
}
