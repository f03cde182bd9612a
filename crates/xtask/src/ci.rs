//! What CI runs, step by step, each with its time.
//!
//! In: the workspace. Out: the time of each step; an error at the first that fails. `.ci/run` is this and no more.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::{
    book, prometheus, tidy,
    workspace::{cargo, root},
};

/// A name and cargo's arguments; [`TIDY`], [`BOOK`] and [`ALERTS`] are our own.
const STEPS: [(&str, &[&str]); 9] = [
    ("fmt", &["fmt", "--all", "--check"]),
    // Engines of others are not built here, only kept in shape.
    ("fmt of compare", &["fmt", "--manifest-path", "benches/compare/Cargo.toml", "--check"]),
    ("clippy", &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    (TIDY, &[]),
    (BOOK, &[]),
    (ALERTS, &[]),
    ("build of tests", &["test", "--quiet", "--workspace", "--no-run"]),
    ("test", &["test", "--quiet", "--workspace"]),
    // The readers of these docs are those who build Sluice: private items are half of the story.
    ("doc", &["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]),
];

const TIDY: &str = "tidy";
const BOOK: &str = "book";
const ALERTS: &str = "alerts";

/// Runs all steps.
///
/// # Errors
///
/// Names the step that failed.
pub(crate) fn run() -> Result<()> {
    let started = Instant::now();
    let mut times = Vec::new();
    for (name, arguments) in STEPS {
        time(name, &mut times, || {
            match name {
                TIDY => return tidy::run(&root()?),
                BOOK => return book::write().map(drop),
                ALERTS => return prometheus::check_files_if_possible(),
                _ => {}
            }
            let mut cargo = cargo()?;
            cargo.args(arguments);
            if name == "doc" {
                cargo.env("RUSTDOCFLAGS", "-D warnings");
            }
            ensure!(cargo.status()?.success(), "cargo {} failed", arguments.join(" "));
            Ok(())
        })?;
    }
    println!("{}", times.join("\n"));
    println!("all steps in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn time(name: &str, times: &mut Vec<String>, step: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("step {name}");
    let started = Instant::now();
    let outcome = step();
    let time = format!("{name:<15} {:>7.1} s", started.elapsed().as_secs_f64());
    println!("{time}{}", if outcome.is_ok() { "" } else { " FAILED" });
    times.push(time);
    outcome
}
