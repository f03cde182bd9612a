//! What is found of a value's levels to its matches, in order.
//!
//! In: the candidates of a value, what is found under them. Out: [`Matches`], one after the other. Order: confidence,
//! highest first, then the supplier's name, then the most specific indicator first. For an explanation, what does not count
//! follows: each with its [`Standing`], which comes first in the order.
//!
//! False positives: an indicator on the list matches for `InternalTI` alone; and when it names the value (in full,
//! without its query, by its host alone, by a mask, a prefix mask or a network), so does every level of the value. A
//! parent domain on the list suppresses only its own matches.
//!
//! If `example.com` is on the list, `a.example.com/x` still matches by `a.example.com`, but not by `example.com`. If
//! `a.example.com` or `*.example.com` is, it matches by neither.

use std::ops::Range;

use sluice_model::{Confidence, IndicatorKind, TagId, matching::MatchedBy, write_normal_form};
use sluice_store::catalogue::Catalogue;

use super::{
    candidates::Candidates,
    detect::{Detector, Found, FoundMatch},
    text::AnswerText,
};
use crate::error::IngestError;

/// What an indicator that was found means for a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// The value matches by it.
    Counts,
    /// It is on the list of false positives, and suppresses.
    Allows,
    /// A false positive suppresses it.
    Allowed,
    /// It is on the list of false positives, as a parent domain that nobody else holds, so that it suppresses nothing.
    NotInherited,
    /// Its supplier is disabled.
    Disabled,
    /// Its supplier has not updated it for its retention.
    Expired,
}

/// An indicator that matches a looked-up value, or would if it counted, and who holds it.
#[derive(Clone, Copy)]
pub struct Match<'m> {
    /// Whether it counts, and why not.
    pub standing: Standing,
    /// By what it matches.
    pub by: MatchedBy,
    /// Name of the supplier.
    pub supplier: &'m str,
    /// Confidence of the supplier.
    pub confidence: Confidence,
    /// What the indicator is.
    pub kind: IndicatorKind,
    /// The word for it, as clients of `/v1` read it.
    pub kind_word: &'static str,
    /// The indicator in normal form.
    pub indicator: &'m str,
    /// How far the indicator is from the value: 0 is the value in full, and each less specific candidate
    /// ([`candidate_keys`](sluice_model::matching::candidate_keys)) is one further.
    pub level: u16,
    /// JSON text of the context, an object; empty when there is none.
    pub context: &'m [u8],
    /// When the supplier last updated it, in seconds since 1970-01-01 UTC.
    pub updated_seconds: u64,
    /// When its retention is over.
    pub expires_seconds: u64,
    /// As last sent, if [`LookupRules::explains`](super::LookupRules::explains) asks for them.
    tags: &'m [TagId],
    catalogue: &'m Catalogue,
}

impl<'m> Match<'m> {
    /// Names of the tags of the indicator, if [`LookupRules::explains`](super::LookupRules::explains) asks for them.
    pub fn tags(&self) -> impl Iterator<Item = &'m str> {
        let Self { tags, catalogue, .. } = *self;
        // A tag may have been removed since.
        tags.iter().filter_map(|tag| catalogue.tag_by_id(*tag)).map(|tag| tag.name.as_str())
    }
}

type Ranked = (Standing, FoundMatch, usize);

