//! The awaitable CPU pool: the only way from async code to a processor.
//!
//! In: jobs. Out: a future for each job's result. Jobs begin in the order in which they are started, on threads
//! named `{name}-{n}`. A job that panics ends its own future with [`JobPanicked`] and nothing else.
//!
//! Does not bound how many jobs wait: its callers hold a slot for each slice and each read (`pipeline`), and of the
//! jobs without one, to commit or to find the fault of a body, a request has one at a time. A job may wait for the
//! store. One that shares its work with [`Colleagues`] waits for them, and does other jobs of its pool meanwhile: so reads have
//! pools of their own.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};
use sluice_store::Workers;
use tokio::sync::oneshot;

/// A pool of named threads. Clones share it; the threads end with the last clone, after the jobs started.
#[derive(Clone)]
pub(crate) struct CpuPool {
    threads: Arc<ThreadPool>,
}

/// The job panicked; the panic hook has told why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a job panicked")]
pub(crate) struct JobPanicked;

/// The result of a started job. Dropping it does not stop the job.
#[derive(Debug)]
pub(crate) struct Running<T>(oneshot::Receiver<Result<T, JobPanicked>>);

impl<T> Future for Running<T> {
    type Output = Result<T, JobPanicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The sending end is dropped unused only if a result's own destructor panicked.
        Pin::new(&mut self.0).poll(context).map(|result| result.unwrap_or(Err(JobPanicked)))
    }
}

impl CpuPool {
    /// Starts `threads_count` threads, at least one, whose names begin with `name`.
    ///
    /// # Errors
    ///
    /// The operating system's refusal to start a thread.
    pub(crate) fn new(name: &'static str, threads_count: usize) -> Result<Self, io::Error> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads_count.max(1))
            .thread_name(move |index| format!("{name}-{index}"))
            // Without a handler of its own the pool would abort the process.
            .panic_handler(|_| tracing::error!("a panic escaped a job"))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { threads: Arc::new(threads) })
    }

    /// Starts a job now; the future gives its result.
    pub(crate) fn start<T, F>(&self, job: F) -> Running<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (result_out, result_in) = oneshot::channel();
        self.threads.spawn_fifo(move || {
            let result = run_here(job);
            // Nobody waits any more for the result of a request that was cut off.
            drop(result_out.send(result));
        });
        Running(result_in)
    }
}

/// All threads of the pool that the caller is a thread of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colleagues;

impl Workers for Colleagues {
    fn count(&self) -> usize {
        if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { 1 }
    }

    fn map<I: Send, T: Send>(&self, items: Vec<I>, work: impl Fn(I) -> T + Send + Sync) -> Vec<T> {
        if items.len() <= 1 || self.count() == 1 {
            return items.into_iter().map(work).collect();
        }
        items.into_par_iter().map(work).collect()
    }
}

/// Runs a job of a few microseconds on the caller's thread, with the same promise about panics.
///
/// # Errors
///
/// [`JobPanicked`].
pub(crate) fn run_here<T>(job: impl FnOnce() -> T) -> Result<T, JobPanicked> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|_payload| JobPanicked)
}

#[cfg(test)]
mod tests;
