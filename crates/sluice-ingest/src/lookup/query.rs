//! One lookup: its body comes in by chunks, its answer goes out in one.
//!
//! What an answer may grow to is bounded by [`limits::LOOKUP_ANSWER_BYTES_MAX`]. The permit of the request covers it,
//! and what is gathered; what is read is covered by [`limits::HEAVY_READ_BYTES_MAX`] and its like.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use sluice_model::limits;

use super::{
    answer::{LookupWork, wanted_bytes},
    body::{LookupCut, RowsCut},
    detect::Detector,
    render::Render,
    text::AnswerText,
};
use crate::{
    body::{pipeline::Pipeline, split::Splitter},
    error::{BodyError, Fault, IngestError},
    import::format::Announced,
    memory::{Permit, RequestMemory},
    pools::Pools,
};

/// Bytes of an answer's text that are handed out in one piece, so that sending needs no large buffer.
const CHUNK_BYTES: usize = 64 * limits::KIB;

/// The most that is kept of a body's text: a slice being cut, with the last element.
const CUT_BYTES_MAX: usize = limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX;

/// A lookup being taken in, whose results `R` writes.
pub struct Query<R: Render> {
    pipeline: Pipeline<LookupWork<R>>,
    /// Whether the body may be without values.
    may_be_empty: bool,
}

impl<R: Render> Query<R> {
    /// Begins a lookup whose body is rows, of which so much is announced, or by itself an array of the CyberTrace API.
    pub(crate) fn new(
        pools: Arc<Pools>,
        permit: Permit,
        detector: Detector,
        rows: Option<Announced>,
        render: R,
    ) -> Self {
        let memory = RequestMemory::new(permit, CUT_BYTES_MAX);
        let work = LookupWork {
            detector,
            memory: Arc::clone(&memory),
            render,
            short_read_bytes: pools.short_read_bytes,
            unread: Mutex::default(),
        };
        let cut = match rows {
            Some(announced) => LookupCut::Rows(RowsCut::new(announced)),
            None => LookupCut::Array(Splitter::new()),
        };
        Self { pipeline: Pipeline::with_cut(pools, memory, cut, work), may_be_empty: rows.is_some() }
    }

    /// Takes the next bytes of the body, as [`Upload::feed`](crate::Upload::feed) does.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a fault of the body, [`IngestError::Read`] when the store cannot be read,
    /// [`IngestError::TooManyAnswerBytes`] or [`sluice_store::WriteError::Busy`] when there is no memory for the answer.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        let memory = Arc::clone(self.pipeline.memory());
        let room = async {
            memory.take_body(chunk.len()).await?;
            Ok(())
        };
        self.pipeline.feed_after(room, chunk).await
    }

    /// Ends the body and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed); an array of the CyberTrace API without any element is a fault too.
    pub async fn finish(self) -> Result<LookupAnswer, IngestError> {
        let Self { pipeline, may_be_empty } = self;
        let pools = Arc::clone(pipeline.pools());
        let (elements_count, body_bytes) = (pipeline.elements_count(), pipeline.body_bytes());
        let (work, texts, guard) = pipeline.finish().await?;
        if elements_count == 0 && !may_be_empty {
            let byte = body_bytes.saturating_sub(1);
            return Err(IngestError::Body(BodyError::Syntax { fault: Fault::NoElement, byte }));
        }
        let mut texts: Vec<AnswerText> = texts.into_iter().flatten().collect();
        let unread = std::mem::take(&mut *work.unread.lock());
        if !unread.is_empty() {
            let bytes = wanted_bytes(&unread);
            texts = pools.read(bytes, move |bytes| work.answer_all(texts, unread, bytes)).await??;
        }
        let (mut chunks, mut heap_bytes) = (VecDeque::new(), 0);
        let objects_count = texts.iter().map(|text| text.values_count as u64).sum();
        for chunk in texts.into_iter().flat_map(|text| text.chunks) {
            heap_bytes += chunk.capacity();
            chunks.push_back(Bytes::from(chunk));
        }
        chunks.push_back(Bytes::from_static(R::CLOSING));
        guard.0.release_all_but(heap_bytes);
        Ok(LookupAnswer { objects_count, chunks, memory: Arc::clone(&guard.0) })
    }
}

/// The text of a lookup's answer: one result per looked-up value.
#[derive(Debug)]
pub struct LookupAnswer {
    /// Values that were looked up.
    pub objects_count: u64,
    chunks: VecDeque<Bytes>,
    memory: Arc<RequestMemory>,
}

impl LookupAnswer {
    /// Exact length of the text.
    pub fn text_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Gives the text in order; memory is freed chunk by chunk, and the permit held until the end.
    pub fn into_chunks(self) -> impl Iterator<Item = Bytes> + Send {
        let Self { mut chunks, memory, .. } = self;
        std::iter::from_fn(move || {
            let _held: &RequestMemory = &memory;
            while chunks.front()?.is_empty() {
                chunks.pop_front();
            }
            let chunk = chunks.front_mut()?;
            Some(chunk.split_to(CHUNK_BYTES.min(chunk.len())))
        })
    }
}
