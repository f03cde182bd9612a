//! `lookup`: looked-up values to the JSON text of the answer.
//!
//! In: the rules of a request, a snapshot of the store, the body in chunks. Out: a [`LookupAnswer`] with one
//! result per element, in order. There is no partial answer: an element without a string `object` refuses the
//! body. Slices are answered in parallel, a few neighbours at a time into one text: filters for their values, then a
//! sorted read of what they leave, then the text. Where that would be too much to hold, it is done in parts.
//!
//! What an answer may grow to is bounded by [`limits::LOOKUP_ANSWER_BYTES_MAX`]. The permit of the request covers
//! it, what is gathered and found meanwhile once that is there, and of the body only what is being cut: the rest is not
//! kept. Which levels match,
//! and what a false positive suppresses, is in `detect`.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use sluice_model::{TenantId, limits, matching::MatchScope};

use crate::{
    budget::Permit,
    detect::{Detector, Found, NOT_DETECTED},
    elements,
    error::{BodyError, Fault, IngestError},
    pipeline::{Engine, Lane, Pipeline, SliceWork},
    scan::Known,
    sieve::Sieve,
    split::BodySlice,
};

/// The most that is kept of a body: a slice being cut and those that wait for it.
const CUT_BYTES_MAX: usize = limits::SLICES_TOGETHER_BYTES_MAX;

/// Bytes of objects, wanted keys or answer after which what is held is counted.
const COUNTED_BYTES: usize = 64 * limits::KIB;

/// Bytes of an answer's text that are handed out at once, so that sending needs no large buffer.
const CHUNK_BYTES: usize = 64 * limits::KIB;

/// What a result begins with; the comma of the first one becomes a bracket.
const OPENING: &[u8] = b",{\"object\":";

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

    /// Notes that an answer has become longer by `bytes`, and that what is held went from `before_bytes` to
    /// `held_bytes` of memory.
    fn note(&self, bytes: usize, before_bytes: usize, held_bytes: usize) -> Result<(), IngestError> {
        let answer_bytes = self.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if answer_bytes > self.answer_bytes_max {
            return Err(IngestError::TooManyAnswerBytes);
        }
        if held_bytes < before_bytes {
            self.held_bytes.fetch_sub(before_bytes - held_bytes, Ordering::Relaxed);
            return Ok(());
        }
        self.held_bytes.fetch_add(held_bytes - before_bytes, Ordering::Relaxed);
        // No waiting: a thread of the pool may hold what others wait for.
        Ok(self.permit.cover(self.bytes())?)
    }
}

impl SliceWork for LookupWork {
    type Output = Vec<u8>;

    const LANE: Lane = Lane::Reads;

    const TOGETHER_MAX: usize = limits::LOOKUP_SLICES_TOGETHER_MAX;

    fn work(&self, slice: &BodySlice) -> Result<Vec<u8>, IngestError> {
        self.answer(std::slice::from_ref(slice))
    }

    fn work_together(&self, slices: &[BodySlice]) -> Result<Vec<Vec<u8>>, IngestError> {
        Ok(vec![self.answer(slices)?])
    }

    fn work_at_once(&self, slice: &BodySlice) -> Option<Result<Vec<u8>, IngestError>> {
        let mut answering = Answering::new(self);
        match answering.take(slice) {
            Ok(()) => (!answering.wants_any()).then(|| answering.finish(slice.first_element == 0)),
            Err(error) => Some(Err(error)),
        }
    }
}

impl LookupWork {
    fn answer(&self, slices: &[BodySlice]) -> Result<Vec<u8>, IngestError> {
        let mut answering = Answering::new(self);
        for slice in slices {
            answering.take(slice)?;
        }
        answering.finish(slices.first().is_some_and(|slice| slice.first_element == 0))
    }
}

/// Neighbouring slices being answered.
struct Answering<'work> {
    work: &'work LookupWork,
    sieve: Sieve,
    /// JSON text of the objects that were not answered yet, one after the other.
    objects: Vec<u8>,
    object_ends: Vec<usize>,
    found: Found,
    answer: Vec<u8>,
    counted_answer_bytes: usize,
    counted_held_bytes: usize,
}

impl<'work> Answering<'work> {
    fn new(work: &'work LookupWork) -> Self {
        Self {
            work,
            sieve: Sieve::default(),
            objects: Vec::new(),
            object_ends: Vec::new(),
            found: Found::default(),
            answer: Vec::new(),
            counted_answer_bytes: 0,
            counted_held_bytes: 0,
        }
    }

