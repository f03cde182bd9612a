//! What is found of a value's levels to its result.
//!
//! In: the wanted keys of a value, what is found under them. Out: `"result"` and `"categories"` as JSON text: a
//! category for each match. Order: confidence, highest first, then the supplier's name, then the most specific
//! indicator first.
//!
//! False positives (the contract leaves it open for levels): an indicator on the list matches for nobody but
//! `InternalTI`; and when the value itself is on the list, in full, without its query or by its host alone,
//! no level of it does. A parent domain or a mask on the list suppresses only its own matches.

use std::ops::Range;

use sluice_model::write_normal_form;

use super::{
    candidates::Candidates,
    detect::{Detector, Found, KeyMatches},
    suppliers::Role,
};
use crate::error::IngestError;

/// The rest of an object without a match.
pub(super) const NOT_DETECTED: &[u8] = b",\"result\":\"not detected\",\"categories\":[]}";

/// What the categories of a value with a match begin with.
const DETECTED: &[u8] = b",\"result\":\"detected\",\"categories\":[";

/// The most that a category has beside the supplier's name, the indicator and the context.
const CATEGORY_BYTES: usize = 64;

/// The most by which a byte of an indicator becomes longer as JSON.
const ESCAPE_BYTES: usize = 5;

/// Where results are written.
pub(super) trait TextSink {
    /// Gives room for at least so many more bytes, to append them.
    ///
    /// # Errors
    ///
    /// That the text is too long or memory is short.
    fn room(&mut self, bytes: usize) -> Result<&mut Vec<u8>, IngestError>;

    /// Notes how much memory is taken beside the text, at most.
    ///
    /// # Errors
    ///
    /// That memory is short.
    fn note_beside(&mut self, bytes: usize) -> Result<(), IngestError>;
}

/// Writes results of values of a candidates, one after the other.
pub(super) struct Ranking<'a> {
    detector: &'a Detector,
    candidates: &'a Candidates,
    found: &'a Found,
    /// A place of the candidates, and which of the keys found it is; the later ones follow.
    from: (usize, usize),
    /// The matches of one value.
    ranked: Vec<Ranked>,
    /// Normal form of an indicator.
    form: String,
}

struct Ranked {
    rank: u32,
    /// Which key of the candidates.
    place: usize,
    context: Option<u32>,
    is_listed: bool,
}

impl<'a> Ranking<'a> {
    /// Prepares for values whose wanted keys begin at place `place` of the candidates, which is the one at `at` among the
    /// keys that were read.
    pub(super) fn new(
        detector: &'a Detector,
        candidates: &'a Candidates,
        found: &'a Found,
        place: usize,
        at: usize,
    ) -> Self {
        Self { detector, candidates, found, from: (place, at), ranked: Vec::new(), form: String::new() }
    }

    /// Appends `,"result":...,"categories":[...]}` for the value whose wanted keys are at `places`, which were read.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub(super) fn append_result(
        &mut self,
        places: Range<usize>,
        sink: &mut impl TextSink,
    ) -> Result<(), IngestError> {
        self.rank(places, sink)?;
        if self.ranked.is_empty() {
            sink.room(NOT_DETECTED.len())?.extend_from_slice(NOT_DETECTED);
            return Ok(());
        }
        sink.room(DETECTED.len())?.extend_from_slice(DETECTED);
        for (number, one) in self.ranked.iter().enumerate() {
            let suppliers = self.detector.suppliers();
            let name = suppliers.ranked(one.rank as usize).map_or("", |supplier| &supplier.name);
            self.form.clear();
            // Every key that was read was made of an indicator.
            let kind = write_normal_form(self.candidates.key(one.place), &mut self.form);
            let context = one.context.map(|context| self.found.contexts.get(context as usize));
            let context = context.filter(|context| !context.is_empty()).unwrap_or(b"{}");
            let escaped = self.form.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            let form_bytes = self.form.len() + ESCAPE_BYTES * escaped;
            let answer = sink.room(CATEGORY_BYTES + name.len() + form_bytes + context.len())?;
            answer.extend_from_slice(if number == 0 { b"{\"category\":\"" } else { b",{\"category\":\"" });
            answer.extend_from_slice(name.as_bytes());
            answer.push(b'_');
            answer.extend_from_slice(kind.map_or("", |kind| kind.category_suffix()).as_bytes());
            answer.extend_from_slice(b"\",\"detected_indicator\":");
            append_string(&self.form, answer);
            answer.extend_from_slice(b",\"context\":");
            answer.extend_from_slice(context);
            answer.push(b'}');
        }
        sink.room(2)?.extend_from_slice(b"]}");
        Ok(())
    }

    /// Leaves the matches of a value, in the order of the answer, in `ranked`.
    fn rank(&mut self, places: Range<usize>, sink: &mut impl TextSink) -> Result<(), IngestError> {
        let mut ranked = std::mem::take(&mut self.ranked);
        ranked.clear();
        let matches_count: usize =
            places.clone().filter_map(|place| self.level(place)).map(|level| level.matches.len()).sum();
        sink.note_beside(matches_count * size_of::<Ranked>())?;
        ranked.reserve_exact(matches_count);
        let mut is_suppressed = false;
        let wanted = self.candidates.wanted().get(places.clone()).unwrap_or_default();
        for (place, wanted) in places.zip(wanted) {
            let Some(level) = self.level(place) else { continue };
            is_suppressed |= level.is_false_positive && wanted.is_own;
            let matches = level.matches.start as usize..level.matches.end as usize;
            for one in self.found.matches.get(matches).unwrap_or_default() {
                let is_listed = level.is_false_positive;
                ranked.push(Ranked { rank: one.rank, place, context: one.context, is_listed });
            }
        }
        ranked.retain(|one| {
            let role = self.detector.suppliers().ranked(one.rank as usize).map(|supplier| supplier.role);
            role == Some(Role::InternalTi) || !(is_suppressed || one.is_listed)
        });
        ranked.sort_unstable_by_key(|one| (one.rank, one.place));
        self.ranked = ranked;
        Ok(())
    }

    fn level(&self, place: usize) -> Option<&'a KeyMatches> {
        let (first, at) = self.from;
        let number = self.found.numbers.get(at + place.checked_sub(first)?)?;
        self.found.levels.get(number)
    }
}

/// Appends `text` as a JSON string.
fn append_string(text: &str, json: &mut Vec<u8>) {
    let before = json.len();
    if serde_json::to_writer(&mut *json, text).is_err() {
        // Writing a string to memory does not fail; if it ever did, the answer would still be JSON.
        json.truncate(before);
        json.extend_from_slice(b"\"\"");
    }
}

#[cfg(test)]
impl TextSink for Vec<u8> {
    fn room(&mut self, _bytes: usize) -> Result<&mut Vec<u8>, IngestError> {
        Ok(self)
    }

    fn note_beside(&mut self, _bytes: usize) -> Result<(), IngestError> {
        Ok(())
    }
}
