//! The one thread that writes the log, and so decides the order of everything.
//!
//! In: appends, commits and catalogue changes, from any thread. Out: frames in the log, one sync for all commits
//! that wait (group commit), a new view, and then, not before, the completions. It waits for nothing but the
//! disk. A full disk refuses the requests concerned and leaves nothing of them; a failed sync refuses everything
//! for ever (D7).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::{
    catalogue::{Catalogue, CatalogueChange},
    error::{ChangeError, WriteError},
    keeper::Wish,
    log::{FrameKind, LogError, LogWriter},
    memtable::{self, Slice},
    shared::Shared,
};

/// Called from the log thread when a write is durable and visible, or has failed. Must not block.
pub type Completion<E> = Box<dyn FnOnce(Result<(), E>) + Send>;

/// Commits that share one sync at most; keeps the answer to the first from waiting for ever.
const GROUP_COMMITS_MAX: usize = 1_024;

/// How long commits are gathered for one sync at most while messages keep coming.
const GATHERING_MAX: Duration = Duration::from_millis(20);

/// How often the thread gives a sign of life when there is nothing to do.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);

/// What the log thread is asked to do.
pub(crate) enum Message {
    /// Appends one slice of a write.
    Append {
        /// Of which write.
        txn: Arc<Txn>,
        /// Place of the slice in the body.
        index: u32,
        /// The slice as the log holds it.
        payload: Vec<u8>,
        /// The slice as the memtable will hold it.
        slice: Arc<Slice>,
    },
    /// Makes a write durable and visible.
    Commit {
        /// Which write.
        txn: Arc<Txn>,
        /// Whom to tell.
        done: Completion<WriteError>,
    },
    /// Changes the catalogue.
    Change {
        /// How.
        change: CatalogueChange,
        /// Whom to tell.
        done: Completion<ChangeError>,
    },
    /// Some write was abandoned: forget it.
    Sweep,
    /// Tells where the log must begin once commits up to `sequence` are elsewhere.
    KeepFrom {
        /// The last commit that is elsewhere.
        sequence: u64,
        /// Whom to tell.
        reply: Sender<u64>,
    },
    /// Deletes the segments before a position.
    Trim {
        /// Which.
        keep_from: u64,
        /// Whom to tell when they are gone.
        reply: Sender<()>,
    },
    /// Ends the thread; after a marker when all was well.
    Stop,
}

/// A write under way, known to its owner and to the log thread.
#[derive(Debug)]
pub(crate) struct Txn {
    pub(crate) id: u64,
    state: AtomicU8,
}

const OPEN: u8 = 0;
const ABANDONED: u8 = 1;
const DISK_FULL: u8 = 2;
const FAILED: u8 = 3;

impl Txn {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, state: AtomicU8::new(OPEN) }
    }

    pub(crate) fn abandon(&self) {
        let _was = self.state.compare_exchange(OPEN, ABANDONED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Why the write cannot go on, if so.
    pub(crate) fn refusal(&self) -> Option<WriteError> {
        match self.state.load(Ordering::SeqCst) {
            OPEN => None,
            ABANDONED => Some(WriteError::Closed),
            DISK_FULL => Some(WriteError::DiskFull),
            _ => Some(WriteError::Failed),
        }
    }

    fn refuse(&self, error: &WriteError) {
        let state = if matches!(error, WriteError::DiskFull) { DISK_FULL } else { FAILED };
        self.state.store(state, Ordering::SeqCst);
    }
}

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
    tell: Tell,
}

enum Tell {
    Write(Completion<WriteError>),
    Change(Completion<ChangeError>),
}

impl Tell {
    fn tell(self, outcome: Result<(), WriteError>) {
        match self {
            Self::Write(done) => done(outcome),
            Self::Change(done) => done(outcome.map_err(ChangeError::Write)),
        }
    }
}

/// State of the log thread.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    log: LogWriter,
    inbox: Receiver<Message>,
    sequence: u64,
    /// With the changes that wait for their sync.
    catalogue: Arc<Catalogue>,
    open: BTreeMap<u64, OpenTxn>,
    /// Newest commit of those that begin in a segment, by the segment's position.
    newest_by_segment: BTreeMap<u64, u64>,
    waiting: Vec<Waiting>,
}

