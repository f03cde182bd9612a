//! The log thread: writes the log, and so decides the order of everything.
//!
//! In: appends, commits and catalogue changes, from any thread. Out: frames in the log, one sync for all commits
//! that wait (group commit), a new view, and then, not before, the completions. It waits for nothing but the
//! disk. A full disk refuses the requests concerned and leaves nothing of them; a failed sync refuses everything
//! for ever (D7).

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use sluice_model::SupplierId;

use super::{FrameKind, LogError, LogWriter};
use crate::{
    catalogue::{Catalogue, CatalogueChange},
    error::{ChangeError, WriteError},
    memtable::{self, Slice},
    requests::{self, CompactionRequest, Completion, LogRequest, Txn},
    shared::Shared,
};

/// Commits that share one sync at most; keeps the answer to the first from waiting for ever.
const GROUP_COMMITS_MAX: usize = 1_024;

/// How long commits are gathered for one sync at most while requests keep coming.
const GATHERING_MAX: Duration = Duration::from_millis(20);

/// How often the thread gives a sign of life when there is nothing to do.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);

/// A write under way, as the log thread knows it.
struct OpenTxn {
    txn: Arc<Txn>,
    first_segment_lsn: u64,
    slices: Vec<(u32, Arc<Slice>)>,
}

/// A commit or change whose frames are in the log but perhaps not on the disk.
struct Waiting {
    sequence: u64,
    end_lsn: u64,
    slices: Vec<(u32, Arc<Slice>)>,
    catalogue: Option<Arc<Catalogue>>,
    first_segment_lsn: u64,
    done: Completion<WriteError>,
}

/// State of the log thread.
pub(crate) struct LogThread {
    shared: Arc<Shared>,
    log: LogWriter,
    inbox: Receiver<LogRequest>,
    sequence: u64,
    /// With the changes that wait for their sync.
    catalogue: Arc<Catalogue>,
    open: BTreeMap<u64, OpenTxn>,
    /// Newest commit of those that begin in a segment, by the segment's position.
    newest_by_segment: BTreeMap<u64, u64>,
    waiting: Vec<Waiting>,
}

impl LogThread {
    /// Prepares the thread; `newest_by_segment` is what recovery found in the log.
    pub(crate) fn new(
        shared: Arc<Shared>,
        log: LogWriter,
        inbox: Receiver<LogRequest>,
        newest_by_segment: BTreeMap<u64, u64>,
    ) -> Self {
        let view = shared.view();
        Self {
            log,
            inbox,
            sequence: view.sequence,
            catalogue: Arc::clone(&view.catalogue),
            open: BTreeMap::new(),
            newest_by_segment,
            waiting: Vec::new(),
            shared,
        }
    }

