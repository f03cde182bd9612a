//! The programs of a release, and what they say of themselves once they are built.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use super::build_info::BuildInfo;
use crate::command::{output_of, run};

/// A program, and the package that it is built of.
pub(super) struct Program {
    pub(super) package: &'static str,
    pub(super) name: &'static str,
}

/// What serves.
pub(super) const DAEMON: Program = Program { package: "sluice-server", name: "sluiced" };
/// What asks.
pub(super) const CLIENT: Program = Program { package: "sluice-cli", name: "sluice" };
/// Both.
pub(super) const PROGRAMS: [Program; 2] = [DAEMON, CLIENT];

/// Has binaries write man pages and completions into a directory that holds nothing else.
pub(super) fn write_manuals(binaries: &[impl AsRef<Path>], dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    for binary in binaries {
        run(Command::new(binary.as_ref()).arg("manual").arg(dir))?;
    }
    Ok(())
}

/// Checks that a binary is of the version and commit that it is to be.
pub(super) fn check_version(program: &Program, binary: &Path, build_info: &BuildInfo) -> Result<()> {
    let said = output_of(Command::new(binary).arg("--version"))?;
    let wanted = format!("{} {}", program.name, build_info.text());
    ensure!(said.trim_end() == wanted, "{} says {said:?} and not {wanted:?}", binary.display());
    Ok(())
}
