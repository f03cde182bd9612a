//! Gathered values to the text of their results.
//!
//! As many neighbors as may be in memory at once are read in one go, because a long sorted read costs less a value
//! than a short one; the texts are then written in parallel, slice by slice. What turns out to be too much to hold is
//! read by halves.

use std::{ops::Range, sync::Arc};

use sluice_model::limits;
use sluice_store::Workers;

use super::{
    detect::{Detector, Found},
    gather::Gathered,
    rank::{NOT_DETECTED, Ranking, TextSink as _},
    text::{AnswerText, Writer},
};
use crate::{
    body::{pipeline::SliceWork, split::BodySlice},
    error::IngestError,
    memory::{HeldBytes, RequestMemory},
    pools::{Pool, PoolWorkers, Pools},
};

/// About what is held for each key while many are read, in ordinary feeds.
const KEY_BYTES: usize = 320;

/// About what the text of a match has beside context and object.
const MATCH_TEXT_BYTES: usize = 256;

/// What a result begins with; the comma of the first one becomes a bracket.
const OPENING: &[u8] = b",{\"object\":";

/// What became of a slice so far.
pub(super) enum SliceOutcome {
    Answered(AnswerText),
    /// There is something to be read for it.
    Waiting(Box<Gathered>),
}

impl SliceOutcome {
    fn waiting(&self) -> Option<&Gathered> {
        match self {
            Self::Answered(_) => None,
            Self::Waiting(gathered) => Some(gathered),
        }
    }

    /// How many keys are to be read for it.
    fn wanted_keys(&self) -> usize {
        self.waiting().map_or(0, |gathered| gathered.candidates.wanted().len())
    }
}

/// Consecutive values of a slice.
struct ValueRange<'g> {
    gathered: &'g Gathered,
    values: Range<usize>,
}

impl<'g> ValueRange<'g> {
    fn whole(gathered: &'g Gathered) -> Self {
        Self { gathered, values: 0..gathered.values_count() }
    }

    fn places(&self) -> Range<usize> {
        self.gathered.candidates.places_of(self.values.clone())
    }

    fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.values.start + self.values.len() / 2;
        let half = |values| Self { gathered: self.gathered, values };
        (1 < self.values.len()).then(|| [half(self.values.start..middle), half(middle..self.values.end)])
    }
}

/// What was read for some ranges.
#[derive(Default)]
struct Read {
    found: Found,
    /// About what the text of a match will have.
    match_bytes: usize,
}

/// How much memory it is worth to have for reading what outcomes wait for.
pub(super) fn wanted_bytes(outcomes: &[SliceOutcome]) -> usize {
    let keys: usize = outcomes.iter().map(SliceOutcome::wanted_keys).sum();
    // What was tried in vain is not tried again.
    let tried = outcomes.iter().filter_map(SliceOutcome::waiting).map(|gathered| gathered.tried_bytes).max();
    (keys * KEY_BYTES)
        .max(2 * tried.unwrap_or(0))
        .clamp(limits::LIGHT_READ_BYTES_MAX, limits::HEAVY_READ_BYTES_MAX)
}

/// What is done with the slices of a lookup.
pub(super) struct LookupWork {
    pub(super) detector: Detector,
    pub(super) memory: Arc<RequestMemory>,
}

impl SliceWork for LookupWork {
    type Output = SliceOutcome;

    fn work(&self, slice: &BodySlice) -> Result<SliceOutcome, IngestError> {
        let mut gathered = Box::new(Gathered::of(slice, &self.detector, &self.memory)?);
        gathered.settle(&self.detector)?;
        if gathered.candidates.wanted().is_empty() {
            return self.deny(&gathered).map(SliceOutcome::Answered);
        }
        Ok(SliceOutcome::Waiting(gathered))
    }

    fn work_short(&self, slice: &BodySlice) -> Result<SliceOutcome, IngestError> {
        match self.work(slice)? {
            SliceOutcome::Waiting(gathered) => self.answer_light(gathered, limits::SHORT_BODY_READ_BYTES_MAX),
            answered @ SliceOutcome::Answered(_) => Ok(answered),
        }
    }

