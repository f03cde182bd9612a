//! Batches: what became of each import, kept for a time with all rows that it refused.
//!
//! In: imports as they begin, commit and end. Out: summaries, newest first, and the refused rows as they were packed. All of it
//! stands in the directory `batches` of the data directory, in segments that are written by a thread of their own (`writer`,
//! `journal`); what there is, is known from memory (`index`). A record follows what it tells: refused rows and progress are
//! written once their step is durable, so what is told of an import that a kill has ended is never ahead of what it
//! committed. Neither snapshots nor `verify` look at the directory, and it may be removed while the daemon is stopped.

pub(crate) mod batch;
mod entry;
pub(crate) mod id;
mod index;
mod journal;
mod ledger;
mod live;
mod room;
pub(crate) mod summary;
mod writer;

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as std_mpsc,
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::{
    batch::Batch,
    entry::Entry,
    id::BatchId,
    index::Index,
    journal::OldSegment,
    ledger::Ledger,
    live::Live,
    summary::{Asked, BatchState, RowCounts, Summary},
    writer::{BatchCommand, COMMANDS_QUEUED_MAX, Writer},
};
pub(crate) use self::{entry::Told, journal::FramePlace};
use crate::{clock::now_ms, config::BatchSettings};

/// Directory of the data directory.
const DIR: &str = "batches";

/// The part of all that is kept which one batch may take.
const BATCH_PARTS: u64 = 4;

/// Batches of a list that are looked at in one go, while whoever else wants to know of batches waits.
const LISTED_AT_ONCE: usize = 256;

/// How long the end waits for what is not written yet.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// See the module.
pub(crate) struct Batches {
    dir: PathBuf,
    batch_bytes_max: u64,
    ledger: Arc<Ledger>,
    bytes: Arc<AtomicU64>,
    /// Closed when the thread ends; `None` once that was waited for.
    is_written: Mutex<Option<std_mpsc::Receiver<()>>>,
}

/// Why a batch cannot begin under an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// One is running under it.
    IsRunning,
    /// It was used for something else.
    IsOther,
}

/// What a begin comes to.
pub(crate) enum Begun {
    /// A batch is running.
    New(Batch),
    /// The same was done already.
    Repeated(Box<Told>),
}

/// What there is, for the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BatchFigures {
    pub(crate) kept: u64,
    pub(crate) running: u64,
    pub(crate) bytes: u64,
    /// By state, in the order of [`BatchState::ENDED`].
    pub(crate) ended: [u64; BatchState::ENDED.len()],
}

impl Batches {
    /// Reads what is kept in a data directory and starts the thread that adds to it. Nothing is written before there is
    /// something to keep. Blocking.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread. What cannot be read is told in the log.
    pub(crate) fn open(data_dir: &Path, settings: &BatchSettings) -> io::Result<Arc<Self>> {
        let dir = data_dir.join(DIR);
        let (index, old) = read(&dir);
        let next_number = old.back().map_or(1, |newest| newest.number + 1);
        let (index, bytes) = (Arc::new(Mutex::new(index)), Arc::new(AtomicU64::new(0)));
        let last = Arc::new(Mutex::new(Some(vec![])));
        let mut writer = Writer {
            dir: dir.clone(),
            keep: settings.keep.seconds(),
            bytes_max: settings.size_max.get(),
            index: Arc::clone(&index),
            old,
            segment: None,
            next_number,
            bytes: Arc::clone(&bytes),
            last: Arc::clone(&last),
            unwritten: VecDeque::new(),
            unsynced: vec![],
            unsynced_frames: vec![],
            unremoved: vec![],
            is_failing: false,
        };
        writer.expire();
        let (commands_out, commands_in) = mpsc::channel(COMMANDS_QUEUED_MAX);
        let (running, is_written) = std_mpsc::channel();
        let write = move || {
            let _running: std_mpsc::Sender<()> = running;
            writer.run(commands_in);
        };
        thread::Builder::new().name("batches".to_owned()).spawn(write)?;
        Ok(Arc::new(Self {
            dir,
            batch_bytes_max: settings.size_max.get() / BATCH_PARTS,
            ledger: Arc::new(Ledger::new(index, commands_out, last)),
            bytes,
            is_written: Mutex::new(Some(is_written)),
        }))
    }

