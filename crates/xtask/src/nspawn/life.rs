//! The service under load: reloaded, restarted, killed and hung.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{
    stopped_thread::StoppedThread,
    trial::{Reload, Trial},
};

/// How often each is done.
const ROUNDS: usize = 5;
/// Longest time of a restart. What is being sent and cannot end holds it up for seconds; until the time for a stop is over, it would
/// be 30 s.
const RESTART_TIME_MAX: Duration = Duration::from_secs(15);
/// What the kernel shows of the name of a thread that serves connections.
const CONNECTIONS_THREAD: &str = "actix-rt|system";

/// Reloads under load: no request is refused or lost.
pub(super) fn reload(trial: &Trial) -> Result<String> {
    let pid = trial.main_pid()?;
    let ((), seen) = trial.under_load(|| (0..ROUNDS).try_for_each(|_| trial.reload(Reload::Done)))?;
    seen.is_without_a_gap()?;
    seen.told_the_slow(0)?;
    ensure!(trial.main_pid()? == pid, "a reload is a restart");
    Ok(format!("{ROUNDS} times: {}", seen.text()))
}

/// Restarts under load, while systemd has the socket: no request is refused or lost.
pub(super) fn restart(trial: &Trial) -> Result<String> {
    let ((), seen) = trial.under_load(|| {
        for _ in 0..ROUNDS {
            let began = Instant::now();
            trial.restart()?;
            let taken = began.elapsed();
            ensure!(taken < RESTART_TIME_MAX, "a restart takes {taken:?}");
        }
        Ok(())
    })?;
    seen.is_without_a_gap()?;
    seen.told_the_slow(ROUNDS)?;
    let checked = trial.check_ledger()?;
    Ok(format!("{ROUNDS} times: {}; {checked} values are there", seen.text()))
}

/// Kills the daemon under load: systemd starts it again, and nothing that was acknowledged is lost.
pub(super) fn kill(trial: &Trial) -> Result<String> {
    let ((), seen) = trial.under_load(|| (0..ROUNDS).try_for_each(|_| trial.kill("KILL")))?;
    seen.is_without_a_refusal()?;
    let checked = trial.check_ledger()?;
    Ok(format!("{ROUNDS} times: {}; {checked} values are there", seen.text()))
}

/// Stops the daemon in its tracks under load: the watchdog ends it, and nothing that was acknowledged is lost.
pub(super) fn hang(trial: &Trial) -> Result<String> {
    ended_by_watchdog(trial, || trial.kill("STOP"))
}

/// Stops one thread that serves connections, under load, while all others go on: the watchdog notices that too.
pub(super) fn hang_thread(trial: &Trial) -> Result<String> {
    ended_by_watchdog(trial, || {
        let before = trial.main_pid()?;
        let stopped = StoppedThread::stop(trial.machine.pid_outside(before)?, CONNECTIONS_THREAD)?;
        trial.wait_until("ended by the watchdog", || stopped.has_ended())?;
        trial.wait_for_another(before)
    })
}

/// Makes the daemon hang in some way, under load, and checks that the watchdog has ended it.
fn ended_by_watchdog(trial: &Trial, hang: impl FnOnce() -> Result<()>) -> Result<String> {
    let cursor = trial.cursor()?;
    let ((), seen) = trial.under_load(hang)?;
    seen.is_without_a_refusal()?;
    let journal = trial.journal(&cursor)?;
    ensure!(journal.contains("Watchdog timeout"), "the watchdog has not ended it: {journal}");
    let checked = trial.check_ledger()?;
    Ok(format!("{}; {checked} values are there", seen.text()))
}
