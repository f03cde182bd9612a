//! Which batches there are, newest first, with the places of their refused rows.
//!
//! In: what is learned from records, old and new, and from batches under way. Out: summaries. There are [`BATCHES_MAX`] at
//! most, of about half a KiB each; beyond that, `room` says which of the tenant that has most is forgotten, and with the segment
//! that it stands in, each is that is not moved before. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    entry::{Entry, Key},
    id::BatchId,
    journal::{FramePlace, OldSegment, Record},
    room,
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

/// The batches of a tenant.
type OfTenant = BTreeMap<Key, Entry>;

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

    /// Adds a batch, in place of the one of this id. If there are too many, one that has ended goes, of the tenant that has most:
    /// nobody's batches push those of others out.
    pub(super) fn insert(&mut self, entry: Entry) {
        let (id, key, tenant) = (entry.summary.id, entry.key(), entry.summary.asked.tenant.clone());
        let (now_ms, _) = key;
        self.remove(id);
        self.tenants.entry(tenant.clone()).or_default().insert(key, entry);
        self.places.insert(id, (tenant, key));
        if BATCHES_MAX < self.places.len() {
            let most = self.tenants.values().max_by_key(|batches| batches.len());
            if let Some(first) = most.and_then(|batches| room::first_to_go(batches.values(), now_ms)) {
                self.remove(first);
            }
        }
    }

    /// A batch that was running is told as its last summary has it.
    pub(super) fn end(&mut self, summary: Summary) {
        // Its id may stand for another one by now.
        let entry = self.get_mut(summary.id).filter(|entry| entry.summary.began_ms == summary.began_ms);
        let Some(entry) = entry else { return };
        if let Some(live) = entry.live.take() {
            let rejects_missing = entry.summary.rejects_missing.take();
            entry.summary = Summary { rejects_missing, ..summary };
            live.end();
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
        let running = self.entries().filter(|entry| entry.live.is_some());
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
            Record::Moved(summary, frames) => {
                drop(self.pending.remove(&summary.id));
                self.insert(Entry { summary, live: None, frames, segment: Some(segment) });
            }
            Record::Rejects(id, place) => self.pending.entry(id).or_default().push(place),
        }
    }

    /// Ends the replay: whatever was running has ended with the daemon. These are the segments that there are.
    pub(super) fn end_replay(&mut self, segments: &[OldSegment]) {
        self.pending = HashMap::new();
        let numbers: BTreeSet<u64> = segments.iter().map(|segment| segment.number).collect();
        for entry in self.entries_mut() {
            entry.frames.retain(|place| numbers.contains(&place.segment));
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

    /// All batches, by tenant, then by time.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.tenants.values().flat_map(BTreeMap::values)
    }

    fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.tenants.values_mut().flat_map(BTreeMap::values_mut)
    }
}

#[cfg(test)]
pub(super) mod tests;
