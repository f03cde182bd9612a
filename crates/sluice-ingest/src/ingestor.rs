//! `PUT` and `DELETE indicators`: a body becomes rows of one write, wholly or not at all.
//!
//! In: the rules of a request and its body in chunks. Out: a [`Receipt`] once every accepted element is
//! durable, with the refused ones in document order. Until then nothing of the body is visible, and a body that
//! is broken, or whose upload is dropped, leaves nothing.
//!
//! Each slice is judged, sorted and appended to the store's write by the pool thread that parsed it. Limits on
//! the length of a body and time-outs are the caller's.

use std::{io, sync::Arc};

use parking_lot::Mutex;
use sluice_model::limits;
use sluice_store::{SliceBuilder, Store, Write, catalogue::Catalogue};
use tokio::sync::oneshot;

use crate::{
    elements,
    error::IngestError,
    lookup::{Detector, LookupRules, Query, SuppliersCache},
    memory::{Budget, Busy, Permit, Room},
    pipeline::{Engine, Lane, Pipeline, SliceWork},
    rejections::{Rejections, SliceRejections},
    split::BodySlice,
    validate::{self, DeleteRules, PutRules, RowBuffers, RowRules},
};

/// How much an [`Ingestor`] may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IngestConfig {
    /// Threads that parse; at least one is started.
    pub threads: usize,
    /// Bytes of bodies that may be in the process at once, beside those of small requests.
    pub body_bytes_budget: usize,
}

/// Takes bodies in. Clones share threads, slots and budget.
#[derive(Clone)]
pub struct Ingestor {
    store: Store,
    engine: Engine,
    budget: Budget,
    suppliers: SuppliersCache,
}

impl Ingestor {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The operating system's refusal to start a thread.
    pub fn new(store: Store, config: IngestConfig) -> Result<Self, io::Error> {
        let engine = Engine::new(config.threads)?;
        let budget = Budget::new(config.body_bytes_budget);
        Ok(Self { store, engine, budget, suppliers: SuppliersCache::default() })
    }

    /// The store that rows go to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Sets aside room for the beginning of a body before it is read. Never waits.
    ///
    /// `declared` is the body's length in bytes when it is known beforehand, which that of a compressed body is
    /// not. No more than [`limits::HEAD_PERMIT_BYTES`] are set aside, because the body may never come; the permit
    /// grows with what arrives.
    ///
    /// # Errors
    ///
    /// [`Busy`] when there is no room, not even for a declared body to begin, with the seconds after which there
    /// should be.
    pub fn reserve(&self, declared: Option<usize>, bytes_max: usize) -> Result<Permit, Busy> {
        let expected = declared.map(|bytes| bytes.min(bytes_max));
        self.budget.take(expected.unwrap_or(bytes_max).min(limits::HEAD_PERMIT_BYTES), expected)
    }

    /// Sets aside room for `bytes` bytes that somebody else is going to hold. Never waits.
    ///
    /// # Errors
    ///
    /// [`Busy`] as of [`reserve`](Self::reserve).
    pub fn reserve_whole(&self, bytes: usize) -> Result<Permit, Busy> {
        self.budget.take(bytes, None)
    }

    /// Bytes of bodies that permits stand for at present.
    pub fn reserved_bytes(&self) -> usize {
        self.budget.held_bytes()
    }

    /// Begins a `PUT indicators`. Does not block.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the store takes no write at present.
    pub fn put(&self, permit: Permit, rules: PutRules) -> Result<Upload, IngestError> {
        self.upload(permit, RowRules::Put(rules))
    }

    /// Begins a `DELETE indicators`. Does not block.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the store takes no write at present.
    pub fn delete(&self, permit: Permit, rules: DeleteRules) -> Result<Upload, IngestError> {
        self.upload(permit, RowRules::Delete(rules))
    }

    /// Begins a `lookup` against all that is durable now. Does not block.
    pub fn lookup(&self, permit: Permit, rules: LookupRules) -> Query {
        let detector = Detector::new(self.store.snapshot(), rules, self.suppliers.clone());
        Query::new(self.engine.clone(), permit, detector, self.budget.permit_bytes_max())
    }

