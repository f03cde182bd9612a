//! What is found of a value's levels to its matches, in order.
//!
//! In: the candidates of a value, what is found under them. Out: [`Matches`], one after the other. Order: confidence,
//! highest first, then the supplier's name, then the most specific indicator first.
//!
//! False positives: an indicator on the list matches for `InternalTI` alone; and when it names the value (in full,
//! without its query, by its host alone, by a mask, a prefix mask or a network), so does every level of the value. A
//! parent domain on the list suppresses only its own matches.
//!
//! If `example.com` is on the list, `a.example.com/x` still matches by `a.example.com`, but not by `example.com`. If
//! `a.example.com` or `*.example.com` is, it matches by neither.

use std::ops::Range;

use sluice_model::{Confidence, IndicatorKind, TagId, write_normal_form};

use super::{
    candidates::Candidates,
    detect::{Detector, Found, FoundMatch},
    text::AnswerText,
};
use crate::error::IngestError;

/// An indicator that matches a looked-up value, and who holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match<'m> {
    /// Name of the supplier.
    pub supplier: &'m str,
    /// Confidence of the supplier.
    pub confidence: Confidence,
    /// What the indicator is.
    pub kind: IndicatorKind,
    /// The indicator in normal form.
    pub indicator: &'m str,
    /// How far the indicator is from the value: 0 is the value in full, and each less specific candidate
    /// ([`candidate_keys`](sluice_model::matching::candidate_keys)) is one further.
    pub level: u16,
    /// JSON text of the context, an object; empty when there is none.
    pub context: &'m [u8],
    /// Tags of the indicator as last sent, if [`LookupRules::with_tags`](super::LookupRules::with_tags) asks for them;
    /// the catalogue may not know them all any more.
    pub tags: &'m [TagId],
}

/// The matches of one value, in the order of an answer.
pub struct Matches<'a> {
    detector: &'a Detector,
    candidates: &'a Candidates,
    found: &'a Found,
    /// A place among the candidates, and which of the keys that were read it is; the later ones follow.
    first_place: usize,
    first_key: usize,
    /// Whether each is suppressed, and the place of its key.
    ranked: Vec<(bool, FoundMatch, usize)>,
    /// How many of `ranked` are not suppressed; those come first.
    count: usize,
    next: usize,
    /// Normal form of the indicator of the present match.
    indicator: String,
}

impl<'a> Matches<'a> {
    /// Prepares for values whose candidates begin at `first_place`, which is the one at `first_key` among the keys that
    /// were read.
    pub(super) fn new(
        detector: &'a Detector,
        candidates: &'a Candidates,
        found: &'a Found,
        first_place: usize,
        first_key: usize,
    ) -> Self {
        let (ranked, indicator) = (Vec::new(), String::new());
        Self { detector, candidates, found, first_place, first_key, ranked, count: 0, next: 0, indicator }
    }

    /// Returns true if the value matches nothing, suppressed matches aside.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The next match; `None` after the last one.
    #[inline]
    pub fn next_match(&mut self) -> Option<Match<'_>> {
        if self.next == self.count { None } else { self.advance() }
    }

    /// The next match that a false positive suppresses, and those of the list of false positives themselves: what an
    /// explanation needs. To be asked after the last [`next_match`](Self::next_match).
    pub fn next_suppressed(&mut self) -> Option<Match<'_>> {
        self.next = self.next.max(self.count);
        self.advance()
    }

    fn advance(&mut self) -> Option<Match<'_>> {
        let (_, found, place) = *self.ranked.get(self.next)?;
        self.next += 1;
        let supplier = self.detector.suppliers().ranked(found.rank)?;
        self.indicator.clear();
        Some(Match {
            supplier: &supplier.name,
            confidence: supplier.confidence,
            // Every key that was read was made of an indicator.
            kind: write_normal_form(self.candidates.key(place), &mut self.indicator)?,
            indicator: &self.indicator,
            level: self.candidates.left().get(place)?.level,
            context: self.found.context(found),
            tags: self.tags(place),
        })
    }

    fn tags(&self, place: usize) -> &[TagId] {
        match self.row(place) {
            Some(row) if self.detector.rules.with_tags => self.found.tags.get(row),
            _ => &[],
        }
    }

    /// Goes to the value whose candidates, which were read, are at `places`. The text that the matches are for pays for
    /// their memory.
    ///
    /// # Errors
    ///
    /// That memory is short.
    #[inline]
    pub(super) fn rank(&mut self, places: Range<usize>, text: &mut AnswerText) -> Result<(), IngestError> {
        (self.count, self.next) = (0, 0);
        self.ranked.clear();
        if places.is_empty() { Ok(()) } else { self.rank_found(places, text) }
    }

    fn rank_found(&mut self, places: Range<usize>, text: &mut AnswerText) -> Result<(), IngestError> {
        let count: usize = places.clone().map(|place| self.found_at(place).len()).sum();
        if count == 0 {
            return Ok(());
        }
        text.note_beside(count * size_of::<(bool, FoundMatch, usize)>())?;
        self.ranked.reserve_exact(count);
        let suppliers = self.detector.suppliers();
        let mut is_value_listed = false;
        for place in places {
            let matches = self.found_at(place);
            let is_listed = matches.iter().any(|one| suppliers.false_positive_rank == Some(one.rank));
            is_value_listed |=
                is_listed && self.candidates.left().get(place).is_some_and(|one| one.names_value);
            for found in matches {
                let is_suppressed = is_listed && suppliers.internal_ti_rank != Some(found.rank);
                self.ranked.push((is_suppressed, *found, place));
            }
        }
        if is_value_listed {
            for (is_suppressed, found, _) in &mut self.ranked {
                *is_suppressed = suppliers.internal_ti_rank != Some(found.rank);
            }
        }
        self.ranked
            .sort_unstable_by_key(|(is_suppressed, found, place)| (*is_suppressed, found.rank, *place));
        self.count = self.ranked.partition_point(|(is_suppressed, ..)| !is_suppressed);
        Ok(())
    }

    fn row(&self, place: usize) -> Option<usize> {
        self.found.rows.get(self.first_key + place.checked_sub(self.first_place)?)
    }

    fn found_at(&self, place: usize) -> &'a [FoundMatch] {
        match self.row(place) {
            Some(row) => self.found.matches.get(row),
            None => &[],
        }
    }
}
