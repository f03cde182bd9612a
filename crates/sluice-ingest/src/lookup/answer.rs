//! Gathered values to the text of their results.
//!
//! As many neighbors as may be in memory together are read in one go, because a long sorted read costs less for each
//! value than a short one; the texts are then written in parallel, slice by slice. What turns out to be too much to hold
//! is read by halves. With room for 8 MiB, slices that should need 3, 4 and 5 MiB are read as 3 + 4, then 5; if those 5
//! turn out to be 9, the slice is read as two halves of its values.

use std::{ops::Range, sync::Arc};

use sluice_model::limits;
use sluice_store::Workers;

use super::{
    detect::{Detector, Found},
    gather::Gathered,
    rank::Matches,
    render::Render,
    text::AnswerText,
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

/// What became of a slice so far.
pub(super) enum SliceOutcome {
    Answered(AnswerText),
    /// There is something to be read for it.
    Unread(Box<Gathered>),
}

/// Consecutive values of a slice.
struct ValueRange<'g> {
    gathered: &'g Gathered,
    values: Range<usize>,
}

impl<'g> ValueRange<'g> {
    fn whole(gathered: &'g Gathered) -> Self {
        Self { gathered, values: 0..gathered.objects.len() }
    }

    /// The places of their candidates.
    fn places(&self) -> Range<usize> {
        self.gathered.candidates.places_of(self.values.clone())
    }
}

/// How much memory it is worth to have for reading what slices wait for; nothing when none waits.
pub(super) fn wanted_bytes(outcomes: &[SliceOutcome]) -> usize {
    let (mut keys, mut tried_bytes) = (0, 0);
    for outcome in outcomes {
        if let SliceOutcome::Unread(gathered) = outcome {
            keys += gathered.candidates.left().len();
            tried_bytes = tried_bytes.max(gathered.tried_bytes);
        }
    }
    if keys == 0 {
        return 0;
    }
    // What was tried in vain is not tried again.
    (keys * KEY_BYTES).max(2 * tried_bytes).clamp(limits::LIGHT_READ_BYTES_MAX, limits::HEAVY_READ_BYTES_MAX)
}

/// What is done with the slices of a lookup.
pub(super) struct LookupWork<R> {
    pub(super) detector: Detector,
    pub(super) memory: Arc<RequestMemory>,
    pub(super) render: R,
}

impl<R: Render> SliceWork for LookupWork<R> {
    type Output = SliceOutcome;

    fn work(&self, slice: &BodySlice) -> Result<SliceOutcome, IngestError> {
        let mut gathered = Box::new(Gathered::of(slice, &self.detector, &self.memory)?);
        gathered.finish(&self.detector)?;
        if gathered.candidates.left().is_empty() {
            return self.deny(&gathered).map(SliceOutcome::Answered);
        }
        Ok(SliceOutcome::Unread(gathered))
    }

    fn work_short(&self, slice: &BodySlice) -> Result<SliceOutcome, IngestError> {
        match self.work(slice)? {
            SliceOutcome::Unread(gathered) => self.answer_short(gathered, limits::SHORT_BODY_READ_BYTES_MAX),
            answered @ SliceOutcome::Answered(_) => Ok(answered),
        }
    }

    fn work_tiny(&self, slice: &BodySlice) -> Option<Result<SliceOutcome, IngestError>> {
        let mut gathered = match Gathered::of(slice, &self.detector, &self.memory) {
            Ok(gathered) => gathered,
            Err(error) => return Some(Err(error)),
        };
        if gathered.candidates.leaves_any(&self.detector.snapshot) {
            return None;
        }
        Some(self.deny(&gathered).map(SliceOutcome::Answered))
    }

    fn fast_lane(pools: &Pools) -> &Pool {
        &pools.lookup_short
    }
}

