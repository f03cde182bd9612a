//! What the daemon still does after a push, until it is idle.
//!
//! In: a daemon, and what the push before cost. Out: the same figures with that work included. Idle is a stretch of
//! some seconds in which the daemon takes less than 2 % of a core; the stretch itself is not counted. What stays in
//! memory until it is old enough is not waited for.

use std::{
    collections::VecDeque,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::ProgressBar;
use serde::Serialize;
use test_support::daemon::Daemon;

use super::{
    disk::DiskWatch,
    figures::{float, per, per_million},
    ingest,
    process::{self, Usage},
    progress,
};
use crate::proc;

/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Share of a core below which the daemon is idle.
const IDLE_CORES: f64 = 0.02;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitLimits {
    /// How long the daemon must be idle.
    pub(super) idle: Duration,
    /// For how long that is waited for.
    pub(super) most: Duration,
}

/// A push with the work after it.
#[derive(Debug, Serialize)]
pub(super) struct SettleFigures {
    /// From the last answer to the beginning of idleness.
    pub(super) seconds: f64,
    /// Whether it became idle at all.
    pub(super) is_idle: bool,
    /// Over the time of the push and this one.
    pub(super) sustained_indicators_per_second: f64,
    pub(super) daemon_cpu_seconds_per_million: f64,
    /// Bytes that went to the disk for each byte of a body.
    pub(super) write_amplification: f64,
    pub(super) written_bytes_per_indicator: f64,
    pub(super) peak_resident_bytes: u64,
    pub(super) disk_bytes: u64,
    pub(super) peak_disk_bytes: u64,
    /// For each distinct indicator that is stored.
    pub(super) disk_bytes_per_indicator: f64,
}

/// Waits until the daemon is idle and adds what it did to the figures of the push.
///
/// # Errors
///
/// When the daemon has ended.
pub(super) fn run(
    daemon: &Daemon,
    data_dir: &Path,
    limits: WaitLimits,
    push: &ingest::PushFigures,
    stored: usize,
) -> Result<SettleFigures> {
    let pid = daemon.pid();
    process::reset_peak(pid)?;
    let watch = DiskWatch::start(data_dir)?;
    let bar = progress::bar("settling", 0);
    let (seconds, is_idle) = wait(pid, limits, push.ended_at, &bar)?;
    bar.finish_and_clear();
    let used = Usage::of(pid)?.since(push.used_before);
    let written = float(used.written_bytes);
    let disk_bytes = proc::disk_bytes(data_dir)?;
    Ok(SettleFigures {
        seconds,
        is_idle,
        sustained_indicators_per_second: float(push.indicators) / (push.seconds + seconds),
        daemon_cpu_seconds_per_million: per_million(used.cpu_seconds, push.indicators),
        write_amplification: per(written, push.body_bytes),
        written_bytes_per_indicator: per(written, push.indicators),
        peak_resident_bytes: proc::peak_resident_bytes(pid)?,
        disk_bytes,
        peak_disk_bytes: watch.stop()?.max(disk_bytes),
        disk_bytes_per_indicator: per(float(disk_bytes), stored),
    })
}

/// Returns how many seconds after `ended_at` idleness began, and whether it did.
fn wait(pid: u32, limits: WaitLimits, ended_at: Instant, bar: &ProgressBar) -> Result<(f64, bool)> {
    let (started, process) = (Instant::now(), pid.to_string());
    let mut looks = VecDeque::new();
    while started.elapsed() < limits.most {
        let (at, cpu_seconds) = (ended_at.elapsed(), process::cpu_seconds(&process)?);
        looks.push_back((at, cpu_seconds));
        // The first look that is old enough is where the stretch begins.
        while looks.get(1).is_some_and(|(second, _)| limits.idle <= at.saturating_sub(*second)) {
            looks.pop_front();
        }
        if let Some((since, cpu_before)) = looks.front() {
            let stretch = at.saturating_sub(*since);
            if limits.idle <= stretch && cpu_seconds - cpu_before < IDLE_CORES * stretch.as_secs_f64() {
                return Ok((since.as_secs_f64(), true));
            }
        }
        bar.tick();
        thread::park_timeout(LOOK_INTERVAL);
    }
    Ok((ended_at.elapsed().as_secs_f64(), false))
}

impl SettleFigures {
    /// Some lines.
    pub(super) fn text(&self) -> String {
        format!(
            "{} after {:.2} s; with merging included: {:.0} indicators/s sustained\n  \
             daemon CPU seconds a million {:.3}; written: {:.2} bytes for each byte of a body, {:.0} for each \
             indicator\n  peak resident set {:.0} MiB; {} bytes on disk, {} at most; {:.1} for each distinct indicator",
            if self.is_idle { "idle" } else { "NOT idle" },
            self.seconds,
            self.sustained_indicators_per_second,
            self.daemon_cpu_seconds_per_million,
            self.write_amplification,
            self.written_bytes_per_indicator,
            float(self.peak_resident_bytes) / f64::from(1 << 20),
            self.disk_bytes,
            self.peak_disk_bytes,
            self.disk_bytes_per_indicator,
        )
    }
}
