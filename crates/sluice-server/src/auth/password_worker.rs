//! The thread that hashes passwords, and the lines before it.
//!
//! In: checks, with the standing and address of their clients. Out: nothing; a check tells its outcome to those who wait
//! for it, also when it is dropped unchecked. One check at a time, in the order of [`Lines`].

use std::{
    io,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use zeroize::Zeroizing;

use super::{
    checks::Check,
    known::Standing,
    lines::{Lines, Turn},
    password,
};
use crate::http::problem::Cause;

/// How often the lines are looked at while checks wait for their share.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A password to check.
pub(crate) struct PasswordJob {
    /// Whom to tell.
    pub(crate) check: Check,
    /// What was sent.
    pub(crate) password: Zeroizing<Vec<u8>>,
    /// What is on file; `None` for an unknown user.
    pub(crate) hash: Option<String>,
}

/// The thread; it ends when this is dropped.
pub(crate) struct PasswordWorker {
    queue: Arc<Queue>,
}

struct Queue {
    /// `None` once it is closed.
    lines: Mutex<Option<Lines<PasswordJob>>>,
    changed: Condvar,
}

impl PasswordWorker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread.
    pub(crate) fn start() -> io::Result<Self> {
        let queue = Arc::new(Queue { lines: Mutex::new(Some(Lines::default())), changed: Condvar::new() });
        let for_thread = Arc::clone(&queue);
        thread::Builder::new().name("password-worker".to_owned()).spawn(move || for_thread.work())?;
        Ok(Self { queue })
    }

    /// Has a password checked, or refused if others come first.
    pub(crate) fn enter(&self, standing: Standing, address: IpAddr, job: PasswordJob) {
        let refused = match &mut *self.queue.lines.lock() {
            Some(lines) => lines.enter(standing, address, job, Instant::now()),
            None => Some(job),
        };
        self.queue.changed.notify_one();
        // Here, without the lock: it tells those who wait for it.
        drop(refused);
    }
}

impl Drop for PasswordWorker {
    fn drop(&mut self) {
        let lines = self.queue.lines.lock().take();
        self.queue.changed.notify_one();
        drop(lines);
    }
}

impl Queue {
    fn work(&self) {
        loop {
            let mut guard = self.lines.lock();
            let Some(lines) = &mut *guard else { return };
            let now = Instant::now();
            let (late, next) = (lines.take_late(now), lines.next(now));
            if let Some(turn) = next {
                drop(guard);
                drop(late);
                self.check(turn);
            } else if !late.is_empty() {
                drop(guard);
            } else if lines.is_empty() {
                self.changed.wait(&mut guard);
            } else {
                self.changed.wait_for(&mut guard, LOOK_INTERVAL);
            }
        }
    }

    fn check(&self, turn: Turn<PasswordJob>) {
        let Turn { job: PasswordJob { check, password, hash }, standing, address } = turn;
        let run = AssertUnwindSafe(|| check.run(|| check_password(&password, hash.as_deref())));
        let outcome = catch_unwind(run);
        if let Some(lines) = &mut *self.lines.lock() {
            match outcome {
                Ok(Ok(())) => lines.note_success(standing),
                _ => lines.note_failure(address, Instant::now()),
            }
        }
    }
}

fn check_password(password: &[u8], hash: Option<&str>) -> Result<(), Cause> {
    match password::verify_password(password, hash) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Cause::Unauthorized),
        Err(error) => {
            tracing::error!(%error, "a password could not be checked");
            Err(Cause::Internal)
        }
    }
}
