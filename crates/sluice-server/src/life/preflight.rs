//! What a start would open, opened without a trace: whether certificate, key, data directory, accounts and addresses can
//! be had.
//!
//! In: a configuration. Out: all that a start would stumble over at once, and what an operator should know besides.
//! Nothing is made, changed or kept open, so this may be done beside a running daemon. Blocking.

use std::{fs, io, net::SocketAddr, path::Path};

use rustix::fs::{Access, access};
use sluice_store::DirLock;

use super::{error::ServeError, tls};
use crate::{
    auth::{accounts::AccountsFile, first_admin::read_password_file},
    certificate::{CertificateStanding, Validity},
    clock::now_seconds,
    config::Config,
    http::listener,
};

#[cfg(test)]
mod tests;

/// Something about the value of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The key.
    pub key: &'static str,
    /// Whether a person has to mend it: a daemon with it would not start, serve nobody, or take no snapshots.
    pub is_fault: bool,
    /// What it is.
    pub text: String,
}

impl Finding {
    fn fault(key: &'static str, error: impl Into<anyhow::Error>) -> Self {
        Self { key, is_fault: true, text: format!("{:#}", error.into()) }
    }

    fn remark(key: &'static str, text: String) -> Self {
        Self { key, is_fault: false, text }
    }
}

/// Looks at everything whose key `is_known`: a default may stand in place of a value that was refused.
pub fn look_ahead(config: &Config, is_known: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_known("data_dir") {
        look_at_data_dir(config, &mut findings);
    }
    let tls = &config.tls;
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        if is_known("tls.certificate") && is_known("tls.key") {
            look_at_certificate(certificate, key, ["tls.certificate", "tls.key"], &mut findings);
        }
    } else if tls.self_signed && is_known("data_dir") {
        let (certificate, key) = tls::self_signed_paths(&config.data_dir);
        // They are made together, if one is missing.
        if certificate.exists() && key.exists() {
            look_at_certificate(&certificate, &key, ["tls.self_signed"; 2], &mut findings);
            let chain = tls::read_chain(&certificate).unwrap_or(vec![]);
            let missing = chain.first().and_then(|first| tls::missing_names(first, &tls.names));
            findings.extend(missing.map(|text| Finding::remark("tls.names", text)));
        }
    }
    if let Some(path) = &tls.client_ca
        && is_known("tls.client_ca")
        && let Err(error) = tls::read_client_authority(path)
    {
        findings.push(Finding::fault("tls.client_ca", error));
    }
    if is_known("listen") {
        look_at_address("listen", config.listen, &mut findings);
    }
    if let Some(address) = config.metrics_listen
        && is_known("metrics_listen")
    {
        look_at_address("metrics_listen", address, &mut findings);
    }
    if let Some(address) = config.elasticsearch.listen
        && is_known("elasticsearch.listen")
    {
        look_at_address("elasticsearch.listen", address, &mut findings);
    }
    findings
}

fn look_at_data_dir(config: &Config, findings: &mut Vec<Finding>) {
    const KEY: &str = "data_dir";
    let dir = &config.data_dir;
    if let Err(source) = check_writable(dir) {
        let error = anyhow::Error::new(source).context(format!("cannot use {}", dir.display()));
        findings.push(Finding::fault(KEY, error));
        return;
    }
    if !dir.exists() {
        return look_at_first_password(config, findings);
    }
    if DirLock::is_taken(dir) {
        let text = format!("a daemon, or a command, works on {} now", dir.display());
        findings.push(Finding::remark(KEY, text));
    }
    if let Err(error) = sluice_store::check_data_dir(dir) {
        findings.push(Finding::fault(KEY, error));
    }
    match AccountsFile::new(dir).read() {
        Ok(accounts) if accounts.is_empty() => {
            look_at_first_password(config, findings);
        }
        Ok(_) => {}
        Err(error) => findings.push(Finding::fault(KEY, error)),
    }
}

/// The password file counts only while there are no accounts.
fn look_at_first_password(config: &Config, findings: &mut Vec<Finding>) {
    if let Some(path) = &config.admin_password_file
        && let Err(error) = read_password_file(path)
    {
        findings.push(Finding::fault("admin_password_file", error));
    }
}

/// Checks whether a directory can be written to, or made.
///
/// # Errors
///
/// Why not.
fn check_writable(dir: &Path) -> io::Result<()> {
    let absolute = std::path::absolute(dir)?;
    for place in absolute.ancestors() {
        match fs::metadata(place) {
            Ok(metadata) if metadata.is_dir() => {
                let rights = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
                return access(place, rights).map_err(io::Error::from);
            }
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn look_at_certificate(
    certificate: &Path,
    key: &Path,
    [certificate_name, key_name]: [&'static str; 2],
    findings: &mut Vec<Finding>,
) {
    let (chain, private_key) = (tls::read_chain(certificate), tls::read_key(key));
    if let Some(validity) = chain.as_ref().ok().and_then(|chain| Validity::of(chain.first()?)) {
        match validity.standing(u64::from(now_seconds())) {
            CertificateStanding::Good => {}
            CertificateStanding::Ending(text) => findings.push(Finding::remark(certificate_name, text)),
            CertificateStanding::Refused(text) => {
                findings.push(Finding { key: certificate_name, is_fault: true, text });
            }
        }
    }
    match (chain, private_key) {
        (Ok(chain), Ok(private_key)) => {
            if let Err(error) = tls::certify(chain, private_key) {
                findings.push(Finding::fault(key_name, error));
            }
        }
        (chain, private_key) => {
            findings.extend(chain.err().map(|error| Finding::fault(certificate_name, error)));
            findings.extend(private_key.err().map(|error| Finding::fault(key_name, error)));
        }
    }
}

fn look_at_address(key: &'static str, address: SocketAddr, findings: &mut Vec<Finding>) {
    match listener::bind(address) {
        Ok(_socket) => {}
        // Mostly by the very daemon whose configuration this is, or by the service manager on its behalf.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let text = format!("{address} is in use now, perhaps by the daemon that runs already");
            findings.push(Finding::remark(key, text));
        }
        Err(source) => findings.push(Finding::fault(key, ServeError::Listen { address, source })),
    }
}
