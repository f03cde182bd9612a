//! Developer commands: what CI runs, and the long forms of the crash tests.
//!
//! In: a command with its sizes. Out: text, and exit code 0 when all was well. Everything that a command needs
//! beside the toolchain and a C compiler it builds itself.
#![expect(clippy::print_stdout, reason = "these commands are for people who watch them")]

mod ci;
mod client;
mod compare;
mod feed;
mod load;
mod proc;
mod tidy;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::{Parser, ValueEnum};
use test_support::{crash, powercut};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Developer commands")]
enum Task {
    /// Runs every step of CI and stops at the first that fails.
    Ci,
    /// Checks what no compiler checks: arrows between crates, headers, lengths, lints, dead files.
    Tidy,
    /// Kills the daemon again and again and compares with the clients' ledgers (T1).
    Crash {
        /// Number of kills.
        #[arg(long, default_value_t = 500)]
        cycles: u32,
        /// What everything is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How the daemon is built.
        #[arg(long, value_enum, default_value_t = Profile::Dev)]
        profile: Profile,
    },
    /// Cuts the power of a store's recorded disk again and again and compares with the ledger (T2).
    Powercut {
        /// Number of images.
        #[arg(long, default_value_t = 200)]
        images: u32,
        /// What everything but the threads' timing is drawn from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Pushes a feed into a fresh daemon and measures.
    Load(Box<load::Load>),
    /// Feeds Sluice and what one would run instead, and measures all alike.
    ///
    /// PostgreSQL, Redis and RocksDB are those of Debian's packages postgresql, redis-server and librocksdb-dev; what is not
    /// installed is left out. Servers are started on private sockets in a scratch directory and stopped at the end.
    Compare(Box<compare::Compare>),
}

/// A profile of cargo.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// Quick to build.
    Dev,
    /// As shipped.
    Release,
}

/// Share of the images of a power cut whose store is large: they take longer, and find more.
const LARGE_IMAGES_PERCENT: u32 = 40;

fn main() -> Result<()> {
    match Task::parse() {
        Task::Ci => ci::run(),
        Task::Tidy => tidy::run(&root()?),
        Task::Crash { cycles, seed, profile } => {
            let daemon = build("sluice-server", "sluiced", profile)?;
            println!("{}", crash::run(&daemon, cycles, seed));
            Ok(())
        }
        Task::Powercut { images, seed } => {
            let workload = build("test-support", "powercut-workload", Profile::Dev)?;
            println!("seed {seed}");
            let large_images = images * LARGE_IMAGES_PERCENT / 100;
            let small_images = images - large_images;
            let plan =
                powercut::Plan { workload: &workload, small_images, large_images, seed, deaf_to: None };
            let summary = powercut::run(&plan).map_err(|loss| anyhow!(loss))?;
            println!("seed {seed}: {summary}");
            Ok(())
        }
        Task::Load(load) => load.run(),
        Task::Compare(compare) => compare.run(),
    }
}

/// A command that runs cargo in the workspace.
fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()?);
    Ok(cargo)
}

/// The workspace.
fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.map(Path::to_owned).context("xtask lies outside of the workspace")
}

/// Builds a binary and tells where it is.
fn build(package: &str, binary: &str, profile: Profile) -> Result<PathBuf> {
    let mut cargo = cargo()?;
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

fn target_dir() -> Result<PathBuf> {
    let metadata = metadata()?;
    let dir = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    dir.map(PathBuf::from).context("cargo names no target directory")
}

/// What cargo knows of the workspace's own packages.
fn metadata() -> Result<serde_json::Value> {
    let output = cargo()?.args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
