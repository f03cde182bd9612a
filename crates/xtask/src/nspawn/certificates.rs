//! TLS: a certificate that systemd hands over, on all addresses, and one that a reload replaces.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::trial::{CONFIG, DATA_DIR, SUPPLIERS, Trial, curl};
use crate::command::output_of;

/// Where an operator puts certificate and key.
const SHIPPED_DIR: &str = "/etc/sluice/tls";
/// Where the daemon reads its own.
const OWN_DIR: &str = "/etc/sluice/own";
/// Where more is said of the socket, and of the service.
const SOCKET_DROP_INS: &str = "/etc/systemd/system/sluiced.socket.d";
const SERVICE_DROP_INS: &str = "/etc/systemd/system/sluiced.service.d";
/// Who may read the daemon's own.
const GROUP: &str = "sluice-tls";
/// Whom certificates are for, and an address of the machine that is not the one of the shipped socket.
const NAME: &str = "sluice.example.com";
const OTHER_ADDRESS: &str = "127.0.0.2";

/// Listens on all addresses with certificates that systemd hands over; then with the daemon's own, which a reload replaces.
pub(super) fn tls(trial: &Trial) -> Result<String> {
    let shipped = fs::read_to_string(trial.machine.path(CONFIG))?;
    let outcome = try_all(trial);
    trial.configure(&shipped)?;
    trial.machine.run(&format!("rm -rf {SHIPPED_DIR} {OWN_DIR} {SOCKET_DROP_INS} {SERVICE_DROP_INS}"))?;
    restart_with_socket(trial)?;
    trial.wait_until_ready()?;
    outcome
}

fn try_all(trial: &Trial) -> Result<String> {
    trial.write(
        &format!("{SOCKET_DROP_INS}/listen.conf"),
        "[Socket]\nListenStream=\nListenStream=0.0.0.0:9440\n",
    )?;
    let first = make(trial, SHIPPED_DIR, "first")?;
    restart_with_socket(trial)?;
    ask(trial, &first)?;
    // By hand, nothing is handed over.
    trial.machine.run(&format!(
        "sluiced check-config --quiet --config {CONFIG} --data-dir {DATA_DIR} --listen 0.0.0.0:9440 && \
         sluiced user list --config {CONFIG} --data-dir {DATA_DIR} --listen 0.0.0.0:9440 && \
         sluiced health --config {CONFIG} --listen 0.0.0.0:9440"
    ))?;
    let second = make(trial, SHIPPED_DIR, "second")?;
    trial.machine.run("systemctl restart sluiced")?;
    ask(trial, &second)?;
    ensure!(ask(trial, &first).is_err(), "the certificate stays the same after a restart");

    log_in_with_a_certificate(trial, &second)?;

    trial.machine.run(&format!("rm -r {SHIPPED_DIR}"))?;
    trial.machine.run(&format!("groupadd --system {GROUP}"))?;
    let third = make(trial, OWN_DIR, "third")?;
    let_read(trial)?;
    trial.write(
        &format!("{SERVICE_DROP_INS}/tls.conf"),
        &format!("[Service]\nSupplementaryGroups={GROUP}\n"),
    )?;
    trial.configure(&format!(
        "[tls]\ncertificate = \"{OWN_DIR}/certificate.pem\"\nkey = \"{OWN_DIR}/key.pem\"\n"
    ))?;
    trial.machine.run("systemctl daemon-reload && systemctl restart sluiced")?;
    ask(trial, &third)?;
    let (fourth, pid) = (make(trial, OWN_DIR, "fourth")?, trial.main_pid()?);
    let_read(trial)?;
    trial.machine.run("systemctl reload sluiced")?;
    trial.wait_until("using the new certificate", || Ok(ask(trial, &fourth).is_ok()))?;
    ensure!(ask(trial, &third).is_err(), "the certificate stays the same after a reload");
    ensure!(trial.main_pid()? == pid, "a reload is a restart");
    Ok(format!(
        "at {OTHER_ADDRESS}; a new certificate by a restart as a credential, and by a reload as the daemon's own; a client logs in with a certificate"
    ))
}

/// An authority that the unit hands over vouches for a client, which is then whom its certificate names.
fn log_in_with_a_certificate(trial: &Trial, server: &Path) -> Result<()> {
    let at = |name: &str| trial.scratch.join(name);
    let authority = Pair { certificate: at("authority.pem"), key: at("authority.key") };
    let client = Pair { certificate: at("client.pem"), key: at("client.key") };
    authority.make("authority", &[])?;
    let by_authority = [Path::new("-CA"), &authority.certificate, Path::new("-CAkey"), &authority.key];
    let is_leaf = ["-addext", "basicConstraints=critical,CA:FALSE"].map(Path::new);
    client.make("admin", &[by_authority.as_slice(), &is_leaf].concat())?;
    fs::copy(&authority.certificate, trial.machine.path(SHIPPED_DIR).join("client-ca.pem"))?;
    trial.machine.run("systemctl restart sluiced")?;
    ask(trial, server)?;
    let as_client = [Path::new("--cert"), &client.certificate, Path::new("--key"), &client.key];
    ask_for(trial, server, SUPPLIERS, &as_client)?;
    ensure!(ask_for(trial, server, SUPPLIERS, &[]).is_err(), "somebody without a certificate is let in");
    Ok(())
}

fn restart_with_socket(trial: &Trial) -> Result<()> {
    trial.machine.run(
        "systemctl daemon-reload && systemctl stop sluiced.socket sluiced.service && systemctl start sluiced.socket sluiced.service",
    )?;
    Ok(())
}

/// A certificate and its key, as files.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// Makes both anew, for a common name; `more` are arguments.
    fn make(&self, name: &str, more: &[&Path]) -> Result<()> {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-days", "90", "-subj", &format!("/CN={name}")]).args(more);
        output_of(openssl.arg("-keyout").arg(&self.key).arg("-out").arg(&self.certificate)).map(drop)
    }
}

/// Puts a new certificate and its key into a directory of the machine, readable by root only; returns a copy outside of it.
fn make(trial: &Trial, dir: &str, copy: &str) -> Result<PathBuf> {
    let dir = trial.machine.path(dir);
    fs::create_dir_all(&dir)?;
    let pair = Pair { certificate: dir.join("certificate.pem"), key: dir.join("key.pem") };
    pair.make(NAME, &["-addext", &format!("subjectAltName=DNS:{NAME}")].map(Path::new))?;
    let copy = trial.scratch.join(copy);
    fs::copy(&pair.certificate, &copy)?;
    Ok(copy)
}

/// Lets the group read the daemon's own files, as the book tells it.
fn let_read(trial: &Trial) -> Result<()> {
    trial
        .machine
        .run(&format!("chgrp --recursive {GROUP} {OWN_DIR} && chmod --recursive u=rwX,g=rX,o= {OWN_DIR}"))?;
    Ok(())
}

/// Asks over TLS, and trusts this certificate alone.
fn ask(trial: &Trial, certificate: &Path) -> Result<()> {
    ask_for(trial, certificate, "/readyz", &[])
}

/// The same for a path, with more arguments.
fn ask_for(trial: &Trial, certificate: &Path, path: &str, more: &[&Path]) -> Result<()> {
    let mut curl = curl();
    curl.args(["--fail", "--cacert"]).arg(certificate);
    curl.args([
        "--connect-to",
        &format!("{NAME}:9440:{OTHER_ADDRESS}:9440"),
        &format!("https://{NAME}:9440{path}"),
    ]);
    curl.args(more);
    let output = curl.output().context("curl is missing")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}{}", trial.journal("--lines=10")?);
    Ok(())
}