    /// Begins a batch, under the id that its client has chosen, if it has.
    ///
    /// # Errors
    ///
    /// Why that id cannot be taken. One that failed or was cancelled may be begun anew.
    pub(crate) async fn begin(&self, key: Option<BatchId>, asked: Asked) -> Result<Begun, Taken> {
        let began_ms = now_ms();
        let id = key.unwrap_or_else(|| BatchId::make(began_ms));
        let live = Arc::new(Live::new(self.batch_bytes_max));
        let summary = Summary {
            id,
            is_keyed: key.is_some(),
            asked,
            state: BatchState::Running,
            began_ms,
            updated_ms: began_ms,
            counts: RowCounts::default(),
            failure: None,
            rejects_missing: None,
        };
        {
            let mut index = self.ledger.index.lock();
            if let Some(entry) = index.get(id) {
                // However old it is, it is never replaced by that of another tenant.
                if entry.summary.asked.tenant != summary.asked.tenant {
                    return Err(Taken::IsOther);
                }
                if entry.live.is_some() {
                    return Err(Taken::IsRunning);
                }
                let is_fresh = entry.summary.is_fresh(began_ms);
                if is_fresh && !entry.summary.asked.is_same(&summary.asked) {
                    return Err(Taken::IsOther);
                }
                if is_fresh && entry.summary.state == BatchState::Done {
                    return Ok(Begun::Repeated(Box::new(Told::of(entry))));
                }
            }
            let (summary, live) = (summary.clone(), Some(Arc::clone(&live)));
            index.insert(Entry { summary, live, frames: vec![], segment: None });
        }
        let batch = Batch::new(Arc::clone(&self.ledger), id, live, key.is_some());
        if key.is_some() {
            // What was refused the last time is not what is refused this time, even if only the files know of that.
            self.ledger.write(BatchCommand::Begin(summary)).await;
        }
        Ok(Begun::New(batch))
    }

    /// A batch of a tenant.
    pub(crate) fn get(&self, tenant: &str, id: BatchId) -> Option<Told> {
        self.ledger.index.lock().get(id).filter(|entry| *entry.summary.asked.tenant == *tenant).map(Told::of)
    }

    /// Where the refused rows of a batch are.
    pub(crate) fn frames(&self, id: BatchId) -> Vec<FramePlace> {
        self.ledger.index.lock().get(id).map_or_else(Vec::new, |entry| entry.frames.clone())
    }

    /// Batches of a tenant, newest first, `limit` at most, those before `after`; and whether there are more. Of these
    /// suppliers, or of all if none are named. Goes through [`LISTED_AT_ONCE`] between two awaits.
    pub(crate) async fn list(
        &self,
        tenant: &str,
        suppliers: &[String],
        after: Option<BatchId>,
        limit: usize,
    ) -> (Vec<Told>, bool) {
        let mut told = Vec::new();
        let mut before = self.ledger.index.lock().place(tenant, after);
        while let Some(end) = before.take() {
            for entry in self.ledger.index.lock().newest(tenant, end).take(LISTED_AT_ONCE) {
                let supplier = &*entry.summary.asked.supplier;
                if suppliers.is_empty() || suppliers.iter().any(|name| name == supplier) {
                    if told.len() == limit {
                        return (told, true);
                    }
                    told.push(Told::of(entry));
                }
                before = Some(entry.key());
            }
            tokio::task::yield_now().await;
        }
        (told, false)
    }

    /// Tells a batch to end and waits until it has. False if it had ended before.
    pub(crate) async fn cancel(&self, id: BatchId) -> bool {
        let live = self.ledger.index.lock().get(id).and_then(|entry| entry.live.clone());
        let Some(live) = live else { return false };
        live.cancel();
        live.ended().await;
        true
    }

    /// The text of refused rows. Blocking.
    ///
    /// # Errors
    ///
    /// When they have been removed meanwhile, or are damaged.
    pub(crate) fn read(&self, place: &FramePlace) -> io::Result<Vec<u8>> {
        journal::read_frame(&self.dir, place)
    }

    /// What there is.
    pub(crate) fn figures(&self) -> BatchFigures {
        let (kept, running) = self.ledger.index.lock().counts();
        BatchFigures {
            kept: kept as u64,
            running: running as u64,
            bytes: self.bytes.load(Ordering::Relaxed),
            ended: self.ledger.ended(),
        }
    }

    /// Writes what is not written yet and ends the thread, which is left behind when the disk does not answer. Nothing that
    /// comes later is written.
    pub(crate) async fn close(&self) {
        if tokio::time::timeout(CLOSE_WAIT, self.ledger.write(BatchCommand::Close)).await.is_err() {
            tracing::warn!("the last batches could not be written: the disk does not answer");
            return;
        }
        let Some(is_written) = self.is_written.lock().take() else { return };
        if is_written.recv_timeout(CLOSE_WAIT) == Err(std_mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the last batches could not be written: the disk does not answer");
        }
    }
}

/// What earlier lives of the daemon have written.
fn read(dir: &Path) -> (Index, VecDeque<OldSegment>) {
    let mut index = Index::default();
    let segments = journal::list(dir).unwrap_or_else(|error| {
        tracing::warn!(%error, "the batches of earlier imports cannot be read");
        vec![]
    });
    for segment in &segments {
        let number = segment.number;
        match journal::scan(dir, number, |record| index.replay(number, record)) {
            Ok(0) => {}
            Ok(bytes) => tracing::info!(bytes, number, "a file of batches has no whole record at its end"),
            Err(error) => tracing::warn!(%error, number, "a file of batches cannot be read to its end"),
        }
    }
    index.end_replay(&segments);
    (index, segments.into())
}

#[cfg(test)]
pub(crate) mod tests;
