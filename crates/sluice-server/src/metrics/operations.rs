//! What operators have the daemon do: reloads, and snapshots by the clock.
//!
//! In: how each ended. Out: counts, and when it last went well.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use super::{
    declared::{RELOAD_SUCCESSFUL, RELOAD_TIME, RELOADS, SNAPSHOT_INTERVAL, SNAPSHOT_TIME, SNAPSHOTS},
    exposition::{Exposition, Value},
};

#[cfg(test)]
mod tests;

/// See the module.
#[derive(Debug)]
pub(crate) struct OperationMetrics {
    reloads: AtomicU64,
    reloads_refused: AtomicU64,
    is_reload_refused: AtomicBool,
    /// In seconds since 1970.
    reloaded_at: AtomicU64,
    snapshots: AtomicU64,
    snapshots_failed: AtomicU64,
    /// In seconds since 1970; 0 while none is known.
    snapshot_at: AtomicU64,
    /// In seconds; 0 if none are scheduled.
    snapshot_interval: AtomicU64,
}

impl OperationMetrics {
    /// Begins at the start of the daemon, with a configuration that is in force.
    pub(crate) fn begin() -> Self {
        Self {
            reloads: AtomicU64::new(0),
            reloads_refused: AtomicU64::new(0),
            is_reload_refused: AtomicBool::new(false),
            reloaded_at: AtomicU64::new(seconds_of(SystemTime::now())),
            snapshots: AtomicU64::new(0),
            snapshots_failed: AtomicU64::new(0),
            snapshot_at: AtomicU64::new(0),
            snapshot_interval: AtomicU64::new(0),
        }
    }

    /// A new configuration is in force.
    pub(crate) fn reloaded(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        self.reloaded_at.store(seconds_of(SystemTime::now()), Ordering::Relaxed);
        self.is_reload_refused.store(false, Ordering::Relaxed);
    }

    /// A new configuration was refused.
    pub(crate) fn reload_refused(&self) {
        self.reloads_refused.fetch_add(1, Ordering::Relaxed);
        self.is_reload_refused.store(true, Ordering::Relaxed);
    }

    /// Snapshots are to be taken by the clock.
    pub(crate) fn schedule_snapshots(&self, interval: Duration) {
        self.snapshot_interval.store(interval.as_secs(), Ordering::Relaxed);
    }

    /// A snapshot was taken by the clock.
    pub(crate) fn snapshot_taken(&self) {
        self.snapshots.fetch_add(1, Ordering::Relaxed);
    }

    /// A snapshot that was due was not taken.
    pub(crate) fn snapshot_failed(&self) {
        self.snapshots_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The newest snapshot was taken then.
    pub(crate) fn newest_snapshot(&self, taken_at: SystemTime) {
        self.snapshot_at.store(seconds_of(taken_at), Ordering::Relaxed);
    }

    /// Tells all of it.
    pub(crate) fn tell(&self, to: &mut Exposition) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let count = |outcome: &'static str, number: &AtomicU64| {
            (vec![("outcome", outcome.into())], Value::Whole(read(number)))
        };
        to.add(RELOADS, [count("done", &self.reloads), count("refused", &self.reloads_refused)]);
        let is_in_force = !self.is_reload_refused.load(Ordering::Relaxed);
        to.add_one(RELOAD_SUCCESSFUL, Value::Whole(u64::from(is_in_force)));
        to.add_one(RELOAD_TIME, Value::Whole(read(&self.reloaded_at)));
        to.add(SNAPSHOTS, [count("taken", &self.snapshots), count("failed", &self.snapshots_failed)]);
        for (metric, number) in
            [(SNAPSHOT_TIME, &self.snapshot_at), (SNAPSHOT_INTERVAL, &self.snapshot_interval)]
        {
            let known = Some(read(number)).filter(|number| *number != 0);
            to.add(metric, known.map(|number| (vec![], Value::Whole(number))));
        }
    }
}

fn seconds_of(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