/// The matches of one value, in the order of an answer.
pub struct Matches<'a> {
    detector: &'a Detector,
    candidates: &'a Candidates,
    found: &'a Found,
    /// A place among the candidates, and which of the keys that were read it is; the later ones follow.
    first_place: usize,
    first_key: usize,
    /// What each means, and the place of its key.
    ranked: Vec<Ranked>,
    /// How many of `ranked` count; those come first.
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

    /// Returns true if the value matches nothing that counts.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns true if nothing was found at all, whether it counts or not.
    #[inline]
    pub fn is_bare(&self) -> bool {
        self.ranked.is_empty()
    }

    /// Returns true if a false positive suppresses anything, or would.
    pub fn is_allowed(&self) -> bool {
        // Those that do come behind the matches.
        self.ranked.get(self.count).is_some_and(|(standing, ..)| *standing == Standing::Allows)
    }

    /// The next match; `None` after the last one.
    #[inline]
    pub fn next_match(&mut self) -> Option<Match<'_>> {
        if self.next == self.count { None } else { self.advance() }
    }

    /// The next of what does not count, by its standing: what an explanation needs. To be asked after the last
    /// [`next_match`](Self::next_match).
    pub fn next_other(&mut self) -> Option<Match<'_>> {
        self.next = self.next.max(self.count);
        self.advance()
    }

    fn advance(&mut self) -> Option<Match<'_>> {
        let (standing, found, place) = *self.ranked.get(self.next)?;
        self.next += 1;
        let Detector { snapshot, rules, .. } = self.detector;
        let supplier = self.detector.suppliers().ranked(found.rank)?;
        let candidate = self.candidates.left().get(place)?;
        let updated_seconds = u64::from(rules.now_seconds.saturating_sub(found.age_seconds));
        self.indicator.clear();
        // Every key that was read was made of an indicator.
        let (kind, kind_word) = write_normal_form(self.candidates.key(place), &mut self.indicator)?;
        Some(Match {
            standing,
            by: candidate.by,
            supplier: &supplier.name,
            confidence: supplier.confidence,
            kind,
            kind_word,
            indicator: &self.indicator,
            level: candidate.level,
            context: self.found.context(found),
            updated_seconds,
            expires_seconds: updated_seconds + supplier.retention_seconds,
            tags: self.tags(place),
            catalogue: snapshot.catalogue(),
        })
    }

    fn tags(&self, place: usize) -> &[TagId] {
        match self.row(place) {
            Some(row) if self.detector.rules.explains => self.found.tags.get(row),
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
        text.note_beside(count * size_of::<Ranked>())?;
        self.ranked.reserve_exact(count);
        let suppliers = self.detector.suppliers();
        let is_internal = |one: &FoundMatch| suppliers.internal_ti_rank == Some(one.rank);
        let is_false_positive = |one: &FoundMatch| suppliers.false_positive_rank == Some(one.rank);
        let mut is_value_listed = false;
        for place in places {
            let matches = self.found_at(place);
            let is_listed = matches.iter().any(|one| is_false_positive(one) && self.lapsed(one).is_none());
            let names_value =
                is_listed && self.candidates.left().get(place).is_some_and(|one| one.by.names_value());
            is_value_listed |= names_value;
            for found in matches {
                let standing = match self.lapsed(found) {
                    Some(lapsed) => lapsed,
                    None if !is_listed || is_internal(found) => Standing::Counts,
                    None if !is_false_positive(found) => Standing::Allowed,
                    None if names_value => Standing::Allows,
                    None => {
                        let mut others =
                            matches.iter().filter(|one| !is_false_positive(one) && !is_internal(one));
                        let suppresses_any = others.any(|one| self.lapsed(one).is_none());
                        if suppresses_any { Standing::Allows } else { Standing::NotInherited }
                    }
                };
                self.ranked.push((standing, *found, place));
            }
        }
        if is_value_listed {
            for (standing, found, _) in &mut self.ranked {
                if *standing == Standing::Counts && !is_internal(found) {
                    *standing = Standing::Allowed;
                }
            }
        }
        self.ranked.sort_unstable_by_key(|(standing, found, place)| (*standing, found.rank, *place));
        self.count = self.ranked.partition_point(|(standing, ..)| *standing == Standing::Counts);
        Ok(())
    }

    /// Why an indicator that was found does not count whatever else was; `None` if it does. Only explanations find such.
    #[inline]
    fn lapsed(&self, found: &FoundMatch) -> Option<Standing> {
        if !self.detector.rules.explains {
            return None;
        }
        let supplier = self.detector.suppliers().ranked(found.rank)?;
        if supplier.counts(found.age_seconds.into()) {
            None
        } else if supplier.is_enabled {
            Some(Standing::Expired)
        } else {
            Some(Standing::Disabled)
        }
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
