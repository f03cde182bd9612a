//! Gathered values to the text of their results.
//!
//! As many neighbours as may be in memory at once are read in one go, because a long sorted read costs less a value
//! than a short one; the texts are then written in parallel, slice by slice. What turns out to be too much to hold is
//! read by halves.

use std::ops::Range;

use sluice_model::limits;
use sluice_store::Workers;

use super::{
    LookupWork,
    account::Held,
    gather::Gathered,
    writer::{Text, Writer},
};
use crate::{
    detect::{Found, NOT_DETECTED, Ranking, TextSink as _},
    error::IngestError,
    pool::Colleagues,
};

/// About what is held for each key while many are read, in ordinary feeds.
const KEY_BYTES: usize = 320;

/// About what the text of a match has beside context and object.
const MATCH_TEXT_BYTES: usize = 256;

/// What a result begins with; the comma of the first one becomes a bracket.
const OPENING: &[u8] = b",{\"object\":";

/// What became of a slice so far.
pub(super) enum Part {
    Answered(Text),
    /// There is something to be read for it.
    Waiting(Box<Gathered>),
}

impl Part {
    fn waiting(&self) -> Option<&Gathered> {
        match self {
            Self::Answered(_) => None,
            Self::Waiting(gathered) => Some(gathered),
        }
    }

    /// How many keys are to be read for it.
    fn wanted_keys(&self) -> usize {
        self.waiting().map_or(0, |gathered| gathered.sieve.wanted().len())
    }
}

/// Consecutive values of a slice.
struct Segment<'g> {
    gathered: &'g Gathered,
    values: Range<usize>,
}

impl<'g> Segment<'g> {
    fn whole(gathered: &'g Gathered) -> Self {
        Self { gathered, values: 0..gathered.values_count() }
    }

    fn places(&self) -> Range<usize> {
        self.gathered.sieve.places_of(self.values.clone())
    }

    fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.values.start + self.values.len() / 2;
        let half = |values| Self { gathered: self.gathered, values };
        (1 < self.values.len()).then(|| [half(self.values.start..middle), half(middle..self.values.end)])
    }
}

/// What was read for some segments.
#[derive(Default)]
struct Read {
    found: Found,
    /// About what the text of a match will have.
    match_bytes: usize,
}

/// How much memory it is worth to have for reading what parts wait for.
pub(super) fn wanted_bytes(parts: &[Part]) -> usize {
    let keys: usize = parts.iter().map(Part::wanted_keys).sum();
    // What was tried in vain is not tried again.
    let tried = parts.iter().filter_map(Part::waiting).map(|gathered| gathered.tried_bytes).max();
    (keys * KEY_BYTES)
        .max(2 * tried.unwrap_or(0))
        .clamp(limits::LIGHT_READ_BYTES_MAX, limits::HEAVY_READ_BYTES_MAX)
}

impl LookupWork {
    /// Answers all parts that wait; the texts come in order. Reads take `bytes_max` bytes at most.
    ///
    /// # Errors
    ///
    /// As of [`Query::feed`](super::Query::feed).
    pub(super) fn answer_all(&self, parts: Vec<Part>, bytes_max: usize) -> Result<Vec<Text>, IngestError> {
        let (mut texts, mut batch, mut keys) = (Vec::with_capacity(parts.len()), Vec::new(), 0);
        for part in parts {
            let more = part.wanted_keys();
            if bytes_max < (keys + more) * KEY_BYTES && 0 < keys {
                self.answer_batch(std::mem::take(&mut batch), bytes_max, &mut texts)?;
                keys = 0;
            }
            keys += more;
            batch.push(part);
        }
        self.answer_batch(batch, bytes_max, &mut texts)?;
        Ok(texts)
    }

    fn answer_batch(
        &self,
        batch: Vec<Part>,
        bytes_max: usize,
        texts: &mut Vec<Text>,
    ) -> Result<(), IngestError> {
        let waiting: Vec<Segment<'_>> = batch.iter().filter_map(Part::waiting).map(Segment::whole).collect();
        let answered = if waiting.is_empty() { Vec::new() } else { self.answer(&waiting, bytes_max)? };
        let mut answered = answered.into_iter();
        for part in batch {
            match part {
                Part::Answered(text) => texts.push(text),
                Part::Waiting(_) => texts.extend(answered.next().into_iter().flatten()),
            }
        }
        Ok(())
    }

