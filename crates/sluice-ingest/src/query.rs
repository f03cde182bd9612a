//! `lookup`: looked-up values to the JSON text of the answer.
//!
//! In: the rules of a request, a snapshot of the store, the body in chunks. Out: a [`LookupAnswer`] with one
//! result per element, in order. There is no partial answer: an element without a string `object` refuses the
//! body.
//!
//! Slices are gathered in parallel (`gather`): objects, and the keys that the filters leave. A slice that leaves none
//! is answered at once; the others wait for the end of the body and are read together (`answer`), in one sorted pass of
//! all threads. Short bodies are answered by the thread that gathers them, if what is found is not long.
//!
//! What an answer may grow to is bounded by [`limits::LOOKUP_ANSWER_BYTES_MAX`]. The permit of the request covers it,
//! and what is gathered (`account`); what is read is covered by [`limits::HEAVY_READ_BYTES_MAX`] and its like. Which
//! levels
//! match, and what a false positive suppresses, is in `detect`.

mod account;
mod answer;
mod gather;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use sluice_model::{TenantId, limits, matching::MatchScope};

use self::{
    account::Account,
    answer::{Part, wanted_bytes},
    gather::Gathered,
};
use crate::{
    budget::Permit,
    detect::Detector,
    error::{BodyError, Fault, IngestError},
    pipeline::{Engine, Lane, Pipeline, SliceWork},
    split::BodySlice,
};

/// Bytes of an answer's text that are handed out at once, so that sending needs no large buffer.
const CHUNK_BYTES: usize = 64 * limits::KIB;

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
    asker: Asker,
}

/// Keeps a lookup from being answered for nobody.
struct Asker(Arc<Account>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Query {
    /// Begins a lookup whose permit can come to `permit_bytes_max` at most.
    pub(crate) fn new(engine: Engine, permit: Permit, detector: Detector, permit_bytes_max: usize) -> Self {
        let account = Arc::new(Account::new(permit, permit_bytes_max));
        let asker = Asker(Arc::clone(&account));
        let work = LookupWork { detector, account };
        Self { pipeline: Pipeline::new(engine, work), asker }
    }

    /// Takes the next bytes of the body, as [`Upload::feed`](crate::Upload::feed) does.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a fault of the body, [`IngestError::Read`] when the store cannot be read,
    /// [`IngestError::TooManyAnswerBytes`] or [`sluice_store::WriteError::Busy`] when the answer finds no room.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        self.pipeline.feed_after(self.asker.0.make_room(chunk.len()), chunk).await
    }

    /// Ends the body and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed); a body without any element is a fault too.
    pub async fn finish(self) -> Result<LookupAnswer, IngestError> {
        let Self { pipeline, asker } = self;
        let engine = pipeline.engine().clone();
        let finished = pipeline.finish().await?;
        if finished.elements_count == 0 {
            let byte = finished.body_bytes.saturating_sub(1);
            return Err(IngestError::Body(BodyError::Syntax { fault: Fault::NoElement, byte }));
        }
        let (work, parts) = (finished.work, finished.outputs);
        let texts = if parts.iter().any(|part| matches!(part, Part::Waiting(_))) {
            let bytes = wanted_bytes(&parts);
            let answered = engine.read(bytes, move |bytes| work.answer_all(parts, bytes)).await;
            answered.unwrap_or(Err(IngestError::Internal))?
        } else {
            work.answer_all(parts, 0)?
        };
        let chunks: Vec<Vec<u8>> = texts.into_iter().flat_map(|text| text.chunks).collect();
        asker.0.settle(chunks.iter().map(Vec::capacity).sum());
        let closing = Bytes::from_static(b"]");
        let chunks = chunks.into_iter().map(Bytes::from).chain([closing]).collect();
        Ok(LookupAnswer { chunks, account: Arc::clone(&asker.0) })
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

    /// Gives the text in order; memory is freed chunk by chunk, and the permit held until the end.
    pub fn into_json_chunks(self) -> impl Iterator<Item = Bytes> + Send {
        let account = self.account;
        let pieces = self.chunks.into_iter().flat_map(|mut chunk| {
            std::iter::from_fn(move || {
                let piece = chunk.split_to(CHUNK_BYTES.min(chunk.len()));
                Some(piece).filter(|piece| !piece.is_empty())
            })
        });
        pieces.inspect(move |_piece| {
            let _held: &Account = &account;
        })
    }
}

struct LookupWork {
    detector: Detector,
    account: Arc<Account>,
}

impl SliceWork for LookupWork {
    type Output = Part;

    const LANE: Lane = Lane::Reads;

    fn work(&self, slice: &BodySlice) -> Result<Part, IngestError> {
        let mut gathered = Box::new(Gathered::of(slice, &self.detector, &self.account)?);
        gathered.settle(&self.detector)?;
        if gathered.sieve.wanted().is_empty() {
            return self.deny(&gathered).map(Part::Answered);
        }
        Ok(Part::Waiting(gathered))
    }

    fn work_light(&self, slice: &BodySlice) -> Result<Part, IngestError> {
        match self.work(slice)? {
            Part::Waiting(gathered) => self.answer_light(gathered, limits::SHORT_BODY_READ_BYTES_MAX),
            answered @ Part::Answered(_) => Ok(answered),
        }
    }

    fn work_at_once(&self, slice: &BodySlice) -> Option<Result<Part, IngestError>> {
        match Gathered::of(slice, &self.detector, &self.account) {
            Ok(mut gathered) => (!self.detector.wants_any(&mut gathered.sieve))
                .then(|| self.deny(&gathered).map(Part::Answered)),
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests;
