//! Files: how each begins, how long it is, and that something reaches it.
//!
//! In: the packages. Out: every source without a header, over the limit, empty, named `mod.rs` or reached from no
//! target, and every manifest without the workspace's lints.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::tree::{Package, gather, shown};

/// Longest source, in lines; about twice what is aimed at.
const LINES_MAX: usize = 600;

/// Crates with lints of their own: an exported symbol is unsafe by name, and `forbid` has no exceptions.
const LINTS_OF_THEIR_OWN: [&str; 1] = ["sluice-sync"];

/// Lists what is not as agreed.
pub(super) fn check(root: &Path, packages: &[Package]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut present = BTreeSet::new();
    for package in packages {
        let manifest = &package.manifest;
        let is_exempt = LINTS_OF_THEIR_OWN.contains(&package.name.as_str());
        if !is_exempt && !read(manifest)?.contains("[lints]\nworkspace = true") {
            findings.push(format!("{} does not inherit the lints", shown(root, manifest)));
        }
        let dir = manifest.parent().context("a manifest lies in no directory")?;
        // A package inside of another one is a workspace of its own.
        gather(dir, "rs", &|dir| !dir.join("Cargo.toml").exists(), &mut present)?;
    }
    let modules = packages.iter().flat_map(|package| &package.targets).flat_map(|target| &target.modules);
    let reached: BTreeSet<&PathBuf> = modules.map(|module| &module.file).collect();
    for path in &present {
        let (name, source) = (shown(root, path), read(path)?);
        if !source.starts_with("//!") {
            findings.push(format!("{name} does not say in a `//!` header what it is"));
        }
        if source.lines().all(|line| line.trim().is_empty() || line.starts_with("//!")) {
            findings.push(format!("{name} holds nothing"));
        }
        let lines = source.lines().count();
        if LINES_MAX < lines {
            findings.push(format!("{name} has {lines} lines, over the limit of {LINES_MAX}"));
        }
        if path.ends_with("mod.rs") {
            // A name that all of them share says nothing.
            findings.push(format!("{name} belongs beside its folder, under the folder's name"));
        } else if !reached.contains(path) {
            findings.push(format!("{name} is reached from no target"));
        }
    }
    Ok(findings)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests;