    /// Answers segments; by halves, where they need too much. Gives the texts of each.
    fn answer(&self, segments: &[Segment<'_>], bytes_max: usize) -> Result<Vec<Vec<Text>>, IngestError> {
        self.account.check_wanted()?;
        if let Some(texts) = self.try_answer(segments, bytes_max)? {
            return Ok(texts.into_iter().map(|text| vec![text]).collect());
        }
        if let [segment] = segments {
            let Some(halves) = segment.halves() else {
                return Ok(vec![vec![self.answer_lone(segment, bytes_max)?]]);
            };
            let mut texts = Vec::new();
            for half in halves {
                texts.extend(self.answer(&[half], bytes_max)?.into_iter().flatten());
            }
            return Ok(vec![texts]);
        }
        let (first, second) = segments.split_at(segments.len() / 2);
        let mut texts = self.answer(first, bytes_max)?;
        texts.extend(self.answer(second, bytes_max)?);
        Ok(texts)
    }

    /// Answers a single value for which more is found than reads have room for: what is read is then covered by the
    /// permit, up to what an answer may be, or the permit can come to.
    fn answer_lone(&self, segment: &Segment<'_>, mut bytes_max: usize) -> Result<Text, IngestError> {
        let mut held = Held::nothing(&self.account);
        let most = self.account.bytes_left_max().min(limits::LOOKUP_ANSWER_BYTES_MAX);
        while bytes_max < most {
            bytes_max = (2 * bytes_max).min(most);
            held.set(bytes_max)?;
            if let Some(read) = self.read(std::slice::from_ref(segment), bytes_max)? {
                held.set(read.found.bytes())?;
                return self.write(segment, 0, &read);
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
    ) -> Result<Part, IngestError> {
        let texts = self.try_answer(&[Segment::whole(&gathered)], bytes_max)?;
        if let Some(text) = texts.and_then(|mut texts| texts.pop()) {
            return Ok(Part::Answered(text));
        }
        gathered.tried_bytes = bytes_max;
        Ok(Part::Waiting(gathered))
    }

    fn try_answer(
        &self,
        segments: &[Segment<'_>],
        bytes_max: usize,
    ) -> Result<Option<Vec<Text>>, IngestError> {
        let Some(read) = self.read(segments, bytes_max)? else { return Ok(None) };
        let mut keys = 0;
        let begun = segments.iter().map(|segment| {
            let begun = (segment, keys);
            keys += segment.places().len();
            begun
        });
        let write = |(segment, at): (&Segment<'_>, usize)| self.write(segment, at, &read);
        Colleagues.map(begun.collect(), write).into_iter().collect::<Result<_, _>>().map(Some)
    }

    /// Reads what segments want, one after the other, if that takes no more than `bytes_max` bytes.
    fn read(&self, segments: &[Segment<'_>], bytes_max: usize) -> Result<Option<Read>, IngestError> {
        let mut keys: Vec<&[u8]> = Vec::new();
        for segment in segments {
            keys.extend(segment.places().map(|place| segment.gathered.sieve.key(place)));
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
    pub(super) fn deny(&self, gathered: &Gathered) -> Result<Text, IngestError> {
        self.write(&Segment::whole(gathered), 0, &Read::default())
    }

    /// Writes the results of values whose wanted keys were read, the first of them as the one at `at`.
    fn write(&self, segment: &Segment<'_>, at: usize, read: &Read) -> Result<Text, IngestError> {
        self.account.check_wanted()?;
        let Segment { gathered, values } = segment;
        let places = segment.places();
        let empty_bytes = values.len() * (OPENING.len() + NOT_DETECTED.len());
        let expected_bytes = gathered.objects_bytes(values) + empty_bytes + places.len() * read.match_bytes;
        let mut writer = Writer::new(&self.account, expected_bytes);
        let mut ranking = Ranking::new(&self.detector, &gathered.sieve, &read.found, places.start, at);
        let mut place = places.start;
        for value in values.clone() {
            let object = gathered.object(value);
            let answer = writer.room(OPENING.len() + object.len())?;
            answer.extend_from_slice(OPENING);
            answer.extend_from_slice(object);
            let places = gathered.sieve.places_from(place, value);
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