    /// Takes the values of a slice; answers them only when there are too many to keep.
    fn take(&mut self, slice: &BodySlice) -> Result<(), IngestError> {
        // Most of the text is objects.
        self.objects.reserve(slice.text.len());
        let mut index = slice.first_element;
        let visited = elements::visit_elements(slice, |element| {
            let object = element.get(Known::Object);
            let Some((object, string)) = object.and_then(|object| Some((object, object.as_str()?))) else {
                let byte = slice.body_byte(element.offset);
                return Err(IngestError::Body(match object {
                    None => BodyError::ObjectMissing { index, byte },
                    Some(_) => BodyError::ObjectType { index, byte },
                }));
            };
            index += 1;
            object.append_compact(&mut self.objects);
            self.object_ends.push(self.objects.len());
            self.work.detector.add(string, &mut self.sieve);
            if limits::GATHERED_BYTES_MAX < self.objects.len() + self.sieve.keys_bytes() {
                self.answer_gathered()?;
            }
            Ok(())
        });
        visited.map_err(IngestError::Body)?
    }

    /// Tells whether anything has to be read to answer what was taken. If so, this is of no more use.
    fn wants_any(&mut self) -> bool {
        self.work.detector.wants_any(&mut self.sieve)
    }

    /// Answers the rest and gives the text, without the closing bracket.
    fn finish(mut self, is_first: bool) -> Result<Vec<u8>, IngestError> {
        self.answer_gathered()?;
        if let Some(first) = self.answer.first_mut().filter(|_| is_first) {
            *first = b'[';
        }
        (self.sieve, self.found, self.objects) = Default::default();
        self.object_ends = Vec::new();
        self.answer.shrink_to_fit();
        self.count()?;
        Ok(self.answer)
    }

    fn answer_gathered(&mut self) -> Result<(), IngestError> {
        self.work.detector.settle(&mut self.sieve);
        let count = self.object_ends.len();
        self.answer.reserve(self.objects.len() + count * (OPENING.len() + NOT_DETECTED.len() + 1));
        self.count()?;
        let (mut from, mut step) = (0, count);
        while from < count {
            let to = count.min(from + step);
            // A single value must be answered whatever it is found to have, as long as the answer may be sent.
            let bytes_max =
                if to - from == 1 { self.work.account.answer_bytes_max } else { limits::FOUND_BYTES_MAX };
            let is_read = self.work.detector.read(from..to, &self.sieve, &mut self.found, bytes_max);
            if is_read.map_err(IngestError::Read)? {
                self.answer.reserve(self.found.text_bytes());
                self.append(from..to)?;
                from = to;
                step = (2 * step).min(count - from);
            } else if to - from == 1 {
                return Err(IngestError::TooManyAnswerBytes);
            } else {
                step = (to - from) / 2;
            }
        }
        self.sieve.clear();
        self.objects.clear();
        self.object_ends.clear();
        Ok(())
    }

    /// Appends the results of values whose wanted keys were read.
    fn append(&mut self, values: Range<usize>) -> Result<(), IngestError> {
        let mut place = self.sieve.places_of(values.clone()).start;
        let end_before = |value: usize| value.checked_sub(1).and_then(|before| self.object_ends.get(before));
        let mut object_from = end_before(values.start).copied().unwrap_or(0);
        for value in values {
            let object_to = self.object_ends.get(value).copied().unwrap_or_default();
            self.answer.extend_from_slice(OPENING);
            self.answer.extend_from_slice(self.objects.get(object_from..object_to).unwrap_or_default());
            object_from = object_to;
            let places = self.sieve.places_from(place, value);
            place = places.end;
            if places.is_empty() {
                self.answer.extend_from_slice(NOT_DETECTED);
            } else {
                self.work.detector.append_result(places, &self.sieve, &mut self.found, &mut self.answer);
            }
            self.answer.push(b'}');
            if self.counted_answer_bytes + COUNTED_BYTES < self.answer.len() {
                self.count()?;
            }
        }
        self.count()
    }

    /// Brings the account up to date.
    fn count(&mut self) -> Result<(), IngestError> {
        let held_bytes = self.answer.capacity()
            + self.objects.capacity()
            + self.object_ends.capacity() * size_of::<usize>()
            + self.sieve.held_bytes()
            + self.found.held_bytes();
        let answer_bytes = self.answer.len() - self.counted_answer_bytes;
        self.work.account.note(answer_bytes, self.counted_held_bytes, held_bytes)?;
        self.counted_answer_bytes = self.answer.len();
        self.counted_held_bytes = held_bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
