//! The command `check-config`: what is in force, and all that a start would stumble over.
//!
//! In: what the layers of the configuration come to. Out: TOML for standard output, if the values could be read; remarks
//! on standard error; and all faults at once. Nothing is made or changed, so it may run beside a daemon, or before one.

use std::{collections::BTreeMap, fs, io::Write as _, iter, os::unix::fs::PermissionsExt as _, path::Path};

use rustix::process::geteuid;
use sluice_server::{
    config::{self, Config, ConfigError, Loaded, Origin},
    life::preflight::{self, Finding},
};

use super::repository::{self, Repository};

#[cfg(test)]
mod tests;

/// Carries out the command; `say` takes what is in force, unless that is not wanted.
///
/// # Errors
///
/// [`ConfigError`] with all faults, or what `say` ends in.
pub(super) fn run(
    loaded: Loaded,
    is_quiet: bool,
    say: impl Fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Loaded { config, origins, mut refused, broken } = loaded;
    let is_whole = refused.is_empty();
    // A default may stand in place of what was refused.
    let is_known = |key: &str| is_whole || origins.contains_key(key);
    let mut findings = preflight::look_ahead(&config, &is_known);
    findings.extend(look_at_snapshots(&config.snapshot.url));
    findings.extend(look_at_unit_files(&config, &origins));
    if is_whole && broken.is_empty() && !is_quiet {
        say(&config::show(&config, &origins))?;
    }
    refused.extend(broken);
    for Finding { key, is_fault, text } in findings {
        let origin = origins.get(key).cloned().unwrap_or(Origin::Default);
        let refusal = ConfigError::Refused { origin, key: key.to_owned(), detail: text };
        if is_fault {
            refused.push(refusal);
        } else {
            // Without standard error there is nowhere to report to.
            drop(writeln!(std::io::stderr(), "sluiced: remark: {refusal}"));
        }
    }
    Ok(ConfigError::of(refused)?)
}

/// Whether the place for snapshots can be used, as far as that can be told without asking for it.
fn look_at_snapshots(url: &str) -> Option<Finding> {
    if url.is_empty() {
        return None;
    }
    let error = Repository::open(url).err()?;
    // The unit may read variables from a file that it alone knows of.
    let is_fault = url.starts_with("file:") || repository::has_service_variables();
    let hint = if is_fault {
        ""
    } else {
        "; there are no variables that tell how to log in there, which the unit may have"
    };
    Some(Finding { key: "snapshot.url", is_fault, text: format!("{error:#}{hint}") })
}

/// What is otherwise for the daemon than for whoever asks: files that its unit hands over, and files that root alone can
/// read.
fn look_at_unit_files(config: &Config, origins: &BTreeMap<String, Origin>) -> Vec<Finding> {
    let tls = &config.tls;
    let mut findings = Vec::new();
    for (key, path) in [
        ("tls.certificate", &tls.certificate),
        ("tls.key", &tls.key),
        ("tls.client_ca", &tls.client_ca),
        ("admin_password_file", &config.admin_password_file),
    ] {
        let Some(path) = path else { continue };
        let told = match origins.get(key) {
            Some(Origin::UnitFile) => "a daemon that the shipped unit does not start goes without",
            Some(Origin::File(..) | Origin::Variable(_) | Origin::Flag(_))
                if geteuid().is_root() && is_closed_to_others(path) =>
            {
                "only root can read it here; a daemon that is another user, as under the shipped unit, cannot"
            }
            _ => continue,
        };
        findings.push(Finding { key, is_fault: false, text: format!("{}: {told}", path.display()) });
    }
    findings
}

/// Returns true if a file, or a directory on the way to it, is for its owner alone. By links there are two ways.
fn is_closed_to_others(path: &Path) -> bool {
    const READ: u32 = 0o044;
    const ENTER: u32 = 0o011;
    for way in [std::path::absolute(path), fs::canonicalize(path)].into_iter().flatten() {
        for (place, rights) in way.ancestors().zip(iter::once(READ).chain(iter::repeat(ENTER))) {
            // What is missing, another fault tells.
            if let Ok(metadata) = fs::metadata(place)
                && metadata.permissions().mode() & rights == 0
            {
                return true;
            }
        }
    }
    false
}
