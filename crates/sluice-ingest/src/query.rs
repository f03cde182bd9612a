//! `lookup`: looked-up values to the JSON text of the answer.
//!
//! In: the rules of a request, a snapshot of the store, the body in chunks. Out: a [`LookupAnswer`] with one
//! result per element, in order. There is no partial answer: an element without a string `object` refuses the
//! body. Slices are answered in parallel, each into text of its own.
//!
//! What an answer may grow to is bounded by [`limits::LOOKUP_ANSWER_BYTES_MAX`]. The permit of the request covers
//! it, and of the body only the slice being cut: the rest is not kept. Which levels match, and what a false
//! positive suppresses, is in `detect`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use sluice_model::{TenantId, limits, matching::MatchScope};

use crate::{
    budget::Permit,
    detect::{Detector, ProbeBuffers},
    error::{BodyError, Fault, IngestError},
    parse::{self, Element},
    pipeline::{Engine, Pipeline, SliceWork},
    split::BodySlice,
};

/// The most that is kept of a body: a slice being cut.
const CUT_BYTES_MAX: usize = limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX;

/// What a lookup asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookupRules {
    /// Whose suppliers count.
    pub tenant: TenantId,
    /// How far each value reaches.
    pub scope: MatchScope,
    /// The present, in seconds since 1970-01-01 UTC; indicators not updated for their retention do not match.
    pub now_seconds: u32,
}

/// A lookup being taken in.
pub struct Query {
    pipeline: Pipeline<LookupWork>,
    account: Arc<Account>,
}

impl Query {
    /// Begins a lookup whose permit can come to `permit_bytes_max` at most.
    pub(crate) fn new(engine: Engine, permit: Permit, detector: Detector, permit_bytes_max: usize) -> Self {
        let account = Arc::new(Account {
            permit,
            answer_bytes_max: limits::LOOKUP_ANSWER_BYTES_MAX.min(permit_bytes_max),
            cut_bytes: AtomicUsize::new(0),
            answer_bytes: AtomicUsize::new(0),
            held_bytes: AtomicUsize::new(0),
        });
        let work = LookupWork { detector, account: Arc::clone(&account) };
        Self { pipeline: Pipeline::new(engine, work), account }
    }

    /// Takes the next bytes of the body, as [`Upload::feed`](crate::Upload::feed) does.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a fault of the body, [`IngestError::Read`] when the store cannot be read,
    /// [`IngestError::TooManyAnswerBytes`] or [`sluice_store::WriteError::Busy`] when the answer finds no room.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        self.pipeline.feed_after(self.account.make_room(chunk.len()), chunk).await
    }

    /// Ends the body and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed); a body without any element is a fault too.
    pub async fn finish(self) -> Result<LookupAnswer, IngestError> {
        let finished = self.pipeline.finish().await?;
        if finished.elements_count == 0 {
            let byte = finished.body_bytes.saturating_sub(1);
            return Err(IngestError::Body(BodyError::Syntax { fault: Fault::NoElement, byte }));
        }
        let mut chunks = Vec::with_capacity(finished.outputs.len() + 1);
        chunks.extend(finished.outputs.into_iter().map(Bytes::from));
        chunks.push(Bytes::from_static(b"]"));
        Ok(LookupAnswer { chunks, account: self.account })
    }
}

/// The JSON text of a lookup's answer: an array with one result per looked-up value.
#[derive(Debug)]
pub struct LookupAnswer {
    chunks: Vec<Bytes>,
    account: Arc<Account>,
}

impl LookupAnswer {
    /// Exact length of the text.
    pub fn json_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Gives the text in order; memory is freed and the permit held chunk by chunk.
    pub fn into_json_chunks(self) -> impl Iterator<Item = Bytes> + Send {
        let account = self.account;
        self.chunks.into_iter().inspect(move |_chunk| {
            let _held: &Account = &account;
        })
    }
}

struct LookupWork {
    detector: Detector,
    account: Arc<Account>,
}

/// What a lookup holds, against what its permit covers.
#[derive(Debug)]
struct Account {
    permit: Permit,
    answer_bytes_max: usize,
    /// Bytes of the body so far, or of the longest slice.
    cut_bytes: AtomicUsize,
    /// Bytes of all slices' answers so far.
    answer_bytes: AtomicUsize,
    /// The memory that they are in.
    held_bytes: AtomicUsize,
}

impl Account {
    async fn make_room(&self, bytes: usize) -> Result<(), IngestError> {
        let before = self.cut_bytes.load(Ordering::Relaxed);
        self.cut_bytes.store(CUT_BYTES_MAX.min(before + bytes), Ordering::Relaxed);
        Ok(self.permit.grow(self.bytes()).await?)
    }

    fn bytes(&self) -> usize {
        self.cut_bytes.load(Ordering::Relaxed) + self.held_bytes.load(Ordering::Relaxed)
    }

    /// Notes that an answer has become longer by `bytes`, in `held_bytes` more of memory.
    fn add(&self, bytes: usize, held_bytes: usize) -> Result<(), IngestError> {
        let answer_bytes = self.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if answer_bytes > self.answer_bytes_max {
            return Err(IngestError::TooManyAnswerBytes);
        }
        self.held_bytes.fetch_add(held_bytes, Ordering::Relaxed);
        // No waiting: a thread of the pool may hold what others wait for.
        Ok(self.permit.cover(self.bytes())?)
    }
}

impl SliceWork for LookupWork {
    type Output = Vec<u8>;

    fn work(&self, slice: &BodySlice) -> Result<Vec<u8>, IngestError> {
        parse::with_elements(slice, |elements| {
            let (mut answer, mut buffers) = (Vec::new(), ProbeBuffers::default());
            for (index, element) in elements.enumerate() {
                let (before, capacity) = (answer.len(), answer.capacity());
                answer.push(if slice.first_element == 0 && index == 0 { b'[' } else { b',' });
                self.answer(&element, index, slice, &mut buffers, &mut answer)?;
                self.account.add(answer.len() - before, answer.capacity() - capacity)?;
            }
            let capacity = answer.capacity();
            answer.shrink_to_fit();
            self.account.held_bytes.fetch_sub(capacity - answer.capacity(), Ordering::Relaxed);
            Ok(answer)
        })
        .map_err(IngestError::Body)?
    }
}

impl LookupWork {
    fn answer(
        &self,
        element: &Element<'_, '_>,
        index: usize,
        slice: &BodySlice,
        buffers: &mut ProbeBuffers,
        answer: &mut Vec<u8>,
    ) -> Result<(), IngestError> {
        let object = element.members().filter(|member| member.key == "object").last();
        let Some(text) = object.and_then(|member| member.as_str()) else {
            let byte = slice.body_byte(element.source.element_offset(index));
            let index = slice.first_element + index as u64;
            return Err(IngestError::Body(match object {
                None => BodyError::ObjectMissing { index, byte },
                Some(_) => BodyError::ObjectType { index, byte },
            }));
        };
        answer.extend_from_slice(b"{\"object\":");
        if let Some(member) = &object {
            element.source.append_value(member, answer);
        }
        self.detector.append_result(text, buffers, answer).map_err(IngestError::Read)?;
        answer.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests;
