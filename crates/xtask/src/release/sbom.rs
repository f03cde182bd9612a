//! The bill of materials: every crate that is linked into the daemon, in CycloneDX, by cargo-cyclonedx.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use super::build_info::BuildInfo;
use crate::{command::run, tools::Tool, workspace::root};

const CARGO_CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9", options: &[] };

/// Makes it and moves it into `out`.
///
/// # Errors
///
/// When the tool does not build, or fails.
pub(super) fn make(build_info: &BuildInfo, out: &Path) -> Result<()> {
    let tool = CARGO_CYCLONEDX.install()?;
    let name = format!("sluice-{}.cdx", build_info.version);
    let mut command = Command::new(tool);
    command.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]);
    command.args(["--manifest-path", "crates/sluice-server/Cargo.toml", "--override-filename", &name]);
    build_info.tell(&mut command);
    let root = root()?;
    let made = run(command.current_dir(&root));
    // It writes one for each package of the workspace, beside its manifest.
    let own = root.join("crates/sluice-server").join(format!("{name}.json"));
    if made.is_ok() {
        ensure!(own.exists(), "cargo-cyclonedx has not written {}", own.display());
        // Where the sources lie here is nobody's business, and two builds are to be alike.
        let text = fs::read_to_string(&own)?.replace(&root.display().to_string(), "");
        fs::write(out.join(format!("{name}.json")), text)?;
    }
    for dir in [root.join("crates"), root] {
        for entry in fs::read_dir(dir)? {
            let left = entry?.path().join(format!("{name}.json"));
            if left.exists() {
                fs::remove_file(left)?;
            }
        }
    }
    made
}
