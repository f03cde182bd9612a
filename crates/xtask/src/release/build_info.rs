//! Which commit a release is made of.
//!
//! In: git and the workspace. Out: version, commit and time, as the daemon's `--version` and the packages tell them.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{command::output_of, workspace::root};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct BuildInfo {
    /// The version of the workspace, which all of its packages share.
    pub(super) version: String,
    commit: String,
    /// Whether there are changes that are not in it.
    pub(super) is_modified: bool,
    date: String,
    /// Seconds since 1970 of the commit; files in archives are of this time, so that two builds are alike.
    pub(super) epoch_seconds: String,
    /// The same as mails write it.
    pub(super) mail_date: String,
}

impl BuildInfo {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When there is no repository.
    pub(super) fn read() -> Result<Self> {
        let is_modified = !git(&["status", "--porcelain"])?.is_empty();
        let told = git(&["log", "-1", "--abbrev=12", "--date=short-local", "--format=%h|%cd|%ct|%cD"])?;
        let mut told = told.split('|').map(str::to_owned);
        let mut next = || told.next().context("git log tells less than it was asked");
        let commit = format!("{}{}", next()?, if is_modified { "-modified" } else { "" });
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit,
            is_modified,
            date: next()?,
            epoch_seconds: next()?,
            mail_date: next()?,
        })
    }

    /// That of a commit that does not exist.
    #[cfg(test)]
    pub(super) fn made_up() -> Self {
        Self {
            version: "1.2.3".to_owned(),
            commit: "0123456789ab".to_owned(),
            is_modified: false,
            date: "2026-01-31".to_owned(),
            epoch_seconds: "1769860800".to_owned(),
            mail_date: "Sat, 31 Jan 2026 12:00:00 +0000".to_owned(),
        }
    }

    /// As `sluiced --version` tells it behind its name.
    pub(super) fn text(&self) -> String {
        format!("{} (commit {} of {})", self.version, self.commit, self.date)
    }

    /// Has a command build of this commit.
    pub(super) fn tell(&self, command: &mut Command) {
        command.env("SLUICED_COMMIT", &self.commit).env("SLUICED_COMMIT_DATE", &self.date);
        command.env("SOURCE_DATE_EPOCH", &self.epoch_seconds);
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    git.args(arguments).current_dir(root()?).env("TZ", "UTC");
    let said = output_of(&mut git).context("a release is made of a commit")?;
    Ok(said.trim_end().to_owned())
}
