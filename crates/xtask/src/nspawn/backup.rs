//! A backup under load: taken, the daemon killed, restored elsewhere, verified and served.

use std::fs;

use anyhow::{Context as _, Result, anyhow, ensure};
use test_support::client::Client;

use super::{
    s3,
    trial::{CONFIG, DATA_DIR, LeftOut, Trial},
};
use crate::prometheus::scrape;

/// Where what is made of snapshots lies.
const RESTORED: &str = "/srv/restored";
/// Where the daemon puts those that it takes itself, and what lets it.
const CLOCK_DIR: &str = "/srv/clock";
const CLOCK_DROP_IN: &str = "/etc/systemd/system/sluiced.service.d/clock.conf";
const CLOCK_GROUP: &str = "sluice-backup";
/// Where a daemon serves it.
const RESTORED_ADDRESS: &str = "127.0.0.1:9442";

/// To a directory of the machine and back.
pub(super) fn directory(trial: &Trial) -> Result<String> {
    round_trip(trial, "", "file:///srv/backup")
}

/// To an S3 server and back.
pub(super) fn service(trial: &Trial) -> Result<String> {
    let _server = start_service(trial, "s3")?;
    round_trip(trial, s3::VARIABLES, "s3://trial/sluice")
}

/// Starts an S3 server in a directory of this name.
///
/// # Errors
///
/// When there is no program for it, or it does not start.
pub(super) fn start_service(trial: &Trial, name: &str) -> Result<s3::Server> {
    let program = trial.s3_server.as_ref();
    let program = program.ok_or_else(|| anyhow!(LeftOut("no program is named by --s3-server".to_owned())))?;
    s3::Server::start(program, &trial.scratch.join(name))
}

/// The service itself goes on with a copy, as the book tells it.
pub(super) fn restore_under_unit(trial: &Trial) -> Result<String> {
    const URL: &str = "file:///srv/restored-from";
    const DIR: &str = "/var/lib/private/sluice";
    let machine = &trial.machine;
    fs::create_dir_all(machine.path("/srv"))?;
    machine.run(&format!("sluiced snapshot {URL} --data-dir {DATA_DIR}"))?;
    machine.run(&format!("systemctl stop sluiced.socket sluiced && mv {DIR} {DIR}.before"))?;
    let restored = machine.run(&format!("sluiced restore {URL} {DIR}"))?;
    // The password is for the clients of the trial; it has not changed since.
    machine.run(&format!("cp -p {DIR}.before/admin-password {DIR}"))?;
    machine.run("systemctl start sluiced.socket sluiced")?;
    trial.wait_until_ready()?;
    let checked = trial.check_ledger()?;
    // By its number: names of such users are known to a library that is not there. And as the daemon sees them: outside of its
    // mounts, files of such a user belong to nobody with systemd 257.
    let pid = trial.main_pid()?;
    let others =
        machine.run(&format!("find /proc/{pid}/root{DIR} ! -uid $(stat --format=%u /proc/{pid})"))?;
    ensure!(others.is_empty(), "these files are not the daemon's: {others}");
    let (code, said) = machine.try_run(&format!("sluiced snapshot {URL} --data-dir {DATA_DIR}"))?;
    ensure!(code == 1 && said.contains("--take-over"), "the place is not another's: {said}");
    machine.run(&format!("sluiced --data-dir {DATA_DIR} snapshot {URL} --take-over"))?;
    machine.run(&format!("rm -r {DIR}.before"))?;
    Ok(format!("{}; all {checked} values are in it", line(&restored, " is restored ")?))
}

