//! The binaries that need nothing of the system that they run on, and the archive that they are given out in.
//!
//! They are linked with musl. That wants the target of the toolchain (`rustup target add`) and a C compiler for it (Debian's
//! musl-tools). Linked with glibc, which is to be asked for, they run without any library too, but glibc reads files of the
//! system when names of hosts are looked up.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

use super::{
    build_info::BuildInfo,
    programs::{CLIENT, DAEMON, PROGRAMS, Program, check_version, write_manuals},
};
use crate::{
    command::{output_of, run},
    workspace::{cargo, root, target_dir},
};

/// What is in the archive beside the binaries and their manuals.
pub(super) const FILES: [&str; 6] = [
    "LICENSE",
    "CHANGELOG.md",
    "README.md",
    "deploy/sluiced.toml",
    "deploy/sluiced.service",
    "deploy/sluiced.socket",
];

/// The C library that is linked into the binaries.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Libc {
    /// Made for that.
    Musl,
    /// What the toolchain has without another target.
    Glibc,
}

impl Libc {
    /// The target to build for.
    fn target(self) -> String {
        let environment = match self {
            Self::Musl => "musl",
            Self::Glibc => "gnu",
        };
        format!("{}-unknown-linux-{environment}", std::env::consts::ARCH)
    }

    /// Sets what cargo and C compilers go by.
    fn set_up(self, cargo: &mut Command) -> Result<()> {
        let target = self.target();
        match self {
            Self::Musl => {
                let compiler = "musl-gcc";
                let has_compiler = Command::new(compiler).arg("--version").output().is_ok();
                ensure!(has_compiler, "{compiler} is missing: apt-get install musl-tools");
                cargo.env(format!("CC_{}", target.replace('-', "_")), compiler);
            }
            Self::Glibc => {
                let name = target.replace('-', "_").to_uppercase();
                cargo.env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), "-C target-feature=+crt-static");
            }
        }
        Ok(())
    }
}

/// Builds them and returns where they are: daemon and client.
///
/// # Errors
///
/// Names what is missing.
pub(super) fn build(libc: Libc, build_info: &BuildInfo) -> Result<[PathBuf; 2]> {
    let target = libc.target();
    let mut cargo = cargo()?;
    check_target(&target)?;
    libc.set_up(&mut cargo)?;
    cargo.args(["build", "--quiet", "--release", "--target", &target]);
    for Program { package, name } in PROGRAMS {
        cargo.args(["--package", package, "--bin", name]);
    }
    build_info.tell(&mut cargo);
    run(&mut cargo)?;
    let dir = target_dir()?.join(&target).join("release");
    let finish = |program: &Program| {
        let stripped = dir.join(format!("{}-stripped", program.name));
        run(Command::new("strip").arg("-o").arg(&stripped).arg(dir.join(program.name)))?;
        check_version(program, &stripped, build_info)?;
        check_static(&stripped)?;
        Ok::<_, anyhow::Error>(stripped)
    };
    Ok([finish(&DAEMON)?, finish(&CLIENT)?])
}

/// Packs them with man pages, completions and the files of an installation.
///
/// # Errors
///
/// When a file is missing.
pub(super) fn pack(libc: Libc, binaries: [&Path; 2], build_info: &BuildInfo, out: &Path) -> Result<()> {
    let target = libc.target();
    let suffix = if matches!(libc, Libc::Glibc) { "-static" } else { "" };
    let name = format!("sluiced-{}-{target}{suffix}", build_info.version);
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path().join(&name);
    fs::create_dir(&dir)?;
    for (program, binary) in PROGRAMS.iter().zip(binaries) {
        fs::copy(binary, dir.join(program.name))?;
    }
    for file in FILES {
        let from = root()?.join(file);
        let name = from.file_name().context("a file has no name")?;
        fs::copy(&from, dir.join(name))?;
    }
    write_manuals(&binaries, &dir.join("share"))?;
    let mut tar = Command::new("tar");
    tar.args(["--create", "--gzip", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.args(["--mode=u+rw,go+rX,go-w", &format!("--mtime=@{}", build_info.epoch_seconds), "--file"]);
    run(tar.arg(out.join(format!("{name}.tar.gz"))).arg("--directory").arg(scratch.path()).arg(&name))
}

/// Checks that the toolchain has the standard library of a target.
pub(super) fn check_target(target: &str) -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output()?;
    let dir = String::from_utf8(asked.stdout)?;
    let is_there = asked.status.success() && Path::new(dir.trim_end()).exists();
    ensure!(
        is_there,
        "the toolchain cannot build for {target}: rustup target add {target}; where that cannot be had, --libc glibc links \
         with the static glibc of this system"
    );
    Ok(())
}

/// Checks that a binary asks for no loader and no library.
pub(super) fn check_static(binary: &Path) -> Result<()> {
    let headers = output_of(Command::new("readelf").args(["--program-headers", "--dynamic"]).arg(binary))?;
    let is_static = !headers.contains("INTERP") && !headers.contains("(NEEDED)");
    ensure!(is_static, "{} is not static: {headers}", binary.display());
    Ok(())
}
