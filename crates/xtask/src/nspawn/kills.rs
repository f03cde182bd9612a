//! Snapshots to an S3 server that are killed midway: the command, the daemon, or the server, with SIGKILL.
//!
//! In: a daemon that is fed, and a server of its own. Out: after each kill, the next snapshot is taken, and restored whole; what
//! the kill has left over is in nobody's way.

use std::{process::Stdio, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use test_support::dice::Dice;

use super::{
    backup::{restore, start_service},
    s3,
    trial::{DATA_DIR, Trial},
};

/// Where snapshots go.
const URL: &str = "s3://trial/killed";
/// Longest time for a snapshot, in which its command tries again while the server is away.
const SNAPSHOT_WAIT: Duration = Duration::from_mins(5);
/// After so many milliseconds the kill comes; a snapshot of what was fed takes longer than the least of it.
const DELAYS_MS: [usize; 2] = [50, 500];
/// How often each is killed.
const ROUNDS: usize = 3;

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Command,
    Daemon,
    Server,
}

/// Kills each of them a few times, under load.
pub(super) fn midway(trial: &Trial) -> Result<String> {
    let mut server = start_service(trial, "s3-killed")?;
    let mut dice = Dice::new(&[11]);
    let mut told = Vec::new();
    for victim in [Victim::Command, Victim::Daemon, Victim::Server] {
        let mut cut_short = 0;
        for _ in 0..ROUNDS {
            let delay = DELAYS_MS[0] + dice.index(DELAYS_MS[1] - DELAYS_MS[0]);
            let kill = || kill(trial, &mut server, victim, Duration::from_millis(delay as u64));
            let (is_cut_short, seen) = trial.under_load(kill)?;
            seen.is_without_a_refusal()?;
            cut_short += usize::from(is_cut_short);
            let bodies = trial.ledger.bodies();
            trial.machine.run(&snapshot(SNAPSHOT_WAIT))?;
            restore(trial, s3::VARIABLES, URL, bodies)
                .with_context(|| format!("{victim:?} was killed after {delay} ms"))?;
        }
        told.push(format!("{victim:?} killed {ROUNDS} times, {cut_short} snapshots cut short"));
    }
    let all = trial.check_ledger()?;
    Ok(format!("{}; each next one restored whole, all {all} values in the original", told.join(", ")))
}

/// The command, for at most so many seconds: then it is killed.
fn snapshot(limit: Duration) -> String {
    format!(
        "timeout --foreground --signal=KILL {} env {} sluiced snapshot {URL} --keep 3 --data-dir {DATA_DIR}",
        limit.as_secs_f64(),
        s3::VARIABLES
    )
}

/// Begins a snapshot and kills; returns true if nothing came of the snapshot. Everything runs again afterwards.
fn kill(trial: &Trial, server: &mut s3::Server, victim: Victim, delay: Duration) -> Result<bool> {
    let limit = if matches!(victim, Victim::Command) { delay } else { SNAPSHOT_WAIT };
    let mut command = trial.machine.command("/bin/sh");
    command.args(["-c", &snapshot(limit)]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = command.spawn()?;
    thread::sleep(delay);
    let killed = match victim {
        Victim::Command => Ok(()),
        Victim::Daemon => trial.kill("KILL"),
        Victim::Server => server.kill().and_then(|()| server.start_again()),
    };
    let status = command.wait()?;
    killed?;
    // That of a time that was over.
    ensure!(matches!(victim, Victim::Command) || status.code() != Some(137), "a snapshot does not end");
    Ok(!status.success())
}
