//! One body on its way through the pool: split here, worked on there, put in order again.
//!
//! In: chunks, and the [`SliceWork`] to do on each slice. Out: the results in document order, or the fault that
//! comes first in the document, whatever ran in parallel. Slices of at most [`limits::SLICE_BYTES_IN_FLIGHT_MAX`]
//! bytes in the whole process are worked on or wait for it; [`Pipeline::feed_after`] waits for its turn. A body
//! that is one short slice has a [`Lane`] with slots and a thread of its own, or is done with at once.
//!
//! Dropping a pipeline, or one of its futures, ends it: slices not begun are skipped. What the results mean,
//! and where they go, is the work's business.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sluice_model::limits;
use tokio::sync::Semaphore;

use crate::{
    error::{BodyError, IngestError},
    locate,
    pool::{CpuPool, JobPanicked, Running, run_here},
    split::{BodySlice, Splitter},
};

/// Bytes of a chunk after which `feed` lets other tasks have the thread: well under 500 µs of splitting.
const FEED_BYTES: usize = 64 * 1024;

/// Least weight of a slice among those in flight: what parsing costs however short it is.
const SLICE_WEIGHT_BYTES_MIN: usize = 64 * 1024;

/// Where short bodies go, so that they stand behind nothing but their like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// Waits for reads of the disk at most.
    Reads,
    /// May wait for the log.
    Writes,
}

/// What is done with each slice of a body, on the pool.
pub(crate) trait SliceWork: Send + Sync + 'static {
    /// What comes of a slice.
    type Output: Send + 'static;

    /// Where bodies of one short slice are worked on.
    const LANE: Lane = Lane::Writes;

    /// Does it.
    fn work(&self, slice: &BodySlice) -> Result<Self::Output, IngestError>;

    /// Does it for the only slice of a short body, on the thread of its lane.
    fn work_light(&self, slice: &BodySlice) -> Result<Self::Output, IngestError> {
        self.work(slice)
    }

    /// Does it for a tiny body if that needs no waiting for anything but memory; else `None`, as soon as that is
    /// known.
    fn work_at_once(&self, _slice: &BodySlice) -> Option<Result<Self::Output, IngestError>> {
        None
    }
}

/// Threads for slices, and how many bytes of them may be in flight.
#[derive(Clone)]
struct Crew {
    pool: CpuPool,
    /// One for each kibibyte in flight.
    slots: Arc<Semaphore>,
}

impl Crew {
    fn new(name: &'static str, threads_count: usize, bytes_in_flight_max: usize) -> Result<Self, io::Error> {
        let slots = Arc::new(Semaphore::new(bytes_in_flight_max / limits::KIB));
        Ok(Self { pool: CpuPool::new(name, threads_count)?, slots })
    }
}

/// The threads and the slots that all bodies share. Clones are the same.
#[derive(Clone)]
pub(crate) struct Engine {
    crews: Arc<Crews>,
}

struct Crews {
    bulk: Crew,
    light_reads: Crew,
    light_writes: Crew,
    /// Their slots are for what is read, not for slices.
    long_reads: Crew,
    short_reads: Crew,
}

impl Engine {
    /// Starts `threads_count` threads for slices, at least one, as many for reads of either kind, and one for each
    /// lane.
    ///
    /// # Errors
    ///
    /// The operating system's refusal to start a thread.
    pub(crate) fn new(threads_count: usize) -> Result<Self, io::Error> {
        let light_bytes = limits::SHORT_BODY_BYTES_IN_FLIGHT_MAX;
        let bulk_bytes = limits::SLICE_BYTES_IN_FLIGHT_MAX - 2 * light_bytes;
        let crews = Crews {
            bulk: Crew::new("parse", threads_count, bulk_bytes)?,
            light_reads: Crew::new("read", 1, light_bytes)?,
            light_writes: Crew::new("write", 1, light_bytes)?,
            long_reads: Crew::new("long-read", threads_count, limits::HEAVY_READ_BYTES_MAX)?,
            short_reads: Crew::new("short-read", threads_count, limits::LIGHT_READ_BYTES_IN_FLIGHT_MAX)?,
        };
        Ok(Self { crews: Arc::new(crews) })
    }

