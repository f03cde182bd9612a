//! Looked-up values to the keys worth reading.
//!
//! In: values, one after the other, and a snapshot of the store. Out: for each value, by its number, the candidate keys
//! (`sluice_model::matching`) that the filters do not deny, most specific first. Most values that are not stored leave
//! nothing: a single question, to the filter of groups, answers for all levels of a URL. Of the networks that could
//! hold an address only those are asked for that the store's summary of networks names.
//!
//! Filters are asked for many values in a row, so that the waits for memory overlap. Reads nothing else; what a filter
//! lets through by mistake is found out when it is read.

use std::{ops::Range, sync::Arc};

use sluice_model::{
    IndicatorKind, NotAnIndicator, limits,
    matching::{
        CandidateKey, MatchScope, MatchedBy, address_or_network, candidate_keys, group_of, is_url,
        network_keys,
    },
    normalize::recognize_object,
    ranges::bytes_at,
};
use sluice_store::Snapshot;

use super::lists::Lists;
use crate::{
    error::IngestError,
    memory::{HeldBytes, RequestMemory},
};

/// Values for which the filters are asked in one go; their keys stay in the nearest cache.
const VALUES_ASKED_TOGETHER: usize = 64;

/// Bytes of keys, or of objects, after which what is held is counted: a single value may have thousands of keys that are
/// stored.
pub(super) const COUNTED_BYTES: usize = 64 * limits::KIB;

/// A key that may be stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Number of the value that it is a candidate of.
    value: u32,
    /// Its number among the levels of the value: 0 is the value in full.
    pub(super) level: u16,
    /// By what an indicator with it matches the value.
    pub(super) by: MatchedBy,
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

/// Hands out what a value can match, if it may be stored, with the number of its level. Each key is made in `room`.
fn visit_levels<E>(
    key: &[u8],
    www_labels: u8,
    snapshot: &Snapshot,
    room: &mut Vec<u8>,
    mut visit: impl FnMut(u16, CandidateKey<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut levels = 0_u16..;
    let mut visit_stored = |candidate: CandidateKey<'_>| {
        let level = levels.next().unwrap_or(u16::MAX);
        if snapshot.may_hold(candidate.key) { visit(level, candidate) } else { Ok(()) }
    };
    let may_have_prefix_masks = |mark: &[u8]| snapshot.may_hold_prefix_mask(mark);
    candidate_keys(key, www_labels, MatchScope::Levels, may_have_prefix_masks, room, &mut visit_stored)?;
    match address_or_network(key) {
        Some(held) => network_keys(held, snapshot.network_lengths(held), room, visit_stored),
        None => Ok(()),
    }
}

/// The lengths of which a network may be stored that holds a value, as bits.
fn network_lengths(key: &[u8], snapshot: &Snapshot) -> u128 {
    address_or_network(key).map_or(0, |held| snapshot.network_lengths(held))
}

/// Collects the candidates of the values of a slice. The memory of the request covers what is left of them.
pub(super) struct Candidates {
    values_count: u32,
    /// Values for which the filters were not asked yet: the number, if it has other candidates than itself how many `www.`
    /// were cut off its host, and where its key is.
    unasked: Vec<(u32, Option<u8>, Range<usize>)>,
    unasked_keys: Vec<u8>,
    /// Room for a candidate of a value.
    room: Vec<u8>,
    left: Vec<Candidate>,
    left_keys: Lists<u8>,
    held: HeldBytes,
    counted_bytes: usize,
}

impl Candidates {
    /// Begins with the first value of a slice.
    pub(super) fn new(memory: &Arc<RequestMemory>) -> Self {
        Self {
            values_count: 0,
            unasked: Vec::new(),
            unasked_keys: Vec::new(),
            room: Vec::new(),
            left: Vec::new(),
            left_keys: Lists::default(),
            held: HeldBytes::new(memory),
            counted_bytes: 0,
        }
    }

    /// Takes the next value. Which candidates it leaves is known after [`ask_filters`](Self::ask_filters).
    ///
    /// # Errors
    ///
    /// That memory is short.
    pub(super) fn add(
        &mut self,
        text: &str,
        scope: MatchScope,
        snapshot: &Snapshot,
    ) -> Result<(), IngestError> {
        self.take(text, scope, snapshot, |_key| {})
    }

