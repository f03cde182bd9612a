//! One lookup: its body comes in by chunks, its answer goes out in one.
//!
//! What an answer may grow to is bounded by [`limits::LOOKUP_ANSWER_BYTES_MAX`]. The permit of the request covers it,
//! and what is gathered; what is read is covered by [`limits::HEAVY_READ_BYTES_MAX`] and its like.

use std::sync::Arc;

use bytes::Bytes;
use sluice_model::limits;

use super::{
    answer::{LookupWork, SliceOutcome, wanted_bytes},
    detect::Detector,
};
use crate::{
    body::pipeline::Pipeline,
    error::{BodyError, Fault, IngestError},
    memory::{Permit, RequestMemory},
    pools::Pools,
};

/// Bytes of an answer's text that are handed out at once, so that sending needs no large buffer.
const CHUNK_BYTES: usize = 64 * limits::KIB;

/// A lookup being taken in.
pub struct Query {
    pipeline: Pipeline<LookupWork>,
    guard: CancelGuard,
}

/// Keeps a lookup from being answered for nobody.
pub(super) struct CancelGuard(pub(super) Arc<RequestMemory>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Query {
    /// Begins a lookup whose permit can come to `permit_bytes_max` at most.
    pub(crate) fn new(
        pools: Arc<Pools>,
        permit: Permit,
        detector: Detector,
        permit_bytes_max: usize,
    ) -> Self {
        let memory = Arc::new(RequestMemory::new(permit, permit_bytes_max));
        let guard = CancelGuard(Arc::clone(&memory));
        let work = LookupWork { detector, memory };
        Self { pipeline: Pipeline::new(pools, work), guard }
    }

    /// Takes the next bytes of the body, as [`Upload::feed`](crate::Upload::feed) does.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a fault of the body, [`IngestError::Read`] when the store cannot be read,
    /// [`IngestError::TooManyAnswerBytes`] or [`sluice_store::WriteError::Busy`] when the answer finds no room.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        self.pipeline.feed_after(self.guard.0.make_room(chunk.len()), chunk).await
    }

    /// Ends the body and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed); a body without any element is a fault too.
    pub async fn finish(self) -> Result<LookupAnswer, IngestError> {
        let Self { pipeline, guard } = self;
        let pools = Arc::clone(pipeline.pools());
        let (elements_count, body_bytes) = (pipeline.elements_count(), pipeline.body_bytes());
        let (work, outcomes) = pipeline.finish().await?;
        if elements_count == 0 {
            let byte = body_bytes.saturating_sub(1);
            return Err(IngestError::Body(BodyError::Syntax { fault: Fault::NoElement, byte }));
        }
        let texts = if outcomes.iter().any(|outcome| matches!(outcome, SliceOutcome::Waiting(_))) {
            let bytes = wanted_bytes(&outcomes);
            pools.read(bytes, move |bytes| work.answer_all(outcomes, bytes)).await??
        } else {
            work.answer_all(outcomes, 0)?
        };
        let chunks: Vec<Vec<u8>> = texts.into_iter().flat_map(|text| text.chunks).collect();
        guard.0.settle(chunks.iter().map(Vec::capacity).sum());
        let closing = Bytes::from_static(b"]");
        let chunks = chunks.into_iter().map(Bytes::from).chain([closing]).collect();
        Ok(LookupAnswer { chunks, memory: Arc::clone(&guard.0) })
    }
}

/// The JSON text of a lookup's answer: an array with one result per looked-up value.
#[derive(Debug)]
pub struct LookupAnswer {
    chunks: Vec<Bytes>,
    memory: Arc<RequestMemory>,
}

impl LookupAnswer {
    /// Exact length of the text.
    pub fn json_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Gives the text in order; memory is freed chunk by chunk, and the permit held until the end.
    pub fn into_json_chunks(self) -> impl Iterator<Item = Bytes> + Send {
        let memory = self.memory;
        let pieces = self.chunks.into_iter().flat_map(|mut chunk| {
            std::iter::from_fn(move || {
                let piece = chunk.split_to(CHUNK_BYTES.min(chunk.len()));
                Some(piece).filter(|piece| !piece.is_empty())
            })
        });
        pieces.inspect(move |_piece| {
            let _held: &RequestMemory = &memory;
        })
    }
}
