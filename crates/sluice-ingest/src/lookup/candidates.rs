//! Looked-up values to the keys worth reading.
//!
//! In: values, one after the other, and a snapshot of the store. Out: for each value, by its number, the candidate keys
//! (`sluice_model::matching`) that the filters do not deny, most specific first. Most values that are not stored leave
//! nothing: a single question, to the filter of groups, answers for all levels of a URL. Of the networks that could
//! hold an address only those are asked for that the store's summary of networks names.
//!
//! Filters are asked for many values in a row, so that the waits for memory overlap. Reads nothing else; what a filter
//! lets through by mistake is found out when it is read.

use std::ops::Range;

use sluice_model::{
    IndicatorKind,
    matching::{CandidateKeys, MatchScope, address_or_network, candidate_keys, group_of, is_url},
    normalize::recognize_object,
    ranges::bytes_at,
};
use sluice_store::Snapshot;

use super::lists::Lists;

/// Values for which the filters are asked in one go; their keys stay in the nearest cache.
const VALUES_ASKED_TOGETHER: usize = 64;

/// A key that may be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Number of the value that it is a candidate of.
    value: u32,
    /// Its number among the levels of the value: 0 is the value in full.
    pub(super) level: u16,
    /// Whether it names the value (`CandidateKeys::names_value`).
    pub(super) names_value: bool,
}

/// Returns false if the filters deny all candidates of a value in one answer.
#[inline]
fn may_match(key: &[u8], has_levels: bool, snapshot: &Snapshot) -> bool {
    if !has_levels {
        return snapshot.may_hold(key);
    }
    match group_of(key) {
        Some(group) => snapshot.may_hold_group(group),
        None if is_url(key) => true,
        None => snapshot.may_hold(key) || network_lengths(key, snapshot) != 0,
    }
}

/// Returns true if a value of a kind can match other indicators than itself.
fn has_levels(kind: IndicatorKind, snapshot: &Snapshot) -> bool {
    match kind {
        IndicatorKind::Url => true,
        IndicatorKind::Ip | IndicatorKind::Network => snapshot.may_hold_networks(),
        IndicatorKind::Md5 | IndicatorKind::Sha1 | IndicatorKind::Sha256 => false,
    }
}

/// Lists all that a value can match, of networks and prefix masks those that may be stored.
fn list_levels(key: &[u8], www_labels: u8, snapshot: &Snapshot, levels: &mut CandidateKeys) {
    let may_have_prefix_masks = |mark: &[u8]| snapshot.may_hold_prefix_mask(mark);
    candidate_keys(key, www_labels, MatchScope::Levels, may_have_prefix_masks, levels);
    if let Some(held) = address_or_network(key) {
        levels.push_networks(held, snapshot.network_lengths(held));
    }
}

/// The lengths of which a network may be stored that holds a value, as bits.
fn network_lengths(key: &[u8], snapshot: &Snapshot) -> u128 {
    address_or_network(key).map_or(0, |held| snapshot.network_lengths(held))
}

/// Collects the candidates of the values of a slice, whose memory a permit covers, so their keys come to less than 4
/// GiB.
#[derive(Default)]
pub(super) struct Candidates {
    values_count: u32,
    /// Values for which the filters were not asked yet: the number, if it has other candidates than itself how many `www.`
    /// were cut off its host, and where its key is.
    unasked: Vec<(u32, Option<u8>, Range<usize>)>,
    unasked_keys: Vec<u8>,
    /// Room for the candidates of one value.
    levels: CandidateKeys,
    left: Vec<Candidate>,
    left_keys: Lists<u8>,
}

impl Candidates {
    /// Takes the next value. Which candidates it leaves is known after [`ask_filters`](Self::ask_filters).
    ///
    /// `None` when the keys come to 4 GiB.
    pub(super) fn add(&mut self, text: &str, scope: MatchScope, snapshot: &Snapshot) -> Option<()> {
        let value = self.values_count;
        self.values_count = value.checked_add(1)?;
        let from = self.unasked_keys.len();
        let Ok(found) = recognize_object(text, &mut self.unasked_keys) else { return Some(()) };
        let has_levels = scope == MatchScope::Levels && has_levels(found.kind, snapshot);
        let www_labels = if has_levels { Some(found.www_labels) } else { None };
        self.unasked.push((value, www_labels, from..self.unasked_keys.len()));
        if self.unasked.len() < VALUES_ASKED_TOGETHER { Some(()) } else { self.ask_filters(snapshot) }
    }

