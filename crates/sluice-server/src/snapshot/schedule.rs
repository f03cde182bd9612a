//! Snapshots by the clock: the daemon runs the command `snapshot` as a child.
//!
//! In: where to and how often. Out: snapshots, and a log line for each. The command itself sees from what is there whether
//! one is due, so restarts of the daemon neither skip nor repeat any. A child cannot hurt its daemon, whatever a service
//! does; when the daemon stops, it hands out nothing more and the child ends. One that hangs is killed, and told.

use std::{
    io,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    NEWEST, TAKEN,
    child::{self, Ended},
    taken_at,
};
use crate::{config::SnapshotSettings, life::lifecycle::Phase, metrics::operations::OperationMetrics};

/// How many times in an interval it is seen whether a snapshot is due.
const LOOKS: u32 = 24;
/// Shortest time between two looks.
const LOOK_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// How often the thread sees whether the daemon stops.
const PHASE_INTERVAL: Duration = Duration::from_secs(1);
/// Least time that a snapshot has. The first one copies everything.
const TIME_MAX_MIN: Duration = Duration::from_hours(1);
/// The binary of this very process, also when another one has been installed in its place.
const OWN_BINARY: &str = "/proc/self/exe";

/// Starts the thread, if snapshots are configured.
///
/// # Errors
///
/// When the operating system refuses a thread.
pub(crate) fn start(
    settings: &SnapshotSettings,
    data_dir: &Path,
    phase: watch::Receiver<Phase>,
    metrics: Arc<OperationMetrics>,
) -> io::Result<()> {
    if settings.url.is_empty() {
        return Ok(());
    }
    metrics.schedule_snapshots(settings.interval.seconds());
    let (settings, data_dir) = (settings.clone(), data_dir.to_owned());
    let run = move || keep_time(&settings, &data_dir, &phase, &metrics);
    thread::Builder::new().name("schedule".to_owned()).spawn(run).map(drop)
}

fn keep_time(
    settings: &SnapshotSettings,
    data_dir: &Path,
    phase: &watch::Receiver<Phase>,
    metrics: &OperationMetrics,
) {
    let look_interval = (settings.interval.seconds() / LOOKS).max(LOOK_INTERVAL_MIN);
    let mut looked_at: Option<Instant> = None;
    // An error says that the daemon is gone.
    while phase.has_changed().is_ok() && *phase.borrow() != Phase::Stopping {
        let is_due = looked_at.is_none_or(|looked_at| look_interval <= looked_at.elapsed());
        if is_due && *phase.borrow() == Phase::Ready {
            looked_at = Some(Instant::now());
            take(settings, data_dir, metrics);
        }
        thread::park_timeout(PHASE_INTERVAL.min(look_interval));
    }
}

fn take(settings: &SnapshotSettings, data_dir: &Path, metrics: &OperationMetrics) {
    let mut command = Command::new(OWN_BINARY);
    command.arg("--data-dir").arg(data_dir).arg("snapshot").arg("--name-newest").arg(&settings.url);
    command.arg("--keep").arg(settings.keep.get().to_string());
    command.arg("--every").arg(format!("{}s", settings.interval.get()));
    let time_max = time_max(settings.interval.seconds());
    tell(child::run(&mut command, time_max), time_max, metrics);
}

/// How long a snapshot may take before it counts as hanging: the next but one is due by then.
fn time_max(interval: Duration) -> Duration {
    (2 * interval).max(TIME_MAX_MIN)
}

/// Tells log and metrics what has become of a snapshot.
fn tell(ended: io::Result<Ended>, time_max: Duration, metrics: &OperationMetrics) {
    match ended {
        Ok(Ended { status: Some(status), stdout, stderr }) => {
            let is_taken = stdout.contains(TAKEN);
            for line in stdout.lines().filter(|line| !line.is_empty()) {
                if let Some(name) = line.strip_prefix(NEWEST) {
                    if let Some(time) = taken_at(name) {
                        metrics.newest_snapshot(time);
                    }
                    continue;
                }
                if line.contains(TAKEN) {
                    metrics.snapshot_taken();
                }
                tracing::info!("scheduled {line}");
            }
            let cause = stderr.lines().rev().find_map(|line| line.strip_prefix("sluiced: "));
            if !status.success() && is_taken {
                tracing::warn!(cause, "the scheduled snapshot was taken, but not all is well");
            } else if !status.success() {
                metrics.snapshot_failed();
                tracing::error!(%status, cause, "the scheduled snapshot failed; the last good one is as it was");
            }
        }
        Ok(Ended { status: None, .. }) => {
            metrics.snapshot_failed();
            let seconds = time_max.as_secs();
            tracing::error!(
                seconds,
                "the scheduled snapshot did not end in its time and was killed; the last good one is as it was"
            );
        }
        Err(error) => {
            metrics.snapshot_failed();
            tracing::error!(%error, "the scheduled snapshot could not be started");
        }
    }
}

#[cfg(test)]
mod tests;