    /// The same; `told` is given the key of the value, or why it has none.
    ///
    /// # Errors
    ///
    /// That memory is short.
    #[inline]
    pub(super) fn take(
        &mut self,
        text: &str,
        scope: MatchScope,
        snapshot: &Snapshot,
        told: impl FnOnce(Result<&[u8], NotAnIndicator>),
    ) -> Result<(), IngestError> {
        let value = self.values_count;
        self.values_count = value.checked_add(1).ok_or(IngestError::Internal)?;
        let from = self.unasked_keys.len();
        let found = match recognize_object(text, &mut self.unasked_keys) {
            Ok(found) => found,
            Err(reason) => {
                told(Err(reason));
                return Ok(());
            }
        };
        told(Ok(bytes_at(&self.unasked_keys, from..)));
        let has_levels = scope == MatchScope::Levels && has_levels(found.kind, snapshot);
        let www_labels = if has_levels { Some(found.www_labels) } else { None };
        self.unasked.push((value, www_labels, from..self.unasked_keys.len()));
        if self.unasked.len() < VALUES_ASKED_TOGETHER { Ok(()) } else { self.ask_filters(snapshot) }
    }

    /// Takes the place of the next value for one that is none.
    ///
    /// # Errors
    ///
    /// That there are too many.
    pub(super) fn pass_over(&mut self) -> Result<(), IngestError> {
        self.values_count = self.values_count.checked_add(1).ok_or(IngestError::Internal)?;
        Ok(())
    }

    /// Asks the filters for the values for which they were not asked yet.
    ///
    /// # Errors
    ///
    /// As of [`add`](Self::add).
    pub(super) fn ask_filters(&mut self, snapshot: &Snapshot) -> Result<(), IngestError> {
        let mut unasked = std::mem::take(&mut self.unasked);
        let keys = std::mem::take(&mut self.unasked_keys);
        // All first questions before any second one: their waits for memory overlap.
        unasked.retain(|(_, www_labels, key)| {
            may_match(bytes_at(&keys, key.clone()), www_labels.is_some(), snapshot)
        });
        let mut room = std::mem::take(&mut self.room);
        for (value, www_labels, key) in &unasked {
            let key = bytes_at(&keys, key.clone());
            if let Some(www_labels) = *www_labels {
                visit_levels(key, www_labels, snapshot, &mut room, |level, candidate| {
                    self.push(*value, level, candidate)
                })?;
            } else {
                self.push(*value, 0, CandidateKey { key, by: MatchedBy::Exact })?;
            }
        }
        (self.unasked, self.unasked_keys, self.room) = (unasked, keys, room);
        self.unasked.clear();
        self.unasked_keys.clear();
        Ok(())
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
            if visit_levels(key, www_labels, snapshot, &mut self.room, |_, _| Err(())).is_err() {
                return true;
            }
        }
        self.unasked.clear();
        self.unasked_keys.clear();
        false
    }

    fn push(&mut self, value: u32, level: u16, candidate: CandidateKey<'_>) -> Result<(), IngestError> {
        let CandidateKey { key, by } = candidate;
        self.left_keys.items.extend_from_slice(key);
        self.left.push(Candidate { value, level, by });
        // Keys of 4 GiB are more than any permit covers.
        self.left_keys.finish_list().ok_or(IngestError::Internal)?;
        if self.counted_bytes + COUNTED_BYTES < self.left_keys.items.len() { self.count() } else { Ok(()) }
    }

    /// Counts the memory of what is left.
    fn count(&mut self) -> Result<(), IngestError> {
        self.counted_bytes = self.left_keys.items.len();
        let left_bytes = self.left.capacity() * size_of::<Candidate>();
        self.held.set(self.left_keys.heap_bytes() + left_bytes)
    }

    /// Asks the filters for the last values, and gives back all memory but that of what is left.
    ///
    /// # Errors
    ///
    /// As of [`add`](Self::add).
    pub(super) fn finish(&mut self, snapshot: &Snapshot) -> Result<(), IngestError> {
        self.ask_filters(snapshot)?;
        (self.unasked, self.unasked_keys, self.room) = Default::default();
        self.count()
    }

    /// The candidates that are left, by value, most specific first. The number of one is its place.
    pub(super) fn left(&self) -> &[Candidate] {
        &self.left
    }

    /// The number of the value that a place belongs to.
    pub(super) fn value_at(&self, place: usize) -> Option<usize> {
        self.left.get(place).map(|candidate| candidate.value as usize)
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
}
