//! The log thread: writes the log, and so decides the order of everything.
//!
//! In: appends, commits and catalogue changes, from any thread. Out: frames in the log, one sync for all commits
//! that wait (group commit), a new view, and then, not before, the completions. It waits for nothing but the
//! disk. A full disk refuses the requests concerned and leaves nothing of them; a failed sync refuses everything
//! for ever (D7).
//!
//! How long the log is does not depend on how long a write takes. The log begins with the first frame of the oldest
//! write under way, unless that lies too far back: then the frames of the write are given up, its further slices stay in
//! memory, where they are anyway, and all of them are appended when it is committed (`carried`). Whatever else happens,
//! no slice is appended that would make the log longer than [`Tuning::log_bytes_max`](crate::Tuning).

mod carried;
mod checks;
mod parked;
mod trimming;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{FrameKind, LogError, LogWriter, publish::publish};
use crate::{
    admission,
    catalogue::{Catalogue, CatalogueChange},
    error::{ChangeError, WriteError},
    history::WideChanges,
    memtable::Slice,
    renewals::Renewal,
    requests::{self, Completion, IfReplaced, LogRequest, Txn},
    shared::Shared,
};

/// Commits that share one sync at most; keeps the answer to the first from waiting for ever.
const GROUP_COMMITS_MAX: usize = 1_024;

/// How long commits are gathered for one sync at most while requests keep coming.
const GATHERING_MAX: Duration = Duration::from_millis(20);

/// How often the thread gives a sign of life when there is nothing to do.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Where the frames of a write begin that were given up.
const GIVEN_UP: u64 = u64::MAX;

/// A write under way, as the log thread knows it.
struct OpenTxn {
    txn: Arc<Txn>,
    /// [`GIVEN_UP`] when its slices are only in memory.
    first_segment_lsn: u64,
    slices: Vec<(u32, Arc<Slice>)>,
}

/// A write whose frames were given up and are appended now, a slice at a time, so that others need not wait.
struct CarriedTxn {
    open: OpenTxn,
    appended_count: usize,
    if_replaced: IfReplaced,
    done: Completion<WriteError>,
}

