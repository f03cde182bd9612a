//! The book of `docs` as HTML, written by the one version of mdBook that it is known to go with.
//!
//! In: `docs`. Out: `book` in cargo's target directory, or what mdBook has to say about a page. mdBook is built when it is
//! missing, and stays in `tools` in the target directory. It is a program of its own, not a library of ours, because every
//! build of these commands would wait for it.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{
    tools::Tool,
    workspace::{root, target_dir},
};

/// mdBook, without what serves and watches a book. It runs for a second; optimizing it takes a minute.
const MDBOOK: Tool = Tool {
    name: "mdbook",
    version: "0.5.4",
    options: &["--profile", "dev", "--no-default-features", "--features", "search"],
};

/// How it marks lines of which there should be none. It ends well in spite of them, also where a page is missing.
const COMPLAINTS: [&str; 2] = ["WARN", "ERROR"];

/// Writes the book and tells where.
///
/// # Errors
///
/// When mdBook cannot be built, fails or complains.
pub(crate) fn write() -> Result<PathBuf> {
    let program = MDBOOK.install()?;
    let book = target_dir()?.join("book");
    let mut command = Command::new(&program);
    command.arg("build").arg(root()?.join("docs")).arg("--dest-dir").arg(&book);
    let output = command.output().with_context(|| format!("{} does not run", program.display()))?;
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    ensure!(output.status.success() && !has_complaint(&told), "the book is not as it should be:\n{told}");
    Ok(book)
}

fn has_complaint(told: &str) -> bool {
    told.lines().any(|line| COMPLAINTS.iter().any(|word| line.contains(word)))
}

#[cfg(test)]
mod tests;
