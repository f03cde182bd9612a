//! Gathered values to the text of their results.
//!
//! As many neighbors as may be in memory together are read in one go, because a long sorted read costs less for each
//! value than a short one; the texts are then written in parallel, slice by slice. What turns out to be too much to hold
//! is read by halves. With room for 8 MiB, slices that should need 3, 4 and 5 MiB are read as 3 + 4, then 5; if those 5
//! turn out to be 9, the slice is read as two halves of its values.

use std::{ops::Range, sync::Arc};

use parking_lot::Mutex;
use sluice_model::{limits, ranges::bytes_at};
use sluice_store::Workers;

use super::{
    body::{LookupCut, LookupSlice},
    detect::{Detector, Found},
    gather::Gathered,
    rank::Matches,
    render::Render,
    text::AnswerText,
};
use crate::{
    body::pipeline::SliceWork,
    error::IngestError,
    memory::{HeldBytes, RequestMemory},
    pools::{Pool, PoolWorkers, Pools},
};

/// About what is held for each key while many are read, in ordinary feeds.
const KEY_BYTES: usize = 320;

/// About what the text of a match has beside context and object.
const MATCH_TEXT_BYTES: usize = 256;

/// How much memory it is worth to have for reading what is stored under the candidates of slices.
pub(super) fn wanted_bytes(unread: &[Gathered]) -> usize {
    let (mut keys, mut tried_bytes) = (0, 0);
    for gathered in unread {
        keys += gathered.candidates.left().len();
        tried_bytes = tried_bytes.max(gathered.tried_bytes);
    }
    // What was tried in vain is not tried again.
    (keys * KEY_BYTES).max(2 * tried_bytes).clamp(limits::LIGHT_READ_BYTES_MAX, limits::HEAVY_READ_BYTES_MAX)
}

/// What is done with the slices of a lookup.
pub(super) struct LookupWork<R> {
    pub(super) detector: Detector,
    pub(super) memory: Arc<RequestMemory>,
    pub(super) render: R,
    /// Heap bytes that a short body may take to read.
    pub(super) short_read_bytes: usize,
    /// Slices for which there is something to be read.
    pub(super) unread: Mutex<Vec<Gathered>>,
}

impl<R: Render> SliceWork for LookupWork<R> {
    type Cut = LookupCut;

    /// None for a slice that is left in `unread`.
    type Output = Option<AnswerText>;

    fn work(&self, slice: &LookupSlice) -> Result<Option<AnswerText>, IngestError> {
        let gathered = self.gather(slice)?;
        if gathered.candidates.left().is_empty() {
            return self.deny(gathered).map(Some);
        }
        self.unread.lock().push(gathered);
        Ok(None)
    }

    fn work_short(&self, slice: &LookupSlice) -> Result<Option<AnswerText>, IngestError> {
        let mut gathered = self.gather(slice)?;
        if gathered.candidates.left().is_empty() {
            return self.deny(gathered).map(Some);
        }
        let text = self.answer_short(&mut gathered, self.short_read_bytes)?;
        if text.is_none() {
            self.unread.lock().push(gathered);
        }
        Ok(text)
    }

    fn work_tiny(&self, slice: &LookupSlice) -> Option<Result<Option<AnswerText>, IngestError>> {
        let mut gathered = match Gathered::of(slice, &self.detector, &self.render, &self.memory) {
            Ok(gathered) => gathered,
            Err(error) => return Some(Err(error)),
        };
        if !gathered.candidates.leaves_any(&self.detector.snapshot) {
            return Some(self.deny(gathered).map(Some));
        }
        self.answer_at_hand(&mut gathered).transpose().map(|text| text.map(Some))
    }

    fn fast_lane(pools: &Pools) -> &Pool {
        &pools.lookup_short
    }
}

impl<R: Render> LookupWork<R> {
    fn gather(&self, slice: &LookupSlice) -> Result<Gathered, IngestError> {
        let mut gathered = Gathered::of(slice, &self.detector, &self.render, &self.memory)?;
        gathered.finish(&self.detector)?;
        Ok(gathered)
    }

