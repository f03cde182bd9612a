//! What a daemon that was just built says of itself.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use super::build_info::BuildInfo;
use crate::command::{output_of, run};

/// Has the binary write man pages and completions into a directory that holds nothing else.
pub(super) fn write_manual(binary: &Path, dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    run(Command::new(binary).arg("manual").arg(dir))
}

/// Checks that a binary is of the version and commit that it is to be.
pub(super) fn check_version(binary: &Path, build_info: &BuildInfo) -> Result<()> {
    let said = output_of(Command::new(binary).arg("--version"))?;
    let wanted = format!("sluiced {}", build_info.text());
    ensure!(said.trim_end() == wanted, "{} says {said:?} and not {wanted:?}", binary.display());
    Ok(())
}
