//! Cargo commands of others, each of one version, below the target directory.

use std::path::PathBuf;

use anyhow::Result;

use super::command::run;
use crate::workspace::{cargo, target_dir};

/// A tool from crates.io.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    /// Its package, and its binary.
    pub(super) name: &'static str,
    /// Its version.
    pub(super) version: &'static str,
}

impl Tool {
    /// Builds it, unless that has been done, and returns its binary.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub(super) fn install(self) -> Result<PathBuf> {
        let Self { name, version } = self;
        let dir = target_dir()?.join("tools").join(format!("{name}-{version}"));
        let binary = dir.join("bin").join(name);
        if !binary.exists() {
            println!("release: builds {name} {version}");
            let mut install = cargo()?;
            install.args(["install", "--quiet", "--locked", "--version", &format!("={version}"), name]);
            run(install.arg("--root").arg(&dir))?;
        }
        Ok(binary)
    }
}
