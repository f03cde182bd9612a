//! What no compiler checks, as data: who may name whom, what things are called, what shape files and the product
//! have, and where links lead.
//!
//! In: the workspace. Out: the figures of the product's shape, and nothing else, or a list of all that is not as agreed
//! in `crates/ARCHITECTURE.md`. A rule that changes is changed here first.

mod arrows;
mod circles;
mod links;
#[cfg(test)]
mod made_up;
mod names;
mod shape;
mod sources;
mod tree;

use std::path::Path;

use anyhow::{Result, ensure};

use self::{shape::Shape, tree::Package};
use crate::workspace;

/// Checks everything and prints each finding.
///
/// # Errors
///
/// When there is a finding, or the workspace cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let metadata = workspace::metadata()?;
    let packages =
        arrows::array(&metadata, "packages").iter().map(Package::read).collect::<Result<Vec<_>>>()?;
    let mut findings = arrows::check(&metadata);
    findings.extend(sources::check(root, &packages)?);
    findings.extend(links::check(root)?);
    for package in &packages {
        findings.extend(names::check(root, package));
        for circle in package.targets.iter().filter(|target| !target.is_for_tests).flat_map(circles::check) {
            findings.push(format!("{}: {circle}", package.name));
        }
    }
    let shape = Shape::of(root, &packages);
    println!("tidy: {}", shape.text());
    findings.extend(shape.into_findings());
    for finding in &findings {
        println!("tidy: {finding}");
    }
    ensure!(findings.is_empty(), "{} things are not tidy", findings.len());
    Ok(())
}