/// The daemon takes them itself, with what the unit lets it, where an operator has opened a directory to it.
pub(super) fn by_the_clock(trial: &Trial) -> Result<String> {
    let machine = &trial.machine;
    let shipped = fs::read_to_string(machine.path(CONFIG))?;
    fs::create_dir_all(machine.path(CLOCK_DIR))?;
    machine.run(&format!(
        "groupadd --system {CLOCK_GROUP} && chgrp {CLOCK_GROUP} {CLOCK_DIR} && chmod 2770 {CLOCK_DIR}"
    ))?;
    let drop_in = format!("[Service]\nReadWritePaths={CLOCK_DIR}\nSupplementaryGroups={CLOCK_GROUP}\n");
    trial.write(CLOCK_DROP_IN, &drop_in)?;
    trial.configure(&format!("[snapshot]\nurl = \"file://{CLOCK_DIR}\"\ninterval = \"2s\"\nkeep = 2\n"))?;
    let outcome = watch_the_clock(trial);
    trial.configure(&shipped)?;
    fs::remove_file(machine.path(CLOCK_DROP_IN))?;
    machine.run("systemctl daemon-reload")?;
    trial.restart()?;
    outcome
}

fn watch_the_clock(trial: &Trial) -> Result<String> {
    trial.machine.run("systemctl daemon-reload")?;
    trial.restart()?;
    let taken = || {
        let text = scrape(&mut trial.client()?)?;
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("sluice_scheduled_snapshots_total{outcome=\"taken\"} "));
        Ok::<u64, anyhow::Error>(count.map_or(Ok(0), str::parse)?)
    };
    trial.wait_until("taking snapshots by itself", || Ok(3 <= taken()?))?;
    let count = fs::read_dir(trial.machine.path(CLOCK_DIR).join("snapshots"))?.count();
    ensure!(count <= 3, "{count} snapshots are kept");
    Ok(format!("{} snapshots in a row, {count} are kept", taken()?))
}

/// Takes two snapshots under load, kills the daemon, restores the second elsewhere, verifies and serves it.
fn round_trip(trial: &Trial, variables: &str, url: &str) -> Result<String> {
    let machine = &trial.machine;
    fs::create_dir_all(machine.path("/srv"))?;
    let snapshot = format!("{variables} sluiced snapshot {url} --data-dir {DATA_DIR}");
    let ((bodies, taken), seen) = trial.under_load(|| {
        machine.run(&snapshot)?;
        let bodies = trial.ledger.bodies();
        let taken = machine.run(&snapshot)?;
        trial.kill("KILL")?;
        Ok((bodies, taken))
    })?;
    seen.is_without_a_refusal()?;
    let restored = restore(trial, variables, url, bodies)?;
    let all = trial.check_ledger()?;
    Ok(format!("{}; {restored}, all {all} in the original; {}", line(&taken, " taken: ")?, seen.text()))
}

/// Restores elsewhere, verifies, serves, and looks up what the first `bodies` had.
///
/// # Errors
///
/// When something of it is missing.
pub(super) fn restore(trial: &Trial, variables: &str, url: &str, bodies: usize) -> Result<String> {
    let restored = trial.machine.run(&format!("{variables} sluiced restore {url} {RESTORED}"))?;
    let verified = trial.machine.run(&format!("sluiced verify {RESTORED}"))?;
    let checked = check_restored(trial, bodies)?;
    ensure!(0 < checked, "nothing was acknowledged before the snapshot");
    let (restored, verified) = (line(&restored, " is restored ")?, line(&verified, " is whole: ")?);
    Ok(format!("{restored}; {verified}; {checked} values of before the snapshot are in the copy"))
}

/// The line in which a command tells what it has done.
fn line<'told>(told: &'told str, what: &str) -> Result<&'told str> {
    told.lines()
        .find(|line| line.contains(what))
        .with_context(|| format!("it does not tell `{what}`: {told}"))
}

/// Serves what was restored, looks up what was acknowledged before, and removes it.
fn check_restored(trial: &Trial, bodies: usize) -> Result<usize> {
    let machine = &trial.machine;
    machine.run(&format!(
        "systemd-run --quiet --unit=restored --service-type=notify sluiced --listen {RESTORED_ADDRESS} --data-dir {RESTORED}"
    ))?;
    let mut client = Client::new(RESTORED_ADDRESS.parse()?, "admin", &trial.password()?);
    let checked = trial.ledger.check(&mut client, bodies).context("in what was restored");
    machine.run(&format!("systemctl stop restored; rm -r {RESTORED}"))?;
    checked
}
