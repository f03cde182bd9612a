//! Takes one body through the pools: splits it here, has its slices worked on there, and puts the results in order.
//!
//! In: chunks, and the [`SliceWork`] to do on each slice. Out: the results in document order, or the fault that
//! comes first in the document, whatever ran in parallel. At most [`limits::SLICE_BYTES_IN_FLIGHT_MAX`] bytes of slices
//! are worked on or wait for a thread, over all bodies; [`Pipeline::feed_after`] waits for its turn. A short body is a
//! single slice and takes a fast lane; the work on a tiny one may be done on the caller's thread.
//!
//! Dropping a pipeline, or one of its futures, ends it: slices that no thread has begun are skipped. What the results
//! mean, and where they go, is up to the work.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sluice_model::limits;
use tokio::sync::oneshot;

use super::{
    locate,
    split::{BodySlice, Splitter},
};
use crate::{
    error::{BodyError, IngestError},
    memory::{CancelGuard, RequestMemory},
    pools::{Pool, Pools, run_here},
};

/// Bytes of a chunk after which `feed` lets other tasks have the thread: well under 500 µs of splitting.
pub(crate) const FEED_BYTES: usize = 64 * limits::KIB;

/// Least weight of a slice among those in flight: what parsing costs however short it is.
pub(crate) const SLICE_WEIGHT_BYTES_MIN: usize = 64 * limits::KIB;

/// What is done with each slice of a body, on a pool.
pub(crate) trait SliceWork: Send + Sync + 'static {
    /// What comes of a slice.
    type Output: Send + 'static;

    /// Does it.
    fn work(&self, slice: &BodySlice) -> Result<Self::Output, IngestError>;

    /// Does it for the only slice of a short body, in the fast lane.
    fn work_short(&self, slice: &BodySlice) -> Result<Self::Output, IngestError> {
        self.work(slice)
    }

    /// Does it for a tiny body on the caller's thread, if it need not wait for anything but memory; else `None`, as
    /// soon as that is known.
    fn work_tiny(&self, _slice: &BodySlice) -> Option<Result<Self::Output, IngestError>> {
        None
    }

    /// The pool that short bodies are worked on by.
    fn fast_lane(pools: &Pools) -> &Pool {
        &pools.ingest_short
    }
}

/// One body. See the module.
pub(crate) struct Pipeline<W: SliceWork> {
    pools: Arc<Pools>,
    guard: CancelGuard,
    splitter: Splitter,
    shared: Arc<SharedWork<W>>,
    running: Vec<oneshot::Receiver<Result<W::Output, IngestError>>>,
    failure: Option<IngestError>,
}

struct SharedWork<W> {
    work: W,
    memory: Arc<RequestMemory>,
    /// The smallest number of a slice that failed. If slice 5 fails, slices 6 and up are skipped, but 0 to 4 are still
    /// worked on: one of them may have the fault that comes first in the document.
    failed_index: AtomicU32,
}

impl<W: SliceWork> Pipeline<W> {
    /// Starts at the first byte of a body.
    pub(crate) fn new(pools: Arc<Pools>, memory: Arc<RequestMemory>, work: W) -> Self {
        let guard = CancelGuard(Arc::clone(&memory));
        let shared = Arc::new(SharedWork { work, memory, failed_index: AtomicU32::new(u32::MAX) });
        Self { pools, guard, splitter: Splitter::new(), running: Vec::new(), failure: None, shared }
    }

    /// What it runs on.
    pub(crate) fn pools(&self) -> &Arc<Pools> {
        &self.pools
    }

    /// What the request holds.
    pub(crate) fn memory(&self) -> &Arc<RequestMemory> {
        &self.guard.0
    }

    /// Number of elements of the body so far.
    pub(crate) fn elements_count(&self) -> u64 {
        self.splitter.elements_count()
    }

