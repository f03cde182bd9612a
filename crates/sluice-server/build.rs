//! Tells the crate which commit it is built from, and of which day.
//!
//! In: `SLUICED_COMMIT` and `SLUICED_COMMIT_DATE`, or what git says of the sources in a release build. Out: the same two
//! variables for the compiler, `unknown` where nobody tells. A build for development asks nobody, so that a commit compiles
//! nothing anew; a release build is made anew after a commit, and only then.

use std::{env, path::Path, process::Command};

const COMMIT: &str = "SLUICED_COMMIT";
const DATE: &str = "SLUICED_COMMIT_DATE";

/// The folder of this package in the repository.
const OWN_PREFIX: &str = "crates/sluice-server/";

/// Files of git that change when another commit is checked out, or a new one is made.
const COMMIT_FILES: [&str; 2] = ["HEAD", "logs/HEAD"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={COMMIT}");
    println!("cargo::rerun-if-env-changed={DATE}");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let found = given().or_else(|| if is_release { from_git() } else { None });
    let (commit, date) = found.unwrap_or_else(|| ("unknown".to_owned(), "unknown".to_owned()));
    println!("cargo::rustc-env={COMMIT}={commit}");
    println!("cargo::rustc-env={DATE}={date}");
}

/// What whoever builds a release says.
fn given() -> Option<(String, String)> {
    Some((env::var(COMMIT).ok()?, env::var(DATE).ok()?))
}

/// The commit that is checked out, and its day in UTC; `None` outside of a repository, and inside of one of others.
fn from_git() -> Option<(String, String)> {
    if git(&["rev-parse", "--show-prefix"])? != OWN_PREFIX {
        return None;
    }
    for file in COMMIT_FILES {
        let path = git(&["rev-parse", "--git-path", file])?;
        // Cargo would take a file that is missing for one that has changed.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let said = git(&["log", "-1", "--abbrev=12", "--date=short-local", "--format=%h %cd"])?;
    let (commit, date) = said.split_once(' ')?;
    Some((commit.to_owned(), date.to_owned()))
}

/// What git says on a line; `None` if there is no git, or it refuses.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).env("TZ", "UTC").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim_end().to_owned())
}
