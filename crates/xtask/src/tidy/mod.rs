//! What no compiler checks, as data: who may name whom, and how files begin, end and are reached.
//!
//! In: the workspace. Out: nothing, or a list of all that is not as agreed in `crates/ARCHITECTURE.md`. A rule that
//! changes is changed here first.

mod arrows;
mod sources;

use std::path::Path;

use anyhow::{Result, ensure};

/// Checks everything and prints each finding.
///
/// # Errors
///
/// When there is a finding, or the workspace cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let metadata = crate::metadata()?;
    let mut findings = arrows::check(&metadata);
    findings.extend(sources::check(root, &metadata)?);
    for finding in &findings {
        println!("tidy: {finding}");
    }
    ensure!(findings.is_empty(), "{} things are not tidy", findings.len());
    Ok(())
}