    fn work_tiny(&self, slice: &BodySlice) -> Option<Result<SliceOutcome, IngestError>> {
        match Gathered::of(slice, &self.detector, &self.memory) {
            Ok(mut gathered) => (!self.detector.wants_any(&mut gathered.candidates))
                .then(|| self.deny(&gathered).map(SliceOutcome::Answered)),
            Err(error) => Some(Err(error)),
        }
    }

    fn fast_lane(pools: &Pools) -> &Pool {
        &pools.lookup_short
    }
}

impl LookupWork {
    /// Answers all outcomes that wait; the texts come in order. Reads take `bytes_max` bytes at most.
    ///
    /// # Errors
    ///
    /// As of [`Query::feed`](super::Query::feed).
    pub(super) fn answer_all(
        &self,
        outcomes: Vec<SliceOutcome>,
        bytes_max: usize,
    ) -> Result<Vec<AnswerText>, IngestError> {
        let (mut texts, mut batch, mut keys) = (Vec::with_capacity(outcomes.len()), Vec::new(), 0);
        for outcome in outcomes {
            let more = outcome.wanted_keys();
            if bytes_max < (keys + more) * KEY_BYTES && 0 < keys {
                self.answer_batch(std::mem::take(&mut batch), bytes_max, &mut texts)?;
                keys = 0;
            }
            keys += more;
            batch.push(outcome);
        }
        self.answer_batch(batch, bytes_max, &mut texts)?;
        Ok(texts)
    }

    fn answer_batch(
        &self,
        batch: Vec<SliceOutcome>,
        bytes_max: usize,
        texts: &mut Vec<AnswerText>,
    ) -> Result<(), IngestError> {
        let waiting: Vec<ValueRange<'_>> =
            batch.iter().filter_map(SliceOutcome::waiting).map(ValueRange::whole).collect();
        let answered = if waiting.is_empty() { Vec::new() } else { self.answer(&waiting, bytes_max)? };
        let mut answered = answered.into_iter();
        for outcome in batch {
            match outcome {
                SliceOutcome::Answered(text) => texts.push(text),
                SliceOutcome::Waiting(_) => texts.extend(answered.next().into_iter().flatten()),
            }
        }
        Ok(())
    }

