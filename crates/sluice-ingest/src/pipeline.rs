//! One body on its way through the pool: split here, worked on there, put in order again.
//!
//! In: chunks, and the [`SliceWork`] to do on each slice. Out: the results in document order, or the fault that
//! comes first in the document, whatever ran in parallel. Slices of at most [`limits::SLICE_BYTES_IN_FLIGHT_MAX`]
//! bytes in the whole process are worked on or wait for it; [`Pipeline::feed_after`] waits for its turn.
//!
//! Dropping a pipeline, or one of its futures, ends it: slices not begun are skipped. What the results mean,
//! and where they go, is the work's business.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sluice_model::limits;
use tokio::sync::Semaphore;

use crate::{
    error::{BodyError, IngestError},
    locate,
    pool::{CpuPool, Running},
    split::{BodySlice, Splitter},
};

/// Bytes of a chunk after which `feed` lets other tasks have the thread: well under 500 µs of splitting.
const FEED_BYTES: usize = 64 * 1024;

/// Least weight of a slice among those in flight: what parsing costs however short it is.
const SLICE_WEIGHT_BYTES_MIN: usize = 64 * 1024;

/// What is done with each slice of a body, on the pool.
pub(crate) trait SliceWork: Send + Sync + 'static {
    /// What comes of a slice.
    type Output: Send + 'static;

    /// Does it.
    fn work(&self, slice: &BodySlice) -> Result<Self::Output, IngestError>;
}

/// The threads and the slots that all bodies share.
#[derive(Clone)]
pub(crate) struct Engine {
    pool: CpuPool,
    /// One for each kibibyte of slices in flight.
    slots: Arc<Semaphore>,
}

impl Engine {
    pub(crate) fn new(pool: CpuPool) -> Self {
        Self { pool, slots: Arc::new(Semaphore::new(limits::SLICE_BYTES_IN_FLIGHT_MAX / limits::KIB)) }
    }

    /// Starts a job that needs no slot, because each request has at most one.
    pub(crate) fn start<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Running<T> {
        self.pool.start(job)
    }
}

struct Shared<W> {
    work: W,
    /// The smallest number of a slice that failed. Later ones need not be worked on.
    failed_index: AtomicU32,
}

type Output<W> = Result<<W as SliceWork>::Output, IngestError>;

/// One body. See the module.
pub(crate) struct Pipeline<W: SliceWork> {
    engine: Engine,
    splitter: Splitter,
    shared: Arc<Shared<W>>,
    running: Vec<Running<Output<W>>>,
    failure: Option<IngestError>,
    canceller: Canceller<W>,
}

/// What a body came to.
pub(crate) struct Finished<W: SliceWork> {
    /// The work, which nothing else holds any more.
    pub(crate) work: W,
    /// Its results in document order.
    pub(crate) outputs: Vec<W::Output>,
    /// Number of elements of the body.
    pub(crate) elements_count: u64,
    /// Offset of the first byte after the body.
    pub(crate) body_bytes: u64,
}

/// Keeps slices from being worked on for nobody.
struct Canceller<W>(Arc<Shared<W>>);

impl<W> Drop for Canceller<W> {
    fn drop(&mut self) {
        self.0.failed_index.store(0, Ordering::Relaxed);
    }
}

impl<W: SliceWork> Pipeline<W> {
    /// Starts at the first byte of a body.
    pub(crate) fn new(engine: Engine, work: W) -> Self {
        let shared = Arc::new(Shared { work, failed_index: AtomicU32::new(u32::MAX) });
        Self {
            engine,
            splitter: Splitter::new(),
            running: Vec::new(),
            failure: None,
            canceller: Canceller(Arc::clone(&shared)),
            shared,
        }
    }

    /// What it runs on.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes the next bytes of the body once there is `room`; waits while too many slices are being worked on.
    ///
    /// # Errors
    ///
    /// That of `room`, or the first fault of the body, as soon as it is known; the same again from then on.
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

    /// Ends the body and waits for all its slices.
    ///
    /// # Errors
    ///
    /// The first fault of the body.
    pub(crate) async fn finish(mut self) -> Result<Finished<W>, IngestError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let elements_count = self.splitter.elements_count();
        let body_bytes = self.splitter.body_byte();
        match self.splitter.finish() {
            Ok(None) => {}
            Ok(Some(slice)) => self.dispatch(slice).await?,
            Err(error) => return Err(self.broken(error).await),
        }
        let outputs = self.gather().await?;
        drop(self.canceller);
        // Each job has let go of its share before its result was there to be gathered.
        let shared = Arc::try_unwrap(self.shared).map_err(|_shared| IngestError::Internal)?;
        Ok(Finished { work: shared.work, outputs, elements_count, body_bytes })
    }

    async fn dispatch(&mut self, slice: BodySlice) -> Result<(), IngestError> {
        let slots = Arc::clone(&self.engine.slots);
        let weight_kib = slice.text.len().max(SLICE_WEIGHT_BYTES_MIN).div_ceil(limits::KIB);
        let weight_kib = u32::try_from(weight_kib).map_err(|_never| IngestError::Internal)?;
        let slot = slots.acquire_many_owned(weight_kib).await.map_err(|_closed| IngestError::Internal)?;
        let shared = Arc::clone(&self.shared);
        self.running.push(self.engine.pool.start(move || {
            let failed_index = &shared.failed_index;
            let output = if slice.index > failed_index.load(Ordering::Relaxed) {
                Err(IngestError::Internal)
            } else {
                shared.work.work(&slice)
            };
            if output.is_err() {
                failed_index.fetch_min(slice.index, Ordering::Relaxed);
            }
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
        let located = self.engine.start(move || {
            let (at, fault) = locate::first_fault(&rest.text)?;
            Some(BodyError::Syntax { fault, byte: rest.body_byte(at) })
        });
        match located.await {
            Ok(Some(earlier)) if earlier.byte() < error.byte() => IngestError::Body(earlier),
            Ok(_) => IngestError::Body(error),
            Err(_panicked) => IngestError::Internal,
        }
    }
}

#[cfg(test)]
mod tests;
