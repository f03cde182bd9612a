//! The writes of a bulk request: one for each supplier that it touches.
//!
//! In: slices of rows by supplier, from any thread. Out: once all are committed, all of them durable. A supplier's rows
//! are visible together; those of another one may be so before or after.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sluice_model::SupplierId;
use sluice_store::{Slice, Store, Write, WriteError};
use tokio::{sync::mpsc, time::Instant};

use crate::{body::pipeline::SLICE_WEIGHT_BYTES_MIN, error::IngestError, pools::Pool};

/// Seconds after which to send a request again of which a part failed, or whose supplier has just been removed.
const RETRY_SECONDS: u32 = 1;

/// How often a store that takes no write at present is asked again.
const BUSY_RETRY_TIME: Duration = Duration::from_millis(50);

/// Writes under way.
pub(super) struct SupplierWrites {
    store: Store,
    writes: Mutex<BTreeMap<SupplierId, Arc<Write>>>,
}

impl SupplierWrites {
    pub(super) fn new(store: &Store) -> Self {
        Self { store: store.clone(), writes: Mutex::default() }
    }

    /// The write of a supplier.
    ///
    /// # Errors
    ///
    /// Why the store takes none at present.
    pub(super) fn of(&self, supplier: SupplierId) -> Result<Arc<Write>, WriteError> {
        let mut writes = self.writes.lock();
        if let Some(write) = writes.get(&supplier) {
            return Ok(Arc::clone(write));
        }
        let write = Arc::new(self.store.begin_for(supplier)?);
        writes.insert(supplier, Arc::clone(&write));
        Ok(write)
    }

    /// Hands over what the store would not take before, as soon as it does: a slice at a time, on threads of `pool`, because
    /// that packs it and waits for the log.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when it has not taken all of it within `wait_max`, or a write can no longer succeed.
    pub(super) async fn append_left(
        mut self,
        mut left: Vec<(SupplierId, u32, Slice)>,
        wait_max: Duration,
        pool: &Pool,
    ) -> Result<Self, IngestError> {
        let since = Instant::now();
        while !left.is_empty() {
            let left_count = left.len();
            let slot = pool.slot(SLICE_WEIGHT_BYTES_MIN).await?;
            let appended = pool.start(move || {
                let outcome = self.append_one(&mut left);
                drop(slot);
                (self, left, outcome)
            });
            let outcome;
            (self, left, outcome) = appended.await.map_err(|_panic| IngestError::Internal)?;
            let is_late = wait_max <= since.elapsed();
            match outcome {
                // It is still there only if its write could not begin.
                Err(WriteError::Busy { .. }) if left_count == left.len() && !is_late => {
                    tokio::time::sleep(BUSY_RETRY_TIME).await;
                }
                Err(error) => return Err(IngestError::Write(error)),
                Ok(()) if is_late && !left.is_empty() => {
                    return Err(IngestError::Write(WriteError::Busy { retry_after_seconds: RETRY_SECONDS }));
                }
                Ok(()) => {}
            }
        }
        Ok(self)
    }

    /// Hands over the last one, if the store takes it; otherwise it is still there.
    fn append_one(&self, left: &mut Vec<(SupplierId, u32, Slice)>) -> Result<(), WriteError> {
        let Some((supplier, index, slice)) = left.pop() else { return Ok(()) };
        match self.of(supplier) {
            Ok(write) => write.append(index, slice),
            Err(error) => {
                left.push((supplier, index, slice));
                Err(error)
            }
        }
    }

    /// Commits all of them on a thread of `pool`, because that waits while the log's queue is full, and waits until each is
    /// durable or has failed. `told` is told of each that is, also when this future has been dropped; it must not block.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`]: the first reason why none of them is durable. [`IngestError::Partly`] when some are.
    pub(super) async fn commit(
        self,
        pool: &Pool,
        told: impl Fn(SupplierId) + Send + Sync + 'static,
    ) -> Result<(), IngestError> {
        let told = Arc::new(told);
        let writes = self.writes.into_inner();
        let count = writes.len();
        let (outcome_out, mut outcomes_in) = mpsc::channel(count.max(1));
        // If the job panics, the channel closes.
        drop(pool.start(move || {
            for (supplier, write) in writes {
                // Each thread has let go of its share before.
                let Some(write) = Arc::into_inner(write) else { continue };
                let (outcome_out, told) = (outcome_out.clone(), Arc::clone(&told));
                write.commit(Box::new(move |outcome| {
                    if outcome.is_ok() {
                        told(supplier);
                    }
                    // There is room for each; the receiver is gone only when the request was cut off.
                    drop(outcome_out.try_send(outcome));
                }));
            }
        }));
        let (mut committed, mut failure) = (0, None);
        while let Some(outcome) = outcomes_in.recv().await {
            match outcome {
                Ok(()) => committed += 1,
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
        match failure {
            Some(_) if 0 < committed => Err(IngestError::Partly { retry_after_seconds: RETRY_SECONDS }),
            // If it is sent again, its items are told that there is no such index.
            Some(WriteError::NoSupplier) => {
                Err(IngestError::Write(WriteError::Busy { retry_after_seconds: RETRY_SECONDS }))
            }
            Some(error) => Err(IngestError::Write(error)),
            None if committed == count => Ok(()),
            None => Err(IngestError::Internal),
        }
    }
}
