//! A command that is run for a bounded time.
//!
//! In: the command and the time. Out: what it said and how it ended, or that it had to be killed. What it says is read
//! while it runs, so that it never waits for us, and kept up to a bound. Blocking; no threads.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
};

#[cfg(test)]
mod tests;

/// Bytes of each stream that are kept.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// How often it is seen whether the command has ended, while it says nothing.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long it may take to go when it is killed: one that waits for a dead disk goes when the disk answers, or never.
const KILL_TIME_MAX: Duration = Duration::from_secs(10);

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// By itself; `None` when its time was over and it was killed.
    pub(super) status: Option<ExitStatus>,
    /// What it said on standard output.
    pub(super) stdout: String,
    /// And on standard error.
    pub(super) stderr: String,
}

/// One of its streams, as far as it is read.
struct Said<R> {
    /// `None` at the end.
    stream: Option<R>,
    kept: Vec<u8>,
}

/// Runs a command to its end, or kills it when that has not come in time.
///
/// # Errors
///
/// When it cannot be started or watched.
pub(super) fn run(command: &mut Command, time_max: Duration) -> io::Result<Ended> {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let watched = watch(&mut child, started, time_max);
    // What has ended is not killed, whoever has its number now.
    if !matches!(watched, Ok(Ended { status: Some(_), .. })) {
        drop(child.kill());
        let killed = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && killed.elapsed() < KILL_TIME_MAX {
            thread::park_timeout(LOOK_INTERVAL);
        }
    }
    watched
}

fn watch(child: &mut Child, started: Instant, time_max: Duration) -> io::Result<Ended> {
    let mut stdout = Said::of(child.stdout.take())?;
    let mut stderr = Said::of(child.stderr.take())?;
    let status = loop {
        wait_for_words(&stdout, &stderr)?;
        stdout.read()?;
        stderr.read()?;
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if time_max <= started.elapsed() {
            break None;
        }
    };
    // What it said last.
    stdout.read()?;
    stderr.read()?;
    Ok(Ended { status, stdout: stdout.text(), stderr: stderr.text() })
}

/// Waits until there is something to read, or for a moment.
fn wait_for_words(stdout: &Said<impl AsFd>, stderr: &Said<impl AsFd>) -> io::Result<()> {
    let stdout = stdout.stream.as_ref().map(|stream| PollFd::new(stream, PollFlags::IN));
    let stderr = stderr.stream.as_ref().map(|stream| PollFd::new(stream, PollFlags::IN));
    let mut streams: Vec<PollFd<'_>> = stdout.into_iter().chain(stderr).collect();
    if streams.is_empty() {
        thread::park_timeout(LOOK_INTERVAL);
        return Ok(());
    }
    let limit = Timespec::try_from(LOOK_INTERVAL).map_err(io::Error::other)?;
    match poll(&mut streams, Some(&limit)) {
        Err(rustix::io::Errno::INTR) => Ok(()),
        polled => Ok(polled.map(drop)?),
    }
}

impl<R: Read + AsFd> Said<R> {
    fn of(stream: Option<R>) -> io::Result<Self> {
        if let Some(stream) = &stream {
            fcntl_setfl(stream, fcntl_getfl(stream)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { stream, kept: Vec::new() })
    }

    /// Reads what is there.
    fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4 * 1024];
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut chunk) {
                Ok(0) => self.stream = None,
                Ok(count) => {
                    let room = KEPT_BYTES_MAX.saturating_sub(self.kept.len());
                    self.kept.extend_from_slice(chunk.get(..count.min(room)).unwrap_or(&chunk));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn text(self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}
