//! Who may do what, as an operator sets it up beside the running service, and what the journal tells of it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use test_support::client::Client;

use super::trial::{ADDRESS, CONFIG, DATA_DIR, Reload, SUPPLIERS, Trial, curl};
use crate::command::output_of;

/// Exit code of a second daemon on the data directory.
const IN_USE: i32 = 75;
/// Where a client is that a proxy tells of.
const BEHIND_PROXY: &str = "192.0.2.7";

/// Users and tokens are made and used, wrong passwords and changes are told, and a second daemon keeps away.
pub(super) fn roles(trial: &Trial) -> Result<String> {
    let cursor = trial.cursor()?;
    users(trial)?;
    tokens(trial)?;
    second_daemon(trial)?;
    behind_a_proxy(trial)?;
    let told = || trial.journal(&format!("{cursor} --output=cat"));
    let wanted = [
        "change=\"user bob added, role=analyst",
        "reason=\"wrong password\" user=\"bob\"",
        &format!("login refused address={BEHIND_PROXY} reason=\"wrong password\""),
    ];
    for line in wanted {
        trial.wait_until(line, || Ok(told()?.contains(line)))?;
    }
    let told = told()?;
    ensure!(!told.contains("secret-of-"), "the journal tells a secret");
    Ok(format!("an analyst reads, a token scrapes, the journal tells of {}", wanted.join("; ")))
}

/// An analyst reads and changes nothing; the last administrator stays.
fn users(trial: &Trial) -> Result<()> {
    let sluiced = format!("sluiced --data-dir {DATA_DIR}");
    trial.machine.run(&format!("printf 'secret-of-bob\\n' | {sluiced} user add bob --role analyst"))?;
    let as_bob = |password: &str, method: &str, body: &[u8]| -> Result<u16> {
        Ok(Client::new(Trial::address()?, "bob", password).request(method, SUPPLIERS, body)?.status)
    };
    trial.wait_until("knowing a new user", || Ok(as_bob("secret-of-bob", "GET", b"")? == 200))?;
    let refused = as_bob("secret-of-bob", "POST", b"[]")?;
    ensure!(refused == 403, "an analyst's change is answered with {refused}");
    let wrong = as_bob("secret-of-nobody", "GET", b"")?;
    ensure!(wrong == 401, "a wrong password is answered with {wrong}");
    let (code, told) = trial.machine.try_run(&format!("{sluiced} user remove admin"))?;
    ensure!(code != 0 && told.contains("administrator"), "the last administrator is removed: {told}");
    Ok(())
}

/// A token of the scope `metrics` scrapes and does nothing else.
fn tokens(trial: &Trial) -> Result<()> {
    let made =
        trial.machine.run(&format!("sluiced --data-dir {DATA_DIR} token create scraper --scope metrics"))?;
    let token =
        made.split_whitespace().find(|word| word.starts_with("sluice_")).context("no token is printed")?;
    let bearer = format!("Authorization: Bearer {token}");
    trial.wait_until("knowing a new token", || Ok(ask(&bearer, "/metrics")? == "200"))?;
    let status = ask(&bearer, SUPPLIERS)?;
    ensure!(status == "403", "a token for metrics is answered with {status}");
    ensure!(!trial.journal("")?.contains(token), "the journal tells a token");
    Ok(())
}

/// A daemon on a data directory that is in use says so at once.
fn second_daemon(trial: &Trial) -> Result<()> {
    let (code, told) =
        trial.machine.try_run(&format!("sluiced --listen 127.0.0.1:0 --data-dir {DATA_DIR}"))?;
    ensure!(code == IN_USE, "a second daemon ends with {code}: {told}");
    Ok(())
}

/// A proxy that is named is believed about its clients.
fn behind_a_proxy(trial: &Trial) -> Result<()> {
    let shipped = fs::read_to_string(trial.machine.path(CONFIG))?;
    trial.configure("trusted_proxies = [\"127.0.0.1\"]\n")?;
    let outcome =
        trial.reload(Reload::Done).and_then(|()| ask(&format!("X-Forwarded-For: {BEHIND_PROXY}"), SUPPLIERS));
    trial.configure(&shipped)?;
    trial.reload(Reload::Done)?;
    ensure!(outcome? == "401", "somebody behind a proxy is let in");
    Ok(())
}

/// Asks with a header, and with a wrong password unless the header has credentials; returns the status.
fn ask(header: &str, path: &str) -> Result<String> {
    let mut curl = curl();
    curl.args(["--output", "/dev/null"]);
    curl.args(["--write-out", "%{http_code}", "--header", header]);
    if !header.starts_with("Authorization") {
        curl.args(["--user", "bob:secret-of-nobody"]);
    }
    output_of(curl.arg(format!("http://{ADDRESS}{path}")))
}
