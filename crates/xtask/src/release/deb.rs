//! The package for Debian, by cargo-deb; what is in it stands in `crates/sluice-server/Cargo.toml`.
//!
//! The package is of the Debian, or later, that it is built on: it takes the C library from there. Debug symbols are in a
//! package of their own.

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use super::{
    build_info::BuildInfo,
    programs::{PROGRAMS, check_version, write_manuals},
};
use crate::{
    command::run,
    tools::Tool,
    workspace::{Profile, build_with, root, target_dir},
};

const CARGO_DEB: Tool = Tool { name: "cargo-deb", version: "3.8.0", options: &[] };

/// Builds it into `out`.
///
/// # Errors
///
/// When a tool is missing, or something does not build.
pub(super) fn make(build_info: &BuildInfo, revision: u32, out: &Path) -> Result<()> {
    let cargo_deb = CARGO_DEB.install()?;
    let mut binaries = Vec::new();
    for program in PROGRAMS {
        let binary =
            build_with(program.package, program.name, Profile::Release, |cargo| build_info.tell(cargo))?;
        check_version(&program, &binary, build_info)?;
        binaries.push(binary);
    }
    // Where the list of files expects it.
    let manual = target_dir()?.join("release").join("manual");
    write_manuals(&binaries, &manual)?;
    pack_pages(&manual)?;
    write_changelog(&manual, build_info, revision)?;
    let mut deb = Command::new(cargo_deb);
    deb.args(["--no-build", "--locked", "--dbgsym", "--package", "sluice-server", "--deb-revision"]);
    deb.arg(revision.to_string()).arg("--output").arg(out).current_dir(root()?);
    build_info.tell(&mut deb);
    run(&mut deb)
}

/// Man pages are packed as Debian wants them. cargo-deb packs those of the sources alone.
fn pack_pages(manual: &Path) -> Result<()> {
    let mut gzip = gzip();
    for section in fs::read_dir(manual.join("man"))? {
        for page in fs::read_dir(section?.path())? {
            gzip.arg(page?.path());
        }
    }
    run(&mut gzip)
}

/// The changelog of the package, which Debian wants beside that of the program.
fn write_changelog(dir: &Path, build_info: &BuildInfo, revision: u32) -> Result<()> {
    let path = dir.join("changelog.Debian");
    let text = format!(
        "sluice ({}-{revision}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n \
         -- Sluice maintainers <maintainers@sluice.example>  {}\n",
        build_info.version, build_info.mail_date
    );
    fs::write(&path, text)?;
    run(gzip().arg(path))
}

fn gzip() -> Command {
    let mut gzip = Command::new("gzip");
    gzip.args(["-9", "--no-name", "--force"]);
    gzip
}
