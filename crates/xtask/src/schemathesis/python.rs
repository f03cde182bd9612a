//! The programs of Python that the command needs, each of one version, below the target directory.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{command::run, workspace::target_dir};

/// Everything that is installed, with versions.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Makes an environment, unless that has been done, and returns the directory of its programs.
///
/// # Errors
///
/// When Python is missing, or a package cannot be had.
pub(super) fn environment() -> Result<PathBuf> {
    let dir = target_dir()?.join("tools").join("schemathesis");
    let installed = dir.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(dir.join("bin"));
    }
    println!("installs schemathesis");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))
        .context("python3 with its module venv is needed: apt-get install python3-venv")?;
    let requirements = dir.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--requirement",
    ]);
    run(pip.arg(&requirements))?;
    // The last of all, so that what was broken off is begun again.
    fs::write(installed, REQUIREMENTS)?;
    Ok(dir.join("bin"))
}