    /// Answers the slices that are unread, and puts all texts in order. Reads take `bytes_max` bytes at most.
    ///
    /// # Errors
    ///
    /// As of [`Query::feed`](super::Query::feed).
    pub(super) fn answer_all(
        &self,
        mut texts: Vec<AnswerText>,
        mut unread: Vec<Gathered>,
        bytes_max: usize,
    ) -> Result<Vec<AnswerText>, IngestError> {
        unread.sort_unstable_by_key(|gathered| gathered.first_index);
        let (mut batch, mut keys) = (Vec::new(), 0);
        for gathered in unread {
            let more = gathered.candidates.left().len();
            if bytes_max < (keys + more) * KEY_BYTES && 0 < keys {
                self.answer_batch(&batch, bytes_max, &mut texts)?;
                batch.clear();
                keys = 0;
            }
            keys += more;
            batch.push(gathered);
        }
        self.answer_batch(&batch, bytes_max, &mut texts)?;
        texts.sort_unstable_by_key(|text| text.first_index);
        Ok(texts)
    }

    fn answer_batch(
        &self,
        batch: &[Gathered],
        bytes_max: usize,
        texts: &mut Vec<AnswerText>,
    ) -> Result<(), IngestError> {
        let ranges: Vec<_> = batch.iter().map(|gathered| (gathered, gathered.values())).collect();
        self.answer(&ranges, bytes_max, texts)
    }

    /// Answers ranges of values, each of a slice; by halves, where they need too much.
    fn answer(
        &self,
        ranges: &[(&Gathered, Range<usize>)],
        bytes_max: usize,
        texts: &mut Vec<AnswerText>,
    ) -> Result<(), IngestError> {
        self.check_wanted()?;
        if self.try_answer(ranges, bytes_max, PoolWorkers::All, texts)? {
            return Ok(());
        }
        let [(gathered, values)] = ranges else {
            let (first, second) = ranges.split_at(ranges.len() / 2);
            self.answer(first, bytes_max, texts)?;
            return self.answer(second, bytes_max, texts);
        };
        let middle = values.start.midpoint(values.end);
        if values.start == middle {
            texts.push(self.answer_single(gathered, values, bytes_max)?);
            return Ok(());
        }
        self.answer(&[(gathered, values.start..middle)], bytes_max, texts)?;
        self.answer(&[(gathered, middle..values.end)], bytes_max, texts)
    }

    /// Answers a single value for which more is found than reads have room for: what is read is then covered by the
    /// permit, up to what an answer may be, or the permit can come to.
    ///
    /// The room doubles: a value that has 50 MiB of contexts and was tried with 16 MiB is tried with 32, then with 64.
    fn answer_single(
        &self,
        gathered: &Gathered,
        value: &Range<usize>,
        mut bytes_max: usize,
    ) -> Result<AnswerText, IngestError> {
        let mut held = HeldBytes::new(&self.memory);
        let most = self.memory.bytes_left_max().min(limits::LOOKUP_ANSWER_BYTES_MAX);
        while bytes_max < most {
            bytes_max = (2 * bytes_max).min(most);
            held.set(bytes_max)?;
            if let Some(found) = self.read(&[(gathered, value.clone())], bytes_max, PoolWorkers::All)? {
                held.set(found.bytes())?;
                return self.write(gathered, value, 0, &found);
            }
        }
        Err(IngestError::TooManyAnswerBytes)
    }

    /// Answers a slice; `None` if that takes more than `bytes_max` bytes.
    pub(super) fn answer_short(
        &self,
        gathered: &mut Gathered,
        bytes_max: usize,
    ) -> Result<Option<AnswerText>, IngestError> {
        gathered.tried_bytes = bytes_max;
        let mut texts = Vec::new();
        // If the thread shared its work, it would begin other lookups while it waits, each with memory of its own.
        let ranges = [(&*gathered, gathered.values())];
        self.try_answer(&ranges, bytes_max, PoolWorkers::Caller, &mut texts)?;
        Ok(texts.pop())
    }

    /// Answers a slice of which everything is in memory; else `None`. Waits for nothing.
    fn answer_at_hand(&self, gathered: &mut Gathered) -> Result<Option<AnswerText>, IngestError> {
        gathered.finish(&self.detector)?;
        let (ranges, mut texts) = ([(&*gathered, gathered.values())], Vec::new());
        self.try_answer(&ranges, limits::TINY_BODY_READ_BYTES_MAX, PoolWorkers::CallerAtOnce, &mut texts)?;
        Ok(texts.pop())
    }

