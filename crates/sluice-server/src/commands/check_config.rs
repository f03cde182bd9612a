//! The command `check-config`: what is in force, and all that a start would stumble over.
//!
//! In: what the layers of the configuration come to. Out: TOML for standard output, if the values could be read; remarks
//! on standard error; and all faults at once. Nothing is made or changed, so it may run beside a daemon, or before one.

use std::io::Write as _;

use sluice_server::{
    config::{self, ConfigError, Loaded, Origin},
    life::preflight::{self, Finding},
};

use super::repository::Repository;

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
    let url = &config.snapshot.url;
    if let (false, Err(error)) = (url.is_empty(), Repository::open(url)) {
        let text = format!("{error:#}");
        findings.push(Finding { key: "snapshot.url", is_fault: true, text });
    }
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
