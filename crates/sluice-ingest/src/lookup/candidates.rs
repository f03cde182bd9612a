//! Looked-up values to the keys worth reading.
//!
//! In: values, one after the other, and a snapshot of the store. Out: for each value, by its number, the candidates
//! (`sluice_model::matching`) that the filters do not deny, most specific first. Most values that are not stored leave
//! nothing: a single question, to the filter of groups, settles all levels of a URL.
//!
//! Filters are asked for many values in a row, so that the waits for memory overlap. Reads nothing else; false alarms
//! are the reader's to find out.

use std::ops::Range;

use sluice_model::{
    IndicatorKind,
    matching::{CandidateKeys, MatchScope, candidate_keys, group_of},
    normalize::recognize_into,
};
use sluice_store::Snapshot;

/// Values for which the filters are asked in one go; their keys stay in the nearest cache.
const VALUES_ASKED_AT_ONCE: usize = 64;

/// A key that may be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Number of the value that it is a candidate of.
    value: u32,
    /// Where the key ends; it begins where the one before ends.
    end: u32,
    /// Whether it is the value itself (`CandidateKeys::own_count`).
    pub(super) is_own: bool,
}

/// A value whose filters were not asked yet.
struct Unasked {
    value: usize,
    kind: IndicatorKind,
    key: Range<usize>,
}

/// Tells whether a value has other candidates than itself.
fn has_levels(one: &Unasked, scope: MatchScope) -> bool {
    scope == MatchScope::Levels && one.kind == IndicatorKind::Url
}

/// Collects wanted keys: those of a slice, whose memory a permit covers, so they come to less than 4 GiB.
#[derive(Default)]
pub(super) struct Candidates {
    values_count: usize,
    unasked: Vec<Unasked>,
    unasked_keys: Vec<u8>,
    /// Room for the candidates of one value.
    keys_of_value: CandidateKeys,
    wanted: Vec<Candidate>,
    keys: Vec<u8>,
}

impl Candidates {
    /// Takes the next value. What is wanted of it is known after [`settle`](Self::settle).
    pub(super) fn add(&mut self, text: &str, scope: MatchScope, snapshot: &Snapshot) {
        let value = self.values_count;
        self.values_count += 1;
        let from = self.unasked_keys.len();
        let Ok(kind) = recognize_into(text, &mut self.unasked_keys) else { return };
        self.unasked.push(Unasked { value, kind, key: from..self.unasked_keys.len() });
        if self.unasked.len() == VALUES_ASKED_AT_ONCE {
            self.settle(scope, snapshot);
        }
    }

    /// Asks the filters for the values that they were not asked for yet.
    pub(super) fn settle(&mut self, scope: MatchScope, snapshot: &Snapshot) {
        let mut unasked = std::mem::take(&mut self.unasked);
        let unasked_keys = std::mem::take(&mut self.unasked_keys);
        unasked.retain(|one| {
            let key = unasked_keys.get(one.key.clone()).unwrap_or_default();
            match group_of(key) {
                _ if !has_levels(one, scope) => snapshot.may_hold(key),
                Some(group) => snapshot.may_hold_group(group),
                None => true,
            }
        });
        for one in &unasked {
            let key = unasked_keys.get(one.key.clone()).unwrap_or_default();
            if has_levels(one, scope) {
                self.push_levels(one.value, key, snapshot);
            } else {
                self.push(one.value, true, key);
            }
        }
        (self.unasked, self.unasked_keys) = (unasked, unasked_keys);
        self.unasked.clear();
        self.unasked_keys.clear();
    }

    /// Tells whether any key is wanted, at the first one that is. Asks the filters for the values that they were not
    /// asked for yet; if nothing is wanted, that settles them, else they are left as they are.
    pub(super) fn wants_any(&mut self, scope: MatchScope, snapshot: &Snapshot) -> bool {
        let Self { unasked, unasked_keys, keys_of_value, wanted, .. } = self;
        let is_wanted = |one: &Unasked| {
            let key = unasked_keys.get(one.key.clone()).unwrap_or_default();
            if !has_levels(one, scope) {
                return snapshot.may_hold(key);
            }
            group_of(key).is_none_or(|group| snapshot.may_hold_group(group)) && {
                candidate_keys(key, MatchScope::Levels, keys_of_value);
                keys_of_value.iter().any(|candidate| snapshot.may_hold(candidate))
            }
        };
        if !wanted.is_empty() || unasked.iter().any(is_wanted) {
            return true;
        }
        unasked.clear();
        unasked_keys.clear();
        false
    }

    fn push_levels(&mut self, value: usize, key: &[u8], snapshot: &Snapshot) {
        let mut candidates = std::mem::take(&mut self.keys_of_value);
        candidate_keys(key, MatchScope::Levels, &mut candidates);
        for (level, candidate) in candidates.iter().enumerate() {
            if snapshot.may_hold(candidate) {
                self.push(value, level < candidates.own_count(), candidate);
            }
        }
        self.keys_of_value = candidates;
    }

    fn push(&mut self, value: usize, is_own: bool, key: &[u8]) {
        let Ok(end) = u32::try_from(self.keys.len() + key.len()) else { return };
        let Ok(value) = u32::try_from(value) else { return };
        self.keys.extend_from_slice(key);
        self.wanted.push(Candidate { value, end, is_own });
    }

    /// Gives back all memory but that of what is wanted.
    pub(super) fn shed(&mut self) {
        (self.unasked, self.unasked_keys, self.keys_of_value) = Default::default();
    }

    /// What is wanted, by value, most specific first.
    pub(super) fn wanted(&self) -> &[Candidate] {
        &self.wanted
    }

    /// The places in [`wanted`](Self::wanted) that belong to some consecutive values.
    pub(super) fn places_of(&self, values: Range<usize>) -> Range<usize> {
        let first = |value| self.wanted.partition_point(|wanted| (wanted.value as usize) < value);
        first(values.start)..first(values.end)
    }

    /// The places that belong to a value, given the first that belongs to it or to a later one.
    pub(super) fn places_from(&self, first: usize, value: usize) -> Range<usize> {
        let rest = self.wanted.get(first..).unwrap_or_default();
        first..first + rest.iter().take_while(|wanted| wanted.value as usize == value).count()
    }

    /// The key at a place of [`wanted`](Self::wanted).
    pub(super) fn key(&self, place: usize) -> &[u8] {
        let end = |place: usize| self.wanted.get(place).map_or(0, |wanted| wanted.end as usize);
        let from = place.checked_sub(1).map_or(0, end);
        self.keys.get(from..end(place)).unwrap_or_default()
    }

    /// Bytes of the keys so far.
    pub(super) fn keys_bytes(&self) -> usize {
        self.keys.len()
    }

    /// Bytes of memory that are left after [`shed`](Self::shed).
    pub(super) fn held_bytes(&self) -> usize {
        self.keys.capacity() + self.wanted.capacity() * size_of::<Candidate>()
    }
}
