//! Which batches there are, newest first, with the places of their refused rows.
//!
//! In: what is learned from records, old and new, and from batches under way. Out: summaries. There are [`BATCHES_MAX`] at
//! most, of about half a KiB each; beyond that, the oldest of the tenant that has most is forgotten, and with the segment that
//! it stands in, each is. No I/O.

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

/// What is told of a batch that the daemon did not bring to its end. Its last step, or its replacement, may have become
/// durable before that was recorded.
const INTERRUPTED: &str =
    "The service ended before the import was answered; what is counted here is stored, and more of it may be";

/// By time, then id.
pub(super) type Key = (u64, BatchId);

/// The batches of a tenant.
type OfTenant = BTreeMap<Key, Entry>;

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
    /// False if it is not known to be durable although it has ended just now.
    pub(crate) is_recorded: bool,
}

impl Told {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            summary: entry.summary.clone(),
            rejects_kept: entry.frames.iter().map(|place| u64::from(place.count)).sum(),
            elapsed: entry.live.as_ref().map(|live| live.elapsed()),
            is_recorded: true,
        }
    }
}

impl Entry {
    /// Its place among those of its tenant.
    pub(super) fn key(&self) -> Key {
        (self.summary.began_ms, self.summary.id)
    }

    /// Some of its refused rows are not kept; the first reason is told.
    pub(super) fn miss(&mut self, why: &str) {
        self.summary.rejects_missing.get_or_insert_with(|| why.into());
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Index {
    tenants: BTreeMap<Box<str>, OfTenant>,
    /// Where each one is.
    places: HashMap<BatchId, (Box<str>, Key)>,
    /// Refused rows of a scan whose batch has not said yet that they count.
    pending: HashMap<BatchId, Vec<FramePlace>>,
}

impl Index {
    /// A batch.
    pub(super) fn get(&self, id: BatchId) -> Option<&Entry> {
        let (tenant, key) = self.places.get(&id)?;
        self.tenants.get(tenant)?.get(key)
    }

    /// The same, to be changed in all but its time and id.
    pub(super) fn get_mut(&mut self, id: BatchId) -> Option<&mut Entry> {
        let (tenant, key) = self.places.get(&id)?;
        self.tenants.get_mut(tenant)?.get_mut(key)
    }

    /// Adds a batch, in place of the one of this id. If there are too many, the oldest that has ended goes, of the tenant that
    /// has most: nobody's batches push those of others out.
    pub(super) fn insert(&mut self, entry: Entry) {
        let (id, key, tenant) = (entry.summary.id, entry.key(), entry.summary.asked.tenant.clone());
        self.remove(id);
        self.tenants.entry(tenant.clone()).or_default().insert(key, entry);
        self.places.insert(id, (tenant, key));
        if BATCHES_MAX < self.places.len() {
            let most = self.tenants.values().max_by_key(|batches| batches.len());
            let oldest = most.and_then(|batches| batches.values().find(|entry| entry.live.is_none()));
            if let Some(id) = oldest.map(|entry| entry.summary.id) {
                self.remove(id);
            }
        }
    }

    fn remove(&mut self, id: BatchId) {
        if let Some((tenant, key)) = self.places.remove(&id)
            && let Some(batches) = self.tenants.get_mut(&tenant)
        {
            batches.remove(&key);
        }
    }

    /// The place before which a list begins: after a batch of the tenant, if one is named.
    pub(super) fn place(&self, tenant: &str, after: Option<BatchId>) -> Option<Key> {
        let Some(id) = after else { return Some((u64::MAX, BatchId(u128::MAX))) };
        self.places.get(&id).filter(|(of, _)| **of == *tenant).map(|(_, key)| *key)
    }

    /// Batches of a tenant before a place, from the newest on.
    pub(super) fn newest(&self, tenant: &str, before: Key) -> impl Iterator<Item = &Entry> {
        let batches = self.tenants.get(tenant).into_iter();
        batches.flat_map(move |batches| batches.range(..before).rev().map(|(_, entry)| entry))
    }

    /// How many there are, and how many of them are running.
    pub(super) fn counts(&self) -> (usize, usize) {
        let running = self.tenants.values().flat_map(BTreeMap::values).filter(|entry| entry.live.is_some());
        (self.places.len(), running.count())
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
        for entry in self.entries_mut() {
            let kept: u64 = entry.frames.iter().map(|place| u64::from(place.count)).sum();
            if kept < entry.summary.counts.refused + entry.summary.counts.allowed {
                entry.miss(EVICTED);
            }
        }
        for entry in self.entries_mut().filter(|entry| entry.summary.state == BatchState::Running) {
            entry.summary.state = BatchState::Failed;
            entry.summary.failure =
                Some(Failure { problem: "interrupted".into(), detail: INTERRUPTED.into() });
        }
    }

    /// Forgets what stood in a segment that is gone: its refused rows, and the batches that ended there.
    pub(super) fn forget_segment(&mut self, segment: u64) {
        self.retain(|entry| entry.live.is_some() || entry.segment != Some(segment));
        for entry in self.entries_mut() {
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
        self.tenants.retain(|_, batches| {
            batches.retain(|_, entry| is_kept(entry));
            !batches.is_empty()
        });
        let tenants = &self.tenants;
        self.places
            .retain(|_, (tenant, key)| tenants.get(tenant).is_some_and(|batches| batches.contains_key(key)));
    }

    fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.tenants.values_mut().flat_map(BTreeMap::values_mut)
    }
}

#[cfg(test)]
pub(super) mod tests;