    /// Does a read, once it may take so many bytes; the job is told how many. Short reads do not stand behind long
    /// ones.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        bytes: usize,
        job: impl FnOnce(usize) -> T + Send + 'static,
    ) -> Result<T, JobPanicked> {
        let bytes = bytes.min(limits::HEAVY_READ_BYTES_MAX);
        let kib = u32::try_from(bytes.div_ceil(limits::KIB)).map_err(|_never| JobPanicked)?;
        let is_short = bytes <= limits::LIGHT_READ_BYTES_MAX;
        let crew = if is_short { &self.crews.short_reads } else { &self.crews.long_reads };
        let slot = Arc::clone(&crew.slots).acquire_many_owned(kib).await.map_err(|_closed| JobPanicked)?;
        let read = move || {
            let read = job(bytes);
            drop(slot);
            read
        };
        crew.pool.start(read).await
    }

    fn lane(&self, lane: Lane) -> &Crew {
        match lane {
            Lane::Reads => &self.crews.light_reads,
            Lane::Writes => &self.crews.light_writes,
        }
    }

    /// Starts a short job that needs no slot, because each request has at most one.
    pub(crate) fn start_light<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Running<T> {
        self.lane(lane).pool.start(job)
    }
}

struct Shared<W> {
    work: W,
    /// The smallest number of a slice that failed. Later ones need not be worked on.
    failed_index: AtomicU32,
}

/// One body. See the module.
pub(crate) struct Pipeline<W: SliceWork> {
    engine: Engine,
    splitter: Splitter,
    shared: Arc<Shared<W>>,
    running: Vec<Running<Result<W::Output, IngestError>>>,
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
                    Ok(Some(slice)) => self.dispatch_bulk(slice).await?,
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
        let outputs = match self.splitter.finish() {
            Ok(Some(slice)) if slice.index == 0 && slice.text.len() <= limits::SHORT_BODY_BYTES_MAX => {
                self.work_light(slice, elements_count).await?
            }
            Ok(last) => {
                if let Some(slice) = last {
                    self.dispatch_bulk(slice).await?;
                }
                self.gather().await?
            }
            Err(error) => return Err(self.broken(error).await),
        };
        drop(self.canceller);
        // Each job has let go of its share before its result was there to be gathered.
        let shared = Arc::try_unwrap(self.shared).map_err(|_shared| IngestError::Internal)?;
        Ok(Finished { work: shared.work, outputs, elements_count, body_bytes })
    }

    async fn dispatch_bulk(&mut self, slice: BodySlice) -> Result<(), IngestError> {
        let crew = self.engine.crews.bulk.clone();
        self.dispatch(&crew, slice, W::work).await
    }

    /// Works on the only slice of a short body.
    async fn work_light(
        &mut self,
        slice: BodySlice,
        elements_count: u64,
    ) -> Result<Vec<W::Output>, IngestError> {
        if slice.text.len() <= limits::TINY_BODY_BYTES_MAX && elements_count <= limits::TINY_BODY_ELEMENTS_MAX
        {
            match run_here(|| self.shared.work.work_at_once(&slice)) {
                Ok(Some(output)) => return Ok(vec![output?]),
                Ok(None) => {}
                Err(_panicked) => return Err(IngestError::Internal),
            }
        }
        let crew = self.engine.lane(W::LANE).clone();
        self.dispatch(&crew, slice, W::work_light).await?;
        self.gather().await
    }

    async fn dispatch(
        &mut self,
        crew: &Crew,
        slice: BodySlice,
        work: impl FnOnce(&W, &BodySlice) -> Result<W::Output, IngestError> + Send + 'static,
    ) -> Result<(), IngestError> {
        let weight_kib = slice.text.len().max(SLICE_WEIGHT_BYTES_MIN).div_ceil(limits::KIB);
        let weight_kib = u32::try_from(weight_kib).map_err(|_never| IngestError::Internal)?;
        let slots = Arc::clone(&crew.slots);
        let slot = slots.acquire_many_owned(weight_kib).await.map_err(|_closed| IngestError::Internal)?;
        let shared = Arc::clone(&self.shared);
        self.running.push(crew.pool.start(move || {
            let failed_index = &shared.failed_index;
            let index = slice.index;
            let output = if index > failed_index.load(Ordering::Relaxed) {
                Err(IngestError::Internal)
            } else {
                work(&shared.work, &slice)
            };
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
        // What is left is no longer than a slice, and there is only this job of the body: it needs no slot.
        let located = if rest_bytes <= limits::TINY_BODY_BYTES_MAX {
            run_here(locate)
        } else if rest_bytes <= limits::SHORT_BODY_BYTES_MAX {
            self.engine.start_light(W::LANE, locate).await
        } else {
            self.engine.crews.bulk.pool.start(locate).await
        };
        match located {
            Ok(Some(earlier)) if earlier.byte() < error.byte() => IngestError::Body(earlier),
            Ok(_) => IngestError::Body(error),
            Err(_panicked) => IngestError::Internal,
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
