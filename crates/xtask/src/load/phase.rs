//! One phase of the test: its time, and what it cost both sides.
//!
//! In: a running daemon, before and after a number of requests. Out: seconds, processor time, memory and bytes written
//! between the two.

use std::time::Instant;

use anyhow::Result;
use indicatif::ProgressBar;
use serde::Serialize;
use test_support::daemon::Daemon;

use super::{
    figures::per_million,
    process::{self, Usage},
    progress,
};
use crate::proc;

/// A phase that has begun.
pub(crate) struct Phase {
    /// Shows how far it is.
    pub(super) bar: ProgressBar,
    pid: u32,
    before: Usage,
    own_before: f64,
    started: Instant,
}

/// What a phase cost.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    pub(super) client_cpu_seconds_per_million: f64,
    pub(crate) daemon_cpu_seconds_per_million: f64,
    pub(crate) peak_resident_bytes: u64,
    #[serde(skip)]
    pub(super) written_bytes: u64,
}

impl Phase {
    /// Begins with `length` things to do.
    ///
    /// # Errors
    ///
    /// When the daemon has ended.
    pub(crate) fn begin(daemon: &Daemon, what: &'static str, length: usize) -> Result<Self> {
        let (pid, bar) = (daemon.pid(), progress::bar(what, length));
        process::reset_peak(pid)?;
        let (before, own_before) = (Usage::of(pid)?, process::own_cpu_seconds()?);
        Ok(Self { bar, pid, before, own_before, started: Instant::now() })
    }

    /// Ends after `count` things were done.
    ///
    /// # Errors
    ///
    /// When the daemon has ended.
    pub(crate) fn end(self, count: usize) -> Result<Cost> {
        let seconds = self.started.elapsed().as_secs_f64();
        self.bar.finish_and_clear();
        let used = Usage::of(self.pid)?.since(self.before);
        Ok(Cost {
            seconds,
            client_cpu_seconds_per_million: per_million(process::own_cpu_seconds()? - self.own_before, count),
            daemon_cpu_seconds_per_million: per_million(used.cpu_seconds, count),
            peak_resident_bytes: proc::peak_resident_bytes(self.pid)?,
            written_bytes: used.written_bytes,
        })
    }
}
