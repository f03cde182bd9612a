//! Takes one body through the pools: cuts it here, has its slices worked on there, and puts the results in order.
//!
//! In: chunks, the [`Cut`] that finds slices in them, and the [`SliceWork`] to do on each. Out: the results in document order, or the fault that
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

/// How the slices of a body are found while it arrives.
pub(crate) trait Cut: Send + 'static {
    /// A slice.
    type Slice: Send + 'static;

    /// Consumes `chunk` from the front until a slice is full or the chunk is used up (`None`).
    ///
    /// # Errors
    ///
    /// The first byte with which the body cannot be read. The cut is then of use only for
    /// [`locate_rest`](Self::locate_rest).
    fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<Self::Slice>, BodyError>;

    /// Ends the body; gives the last slice, if anything is left.
    ///
    /// # Errors
    ///
    /// As of [`next_slice`](Self::next_slice).
    fn finish(&mut self) -> Result<Option<Self::Slice>, BodyError>;

    /// The text of a slice.
    fn text(slice: &Self::Slice) -> &[u8];

    /// Elements seen so far.
    fn elements_count(&self) -> u64;

    /// Length of what was not handed out, and what finds the first fault in it, which takes long. To be called once.
    fn locate_rest(&mut self) -> (usize, Locate);
}

/// Finds the first fault of a text.
pub(crate) type Locate = Box<dyn FnOnce() -> Option<BodyError> + Send>;

/// What is done with each slice of a body, on a pool.
pub(crate) trait SliceWork: Send + Sync + 'static {
    /// How slices are found.
    type Cut: Cut;

    /// What comes of a slice.
    type Output: Send + 'static;

    /// Does it.
    fn work(&self, slice: &SliceOf<Self>) -> Result<Self::Output, IngestError>;

    /// Does it for the only slice of a short body, in the fast lane.
    fn work_short(&self, slice: &SliceOf<Self>) -> Result<Self::Output, IngestError> {
        self.work(slice)
    }

    /// Does it for a tiny body on the caller's thread, if it need not wait for anything but memory; else `None`, as
    /// soon as that is known.
    fn work_tiny(&self, _slice: &SliceOf<Self>) -> Option<Result<Self::Output, IngestError>> {
        None
    }

    /// The pool that short bodies are worked on by.
    fn fast_lane(pools: &Pools) -> &Pool {
        &pools.ingest_short
    }
}

/// A slice of a body that is worked on so.
pub(crate) type SliceOf<W> = <<W as SliceWork>::Cut as Cut>::Slice;

impl Cut for Splitter {
    type Slice = BodySlice;

    fn next_slice(&mut self, chunk: &mut &[u8]) -> Result<Option<BodySlice>, BodyError> {
        self.next_slice(chunk)
    }

    fn finish(&mut self) -> Result<Option<BodySlice>, BodyError> {
        self.finish()
    }

    fn text(slice: &BodySlice) -> &[u8] {
        &slice.text
    }

    fn elements_count(&self) -> u64 {
        self.elements_count()
    }

    fn locate_rest(&mut self) -> (usize, Locate) {
        let rest = std::mem::replace(self, Self::new()).into_rest();
        let locate = move |rest: BodySlice| {
            let (at, fault) = locate::first_fault(&rest.text)?;
            Some(BodyError::Syntax { fault, byte: rest.body_byte(at) })
        };
        (rest.text.len(), Box::new(move || locate(rest)))
    }
}

/// One body. See the module.
pub(crate) struct Pipeline<W: SliceWork> {
    pools: Arc<Pools>,
    guard: CancelGuard,
    cut: W::Cut,
    /// Slices so far, and bytes of the body.
    slices_count: u32,
    body_bytes: u64,
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

impl<W: SliceWork<Cut = Splitter>> Pipeline<W> {
    /// Starts at the first byte of a body that is an array of objects.
    pub(crate) fn new(pools: Arc<Pools>, memory: Arc<RequestMemory>, work: W) -> Self {
        Self::with_cut(pools, memory, Splitter::new(), work)
    }
}

impl<W: SliceWork> Pipeline<W> {
    /// Starts at the first byte of a body.
    pub(crate) fn with_cut(pools: Arc<Pools>, memory: Arc<RequestMemory>, cut: W::Cut, work: W) -> Self {
        let guard = CancelGuard(Arc::clone(&memory));
        let shared = Arc::new(SharedWork { work, memory, failed_index: AtomicU32::new(u32::MAX) });
        Self { pools, guard, cut, slices_count: 0, body_bytes: 0, running: Vec::new(), failure: None, shared }
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
        self.cut.elements_count()
    }

    /// Number of bytes of the body so far.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
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
            self.body_bytes += piece.len() as u64;
            loop {
                match self.cut.next_slice(&mut piece) {
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
        let outputs = match self.cut.finish() {
            Ok(Some(slice))
                if self.slices_count == 0 && W::Cut::text(&slice).len() <= limits::SHORT_BODY_BYTES_MAX =>
            {
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
    async fn work_short(&mut self, slice: SliceOf<W>) -> Result<Vec<W::Output>, IngestError> {
        let is_tiny = W::Cut::text(&slice).len() <= limits::TINY_BODY_BYTES_MAX
            && self.elements_count() <= limits::TINY_BODY_ELEMENTS_MAX;
        if is_tiny && let Some(output) = run_here(|| self.shared.work.work_tiny(&slice))? {
            return Ok(vec![output?]);
        }
        let pools = Arc::clone(&self.pools);
        self.dispatch_to(W::fast_lane(&pools), slice, W::work_short).await?;
        self.gather().await
    }

    async fn dispatch(&mut self, slice: SliceOf<W>) -> Result<(), IngestError> {
        let pools = Arc::clone(&self.pools);
        self.dispatch_to(&pools.ingest, slice, W::work).await
    }

    async fn dispatch_to(
        &mut self,
        pool: &Pool,
        slice: SliceOf<W>,
        work: impl FnOnce(&W, &SliceOf<W>) -> Result<W::Output, IngestError> + Send + 'static,
    ) -> Result<(), IngestError> {
        let slot = pool.slot(W::Cut::text(&slice).len().max(SLICE_WEIGHT_BYTES_MIN)).await?;
        let (shared, index) = (Arc::clone(&self.shared), self.slices_count);
        self.slices_count += 1;
        self.running.push(pool.start(move || {
            let failed_index = &shared.failed_index;
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

    /// Finds the first fault of a body that the cut has refused with `error`.
    async fn broken(&mut self, error: BodyError) -> IngestError {
        if let Err(earlier) = self.gather().await {
            return earlier;
        }
        let (rest_bytes, locate) = self.cut.locate_rest();
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