/// A commit or change whose frames are in the log but perhaps not on the disk.
struct Waiting {
    sequence: u64,
    end_lsn: u64,
    slices: Vec<(u32, Arc<Slice>)>,
    catalogue: Option<Arc<Catalogue>>,
    renewal: Option<Renewal>,
    wide: WideChanges,
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
    /// Commits of writes whose frames were given up.
    carried: VecDeque<CarriedTxn>,
    /// Newest commit of those that begin in a segment, by the segment's position.
    newest_by_segment: BTreeMap<u64, u64>,
    waiting: Vec<Waiting>,
    /// Commits of suppliers that are being replaced. Their writes are among the open ones.
    parked: Vec<(Arc<Txn>, Completion<WriteError>)>,
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
            carried: VecDeque::new(),
            newest_by_segment,
            waiting: Vec::new(),
            parked: Vec::new(),
            shared,
        }
    }

    /// Serves requests until [`LogRequest::Stop`].
    pub(crate) fn run(mut self) {
        loop {
            self.shared.beat(&self.shared.log_beat_ms);
            let wait = if self.carried.is_empty() { BEAT_INTERVAL } else { Duration::ZERO };
            let mut is_stopping = match self.inbox.recv_timeout(wait) {
                Ok(request) => self.take(request),
                Err(RecvTimeoutError::Timeout) if self.carried.is_empty() => continue,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let gathering = Instant::now();
            while !is_stopping && self.waiting.len() < GROUP_COMMITS_MAX && !self.is_due(gathering) {
                let Ok(request) = self.inbox.try_recv() else { break };
                is_stopping = self.take(request);
            }
            self.carry_one();
            while is_stopping && !self.carried.is_empty() {
                self.carry_one();
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
            LogRequest::Commit { txn, if_replaced, done } => self.commit(txn, if_replaced, done),
            LogRequest::Change { change, done } => self.change(&change, done),
            LogRequest::Hold { supplier, reply } => {
                // Whoever holds a supplier sees all that was committed of it.
                self.sync_waiting();
                let is_held = self.shared.replaced.lock().insert(supplier);
                requests::reply(&reply, is_held);
            }
            LogRequest::Released => self.commit_parked(),
            LogRequest::Sweep => self.open.retain(|_, open| open.txn.refusal().is_none()),
            LogRequest::KeepFrom { sequence, reply } => {
                // Only commits that are durable may be counted out.
                self.sync_waiting();
                let keep_from = self.keep_from(sequence);
                requests::reply(&reply, keep_from);
            }
            LogRequest::Trim { keep_from, reply } => {
                self.trim(keep_from);
                requests::reply(&reply, ());
            }
            LogRequest::Number { show, reply } => {
                // It comes after all that has a lower number.
                self.sync_waiting();
                // What a failed sync has refused may be on the disk all the same, so nothing is shown above it.
                if !self.shared.has_failed() {
                    self.sequence += 1;
                    show(self.sequence);
                    requests::reply(&reply, self.sequence);
                }
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
        let known = self.open.get_mut(&txn.id);
        if let Some(open) = known.filter(|open| open.first_segment_lsn == GIVEN_UP) {
            open.slices.push((index, slice));
            return;
        }
        match self.append_slice(txn.id, payload) {
            Ok(()) => {
                let first_segment_lsn = self.log.segment_lsn();
                let open = OpenTxn { txn: Arc::clone(txn), first_segment_lsn, slices: Vec::new() };
                self.open.entry(txn.id).or_insert(open).slices.push((index, slice));
            }
            Err(refusal) => {
                txn.refuse(refusal);
                self.open.remove(&txn.id);
            }
        }
    }

    /// Appends the frame of one slice. An error says why the write cannot go on.
    fn append_slice(&mut self, txn: u64, payload: &[u8]) -> Result<(), WriteError> {
        if self.shared.config.tuning.log_bytes_max < self.log.bytes() + payload.len() as u64 {
            return Err(WriteError::Busy { retry_after_seconds: admission::LOG_RETRY_AFTER_SECONDS });
        }
        match self.log.append(FrameKind::Slice, txn, payload) {
            Ok(()) => Ok(()),
            // Nothing was appended, and only this write is concerned.
            Err(LogError::TooLong { payload_bytes }) => {
                tracing::error!(payload_bytes, "a slice is too long for the log");
                Err(WriteError::Failed)
            }
            Err(error) => Err(self.refuse_unsynced(&error)),
        }
    }

    fn commit(&mut self, txn: Arc<Txn>, if_replaced: IfReplaced, done: Completion<WriteError>) {
        let open = self.open.remove(&txn.id).unwrap_or_else(|| OpenTxn {
            txn,
            first_segment_lsn: u64::MAX,
            slices: Vec::new(),
        });
        if self.has_to_wait(&open.txn, if_replaced) {
            self.park(open, done);
        } else if open.first_segment_lsn == GIVEN_UP && !open.slices.is_empty() {
            self.carried.push_back(CarriedTxn { open, appended_count: 0, if_replaced, done });
        } else {
            self.end(open, done);
        }
    }

    /// Ends a write whose slices are all in the log.
    fn end(&mut self, open: OpenTxn, done: Completion<WriteError>) {
        let OpenTxn { txn, first_segment_lsn, slices } = open;
        if let Err(refusal) = self.check_held(&txn).and_then(|()| self.check_supplier(txn.supplier)) {
            txn.refuse(refusal);
        }
        if let Some(refusal) = txn.refusal() {
            return done(Err(refusal));
        }
        if self.shared.has_failed() {
            return done(Err(WriteError::Failed));
        }
        if slices.is_empty() && txn.renewal.is_none() {
            return done(Ok(()));
        }
        self.sequence += 1;
        let given = self.shared.stamps.given().to_bytes();
        let mut payload = [self.sequence.to_be_bytes(), given].concat();
        payload.extend(txn.renewal.into_iter().flat_map(Renewal::to_bytes));
        let waiting = Waiting { slices, first_segment_lsn, renewal: txn.renewal, ..self.waiting_for(done) };
        self.append_end(FrameKind::Commit, txn.id, &payload, waiting);
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
        let before = std::mem::replace(&mut self.catalogue, Arc::new(catalogue));
        self.sequence += 1;
        let payload = [self.sequence.to_be_bytes().as_slice(), &text].concat();
        let done = Box::new(move |outcome: Result<(), WriteError>| done(outcome.map_err(ChangeError::Write)));
        let mut waiting = Waiting { catalogue: Some(Arc::clone(&self.catalogue)), ..self.waiting_for(done) };
        waiting.wide.note(self.sequence, &before, &effects);
        self.append_end(FrameKind::Catalogue, 0, &payload, waiting);
    }

    /// What the newest commit or change waits with until its last frame is appended.
    fn waiting_for(&self, done: Completion<WriteError>) -> Waiting {
        Waiting {
            sequence: self.sequence,
            end_lsn: u64::MAX,
            slices: Vec::new(),
            catalogue: None,
            renewal: None,
            wide: WideChanges::default(),
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

    /// Syncs what waits, makes it visible and tells it; or refuses it, and returns with what.
    fn sync_waiting(&mut self) -> Option<WriteError> {
        if self.waiting.is_empty() {
            return None;
        }
        let began = Instant::now();
        if let Err(error) = self.log.sync() {
            return Some(self.refuse_unsynced(&error));
        }
        self.shared.measures.sync_times.note_time(began.elapsed());
        self.shared.measures.group_sizes.note(self.waiting.len() as u64);
        let waiting = std::mem::take(&mut self.waiting);
        self.complete(waiting);
        None
    }

    /// After a failed append or sync: completes what is durable all the same, and refuses all the rest.
    ///
    /// Say commits end at 100 and 200, a sync reached 150, and the disk is full: the first is answered as stored, the
    /// second is refused, and the log is cut back to 150. After any other failure it is not known what the disk has:
    /// everything is refused, and so is all that comes.
    fn refuse_unsynced(&mut self, error: &LogError) -> WriteError {
        let failure = match error {
            LogError::DiskFull => self.log.discard_unsynced().err().map(|error| error.with_source()),
            _ => Some(error.with_source()),
        };
        if let Some(cause) = failure {
            self.shared.fail(&cause);
        }
        let synced_lsn = self.log.synced_lsn();
        let has_failed = self.shared.has_failed();
        // What is durable after a failure is no longer told apart: a 500 promises neither.
        let refusal = if has_failed { WriteError::Failed } else { WriteError::DiskFull };
        let (mut durable, mut lost) = (Vec::new(), Vec::new());
        for waiting in std::mem::take(&mut self.waiting) {
            let is_durable = waiting.end_lsn <= synced_lsn && !has_failed;
            if is_durable { durable.push(waiting) } else { lost.push(waiting.done) }
        }
        self.complete(durable);
        let view = self.shared.view();
        self.catalogue = Arc::clone(&view.catalogue);
        // What was cut off has no number: a start would not know that it was given.
        self.sequence = view.sequence;
        for done in lost {
            done(Err(refusal.clone()));
        }
        for open in std::mem::take(&mut self.open).into_values() {
            open.txn.refuse(refusal.clone());
        }
        for carried in std::mem::take(&mut self.carried) {
            (carried.done)(Err(refusal.clone()));
        }
        self.refuse_parked(&refusal);
        refusal
    }

    fn complete(&mut self, waiting: Vec<Waiting>) {
        let (mut slices, mut renewals, mut wide) = (Vec::new(), Vec::new(), WideChanges::default());
        let (mut sequence, mut catalogue) = (0, None);
        let mut told = Vec::with_capacity(waiting.len());
        for mut one in waiting {
            one.slices.sort_unstable_by_key(|(index, _)| *index);
            for (_, slice) in one.slices {
                slice.note_commit(one.sequence);
                slices.push(slice);
            }
            sequence = one.sequence;
            wide.absorb(one.wide);
            if let Some(renewal) = one.renewal {
                wide.note_renewal(one.sequence, renewal.supplier);
            }
            catalogue = one.catalogue.or(catalogue);
            renewals.extend(one.renewal);
            self.newest_by_segment.insert(one.first_segment_lsn, one.sequence);
            told.push(one.done);
        }
        if told.is_empty() {
            return;
        }
        publish(&self.shared, slices, sequence, catalogue, &renewals, wide);
        self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
        for done in told {
            done(Ok(()));
        }
    }

    fn stop(&mut self) {
        self.refuse_parked(&WriteError::Closed);
        if self.shared.has_failed() {
            return;
        }
        let mut marked = self.log.append(FrameKind::Marker, 0, &[]);
        if marked.is_ok() {
            marked = self.log.sync();
        }
        match marked {
            Ok(()) => {}
            Err(error @ LogError::DiskFull) => tracing::warn!(%error, "the log was closed without a marker"),
            Err(error) => self.shared.fail(&error.with_source()),
        }
    }
}
