//! A minimal Debian: made once by debootstrap, and copied for every machine.
//!
//! In: the name of a release, such as `bookworm`. Out: the root directory of a fresh system with systemd and D-Bus and little
//! else, as a user has it who installs the package first of all. The original is kept below cargo's target directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::command::run;

/// What the system has beside what dpkg needs: systemd, and what our package recommends.
const PACKAGES: &str = "systemd-sysv,dbus,init-system-helpers,ca-certificates";

/// Copies the system of a release to `root`, and makes it first if it was never made.
///
/// # Errors
///
/// When debootstrap or cp fails, or is missing.
pub(super) fn copy(suite: &str, cache: &Path, root: &Path) -> Result<()> {
    let original = original(suite, cache)?;
    run(Command::new("cp").args(["--archive", "--reflink=auto"]).arg(original).arg(root))
}

/// The system that others are copied from.
fn original(suite: &str, cache: &Path) -> Result<PathBuf> {
    let (done, partial) = (cache.join(suite), cache.join(format!("{suite}.partial")));
    if done.exists() {
        return Ok(done);
    }
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(cache)?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={PACKAGES}"), suite]).arg(&partial);
    let output = debootstrap.output().context("debootstrap is missing: apt-get install debootstrap")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "debootstrap: {said}");
    fs::rename(&partial, &done)?;
    Ok(done)
}
