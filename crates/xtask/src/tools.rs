//! Programs of others, each of one version, built below the target directory.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    command::run,
    workspace::{cargo, target_dir},
};

/// A tool from crates.io.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// Its package, and its binary.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// What else cargo is told.
    pub(crate) options: &'static [&'static str],
}

impl Tool {
    /// Builds it, unless that has been done, and returns its binary.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub(crate) fn install(self) -> Result<PathBuf> {
        let Self { name, version, options } = self;
        let dir = target_dir()?.join("tools").join(format!("{name}-{version}"));
        let binary = dir.join("bin").join(name);
        if !binary.exists() {
            println!("builds {name} {version}");
            let mut install = cargo()?;
            install.args(["install", "--quiet", "--locked", "--version", &format!("={version}"), name]);
            run(install.args(options).arg("--root").arg(&dir))?;
        }
        Ok(binary)
    }
}
