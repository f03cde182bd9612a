//! The package: installed, upgraded, removed and purged.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result, ensure};
use test_support::client::Client;

use super::trial::{CONFIG, DATA_DIR, Trial};

/// Highest score of `systemd-analyze security`.
const EXPOSURE_MAX: f64 = 1.2;

/// Where the two packages lie inside.
pub(super) const PACKAGE: &str = "/root/sluice.deb";
pub(super) const NEXT_PACKAGE: &str = "/root/sluice-next.deb";

/// Installs the package: everything is there, enabled and runs.
pub(super) fn install(trial: &Trial) -> Result<String> {
    let machine = &trial.machine;
    machine.run(&format!("dpkg --install {PACKAGE}"))?;
    let ready = trial.wait_until_ready()?;
    machine.run("systemctl is-enabled sluiced.service && systemctl is-active sluiced.service")?;
    let failed = machine.run("systemctl --failed --no-legend --plain")?;
    ensure!(failed.is_empty(), "units failed: {failed}");
    let check = trial.property("ExecStartPre")?;
    ensure!(check.contains(" check-config ") && check.contains("status=0"), "ExecStartPre= is {check}");
    for (path, mode) in [
        ("/usr/bin/sluiced", 0o755),
        ("/usr/bin/sluice", 0o755),
        (CONFIG, 0o644),
        // Where the links of alerts lead.
        ("/usr/share/doc/sluice/book/runbook.md", 0o644),
        ("/usr/share/doc/sluice/examples/alerts_test.yml", 0o644),
        ("/var/lib/private/sluice", 0o700),
        ("/var/lib/private/sluice/admin-password", 0o600),
    ] {
        let metadata = fs::metadata(machine.path(path)).with_context(|| format!("{path} is missing"))?;
        let found = metadata.permissions().mode() & 0o7777;
        ensure!(found == mode, "{path} has the mode {found:o}");
    }
    let version = machine.run("sluiced --version")?;
    let version_of_client = machine.run("sluice --version")?;
    ensure!(
        version.strip_prefix("sluiced ") == version_of_client.strip_prefix("sluice "),
        "{version_of_client}"
    );
    trial.ledger.prepare(&mut trial.client()?)?;
    Ok(format!("{}; ready {} ms after dpkg", version.trim(), ready.as_millis()))
}

/// Puts the socket into use, as the package tells it.
pub(super) fn use_socket(trial: &Trial) -> Result<String> {
    let machine = &trial.machine;
    machine
        .run("systemctl stop sluiced && systemctl enable --now sluiced.socket && systemctl start sluiced")?;
    trial.wait_until_ready()?;
    machine.run("systemctl is-active sluiced.socket sluiced.service")?;
    let journal = trial.journal("--output=cat")?;
    ensure!(
        journal.contains("listens on a socket of the service manager"),
        "it opens a socket of its own: {journal}"
    );
    Ok("systemd holds the socket".to_owned())
}

/// The journal has priorities, names who was refused, and holds no secret.
pub(super) fn journal(trial: &Trial) -> Result<String> {
    let mut stranger = Client::new(Trial::address()?, "stranger", "a wrong password");
    let status = stranger.request("GET", "/api/1.3/suppliers", b"")?.status;
    ensure!(status == 401, "a wrong password is answered with {status}");
    trial.wait_until("telling who was refused", || {
        Ok(trial.journal("--priority=warning --output=cat")?.contains("stranger"))
    })?;
    let warnings = trial.journal("--priority=warning --output=cat")?;
    let all = trial.journal("--output=cat")?;
    ensure!(!warnings.contains("sluiced starts"), "a start is a warning");
    ensure!(all.contains("sluiced starts"), "the journal does not tell of the start: {all}");
    ensure!(!all.lines().any(|line| line.starts_with('<')), "a priority is left in the text: {all}");
    let errors = trial.journal("--priority=err --output=cat")?;
    ensure!(errors.is_empty(), "there are errors: {errors}");
    for secret in [trial.password()?.as_str(), "a wrong password"] {
        ensure!(!all.contains(secret), "a secret is in the journal");
    }
    Ok(format!("{} lines, {} of them warnings", all.lines().count(), warnings.lines().count()))
}

/// systemd finds little that the service could do.
pub(super) fn exposure(trial: &Trial) -> Result<String> {
    let told = trial.machine.run("systemd-analyze security --no-pager sluiced.service")?;
    let (_, rest) = told.rsplit_once("exposure level for sluiced.service: ").context("there is no score")?;
    let score: f64 = rest.split_whitespace().next().context("there is no score")?.parse()?;
    ensure!(score <= EXPOSURE_MAX, "the exposure is {score}");
    Ok(format!("exposure {score}"))
}

/// Upgrades under load: no request is refused or lost, and the new version runs.
pub(super) fn upgrade(trial: &Trial) -> Result<String> {
    let version = || trial.machine.run("dpkg-query --show --showformat='${Version}' sluice");
    let (before, pid) = (version()?, trial.main_pid()?);
    let configuration = fs::read(trial.machine.path(CONFIG))?;
    let ((), seen) = trial.under_load(|| {
        trial.machine.run(&format!("dpkg --force-confold --install {NEXT_PACKAGE}"))?;
        trial.wait_for_another(pid)
    })?;
    seen.is_without_a_gap()?;
    seen.told_the_slow(1)?;
    let after = version()?;
    ensure!(before != after, "the version stays {after}");
    let program = trial.machine.run(&format!("readlink /proc/{}/exe", trial.main_pid()?))?;
    ensure!(program.trim() == "/usr/bin/sluiced", "the old program runs: {program}");
    ensure!(fs::read(trial.machine.path(CONFIG))? == configuration, "the configuration is not kept");
    let checked = trial.check_ledger()?;
    Ok(format!("{before} to {after}: {}; {checked} values are there", seen.text()))
}

/// Removes the package: the service is gone, configuration and data stay.
pub(super) fn remove(trial: &Trial) -> Result<String> {
    let machine = &trial.machine;
    machine.run("dpkg --remove sluice")?;
    for unit in ["sluiced.service", "sluiced.socket"] {
        let (code, said) = machine.try_run(&format!("systemctl is-active {unit}"))?;
        ensure!(code != 0, "{unit} is {said}");
    }
    let (code, said) = machine.try_run("pidof sluiced || ls /usr/bin/sluiced 2>/dev/null")?;
    ensure!(code != 0, "there still is {said}");
    for kept in [CONFIG, "/var/lib/private/sluice/MANIFEST"] {
        ensure!(machine.path(kept).exists(), "{kept} is gone");
    }
    let failed = machine.run("systemctl --failed --no-legend --plain")?;
    ensure!(failed.is_empty(), "units failed: {failed}");
    Ok("the service is gone, configuration and data are kept".to_owned())
}

/// Purges the package: nothing is left of it.
pub(super) fn purge(trial: &Trial) -> Result<String> {
    trial.machine.run("dpkg --purge sluice")?;
    let left = trial.machine.run(
        "find / -xdev \\( -path /proc -o -path /sys -o -path /root -o -path /var/log \\) -prune -o -iname '*sluice*' -print",
    )?;
    ensure!(left.is_empty(), "left behind: {left}");
    let (code, said) = trial.machine.try_run("dpkg-query --status sluice 2>/dev/null")?;
    ensure!(code != 0, "dpkg still knows {said}");
    Ok(format!("nothing is left, {DATA_DIR} neither"))
}
