//! This workspace, as cargo knows it: where it is, what is in it, and how its programs are built.
//!
//! In: names of packages and binaries. Out: paths. Whatever a command needs, it builds by this.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

/// A profile of cargo.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// As shipped.
    Release,
}

/// A command that runs cargo in the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()?);
    Ok(cargo)
}

/// The directory of the workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.map(Path::to_owned).context("xtask lies outside of the workspace")
}

/// Builds a binary and returns where it is.
pub(crate) fn build(package: &str, binary: &str, profile: Profile) -> Result<PathBuf> {
    build_with(package, binary, profile, |_| {})
}

/// The same, with what `set_up` does to cargo's command first.
pub(crate) fn build_with(
    package: &str,
    binary: &str,
    profile: Profile,
    set_up: impl FnOnce(&mut Command),
) -> Result<PathBuf> {
    let mut cargo = cargo()?;
    set_up(&mut cargo);
    cargo.args(["build", "--quiet", "--package", package, "--bin", binary]);
    let dir = match profile {
        Profile::Dev => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    ensure!(cargo.status()?.success(), "{binary} does not build");
    let path = target_dir()?.join(dir).join(binary);
    ensure!(path.exists(), "{} was not built", path.display());
    Ok(path)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = metadata()?;
    let dir = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    dir.map(PathBuf::from).context("cargo names no target directory")
}

/// What cargo knows of the workspace's own packages.
pub(crate) fn metadata() -> Result<serde_json::Value> {
    let output = cargo()?.args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