impl Committer {
    /// Prepares the thread; `newest_by_segment` is what recovery found in the log.
    pub(crate) fn new(
        shared: Arc<Shared>,
        log: LogWriter,
        inbox: Receiver<Message>,
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

    /// Serves messages until [`Message::Stop`].
    pub(crate) fn run(mut self) {
        loop {
            self.shared.log_beat.beat();
            let message = match self.inbox.recv_timeout(BEAT_INTERVAL) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut is_stopping = self.take(message);
            let gathering = Instant::now();
            while !is_stopping && self.waiting.len() < GROUP_COMMITS_MAX && !self.is_due(gathering) {
                let Ok(message) = self.inbox.try_recv() else { break };
                is_stopping = self.take(message);
            }
            self.settle();
            self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
            if is_stopping {
                self.stop();
                return;
            }
        }
    }

    /// Tells whether what waits has waited long enough: a commit must not stand behind somebody's bulk data.
    fn is_due(&self, gathering: Instant) -> bool {
        !self.waiting.is_empty() && GATHERING_MAX <= gathering.elapsed()
    }

    /// Does what needs no sync; tells whether to stop.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Append { txn, index, payload, slice } => self.append(&txn, index, &payload, slice),
            Message::Commit { txn, done } => self.commit(&txn, done),
            Message::Change { change, done } => self.change(&change, done),
            Message::Sweep => self.open.retain(|_, open| open.txn.refusal().is_none()),
            Message::KeepFrom { sequence, reply } => {
                // Only commits that are durable may be counted out.
                self.settle();
                let keep_from = self.keep_from(sequence);
                if reply.send(keep_from).is_err() {
                    tracing::debug!("the keeper stopped waiting for the log");
                }
            }
            Message::Trim { keep_from, reply } => {
                if let Err(error) = self.log.trim(keep_from) {
                    tracing::warn!(%error, "old log segments stay for now");
                }
                self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
                if reply.send(()).is_err() {
                    tracing::debug!("the keeper stopped waiting for the log");
                }
            }
            Message::Stop => return true,
        }
        false
    }

    fn append(&mut self, txn: &Arc<Txn>, index: u32, payload: &[u8], slice: Arc<Slice>) {
        if txn.refusal().is_some() {
            self.open.remove(&txn.id);
            return;
        }
        if self.shared.has_failed() {
            txn.refuse(&WriteError::Failed);
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
                txn.refuse(&WriteError::Failed);
                self.open.remove(&txn.id);
            }
            Err(error) => {
                let refusal = self.refuse_unsynced(&error);
                txn.refuse(&refusal);
            }
        }
    }

    fn commit(&mut self, txn: &Arc<Txn>, done: Completion<WriteError>) {
        let open = self.open.remove(&txn.id);
        if let Some(refusal) = txn.refusal() {
            return done(Err(refusal));
        }
        if self.shared.has_failed() {
            return done(Err(WriteError::Failed));
        }
        let Some(open) = open else { return done(Ok(())) };
        self.sequence += 1;
        let tell = Tell::Write(done);
        self.append_end(FrameKind::Commit, txn.id, &self.sequence.to_be_bytes(), |end_lsn, sequence, _| {
            let first_segment_lsn = open.first_segment_lsn;
            Waiting { sequence, end_lsn, slices: open.slices, catalogue: None, first_segment_lsn, tell }
        });
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
        let applied: Result<(), String> = effects.iter().try_for_each(|effect| catalogue.apply(effect));
        let text = serde_json::to_vec(&effects);
        let (Ok(()), Ok(text)) = (applied, text) else {
            // A plan that does not apply is a bug; nothing was written and nothing changed.
            return done(Err(ChangeError::Write(WriteError::Failed)));
        };
        let catalogue = Arc::new(catalogue);
        self.catalogue = Arc::clone(&catalogue);
        self.sequence += 1;
        let payload = [self.sequence.to_be_bytes().as_slice(), &text].concat();
        let tell = Tell::Change(done);
        self.append_end(FrameKind::Catalogue, 0, &payload, |end_lsn, sequence, first_segment_lsn| Waiting {
            sequence,
            end_lsn,
            slices: Vec::new(),
            catalogue: Some(catalogue),
            first_segment_lsn,
            tell,
        });
    }

    /// Appends the frame that ends a write, and lets the write wait for its sync.
    fn append_end(
        &mut self,
        kind: FrameKind,
        txn: u64,
        payload: &[u8],
        waiting: impl FnOnce(u64, u64, u64) -> Waiting,
    ) {
        let appended = self.log.append(kind, txn, payload);
        let end_lsn = if appended.is_ok() { self.log.lsn() } else { u64::MAX };
        self.waiting.push(waiting(end_lsn, self.sequence, self.log.segment_lsn()));
        if let Err(error) = appended {
            self.refuse_unsynced(&error);
        }
    }

    /// Syncs what waits, makes it visible and tells it.
    fn settle(&mut self) {
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

    /// After a failed append or sync: tells what is durable all the same, and refuses all the rest.
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
        let (durable, lost): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.end_lsn <= synced_lsn && !has_failed);
        self.complete(durable);
        self.catalogue = Arc::clone(&self.shared.view().catalogue);
        for waiting in lost {
            waiting.tell.tell(Err(refusal.clone()));
        }
        for open in std::mem::take(&mut self.open).into_values() {
            open.txn.refuse(&refusal);
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
            told.push(one.tell);
        }
        if told.is_empty() {
            return;
        }
        self.publish(slices, sequence, catalogue);
        self.shared.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
        for tell in told {
            tell.tell(Ok(()));
        }
    }

    fn publish(&self, slices: Vec<Arc<Slice>>, sequence: u64, catalogue: Option<Arc<Catalogue>>) {
        // Folding happens outside the lock; it counts only if the keeper froze nothing meanwhile.
        let before = self.shared.view();
        let foldable = before.memtable.foldable();
        let small = memtable::small_tail_count(foldable);
        let mut tail = foldable.get(foldable.len() - small..).unwrap_or_default().to_vec();
        let kept = before.memtable.slices().len() - small;
        for slice in &slices {
            tail.push(Arc::clone(slice));
            tail = memtable::join_small(tail, &self.shared.joined_covers);
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
        if self.shared.tuning.flush_bytes <= memtable_bytes {
            // A full box means that the keeper is awake already.
            let _is_awake = self.shared.wishes.try_send(Wish::Look);
        }
    }

    /// Where the log must begin when commits up to `sequence` are in the trees.
    fn keep_from(&mut self, sequence: u64) -> u64 {
        self.newest_by_segment.retain(|_, newest| sequence < *newest);
        self.open.retain(|_, open| open.txn.refusal().is_none());
        let oldest = |log: &LogWriter| {
            let open = self.open.values().map(|open| open.first_segment_lsn);
            open.chain(self.newest_by_segment.keys().copied()).min().unwrap_or_else(|| log.lsn())
        };
        let keep_from = oldest(&self.log);
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
        let marked = self.log.append(FrameKind::Marker, 0, &[]).and_then(|()| self.log.sync());
        if let Err(error) = marked {
            tracing::warn!(%error, "the log was closed without a marker");
        }
    }
}
