//! The configuration: changed by a reload, and faulty at a reload and at a start.

use std::{
    fs,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::trial::{CONFIG, Reload, SUPPLIERS, Trial};

/// A configuration with a fault that is told with a hint.
const FAULTY: &str = "listne = \"127.0.0.1:9440\"\n";
/// The hint.
const HINT: &str = "did you mean";
/// What the log has of each request, if that is wanted, and of a reload, unless only warnings are.
const REQUEST: &str = " route=";
const RELOADED: &str = "are read anew and in force";
/// Exit code of a faulty configuration.
const CONFIG_FAULT: &str = "78";
/// Time in which a service that is started over and over would be, several times.
const LOOP_TIME: Duration = Duration::from_secs(6);
/// Most starts in that time: whoever connects may start the service, but not without end.
const STARTS_MAX: usize = 20;

/// A reload changes what the log tells.
pub(super) fn change_log(trial: &Trial) -> Result<String> {
    let shipped = fs::read_to_string(trial.machine.path(CONFIG))?;
    let since = trial.cursor()?;
    let told = |what: &str| Ok::<_, anyhow::Error>(trial.journal(&since)?.matches(what).count());
    trial.configure("[log]\naccess = true\n")?;
    trial.reload(Reload::Done)?;
    look_up(trial)?;
    trial.wait_until("telling of requests", || Ok(0 < told(REQUEST)?))?;
    ensure!(told(RELOADED)? == 1, "a reload is not told once");
    trial.configure("[log]\nlevel = \"warn\"\n")?;
    trial.reload(Reload::Done)?;
    trial.configure(&shipped)?;
    trial.reload(Reload::Done)?;
    // The reload before would have been told before.
    trial.wait_until("telling of a reload", || Ok(1 < told(RELOADED)?))?;
    ensure!(told(RELOADED)? == 2, "the level stays as it was");
    Ok("one reload turns the access log on, the next one tells warnings only".to_owned())
}

/// A faulty configuration changes nothing at a reload.
pub(super) fn reload_faulty(trial: &Trial) -> Result<String> {
    let (shipped, pid) = (fs::read_to_string(trial.machine.path(CONFIG))?, trial.main_pid()?);
    let errors = || trial.journal("--priority=err --output=cat");
    let hints = || Ok::<_, anyhow::Error>(errors()?.matches(HINT).count());
    let before = hints()?;
    trial.configure(FAULTY)?;
    let outcome = trial.reload(Reload::Refused);
    trial.configure(&shipped)?;
    outcome?;
    trial.wait_until("telling the fault as an error with a hint", || Ok(before < hints()?))?;
    ensure!(trial.main_pid()? == pid, "the daemon has ended");
    look_up(trial)?;
    trial.reload(Reload::Done)?;
    Ok(errors()?.lines().last().unwrap_or("").to_owned())
}

/// A faulty configuration at a start ends with its exit code, and is not started over and over, without and with the socket.
pub(super) fn start_faulty(trial: &Trial) -> Result<String> {
    let shipped = fs::read_to_string(trial.machine.path(CONFIG))?;
    trial.machine.run("systemctl stop sluiced.socket sluiced.service")?;
    trial.configure(FAULTY)?;
    let outcome = without_socket(trial).and_then(|()| with_socket(trial));
    trial.configure(&shipped)?;
    trial.machine.run("systemctl stop sluiced.socket sluiced.service; systemctl reset-failed; systemctl start sluiced.socket sluiced.service")?;
    trial.wait_until_ready()?;
    let starts = outcome?;
    Ok(format!(
        "exit code 78; with the socket, {starts} starts while clients came for {} s",
        LOOP_TIME.as_secs()
    ))
}

fn without_socket(trial: &Trial) -> Result<()> {
    let cursor = trial.cursor()?;
    let (code, _) = trial.machine.try_run("systemctl start sluiced.service")?;
    ensure!(code != 0, "a faulty configuration starts");
    thread::sleep(LOOP_TIME);
    let status = trial.property("ExecMainStatus")?;
    ensure!(status == CONFIG_FAULT, "the exit code is {status}");
    let (state, restarts) = (trial.property("ActiveState")?, trial.property("NRestarts")?);
    ensure!(state == "failed" && restarts == "0", "the service is {state} after {restarts} restarts");
    let journal = trial.journal(&format!("{cursor} --output=cat"))?;
    ensure!(journal.contains(HINT), "the fault is not told with a hint: {journal}");
    let starts = starts(&journal);
    ensure!(starts == 1, "there were {starts} starts");
    Ok(())
}

/// How often the service was started while clients came.
fn with_socket(trial: &Trial) -> Result<usize> {
    trial.machine.run("systemctl reset-failed sluiced.service; systemctl start sluiced.socket")?;
    let cursor = trial.cursor()?;
    let began = Instant::now();
    while began.elapsed() < LOOP_TIME {
        // Nobody answers; systemd may close the socket.
        drop(TcpStream::connect_timeout(&Trial::address()?, Duration::from_millis(100)));
        thread::sleep(Duration::from_millis(20));
    }
    let journal = trial.journal(&format!("{cursor} --output=cat"))?;
    let starts = starts(&journal);
    ensure!((1..=STARTS_MAX).contains(&starts), "the service was started {starts} times");
    Ok(starts)
}

/// How often systemd says that it starts the service.
fn starts(journal: &str) -> usize {
    journal.lines().filter(|line| line.starts_with("Starting ")).count()
}

/// The daemon answers.
fn look_up(trial: &Trial) -> Result<()> {
    let mut client = trial.client()?;
    let answer = client.request("GET", SUPPLIERS, b"").context("the daemon does not answer")?;
    ensure!(answer.status == 200, "the daemon answers {}", answer.status);
    Ok(())
}
