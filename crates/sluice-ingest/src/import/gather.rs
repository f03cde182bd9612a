//! The rows of an import that are not committed step by step: they replace what the supplier holds, or are compared with it.
//!
//! In: the slices of one step after the other. Out: what was changed, or would be. Steps hold memory as those of any import
//! do, and leave their rows in files of the store, which a thread of its own writes, merges and closes, since disks are slow. Nothing
//! is stored before the end; what follows then is done on a thread of its own, too, one import at a time. If its client goes meanwhile, it is given up, unless it is being written already.

use std::{sync::Arc, thread, time::Duration};

use parking_lot::Mutex;
use sluice_model::{SupplierId, limits};
use sluice_store::{Changes, Feed, FeedMode, ReplaceError, Slice, Store};
use tokio::sync::oneshot;

use crate::{
    error::IngestError,
    memory::{Budget, CancelGuard, RequestMemory},
    pools::{Pools, run_here},
};

/// Time until an import that found no room tries again.
pub(super) const ROOM_RETRY_TIME: Duration = Duration::from_millis(250);

/// What becomes of the rows of a body as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportMode {
    /// They are committed step by step.
    Steps,
    /// It is told what they would change, and nothing is stored.
    Plan(FeedMode),
    /// The supplier holds them and nothing else afterwards.
    Replace {
        /// What may be removed, in per cent of what is held; of more, nothing is done.
        shrink_percent_max: u8,
    },
}

/// The rows of all steps. Clones share them.
#[derive(Clone)]
pub(crate) struct Gathering {
    store: Store,
    feed: Arc<SharedFeed>,
}

/// A feed that several steps add to; dropped on a thread of its own, because files of gigabytes go with it.
struct SharedFeed(Option<Mutex<Feed>>);

impl Drop for SharedFeed {
    fn drop(&mut self) {
        if let Some(feed) = self.0.take() {
            // Without a thread it goes here.
            drop(start_thread("spool", move || drop(feed)));
        }
    }
}

impl Gathering {
    /// Begins, if rows are to be gathered.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the store takes no write at present.
    pub(super) fn begin(store: &Store, mode: ImportMode) -> Result<Option<Self>, IngestError> {
        if mode == ImportMode::Steps {
            return Ok(None);
        }
        let feed = store.begin_feed().map_err(IngestError::Write)?;
        Ok(Some(Self { store: store.clone(), feed: Arc::new(SharedFeed(Some(Mutex::new(feed)))) }))
    }

    /// Adds the rows of a step, in their order.
    ///
    /// # Errors
    ///
    /// What the store could not keep.
    pub(super) async fn add(self, slices: Vec<Slice>) -> Result<(), IngestError> {
        let (outcome_out, outcome) = oneshot::channel();
        start_thread("spool", move || {
            let Self { feed, .. } = self;
            let added = run_here(|| feed.0.as_ref().map_or(Ok(()), |feed| feed.lock().add(&slices)));
            drop((feed, slices));
            // The receiver is gone when the request was cut off.
            drop(outcome_out.send(added));
        })?;
        outcome.await??.map_err(error_of)
    }

    /// Begins to do what is to be done with all rows, which are of one supplier. `written_bytes` are what an ordinary write
    /// of them may hold; `told` is told how many indicators a replacement has removed.
    ///
    /// # Errors
    ///
    /// [`IngestError`]; nothing is stored then.
    pub(super) async fn start(
        self,
        (mode, supplier): (ImportMode, SupplierId),
        told: Arc<dyn Fn(u64) + Send + Sync>,
        pools: &Pools,
        (budget, written_bytes): (&Arc<Budget>, usize),
    ) -> Result<Replacing, IngestError> {
        let Self { store, feed } = self;
        let feed = Arc::into_inner(feed).and_then(|mut feed| feed.0.take()).ok_or(IngestError::Internal)?;
        let feed = feed.into_inner();
        let turn = Arc::clone(&pools.replacements).acquire_owned().await;
        let turn = turn.map_err(|_closed| IngestError::Internal)?;
        let memory = reserve(budget, feed.reading_bytes() + written_bytes).await?;
        let guard = CancelGuard(Arc::clone(&memory));
        let (outcome_out, outcome) = oneshot::channel();
        let work = move || {
            let is_wanted = || !memory.is_abandoned();
            let outcome = run_here(|| match mode {
                ImportMode::Steps => Err(ReplaceError::Unwanted),
                ImportMode::Plan(mode) => store.plan(supplier, &feed, mode, &is_wanted),
                ImportMode::Replace { shrink_percent_max } => {
                    store.replace(supplier, feed, shrink_percent_max, &is_wanted)
                }
            });
            if let (ImportMode::Replace { .. }, Ok(Ok(changes))) = (mode, &outcome) {
                told(changes.removed);
            }
            drop((turn, memory));
            // The receiver is gone when the request was cut off.
            drop(outcome_out.send(outcome));
        };
        start_thread("replace", work)?;
        Ok(Replacing { guard: Some(guard), outcome })
    }
}

/// What is being done with all rows.
pub(super) struct Replacing {
    guard: Option<CancelGuard>,
    outcome: oneshot::Receiver<Result<Result<Changes, ReplaceError>, IngestError>>,
}

impl Replacing {
    /// Has it end early, if nothing is written yet.
    pub(super) fn cancel(&mut self) {
        drop(self.guard.take());
    }

    /// Waits for its end: what was changed or would be, and whether that is too much.
    ///
    /// # Errors
    ///
    /// What the store refuses or could not read. Nothing is stored then, except after
    /// [`WriteError::Failed`](sluice_store::WriteError::Failed), where it is all or nothing.
    pub(super) async fn ended(&mut self) -> Result<(Changes, bool), IngestError> {
        match (&mut self.outcome).await?? {
            Ok(changes) => Ok((changes, false)),
            Err(ReplaceError::Shrinks(changes)) => Ok((changes, true)),
            Err(error) => Err(error_of(error)),
        }
    }
}

/// Starts a thread for work that may wait for the disk.
pub(super) fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), IngestError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| {
        tracing::error!(%error, name, "a thread did not start");
        IngestError::Internal
    })
}

/// Waits for the memory that reading takes, and the rows of an ordinary write.
async fn reserve(budget: &Arc<Budget>, bytes: usize) -> Result<Arc<RequestMemory>, IngestError> {
    loop {
        // With less memory than that, it is taken all the same, from all that there is.
        let bytes = bytes.min(budget.large_bytes_max());
        let room = match budget.take(limits::HEAD_PERMIT_BYTES, None) {
            Ok(permit) => {
                let memory = RequestMemory::new(permit, usize::MAX);
                memory.take_body(bytes).await.map(|_has_grown| memory)
            }
            Err(busy) => Err(busy.into()),
        };
        match room {
            // The whole body would have to be sent again.
            Err(IngestError::Write(sluice_store::WriteError::Busy { .. })) => {
                tokio::time::sleep(ROOM_RETRY_TIME).await;
            }
            room => return room,
        }
    }
}

fn error_of(error: ReplaceError) -> IngestError {
    match error {
        ReplaceError::Write(error) => IngestError::Write(error),
        ReplaceError::Read(error) => IngestError::Read(error),
        ReplaceError::Spool(error) => {
            tracing::error!(%error, "the rows of an import cannot be kept");
            IngestError::Internal
        }
        // Nobody waits for the one; the other is no error here.
        ReplaceError::Unwanted | ReplaceError::Shrinks(_) => IngestError::Internal,
    }
}