    /// Appends the text of each range, or returns false if that takes more than `bytes_max` bytes.
    fn try_answer(
        &self,
        ranges: &[(&Gathered, Range<usize>)],
        bytes_max: usize,
        workers: PoolWorkers,
        texts: &mut Vec<AnswerText>,
    ) -> Result<bool, IngestError> {
        let Some(found) = self.read(ranges, bytes_max, workers)? else { return Ok(false) };
        let (mut numbered, mut first_key) = (Vec::with_capacity(ranges.len()), 0);
        for (gathered, values) in ranges {
            numbered.push((gathered, values, first_key));
            first_key += gathered.candidates.places_of(values).len();
        }
        let written = workers
            .map(numbered, |(gathered, values, first_key)| self.write(gathered, values, first_key, &found));
        for text in written {
            texts.push(text?);
        }
        Ok(true)
    }

    /// Reads the candidates of ranges, one after the other, if that takes no more than `bytes_max` bytes.
    fn read(
        &self,
        ranges: &[(&Gathered, Range<usize>)],
        bytes_max: usize,
        workers: PoolWorkers,
    ) -> Result<Option<Found>, IngestError> {
        let mut keys: Vec<&[u8]> = Vec::new();
        for (gathered, values) in ranges {
            let candidates = &gathered.candidates;
            keys.extend(candidates.places_of(values).map(|place| candidates.key(place)));
        }
        match bytes_max.checked_sub(keys.capacity() * size_of::<&[u8]>()) {
            Some(left) => self.detector.read(&keys, left, &workers).map_err(IngestError::Read),
            None => Ok(None),
        }
    }

    /// Ends the work of a request that was abandoned.
    fn check_wanted(&self) -> Result<(), IngestError> {
        if self.memory.is_abandoned() { Err(IngestError::Internal) } else { Ok(()) }
    }

    /// Writes the results of a slice for which nothing has to be read.
    fn deny(&self, gathered: Gathered) -> Result<AnswerText, IngestError> {
        if R::OBJECTS_ARE_RESULTS {
            return gathered.into_text();
        }
        self.write(&gathered, &gathered.values(), 0, &Found::default())
    }

    /// Writes the results of values whose candidates were read, the first of them as the key of number `first_key`.
    fn write(
        &self,
        gathered: &Gathered,
        values: &Range<usize>,
        first_key: usize,
        found: &Found,
    ) -> Result<AnswerText, IngestError> {
        self.check_wanted()?;
        let Gathered { objects, candidates, first_index, .. } = gathered;
        let places = candidates.places_of(values);
        let expected_bytes = objects.span(values.clone()).len()
            + values.len() * R::EMPTY_RESULT_BYTES
            + places.len() * (MATCH_TEXT_BYTES + found.context_bytes_per_key());
        let mut text = AnswerText::new(&self.memory, first_index + values.start as u64, expected_bytes);
        text.values_count = values.len();
        let mut matches = Matches::new(&self.detector, candidates, found, places.start, first_key);
        if R::OBJECTS_ARE_RESULTS {
            self.write_found(gathered, values, places, &mut matches, &mut text)?;
        } else {
            self.write_each(gathered, values, places.start, &mut matches, &mut text)?;
        }
        text.finish()
    }

    /// Writes the result of each value.
    fn write_each(
        &self,
        gathered: &Gathered,
        values: &Range<usize>,
        mut place: usize,
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError> {
        let Gathered { objects, candidates, first_index, .. } = gathered;
        for value in values.clone() {
            let places = candidates.places_from(place, value);
            place = places.end;
            matches.rank(places, text)?;
            let index = first_index + value as u64;
            self.render.append_result(index, objects.get(value), matches, text)?;
        }
        Ok(())
    }

    /// Writes the results of values for which anything was found; the objects of those between are results.
    fn write_found(
        &self,
        gathered: &Gathered,
        values: &Range<usize>,
        Range { start: mut place, end }: Range<usize>,
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError> {
        let Gathered { objects, candidates, first_index, .. } = gathered;
        let mut unwritten = values.start;
        while place < end
            && let Some(value) = candidates.value_at(place)
        {
            let places = candidates.places_from(place, value);
            place = places.end;
            matches.rank(places, text)?;
            if !matches.is_bare() {
                text.append(bytes_at(&objects.items, objects.span(unwritten..value)))?;
                let index = first_index + value as u64;
                self.render.append_result(index, objects.get(value), matches, text)?;
                unwritten = value + 1;
            }
        }
        text.append(bytes_at(&objects.items, objects.span(unwritten..values.end)))
    }
}