    /// Number of bytes of the body so far.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.splitter.body_byte()
    }

    /// Takes the next bytes of the body once there is `room`; waits while too many slices are being worked on.
    ///
    /// # Errors
    ///
    /// That of `room`, or the first fault of the body as soon as it is known; from then on always the same.
    pub(crate) async fn feed_after(
        &mut self,
        room: impl Future<Output = Result<(), IngestError>>,
        chunk: &[u8],
    ) -> Result<(), IngestError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        // If this future is dropped half-way, a part of the chunk is lost: the body must then not be finished.
        self.failure = Some(IngestError::Internal);
        let fed = match room.await {
            Ok(()) => self.feed_pieces(chunk).await,
            Err(error) => Err(error),
        };
        self.failure = fed.as_ref().err().cloned();
        fed
    }

    async fn feed_pieces(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        for (index, mut piece) in chunk.chunks(FEED_BYTES).enumerate() {
            if index > 0 {
                tokio::task::yield_now().await;
            }
            loop {
                match self.splitter.next_slice(&mut piece) {
                    Ok(None) => break,
                    Ok(Some(slice)) => self.dispatch(slice).await?,
                    Err(error) => return Err(self.broken(error).await),
                }
            }
        }
        if self.shared.failed_index.load(Ordering::Relaxed) == u32::MAX {
            return Ok(());
        }
        self.gather().await.and(Err(IngestError::Internal))
    }

    /// Ends the body and waits for all its slices. Returns the work, which nothing else holds any more, its results in
    /// document order, and what ends the work that follows when the request goes away.
    ///
    /// # Errors
    ///
    /// The first fault of the body.
    pub(crate) async fn finish(mut self) -> Result<(W, Vec<W::Output>, CancelGuard), IngestError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let outputs = match self.splitter.finish() {
            Ok(Some(slice)) if slice.index == 0 && slice.text.len() <= limits::SHORT_BODY_BYTES_MAX => {
                self.work_short(slice).await?
            }
            Ok(last) => {
                if let Some(slice) = last {
                    self.dispatch(slice).await?;
                }
                self.gather().await?
            }
            Err(error) => return Err(self.broken(error).await),
        };
        // Each job has let go of its share before its result was there to be gathered.
        let Some(shared) = Arc::into_inner(self.shared) else { return Err(IngestError::Internal) };
        Ok((shared.work, outputs, self.guard))
    }

    /// Works on the only slice of a short body.
    async fn work_short(&mut self, slice: BodySlice) -> Result<Vec<W::Output>, IngestError> {
        let is_tiny = slice.text.len() <= limits::TINY_BODY_BYTES_MAX
            && self.elements_count() <= limits::TINY_BODY_ELEMENTS_MAX;
        if is_tiny && let Some(output) = run_here(|| self.shared.work.work_tiny(&slice))? {
            return Ok(vec![output?]);
        }
        let pools = Arc::clone(&self.pools);
        self.dispatch_to(W::fast_lane(&pools), slice, W::work_short).await?;
        self.gather().await
    }

    async fn dispatch(&mut self, slice: BodySlice) -> Result<(), IngestError> {
        let pools = Arc::clone(&self.pools);
        self.dispatch_to(&pools.ingest, slice, W::work).await
    }

    async fn dispatch_to(
        &mut self,
        pool: &Pool,
        slice: BodySlice,
        work: impl FnOnce(&W, &BodySlice) -> Result<W::Output, IngestError> + Send + 'static,
    ) -> Result<(), IngestError> {
        let slot = pool.slot(slice.text.len().max(SLICE_WEIGHT_BYTES_MIN)).await?;
        let shared = Arc::clone(&self.shared);
        self.running.push(pool.start(move || {
            let failed_index = &shared.failed_index;
            let index = slice.index;
            let is_in_vain = shared.memory.is_abandoned() || failed_index.load(Ordering::Relaxed) < index;
            let output = if is_in_vain { Err(IngestError::Internal) } else { work(&shared.work, &slice) };
            if output.is_err() {
                failed_index.fetch_min(index, Ordering::Relaxed);
            }
            drop(slice);
            drop(slot);
            output
        }));
        Ok(())
    }

    /// Waits for all slices dispatched; the results in order, or the first error in order.
    async fn gather(&mut self) -> Result<Vec<W::Output>, IngestError> {
        let mut outputs = Vec::with_capacity(self.running.len());
        let mut failure = None;
        for running in self.running.drain(..) {
            match running.await.unwrap_or(Err(IngestError::Internal)) {
                Ok(output) => outputs.push(output),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(outputs), Err)
    }

    /// Finds the first fault of a body that the splitter has refused with `error`.
    async fn broken(&mut self, error: BodyError) -> IngestError {
        if let Err(earlier) = self.gather().await {
            return earlier;
        }
        let rest = std::mem::replace(&mut self.splitter, Splitter::new()).into_rest();
        let rest_bytes = rest.text.len();
        let locate = move || {
            let (at, fault) = locate::first_fault(&rest.text)?;
            Some(BodyError::Syntax { fault, byte: rest.body_byte(at) })
        };
        // What is left is at most a slice, and this is the only job of the body: it needs no slot.
        let located = if rest_bytes <= limits::TINY_BODY_BYTES_MAX {
            run_here(locate)
        } else {
            let is_short = rest_bytes <= limits::SHORT_BODY_BYTES_MAX;
            let pool = if is_short { W::fast_lane(&self.pools) } else { &self.pools.ingest };
            pool.start(locate).await.map_err(IngestError::from)
        };
        match located {
            Ok(Some(earlier)) if earlier.byte() < error.byte() => IngestError::Body(earlier),
            Ok(_) => IngestError::Body(error),
            Err(panicked) => panicked,
        }
    }
}

#[cfg(test)]
impl<W: SliceWork> Pipeline<W> {
    pub(crate) fn work(&self) -> &W {
        &self.shared.work
    }
}

#[cfg(test)]
mod tests;