    fn upload(&self, permit: Permit, rules: RowRules) -> Result<Upload, IngestError> {
        let write = self.store.begin().map_err(IngestError::Write)?;
        let permit = Arc::new(permit);
        let room =
            Room::new(Arc::clone(&permit), self.budget.clone(), self.store.clone(), self.engine.clone());
        let work =
            RowWork { rules, catalogue: self.store.catalogue(), write, permit, buffers: Mutex::default() };
        Ok(Upload { room, pipeline: Pipeline::new(self.engine.clone(), work) })
    }
}

/// A body being taken in. Dropping it leaves nothing of it.
pub struct Upload {
    room: Room,
    pipeline: Pipeline<RowWork>,
}

impl Upload {
    /// Takes the next bytes of the body. Waits while too many slices are being worked on, and for a bounded time
    /// while there is no room; holds its thread for no more than 64 KiB at a time. A future that is dropped
    /// half-way makes the upload useless.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a fault of the body, [`IngestError::Write`] when the store gives up or there was
    /// no room; from then on always the same.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        self.pipeline.feed_after(self.room.make(chunk.len()), chunk).await
    }

    /// Ends the body and waits until every accepted element is durable.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed), and [`IngestError::Internal`] for a fault of ours. Nothing is stored then,
    /// except after [`sluice_store::WriteError::Failed`], where it is all or nothing.
    pub async fn finish(self) -> Result<Receipt, IngestError> {
        let engine = self.pipeline.engine().clone();
        let finished = self.pipeline.finish().await?;
        drop(self.room);
        let RowWork { write, permit, buffers, .. } = finished.work;
        drop(buffers);
        let rejections = Rejections::new(finished.outputs, Some(permit));
        let accepted_count = finished.elements_count - rejections.count();
        if accepted_count > 0 {
            commit(write, &engine).await?;
        }
        Ok(Receipt { accepted_count, rejections })
    }
}

async fn commit(write: Write, engine: &Engine) -> Result<(), IngestError> {
    let (outcome_out, outcome_in) = oneshot::channel();
    // The receiving end is gone only when the request was cut off, and nobody wants to know.
    let done = Box::new(move |outcome| drop(outcome_out.send(outcome)));
    // Off this thread, because it waits while the log's queue is full. Whether it panicked, `outcome_in` tells.
    drop(engine.start_light(Lane::Writes, move || write.commit(done)));
    outcome_in.await.map_err(|_lost| IngestError::Internal)?.map_err(IngestError::Write)
}

/// What became of a body.
#[derive(Debug)]
pub struct Receipt {
    /// Elements that are durable now.
    pub accepted_count: u64,
    /// Elements that were refused; together with the accepted ones, all that were sent.
    pub rejections: Rejections,
}

struct RowWork {
    rules: RowRules,
    catalogue: Arc<Catalogue>,
    write: Write,
    permit: Arc<Permit>,
    /// Those of slices that are done, for the next ones: at most one for each thread, and none that a long element
    /// has made large.
    buffers: Mutex<Vec<RowBuffers>>,
}

impl SliceWork for RowWork {
    type Output = SliceRejections;

    fn work(&self, slice: &BodySlice) -> Result<SliceRejections, IngestError> {
        let (mut rows, mut rejections) =
            (SliceBuilder::with_text_bytes(slice.text.len()), SliceRejections::new());
        let mut buffers = self.buffers.lock().pop().unwrap_or_default();
        let visited = elements::visit_elements(slice, |element| {
            match validate::judge(&element, &self.rules, &self.catalogue, &mut buffers) {
                Ok(()) => rows.push(&buffers.key, &buffers.row),
                Err(rejection) => rejections.push(&buffers.indicator, &rejection),
            }
            Ok::<(), IngestError>(())
        });
        if buffers.heap_bytes() <= limits::ROW_BUFFERS_KEPT_BYTES_MAX {
            self.buffers.lock().push(buffers);
        }
        visited.map_err(IngestError::Body)??;
        rejections.shrink();
        if !rows.is_empty() {
            self.write.append(slice.index, rows.finish()).map_err(IngestError::Write)?;
        }
        Ok(rejections)
    }
}

#[cfg(test)]
impl Ingestor {
    /// The same with a budget of its own, whose bodies wait no longer than that.
    pub(crate) fn with_wait_limits(&self, wait_limits: crate::memory::WaitLimits) -> Self {
        let budget = Budget::with(limits::BODY_BYTES_BUDGET, limits::SMALL_BYTES_BUDGET, wait_limits);
        Self { budget, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