    /// Asks the filters for the values for which they were not asked yet. `None` as of [`add`](Self::add).
    pub(super) fn ask_filters(&mut self, snapshot: &Snapshot) -> Option<()> {
        let mut unasked = std::mem::take(&mut self.unasked);
        let keys = std::mem::take(&mut self.unasked_keys);
        // All first questions before any second one: their waits for memory overlap.
        unasked.retain(|(_, www_labels, key)| {
            may_match(bytes_at(&keys, key.clone()), www_labels.is_some(), snapshot)
        });
        for (value, www_labels, key) in &unasked {
            let key = bytes_at(&keys, key.clone());
            if let Some(www_labels) = *www_labels {
                self.push_levels(*value, key, www_labels, snapshot)?;
            } else {
                self.push(*value, 0, true, key)?;
            }
        }
        (self.unasked, self.unasked_keys) = (unasked, keys);
        self.unasked.clear();
        self.unasked_keys.clear();
        Some(())
    }

    /// Returns true if any candidate is left, at the first one that is. Asks the filters for the values for which they
    /// were not asked yet. If nothing is left, those values are done with, else they stay as they are.
    pub(super) fn leaves_any(&mut self, snapshot: &Snapshot) -> bool {
        if !self.left.is_empty() {
            return true;
        }
        for (_, www_labels, key) in &self.unasked {
            let key = bytes_at(&self.unasked_keys, key.clone());
            if !may_match(key, www_labels.is_some(), snapshot) {
                continue;
            }
            let Some(www_labels) = *www_labels else { return true };
            list_levels(key, www_labels, snapshot, &mut self.levels);
            for key in self.levels.iter() {
                if snapshot.may_hold(key) {
                    return true;
                }
            }
        }
        self.unasked.clear();
        self.unasked_keys.clear();
        false
    }

    fn push_levels(&mut self, value: u32, key: &[u8], www_labels: u8, snapshot: &Snapshot) -> Option<()> {
        let mut levels = std::mem::take(&mut self.levels);
        list_levels(key, www_labels, snapshot, &mut levels);
        for (level, key) in (0_u16..).zip(levels.iter()) {
            if snapshot.may_hold(key) {
                self.push(value, level, levels.names_value(level.into()), key)?;
            }
        }
        self.levels = levels;
        Some(())
    }

    fn push(&mut self, value: u32, level: u16, names_value: bool, key: &[u8]) -> Option<()> {
        self.left_keys.items.extend_from_slice(key);
        self.left.push(Candidate { value, level, names_value });
        self.left_keys.finish_list()
    }

    /// Gives back all memory but that of what is left.
    pub(super) fn shed(&mut self) {
        (self.unasked, self.unasked_keys, self.levels) = Default::default();
    }

    /// The candidates that are left, by value, most specific first. The number of one is its place.
    pub(super) fn left(&self) -> &[Candidate] {
        &self.left
    }

    /// The places that belong to some consecutive values.
    pub(super) fn places_of(&self, values: &Range<usize>) -> Range<usize> {
        self.first_place(values.start)..self.first_place(values.end)
    }

    /// The first place that belongs to a value or to a later one.
    fn first_place(&self, value: usize) -> usize {
        self.left.partition_point(|candidate| (candidate.value as usize) < value)
    }

    /// The places that belong to a value, given the first that belongs to it or to a later one.
    #[inline]
    pub(super) fn places_from(&self, first: usize, value: usize) -> Range<usize> {
        let mut end = first;
        while let Some(candidate) = self.left.get(end)
            && candidate.value as usize == value
        {
            end += 1;
        }
        first..end
    }

    /// The key at a place.
    pub(super) fn key(&self, place: usize) -> &[u8] {
        self.left_keys.get(place)
    }

    /// Bytes of the keys that are left so far.
    pub(super) fn keys_bytes(&self) -> usize {
        self.left_keys.items.len()
    }

    /// Bytes of memory after [`shed`](Self::shed).
    pub(super) fn heap_bytes(&self) -> usize {
        self.left_keys.heap_bytes() + self.left.capacity() * size_of::<Candidate>()
    }
}
