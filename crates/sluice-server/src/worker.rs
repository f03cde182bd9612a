//! One named thread with a bounded queue, for work that would block the HTTP threads.
//!
//! In: jobs that take milliseconds (a change of the catalogue, a large body of a supplier). Out: their results, awaited. Jobs
//! run one at a time in order of arrival. A job that finds the queue full is refused at once, so a flood of one kind
//! of job can starve only its own kind. A panic inside a job is an error of that caller only.
//!
//! Bodies of indicators do not come here: they have the pools of `sluice-ingest`.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::http::problem::Cause;

#[cfg(test)]
mod tests;

/// A thread and the queue to it. The thread ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    jobs_out: SyncSender<Box<dyn FnOnce() + Send>>,
}

/// Seconds that a client is asked to wait when the queue is full.
const FULL_RETRY_SECONDS: u32 = 1;

impl Worker {
    /// Starts the thread `name` with a queue of `jobs_queued_max`.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread.
    pub(crate) fn start(name: &str, jobs_queued_max: usize) -> io::Result<Self> {
        let (jobs_out, jobs_in) = sync_channel(jobs_queued_max);
        thread::Builder::new().name(name.to_owned()).spawn(move || work(&jobs_in))?;
        Ok(Self { jobs_out })
    }

    /// Runs `job` on the thread and waits for its result without blocking the caller's thread.
    ///
    /// # Errors
    ///
    /// [`Cause::Busy`] at once if the queue is full, [`Cause::Internal`] if the job panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Cause> {
        let (result_out, result_in) = oneshot::channel();
        let boxed: Box<dyn FnOnce() + Send> = Box::new(move || {
            // The caller may have been dropped meanwhile; then the result is not needed.
            drop(result_out.send(job()));
        });
        match self.jobs_out.try_send(boxed) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Cause::Busy { retry_after_seconds: FULL_RETRY_SECONDS });
            }
            Err(TrySendError::Disconnected(_)) => return Err(Cause::Internal),
        }
        result_in.await.or(Err(Cause::Internal))
    }

    /// The same, asked again after a pause for as long as the queue is full.
    ///
    /// # Errors
    ///
    /// If the job panicked, or there is no thread.
    pub(crate) async fn run_when_free<T: Send + 'static>(
        &self,
        pause: Duration,
        job: impl FnOnce() -> T + Clone + Send + 'static,
    ) -> io::Result<T> {
        loop {
            match self.run(job.clone()).await {
                Ok(outcome) => return Ok(outcome),
                Err(Cause::Busy { .. }) => tokio::time::sleep(pause).await,
                Err(_no_thread) => return Err(io::ErrorKind::Other.into()),
            }
        }
    }
}

fn work(jobs_in: &Receiver<Box<dyn FnOnce() + Send>>) {
    while let Ok(job) = jobs_in.recv() {
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::debug!("a job panicked; its request gets an internal error");
        }
    }
}