    /// Answers ranges; by halves, where they need too much. Gives the texts of each.
    fn answer(
        &self,
        ranges: &[ValueRange<'_>],
        bytes_max: usize,
    ) -> Result<Vec<Vec<AnswerText>>, IngestError> {
        self.memory.check_wanted()?;
        if let Some(texts) = self.try_answer(ranges, bytes_max)? {
            return Ok(texts.into_iter().map(|text| vec![text]).collect());
        }
        if let [range] = ranges {
            let Some(halves) = range.halves() else {
                return Ok(vec![vec![self.answer_lone(range, bytes_max)?]]);
            };
            let mut texts = Vec::new();
            for half in halves {
                texts.extend(self.answer(&[half], bytes_max)?.into_iter().flatten());
            }
            return Ok(vec![texts]);
        }
        let (first, second) = ranges.split_at(ranges.len() / 2);
        let mut texts = self.answer(first, bytes_max)?;
        texts.extend(self.answer(second, bytes_max)?);
        Ok(texts)
    }

    /// Answers a single value for which more is found than reads have room for: what is read is then covered by the
    /// permit, up to what an answer may be, or the permit can come to.
    fn answer_lone(&self, range: &ValueRange<'_>, mut bytes_max: usize) -> Result<AnswerText, IngestError> {
        let mut held = HeldBytes::nothing(&self.memory);
        let most = self.memory.bytes_left_max().min(limits::LOOKUP_ANSWER_BYTES_MAX);
        while bytes_max < most {
            bytes_max = (2 * bytes_max).min(most);
            held.set(bytes_max)?;
            if let Some(read) = self.read(std::slice::from_ref(range), bytes_max)? {
                held.set(read.found.bytes())?;
                return self.write(range, 0, &read);
            }
        }
        Err(IngestError::TooManyAnswerBytes)
    }

    /// Answers a slice, if that takes no more than `bytes_max` bytes.
    ///
    /// # Errors
    ///
    /// As of [`Self::answer_all`].
    pub(super) fn answer_light(
        &self,
        mut gathered: Box<Gathered>,
        bytes_max: usize,
    ) -> Result<SliceOutcome, IngestError> {
        let texts = self.try_answer(&[ValueRange::whole(&gathered)], bytes_max)?;
        if let Some(text) = texts.and_then(|mut texts| texts.pop()) {
            return Ok(SliceOutcome::Answered(text));
        }
        gathered.tried_bytes = bytes_max;
        Ok(SliceOutcome::Waiting(gathered))
    }

    fn try_answer(
        &self,
        ranges: &[ValueRange<'_>],
        bytes_max: usize,
    ) -> Result<Option<Vec<AnswerText>>, IngestError> {
        let Some(read) = self.read(ranges, bytes_max)? else { return Ok(None) };
        let mut keys = 0;
        let begun = ranges.iter().map(|range| {
            let begun = (range, keys);
            keys += range.places().len();
            begun
        });
        let write = |(range, at): (&ValueRange<'_>, usize)| self.write(range, at, &read);
        PoolWorkers.map(begun.collect(), write).into_iter().collect::<Result<_, _>>().map(Some)
    }

    /// Reads what ranges want, one after the other, if that takes no more than `bytes_max` bytes.
    fn read(&self, ranges: &[ValueRange<'_>], bytes_max: usize) -> Result<Option<Read>, IngestError> {
        let mut keys: Vec<&[u8]> = Vec::new();
        for range in ranges {
            keys.extend(range.places().map(|place| range.gathered.candidates.key(place)));
        }
        let Some(left) = bytes_max.checked_sub(keys.capacity() * size_of::<&[u8]>()) else {
            return Ok(None);
        };
        let found = self.detector.read(&keys, left).map_err(IngestError::Read)?;
        Ok(found.map(|found| {
            let match_bytes = MATCH_TEXT_BYTES + found.context_bytes() / keys.len().max(1);
            Read { found, match_bytes }
        }))
    }

    /// Writes the results of a slice for which nothing has to be read.
    ///
    /// # Errors
    ///
    /// As of [`Self::answer_all`].
    pub(super) fn deny(&self, gathered: &Gathered) -> Result<AnswerText, IngestError> {
        self.write(&ValueRange::whole(gathered), 0, &Read::default())
    }

    /// Writes the results of values whose wanted keys were read, the first of them as the one at `at`.
    fn write(&self, range: &ValueRange<'_>, at: usize, read: &Read) -> Result<AnswerText, IngestError> {
        self.memory.check_wanted()?;
        let ValueRange { gathered, values } = range;
        let places = range.places();
        let empty_bytes = values.len() * (OPENING.len() + NOT_DETECTED.len());
        let expected_bytes = gathered.objects_bytes(values) + empty_bytes + places.len() * read.match_bytes;
        let mut writer = Writer::new(&self.memory, expected_bytes);
        let mut ranking = Ranking::new(&self.detector, &gathered.candidates, &read.found, places.start, at);
        let mut place = places.start;
        for value in values.clone() {
            let object = gathered.object(value);
            let answer = writer.room(OPENING.len() + object.len())?;
            answer.extend_from_slice(OPENING);
            answer.extend_from_slice(object);
            let places = gathered.candidates.places_from(place, value);
            place = places.end;
            ranking.append_result(places, &mut writer)?;
        }
        let mut text = writer.finish()?;
        let first = text.chunks.first_mut().and_then(|chunk| chunk.first_mut());
        if let Some(first) = first.filter(|_| gathered.is_first && values.start == 0) {
            *first = b'[';
        }
        Ok(text)
    }
}
