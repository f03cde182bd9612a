//! Which batches there are, newest first, with the places of their refused rows.
//!
//! In: what is learned from records, old and new, and from batches under way. Out: summaries. There are [`BATCHES_MAX`] at
//! most, of about half a KiB each; beyond that, and with the segment that it stands in, the oldest is forgotten. No I/O.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    id::BatchId,
    journal::{FramePlace, Record},
    live::Live,
    summary::{BatchState, Failure, Summary},
};

/// Batches that are known at a time.
pub(crate) const BATCHES_MAX: usize = 20_000;

/// Why refused rows are missing whose segment had to go.
const EVICTED: &str = "They were removed to make room for newer ones";

/// By time, then id.
type Key = (u64, BatchId);

/// A batch and what is kept of it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) summary: Summary,
    /// While it is running.
    pub(super) live: Option<Arc<Live>>,
    /// Of its refused rows, in order.
    pub(super) frames: Vec<FramePlace>,
    /// Where its newest summary stands, if it stands anywhere.
    pub(super) segment: Option<u64>,
}

/// A batch as it is now.
pub(crate) struct Told {
    /// What is known of it.
    pub(crate) summary: Summary,
    /// How many of its refused rows are kept.
    pub(crate) rejects_kept: u64,
    /// How long it has been running, while it is.
    pub(crate) elapsed: Option<Duration>,
}

impl Told {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            summary: entry.summary.clone(),
            rejects_kept: entry.frames.iter().map(|place| u64::from(place.count)).sum(),
            elapsed: entry.live.as_ref().map(|live| live.elapsed()),
        }
    }
}

impl Entry {
    /// Some of its refused rows are not kept; the first reason is told.
    pub(super) fn miss(&mut self, why: &str) {
        self.summary.rejects_missing.get_or_insert_with(|| why.into());
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Index {
    entries: BTreeMap<Key, Entry>,
    began: HashMap<BatchId, u64>,
    /// Refused rows of a scan whose batch has not said yet that they count.
    pending: HashMap<BatchId, Vec<FramePlace>>,
}

impl Index {
    /// A batch.
    pub(super) fn get(&self, id: BatchId) -> Option<&Entry> {
        self.entries.get(&(*self.began.get(&id)?, id))
    }

    /// The same, to be changed in all but its time and id.
    pub(super) fn get_mut(&mut self, id: BatchId) -> Option<&mut Entry> {
        self.entries.get_mut(&(*self.began.get(&id)?, id))
    }

    /// Adds a batch, in place of the one of this id. If there are too many, the oldest that has ended goes.
    pub(super) fn insert(&mut self, entry: Entry) {
        let id = entry.summary.id;
        self.remove(id);
        self.began.insert(id, entry.summary.began_ms);
        self.entries.insert((entry.summary.began_ms, id), entry);
        if BATCHES_MAX < self.entries.len() {
            let oldest = self.entries.values().find(|entry| entry.live.is_none());
            if let Some(id) = oldest.map(|entry| entry.summary.id) {
                self.remove(id);
            }
        }
    }

    fn remove(&mut self, id: BatchId) {
        if let Some(began_ms) = self.began.remove(&id) {
            self.entries.remove(&(began_ms, id));
        }
    }

    /// Batches from the newest on, or those before another one.
    pub(super) fn newest(&self, before: Option<BatchId>) -> impl Iterator<Item = &Entry> {
        let end = match before {
            None => (u64::MAX, BatchId(u128::MAX)),
            Some(id) => (self.began.get(&id).copied().unwrap_or(0), id),
        };
        self.entries.range(..end).rev().map(|(_, entry)| entry)
    }

    /// How many there are, and how many of them are running.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.entries.len(), self.entries.values().filter(|entry| entry.live.is_some()).count())
    }

    /// Takes over a record of an earlier life of the daemon.
    pub(super) fn replay(&mut self, segment: u64, record: Record) {
        match record {
            Record::Begin(summary) => {
                drop(self.pending.remove(&summary.id));
                self.insert(Entry { summary, live: None, frames: vec![], segment: Some(segment) });
            }
            Record::Summary(summary) => {
                let mut frames = match self.get_mut(summary.id) {
                    Some(entry) => std::mem::take(&mut entry.frames),
                    None => vec![],
                };
                frames.extend(self.pending.remove(&summary.id).into_iter().flatten());
                self.insert(Entry { summary, live: None, frames, segment: Some(segment) });
            }
            Record::Rejects(id, place) => self.pending.entry(id).or_default().push(place),
        }
    }

    /// Ends the replay: whatever was running has ended with the daemon.
    pub(super) fn end_replay(&mut self) {
        self.pending = HashMap::new();
        for entry in self.entries.values_mut() {
            let kept: u64 = entry.frames.iter().map(|place| u64::from(place.count)).sum();
            if kept < entry.summary.counts.refused {
                entry.miss(EVICTED);
            }
        }
        for entry in self.entries.values_mut().filter(|entry| entry.summary.state == BatchState::Running) {
            entry.summary.state = BatchState::Failed;
            let detail = "The service ended while the body was read".into();
            entry.summary.failure = Some(Failure { problem: "interrupted".into(), detail });
        }
    }

    /// Forgets what stood in a segment that is gone: its refused rows, and the batches that ended there.
    pub(super) fn forget_segment(&mut self, segment: u64) {
        self.retain(|entry| entry.live.is_some() || entry.segment != Some(segment));
        for entry in self.entries.values_mut() {
            let kept = entry.frames.len();
            entry.frames.retain(|place| place.segment != segment);
            if entry.frames.len() < kept {
                entry.miss(EVICTED);
            }
        }
    }

    /// Forgets the batches that ended before a time.
    pub(super) fn expire(&mut self, before_ms: u64) {
        self.retain(|entry| entry.live.is_some() || before_ms <= entry.summary.updated_ms);
    }

    fn retain(&mut self, is_kept: impl Fn(&Entry) -> bool) {
        self.entries.retain(|_, entry| is_kept(entry));
        let entries = &self.entries;
        self.began.retain(|id, began_ms| entries.contains_key(&(*began_ms, *id)));
    }
}

#[cfg(test)]
pub(super) mod tests;
