//! The way of log lines to standard error, on which nobody waits for whoever reads them.
//!
//! In: whole lines, from any thread. Out: the same lines, in their order. A line is written at once as long as standard
//! error takes it without waiting. When it does not, because its reader is slow or has stopped, lines are handed to a thread
//! that waits in their place; what goes beyond a bound is lost, and the log tells how much as soon as it can. So a journal
//! that hangs costs lines, never requests.

use std::{
    fs::File,
    io::{self, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

#[cfg(test)]
mod tests;

/// Bytes of lines that may wait, beside as many that the thread is writing.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// Longest line that is written at once: so much fits into any pipe that takes anything.
const DIRECT_BYTES_MAX: usize = 4_096;

/// See the module.
#[derive(Clone)]
pub(super) struct LineWriter(Arc<Shared>);

struct Shared {
    to: File,
    waiting_bytes_max: usize,
    queue: Mutex<WaitingLines>,
    /// Told when lines begin to wait, and when none waits any more.
    changed: Condvar,
}

#[derive(Default)]
struct WaitingLines {
    waiting: Vec<u8>,
    /// Whether the thread is writing, or waiting to.
    is_writing: bool,
    lost_count: u64,
}

impl WaitingLines {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.is_writing
    }
}

impl LineWriter {
    /// Writes to a file, and starts the thread for lines that have to wait.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread.
    pub(super) fn start(to: File) -> io::Result<Self> {
        Self::start_with(to, WAITING_BYTES_MAX)
    }

    fn start_with(to: File, waiting_bytes_max: usize) -> io::Result<Self> {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        let lines = Self(Arc::new(Shared { to, waiting_bytes_max, queue, changed }));
        let for_thread = Arc::clone(&lines.0);
        // It ends with the process.
        thread::Builder::new().name("log-lines".to_owned()).spawn(move || for_thread.write_what_waits())?;
        Ok(lines)
    }

    /// Writes a line, or has it written. Waits for nothing.
    pub(super) fn write(&self, line: &[u8]) {
        self.0.write(line);
    }

    /// Waits until all lines are written, for a bounded time.
    pub(super) fn flush(&self, wait: Duration) {
        let mut queue = self.0.queue.lock();
        self.0.changed.wait_while_for(&mut queue, |queue| !queue.is_idle(), wait);
    }
}

impl Shared {
    fn write(&self, line: &[u8]) {
        let mut queue = self.queue.lock();
        let mut rest = line;
        if queue.is_idle() && line.len() <= DIRECT_BYTES_MAX && is_ready(&self.to, Some(&Timespec::default()))
        {
            match (&self.to).write(line) {
                Ok(written) => rest = line.get(written..).unwrap_or(&[]),
                Err(error) if is_passing(&error) => {}
                // Nobody reads it.
                Err(_) => return,
            }
        }
        if rest.is_empty() {
            return;
        }
        // What is left of a line that has begun finds nothing waiting, and fits.
        if queue.waiting.len() + rest.len() <= self.waiting_bytes_max {
            queue.waiting.extend_from_slice(rest);
            self.changed.notify_all();
        } else {
            queue.lost_count += 1;
        }
    }

    fn write_what_waits(&self) {
        let mut queue = self.queue.lock();
        loop {
            self.changed.wait_while(&mut queue, |queue| queue.waiting.is_empty());
            let lines = std::mem::take(&mut queue.waiting);
            queue.is_writing = true;
            MutexGuard::unlocked(&mut queue, || self.wait_and_write(&lines));
            queue.is_writing = false;
            if !queue.waiting.is_empty() {
                continue;
            }
            self.changed.notify_all();
            let count = std::mem::take(&mut queue.lost_count);
            if count != 0 {
                let tell = || tracing::warn!(count, "lines of the log were lost: nobody read standard error");
                MutexGuard::unlocked(&mut queue, tell);
            }
        }
    }

    fn wait_and_write(&self, mut lines: &[u8]) {
        while !lines.is_empty() {
            if !is_ready(&self.to, None) {
                return;
            }
            match (&self.to).write(lines) {
                Ok(written) => lines = lines.get(written..).unwrap_or(&[]),
                Err(error) if is_passing(&error) => {}
                Err(_) => return,
            }
        }
    }
}

/// Returns true if a file takes something, after waiting for that so long, or as long as it takes.
fn is_ready(file: &File, wait: Option<&Timespec>) -> bool {
    loop {
        match poll(&mut [PollFd::new(file, PollFlags::OUT)], wait) {
            Ok(count) => return count != 0,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// Returns true if a write that failed may be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// One line on its way, as the subscriber writes it: whole, in one call.
impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