    /// Serves requests until [`LogRequest::Stop`].
    pub(crate) fn run(mut self) {
        loop {
            self.shared.beat(&self.shared.log_beat_ms);
            let request = match self.inbox.recv_timeout(BEAT_INTERVAL) {
                Ok(request) => request,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut is_stopping = self.take(request);
            let gathering = Instant::now();
            while !is_stopping && self.waiting.len() < GROUP_COMMITS_MAX && !self.is_due(gathering) {
                let Ok(request) = self.inbox.try_recv() else { break };
                is_stopping = self.take(request);
            }
            self.sync_waiting();
            self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
            if is_stopping {
                self.stop();
                return;
            }
        }
    }

    /// Returns true if what waits has waited long enough: a commit must not stand behind somebody's bulk data.
    fn is_due(&self, gathering: Instant) -> bool {
        !self.waiting.is_empty() && GATHERING_MAX <= gathering.elapsed()
    }

    /// Does what needs no sync; true when the thread is to stop.
    fn take(&mut self, request: LogRequest) -> bool {
        match request {
            LogRequest::Append { txn, index, payload, slice } => self.append(&txn, index, &payload, slice),
            LogRequest::Commit { txn, done } => self.commit(&txn, done),
            LogRequest::Change { change, done } => self.change(&change, done),
            LogRequest::Sweep => self.open.retain(|_, open| open.txn.refusal().is_none()),
            LogRequest::KeepFrom { sequence, reply } => {
                // Only commits that are durable may be counted out.
                self.sync_waiting();
                let keep_from = self.keep_from(sequence);
                requests::reply(&reply, keep_from);
            }
            LogRequest::Trim { keep_from, reply } => {
                if let Err(error) = self.log.trim(keep_from) {
                    tracing::warn!(%error, "old log segments stay for now");
                }
                self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
                requests::reply(&reply, ());
            }
            LogRequest::Stop => return true,
        }
        false
    }

    fn append(&mut self, txn: &Arc<Txn>, index: u32, payload: &[u8], slice: Arc<Slice>) {
        if txn.refusal().is_some() {
            self.open.remove(&txn.id);
            return;
        }
        if self.shared.has_failed() {
            txn.refuse(WriteError::Failed);
            return;
        }
        match self.log.append(FrameKind::Slice, txn.id, payload) {
            Ok(()) => {
                let first_segment_lsn = self.log.segment_lsn();
                let open = OpenTxn { txn: Arc::clone(txn), first_segment_lsn, slices: Vec::new() };
                self.open.entry(txn.id).or_insert(open).slices.push((index, slice));
            }
            // Nothing was appended, and only this write is concerned.
            Err(LogError::TooLong { payload_bytes }) => {
                tracing::error!(payload_bytes, "a slice is too long for the log");
                txn.refuse(WriteError::Failed);
                self.open.remove(&txn.id);
            }
            Err(error) => {
                let refusal = self.refuse_unsynced(&error);
                txn.refuse(refusal);
            }
        }
    }

    fn commit(&mut self, txn: &Arc<Txn>, done: Completion<WriteError>) {
        if txn.supplier.is_some_and(|supplier| self.is_gone(supplier)) {
            txn.refuse(WriteError::NoSupplier);
        }
        let open = self.open.remove(&txn.id);
        if let Some(refusal) = txn.refusal() {
            return done(Err(refusal));
        }
        if self.shared.has_failed() {
            return done(Err(WriteError::Failed));
        }
        let Some(OpenTxn { slices, first_segment_lsn, .. }) = open else { return done(Ok(())) };
        self.sequence += 1;
        let payload = self.sequence.to_be_bytes();
        let waiting = Waiting { slices, first_segment_lsn, ..self.waiting_for(done) };
        self.append_end(FrameKind::Commit, txn.id, &payload, waiting);
    }

    /// Returns true if a supplier was removed by what came before in the log.
    fn is_gone(&mut self, supplier: SupplierId) -> bool {
        if self.catalogue.supplier_by_id(supplier).is_some() {
            return false;
        }
        // A removal that waits for its sync may fail yet, and then the supplier is there again.
        self.sync_waiting();
        self.catalogue.supplier_by_id(supplier).is_none()
    }

    fn change(&mut self, change: &CatalogueChange, done: Completion<ChangeError>) {
        if self.shared.has_failed() {
            return done(Err(ChangeError::Write(WriteError::Failed)));
        }
        let effects = match self.catalogue.plan(change) {
            Ok(effects) if effects.is_empty() => return done(Ok(())),
            Ok(effects) => effects,
            Err(error) => return done(Err(error)),
        };
        let mut catalogue = Catalogue::clone(&self.catalogue);
        let (Ok(()), Ok(text)) = (catalogue.apply_all(&effects), serde_json::to_vec(&effects)) else {
            // A plan that does not apply is a bug; nothing was written and nothing changed.
            return done(Err(ChangeError::Write(WriteError::Failed)));
        };
        self.catalogue = Arc::new(catalogue);
        self.sequence += 1;
        let payload = [self.sequence.to_be_bytes().as_slice(), &text].concat();
        let done = Box::new(move |outcome: Result<(), WriteError>| done(outcome.map_err(ChangeError::Write)));
        let waiting = Waiting { catalogue: Some(Arc::clone(&self.catalogue)), ..self.waiting_for(done) };
        self.append_end(FrameKind::Catalogue, 0, &payload, waiting);
    }

    /// What the newest commit or change waits with until its last frame is appended.
    fn waiting_for(&self, done: Completion<WriteError>) -> Waiting {
        Waiting {
            sequence: self.sequence,
            end_lsn: u64::MAX,
            slices: Vec::new(),
            catalogue: None,
            first_segment_lsn: u64::MAX,
            done,
        }
    }

    /// Appends the frame that ends a write, and lets the write wait for its sync.
    fn append_end(&mut self, kind: FrameKind, txn: u64, payload: &[u8], mut waiting: Waiting) {
        let appended = self.log.append(kind, txn, payload);
        if appended.is_ok() {
            waiting.end_lsn = self.log.lsn();
        }
        // A change has no frame before this one.
        waiting.first_segment_lsn = waiting.first_segment_lsn.min(self.log.segment_lsn());
        self.waiting.push(waiting);
        if let Err(error) = appended {
            self.refuse_unsynced(&error);
        }
    }

    /// Syncs what waits, makes it visible and tells it.
    fn sync_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if let Err(error) = self.log.sync() {
            self.refuse_unsynced(&error);
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.complete(waiting);
    }

    /// After a failed append or sync: completes what is durable all the same, and refuses all the rest.
    ///
    /// Say commits end at 100 and 200, a sync reached 150, and the disk is full: the first is answered as stored, the
    /// second is refused, and the log is cut back to 150. After any other failure it is not known what the disk has:
    /// everything is refused, and so is all that comes.
    fn refuse_unsynced(&mut self, error: &LogError) -> WriteError {
        let mut refusal = match error {
            LogError::DiskFull => WriteError::DiskFull,
            _ => WriteError::Failed,
        };
        if matches!(refusal, WriteError::DiskFull) && self.log.discard_unsynced().is_err() {
            refusal = WriteError::Failed;
        }
        if matches!(refusal, WriteError::Failed) {
            self.shared.fail(&format!("{error}: {:?}", std::error::Error::source(error)));
        }
        let synced_lsn = self.log.synced_lsn();
        let has_failed = self.shared.has_failed();
        if has_failed {
            // What is durable is no longer told apart: a 500 promises neither.
            refusal = WriteError::Failed;
        }
        let (mut durable, mut lost) = (Vec::new(), Vec::new());
        for waiting in std::mem::take(&mut self.waiting) {
            let is_durable = waiting.end_lsn <= synced_lsn && !has_failed;
            if is_durable { durable.push(waiting) } else { lost.push(waiting.done) }
        }
        self.complete(durable);
        self.catalogue = Arc::clone(&self.shared.view().catalogue);
        for done in lost {
            done(Err(refusal.clone()));
        }
        for open in std::mem::take(&mut self.open).into_values() {
            open.txn.refuse(refusal.clone());
        }
        refusal
    }

    fn complete(&mut self, waiting: Vec<Waiting>) {
        let mut slices = Vec::new();
        let (mut sequence, mut catalogue) = (0, None);
        let mut told = Vec::with_capacity(waiting.len());
        for mut one in waiting {
            one.slices.sort_unstable_by_key(|(index, _)| *index);
            slices.extend(one.slices.into_iter().map(|(_, slice)| slice));
            sequence = one.sequence;
            catalogue = one.catalogue.or(catalogue);
            self.newest_by_segment.insert(one.first_segment_lsn, one.sequence);
            told.push(one.done);
        }
        if told.is_empty() {
            return;
        }
        self.publish(slices, sequence, catalogue);
        self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
        for done in told {
            done(Ok(()));
        }
    }

    fn publish(&self, slices: Vec<Arc<Slice>>, sequence: u64, catalogue: Option<Arc<Catalogue>>) {
        // Folding happens outside the lock; it counts only if the compaction thread froze nothing meanwhile.
        let before = self.shared.view();
        let joinable = before.memtable.joinable();
        let small = memtable::small_tail_count(joinable);
        let mut tail = joinable.split_at(joinable.len() - small).1.to_vec();
        let kept = before.memtable.slices().len() - small;
        for slice in &slices {
            tail.push(Arc::clone(slice));
            tail = memtable::join_small(tail, &self.shared.joined_filters);
        }
        let memtable_bytes = self.shared.publish(|view| {
            if view.memtable.is_as_before(&before.memtable) {
                view.memtable.replace_from(kept, tail);
            } else {
                view.memtable.extend(slices);
            }
            view.sequence = sequence;
            if let Some(catalogue) = catalogue {
                view.catalogue = catalogue;
            }
            view.memtable.bytes()
        });
        if self.shared.config.tuning.flush_bytes <= memtable_bytes {
            // A full queue means that the compaction thread is awake already.
            let _is_awake = self.shared.compaction_requests.try_send(CompactionRequest::Look);
        }
    }

    /// Where the log must begin when commits up to `sequence` are in the trees.
    ///
    /// Say segments begin at 0, 64 and 128 MiB. Commits 1 to 7 have their first frames in the first, 8 and 9 in the
    /// second, and a write under way has its own in the third. With commits up to 7 in the trees the log must begin at
    /// 64 MiB, with commits up to 9 at 128. With nothing to keep, it goes on in a new segment, and all others can go.
    fn keep_from(&mut self, sequence: u64) -> u64 {
        self.newest_by_segment.retain(|_, newest| sequence < *newest);
        self.open.retain(|_, open| open.txn.refusal().is_none());
        let mut keep_from = self.newest_by_segment.keys().next().copied().unwrap_or(self.log.lsn());
        for open in self.open.values() {
            keep_from = keep_from.min(open.first_segment_lsn);
        }
        if self.log.segment_lsn() < keep_from
            && let Err(error) = self.log.roll()
        {
            self.refuse_unsynced(&error);
        }
        keep_from.min(self.log.segment_lsn())
    }

    fn stop(&mut self) {
        if self.shared.has_failed() {
            return;
        }
        let mut marked = self.log.append(FrameKind::Marker, 0, &[]);
        if marked.is_ok() {
            marked = self.log.sync();
        }
        if let Err(error) = marked {
            tracing::warn!(%error, "the log was closed without a marker");
        }
    }
}
