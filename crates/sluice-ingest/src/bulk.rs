//! `_bulk` of Elasticsearch: actions on many suppliers' indicators become durable, and each is told what came of it.
//!
//! In: a body in chunks, and who decides which supplier an index is. Out: a [`BulkReceipt`] with an item for each action, in
//! order, once all that was accepted is durable. The body is cut after whole actions (`cut`), the pool reads actions
//! (`action`) and documents (`document`) and judges their elements as those of an upload, and each supplier's rows are a
//! write of their own (`writes`), atomic by itself. A body that is none of actions leaves nothing.
//!
//! An action is carried out as a whole or not at all, whatever number of indicators its document gives. Memory: as an upload
//! holds it, and the items, which are charged to the same permit until they have been told.

mod action;
mod cut;
mod document;
mod items;
mod kept;
mod receipt;
mod rules;
mod slice;
mod writes;

use std::{collections::BTreeMap, sync::Arc};

use sluice_model::{SupplierId, limits};
use sluice_store::Store;
use tokio::sync::oneshot;

use self::{
    cut::{BulkCutter, BulkSlice},
    slice::{BulkOutcome, BulkWork},
};
pub use self::{
    items::BulkItems,
    receipt::{BulkCounts, BulkReceipt},
    rules::{BulkRules, BulkTarget, FindTarget},
};
use crate::{
    body::pipeline::{FEED_BYTES, SLICE_WEIGHT_BYTES_MIN},
    error::IngestError,
    memory::{CancelGuard, Permit, RequestMemory},
    pools::{Pool, Pools},
};

/// A body being taken in. Dropping it leaves nothing of it.
pub struct Bulk {
    store: Store,
    pools: Arc<Pools>,
    guard: CancelGuard,
    cutter: BulkCutter,
    work: Arc<BulkWork>,
    running: Vec<oneshot::Receiver<Result<BulkOutcome, IngestError>>>,
}

impl Bulk {
    pub(crate) fn new(store: &Store, pools: &Arc<Pools>, permit: Permit, rules: BulkRules) -> Self {
        let memory = RequestMemory::new(permit, usize::MAX);
        let guard = CancelGuard(Arc::clone(&memory));
        let work = Arc::new(BulkWork::new(store, memory, rules));
        let (cutter, running) = (BulkCutter::default(), Vec::new());
        Self { store: store.clone(), pools: Arc::clone(pools), guard, cutter, work, running }
    }

    /// Takes the next bytes of the body. Waits while too many slices are being worked on, and for a bounded time while there
    /// is no room; holds its thread for no more than 64 KiB at a time. After an error, or if a future is dropped half-way,
    /// the body is of no use any more.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a line that is no action where there has to be one, [`IngestError::Write`] when there was no
    /// room.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        if self.guard.0.take_body(chunk.len()).await? {
            self.guard.0.wait_for_memtable(&self.store).await?;
        }
        for (index, mut piece) in chunk.chunks(FEED_BYTES).enumerate() {
            if index > 0 {
                tokio::task::yield_now().await;
            }
            while let Some(slice) = self.cutter.next_slice(&mut piece).map_err(IngestError::Body)? {
                self.dispatch(slice, false).await?;
            }
        }
        Ok(())
    }

    /// Ends the body and waits until all that was accepted is durable.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed); after [`sluice_store::WriteError`], the rows of some suppliers may be stored.
    pub async fn finish(mut self) -> Result<BulkReceipt, IngestError> {
        if let Some(slice) = self.cutter.finish().map_err(IngestError::Body)? {
            let is_short = slice.index == 0 && slice.text.len() <= limits::SHORT_BODY_BYTES_MAX;
            self.dispatch(slice, is_short).await?;
        }
        let mut outcomes: Vec<BulkOutcome> = Vec::with_capacity(self.running.len());
        let mut failure = None;
        for running in self.running.drain(..) {
            match running.await.unwrap_or(Err(IngestError::Internal)) {
                Ok(outcome) => outcomes.push(outcome),
                // That of the first slice counts.
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        // Each job has let go of its share before its outcome was there.
        let Some(work) = Arc::into_inner(self.work) else { return Err(IngestError::Internal) };
        let left = outcomes.iter_mut().flat_map(|outcome| std::mem::take(&mut outcome.left)).collect();
        let receipt = slice::receipt(outcomes);
        let told = Arc::clone(&work.rules.told);
        let deleted: BTreeMap<SupplierId, u64> =
            receipt.counts.iter().map(|(supplier, counts)| (*supplier, counts.deleted)).collect();
        let durable = move |supplier: SupplierId| {
            if let Some(count) = deleted.get(&supplier).filter(|count| **count != 0) {
                told(*count);
            }
        };
        let (pool, busy_wait_max) = (&self.pools.ingest_short, work.rules.busy_wait_max);
        let writes = work.into_writes().append_left(left, busy_wait_max, &self.pools.ingest).await?;
        writes.commit(pool, durable).await?;
        Ok(receipt)
    }

    async fn dispatch(&mut self, slice: BulkSlice, is_short: bool) -> Result<(), IngestError> {
        let pools = Arc::clone(&self.pools);
        let pool: &Pool = if is_short { &pools.ingest_short } else { &pools.ingest };
        let slot = pool.slot(slice.text.len().max(SLICE_WEIGHT_BYTES_MIN)).await?;
        let work = Arc::clone(&self.work);
        self.running.push(pool.start(move || {
            let outcome =
                if work.memory.is_abandoned() { Err(IngestError::Internal) } else { work.work(&slice) };
            drop(work);
            drop(slice);
            drop(slot);
            outcome
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
