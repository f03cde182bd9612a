//! Makes everything that a release consists of, of the commit that is checked out.
//!
//! In: a clean work tree, and the tools that each part names. Out: `target/release-artifacts` with the package for Debian, the
//! archive with the static binaries, the image, the bill of materials and `SHA256SUMS`, and a table of these files.
//! A part that cannot be made ends the command with what is missing, unless it is named as one to leave out.

mod build_info;
mod deb;
mod image;
mod programs;
mod sbom;
mod static_binary;
mod sums;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};

use self::{build_info::BuildInfo, static_binary::Libc};
use crate::workspace::target_dir;

/// What to make, and how.
#[derive(Args, Debug)]
pub(crate) struct Release {
    /// Make only this; may be repeated.
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Make all but this; may be repeated.
    #[arg(long, value_enum, value_name = "PART", conflicts_with = "only")]
    leave_out: Vec<Part>,
    /// Revision of the package for Debian: raise it for another package of the same version.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    deb_revision: u32,
    /// What the static binaries are linked with. musl is what is released; glibc is for machines without the target of musl.
    #[arg(long, value_enum, default_value_t = Libc::Musl)]
    libc: Libc,
    /// Go on although there are changes that are not committed, and say so in `--version`.
    #[arg(long)]
    allow_modified: bool,
}

/// A part of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The package for Debian, and that with its debug symbols.
    Deb,
    /// The archive with the static binaries.
    Static,
    /// The image, of the static daemon.
    Image,
    /// The bill of materials.
    Sbom,
}

impl Release {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// What is missing, or failed.
    pub(crate) fn run(&self) -> Result<()> {
        let build_info = BuildInfo::read()?;
        ensure!(
            self.allow_modified || !build_info.is_modified,
            "there are changes that are not committed; commit them, or say --allow-modified"
        );
        println!("release: {}", build_info.text());
        // Before anything is built.
        let builder = self.makes(Part::Image).then(image::Builder::find).transpose()?;
        let out = target_dir()?.join("release-artifacts");
        // What is there may be of another commit.
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        fs::create_dir_all(&out)?;
        if self.makes(Part::Sbom) {
            sbom::make(&build_info, &out)?;
        }
        if self.makes(Part::Deb) {
            deb::make(&build_info, self.deb_revision, &out)?;
        }
        if self.makes(Part::Static) || builder.is_some() {
            let [daemon, client] = static_binary::build(self.libc, &build_info)?;
            if self.makes(Part::Static) {
                static_binary::pack(self.libc, [&daemon, &client], &build_info, &out)?;
            }
            if let Some(builder) = builder {
                builder.make(&daemon, &build_info, &out)?;
            }
        }
        let files = sums::list(&out)?;
        sums::write(&out, &files)?;
        println!("{}", sums::table(&out, &files)?);
        Ok(())
    }

    /// Whether a part is wanted.
    fn makes(&self, part: Part) -> bool {
        !self.leave_out.contains(&part) && (self.only.is_empty() || self.only.contains(&part))
    }
}

/// Makes nothing but the package for Debian, with changes that are not committed as they are; returns where it is.
///
/// # Errors
///
/// What is missing, or failed.
pub(crate) fn deb(revision: u32, out: &Path) -> Result<PathBuf> {
    fs::create_dir_all(out)?;
    deb::make(&BuildInfo::read()?, revision, out)?;
    let files = fs::read_dir(out)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    files.into_iter().find(is_package).context("cargo-deb has made no package")
}

#[cfg(test)]
mod tests;