impl<R: Render> LookupWork<R> {
    /// Answers all slices; the texts come in order. Reads take `bytes_max` bytes at most.
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
            let gathered = match outcome {
                SliceOutcome::Unread(gathered) => gathered,
                SliceOutcome::Answered(text) => {
                    texts.push(text);
                    continue;
                }
            };
            let more = gathered.candidates.left().len();
            if bytes_max < (keys + more) * KEY_BYTES && 0 < keys {
                self.answer_batch(&batch, bytes_max, &mut texts)?;
                batch.clear();
                keys = 0;
            }
            keys += more;
            batch.push(*gathered);
        }
        if !batch.is_empty() {
            self.answer_batch(&batch, bytes_max, &mut texts)?;
        }
        texts.sort_unstable_by_key(|text| text.first_index);
        Ok(texts)
    }

    fn answer_batch(
        &self,
        batch: &[Gathered],
        bytes_max: usize,
        texts: &mut Vec<AnswerText>,
    ) -> Result<(), IngestError> {
        let ranges: Vec<_> = batch.iter().map(ValueRange::whole).collect();
        self.answer(&ranges, bytes_max, texts)
    }

    /// Answers ranges of values; by halves, where they need too much.
    fn answer(
        &self,
        ranges: &[ValueRange<'_>],
        bytes_max: usize,
        texts: &mut Vec<AnswerText>,
    ) -> Result<(), IngestError> {
        self.check_wanted()?;
        if self.try_answer(ranges, bytes_max, texts)? {
            return Ok(());
        }
        let [range] = ranges else {
            let (first, second) = ranges.split_at(ranges.len() / 2);
            self.answer(first, bytes_max, texts)?;
            return self.answer(second, bytes_max, texts);
        };
        let Range { start, end } = range.values;
        let middle = start.midpoint(end);
        if start == middle {
            texts.push(self.answer_single(range, bytes_max)?);
            return Ok(());
        }
        for values in [start..middle, middle..end] {
            self.answer(&[ValueRange { gathered: range.gathered, values }], bytes_max, texts)?;
        }
        Ok(())
    }

    /// Answers a single value for which more is found than reads have room for: what is read is then covered by the
    /// permit, up to what an answer may be, or the permit can come to.
    ///
    /// The room doubles: a value that has 50 MiB of contexts and was tried with 16 MiB is tried with 32, then with 64.
    fn answer_single(&self, value: &ValueRange<'_>, mut bytes_max: usize) -> Result<AnswerText, IngestError> {
        let mut held = HeldBytes::new(&self.memory);
        let most = self.memory.bytes_left_max().min(limits::LOOKUP_ANSWER_BYTES_MAX);
        while bytes_max < most {
            bytes_max = (2 * bytes_max).min(most);
            held.set(bytes_max)?;
            if let Some(found) = self.read(std::slice::from_ref(value), bytes_max)? {
                held.set(found.bytes())?;
                return self.write(value, 0, &found);
            }
        }
        Err(IngestError::TooManyAnswerBytes)
    }

    /// Answers a slice, if that takes no more than `bytes_max` bytes.
    pub(super) fn answer_short(
        &self,
        mut gathered: Box<Gathered>,
        bytes_max: usize,
    ) -> Result<SliceOutcome, IngestError> {
        let mut texts = Vec::new();
        self.try_answer(&[ValueRange::whole(&gathered)], bytes_max, &mut texts)?;
        gathered.tried_bytes = bytes_max;
        Ok(texts.pop().map_or(SliceOutcome::Unread(gathered), SliceOutcome::Answered))
    }

    /// Appends the text of each range, or returns false if that takes more than `bytes_max` bytes.
    fn try_answer(
        &self,
        ranges: &[ValueRange<'_>],
        bytes_max: usize,
        texts: &mut Vec<AnswerText>,
    ) -> Result<bool, IngestError> {
        let Some(found) = self.read(ranges, bytes_max)? else { return Ok(false) };
        let (mut numbered, mut first_key) = (Vec::with_capacity(ranges.len()), 0);
        for range in ranges {
            numbered.push((range, first_key));
            first_key += range.places().len();
        }
        let write = |(range, first_key): (&ValueRange<'_>, usize)| self.write(range, first_key, &found);
        for text in PoolWorkers.map(numbered, write) {
            texts.push(text?);
        }
        Ok(true)
    }

    /// Reads the candidates of ranges, one after the other, if that takes no more than `bytes_max` bytes.
    fn read(&self, ranges: &[ValueRange<'_>], bytes_max: usize) -> Result<Option<Found>, IngestError> {
        let mut keys: Vec<&[u8]> = Vec::new();
        for range in ranges {
            keys.extend(range.places().map(|place| range.gathered.candidates.key(place)));
        }
        match bytes_max.checked_sub(keys.capacity() * size_of::<&[u8]>()) {
            Some(left) => self.detector.read(&keys, left).map_err(IngestError::Read),
            None => Ok(None),
        }
    }

    /// Ends the work of a request that was abandoned.
    fn check_wanted(&self) -> Result<(), IngestError> {
        if self.memory.is_abandoned() { Err(IngestError::Internal) } else { Ok(()) }
    }

    /// Writes the results of a slice for which nothing has to be read.
    fn deny(&self, gathered: &Gathered) -> Result<AnswerText, IngestError> {
        self.write(&ValueRange::whole(gathered), 0, &Found::default())
    }

    /// Writes the results of values whose candidates were read, the first of them as the key of number `first_key`.
    fn write(
        &self,
        range: &ValueRange<'_>,
        first_key: usize,
        found: &Found,
    ) -> Result<AnswerText, IngestError> {
        self.check_wanted()?;
        let ValueRange { gathered: Gathered { objects, candidates, first_index, .. }, values } = range;
        let places = range.places();
        let expected_bytes = objects.span(values.clone()).len()
            + values.len() * R::EMPTY_RESULT_BYTES
            + places.len() * (MATCH_TEXT_BYTES + found.context_bytes_per_key());
        let first_value = first_index + values.start as u64;
        let mut text = AnswerText::new(&self.memory, first_value, expected_bytes);
        let mut matches = Matches::new(&self.detector, candidates, found, places.start, first_key);
        let mut place = places.start;
        for value in values.clone() {
            let places = candidates.places_from(place, value);
            place = places.end;
            matches.rank(places, &mut text)?;
            let index = first_index + value as u64;
            self.render.append_result(index, objects.get(value), &mut matches, &mut text)?;
        }
        text.finish()
    }
}
