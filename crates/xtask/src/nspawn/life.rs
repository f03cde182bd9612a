//! The service under load: reloaded, restarted, killed and hung.

use anyhow::{Result, ensure};

use super::trial::{Reload, Trial};

/// How often each is done.
const ROUNDS: usize = 5;

/// Reloads under load: no request is refused or lost.
pub(super) fn reload(trial: &Trial) -> Result<String> {
    let pid = trial.main_pid()?;
    let ((), seen) = trial.under_load(|| (0..ROUNDS).try_for_each(|_| trial.reload(Reload::Done)))?;
    seen.is_without_a_gap()?;
    ensure!(trial.main_pid()? == pid, "a reload is a restart");
    Ok(format!("{ROUNDS} times: {}", seen.text()))
}

/// Restarts under load, with the socket: no request is refused or lost.
pub(super) fn restart(trial: &Trial) -> Result<String> {
    let ((), seen) = trial.under_load(|| (0..ROUNDS).try_for_each(|_| trial.restart()))?;
    seen.is_without_a_gap()?;
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
    let cursor = trial.cursor()?;
    let ((), seen) = trial.under_load(|| trial.kill("STOP"))?;
    seen.is_without_a_refusal()?;
    let journal = trial.journal(&cursor)?;
    ensure!(journal.contains("Watchdog timeout"), "the watchdog has not ended it: {journal}");
    let checked = trial.check_ledger()?;
    Ok(format!("{}; {checked} values are there", seen.text()))
}
