//! The daemon stopped and started again: cleanly, and killed with rows in its memory.
//!
//! In: a running daemon, a body that it has not seen. Out: how long each start took until it was ready, and an error
//! when a value that was acknowledged is gone after it.

use std::{path::Path, time::Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use test_support::{
    client::{LOOKUP_PATH, indicators_path},
    daemon::Daemon,
    dice::Dice,
};

use super::{
    bodies::{Bodies, SUPPLIER},
    known::{Distribution, Known},
    lookups::{check, write_object},
};
use crate::proc::disk_bytes;

/// Values that are looked up after a start.
const CHECKED_VALUES: usize = 1_000;

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct RestartFigures {
    pub(super) stop_seconds: f64,
    /// Everything is in the trees then.
    pub(super) stopped_disk_bytes: u64,
    pub(super) ready_after_stop_seconds: f64,
    /// Elements of the bodies that were acknowledged just before the kill.
    pub(super) indicators_before_kill: usize,
    pub(super) ready_after_kill_seconds: f64,
    pub(super) checked_values: usize,
}

/// Stops, starts, pushes, kills, starts and checks; returns the daemon that runs then.
///
/// # Errors
///
/// When the daemon does not stop well, or has lost something.
pub(super) fn run(
    mut daemon: Daemon,
    binary: &Path,
    dir: &Path,
    bodies: &Bodies<'_>,
    known: &Known<'_>,
    seed: u64,
) -> Result<(Daemon, RestartFigures)> {
    let stop_seconds = stop(daemon)?;
    let stopped_disk_bytes = disk_bytes(&dir.join("data"))?;
    daemon = Daemon::start(binary, dir);
    let after_stop = daemon.wait_until_ready();
    look_up_some(&daemon, known, seed)?;
    let (mut scratch, mut client) = (Vec::new(), daemon.client());
    for (number, plan) in bodies.plans().iter().enumerate() {
        let outcome = client.ask("PUT", &indicators_path(SUPPLIER), bodies.bytes(number, &mut scratch))?;
        outcome.answer.rejected()?;
        known.acknowledge(plan.new.clone());
    }
    daemon.kill();
    drop(daemon);
    daemon = Daemon::start(binary, dir);
    let after_kill = daemon.wait_until_ready();
    look_up_some(&daemon, known, seed + 1)?;
    let figures = RestartFigures {
        stop_seconds,
        stopped_disk_bytes,
        ready_after_stop_seconds: after_stop.as_secs_f64(),
        indicators_before_kill: bodies.elements(),
        ready_after_kill_seconds: after_kill.as_secs_f64(),
        checked_values: 2 * CHECKED_VALUES,
    };
    Ok((daemon, figures))
}

/// Stops a daemon well; tells how long it took.
pub(super) fn stop(daemon: Daemon) -> Result<f64> {
    let started = Instant::now();
    let status = daemon.terminate();
    ensure!(status.success(), "the daemon stopped with {status}");
    Ok(started.elapsed().as_secs_f64())
}

fn look_up_some(daemon: &Daemon, known: &Known<'_>, seed: u64) -> Result<()> {
    let (mut client, mut dice) = (daemon.client(), Dice::new(&[seed]));
    for _ in 0..CHECKED_VALUES {
        let mut value = Vec::new();
        ensure!(
            known.draw_stored(Distribution::Uniform, &mut dice, &mut value),
            "there is nothing to look up"
        );
        let mut body = vec![b'['];
        write_object(&value, &mut body);
        body.push(b']');
        let answer = client.ask("POST", LOOKUP_PATH, &body)?.answer;
        check(answer.status, &answer.body, true)
            .with_context(|| format!("lookup of {} after a start", String::from_utf8_lossy(&value)))?;
    }
    Ok(())
}

impl RestartFigures {
    /// Some lines.
    pub(super) fn text(&self) -> String {
        format!(
            "stopped in {:.2} s, {} bytes on disk then, ready again after {:.2} s\n  \
             killed after the answer to {} indicators, ready again after {:.2} s; {} values looked up, all there",
            self.stop_seconds,
            self.stopped_disk_bytes,
            self.ready_after_stop_seconds,
            self.indicators_before_kill,
            self.ready_after_kill_seconds,
            self.checked_values,
        )
    }
}
