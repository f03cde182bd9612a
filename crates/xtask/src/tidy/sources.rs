//! Files: how each begins, how long it is, and that something reaches it.
//!
//! In: the workspace and its targets. Out: every source without a header, over the limit, empty or reached from no
//! target, and every manifest without the workspace's lints.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::arrows::{array, text};

/// Longest source, in lines; about twice what is aimed at.
const LINES_MAX: usize = 600;

/// Sources that may be longer, each with its reason. There is none.
const LONG_FOR_A_REASON: [(&str, &str); 0] = [];

/// Crates with lints of their own: an exported symbol is unsafe by name, and `forbid` has no exceptions.
const LINTS_OF_THEIR_OWN: [&str; 1] = ["sluice-sync"];

/// Lists what is not as agreed.
pub(super) fn check(root: &Path, metadata: &Value) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut reached = BTreeSet::new();
    let mut present = BTreeSet::new();
    for package in array(metadata, "packages") {
        let manifest = Path::new(text(package, "manifest_path"));
        let toml = read(manifest)?;
        let is_exempt = LINTS_OF_THEIR_OWN.contains(&text(package, "name"));
        if !is_exempt && !toml.contains("[lints]\nworkspace = true") {
            findings.push(format!("{} does not inherit the lints", shown(root, manifest)));
        }
        for target in array(package, "targets") {
            reach(Path::new(text(target, "src_path")), Place::Root, &mut reached)?;
        }
        let dir = manifest.parent().context("a manifest lies in no directory")?;
        gather(dir, &mut present)?;
    }
    for path in &present {
        let source = read(path)?;
        let name = shown(root, path);
        if !source.starts_with("//!") {
            findings.push(format!("{name} does not say in a `//!` header what it is"));
        }
        if source.lines().all(|line| line.trim().is_empty() || line.starts_with("//!")) {
            findings.push(format!("{name} holds nothing"));
        }
        let lines = source.lines().count();
        if LINES_MAX < lines && !LONG_FOR_A_REASON.iter().any(|(long, _)| *long == name) {
            findings.push(format!("{name} has {lines} lines, over the limit of {LINES_MAX}"));
        }
        if !reached.contains(path) {
            findings.push(format!("{name} is reached from no target"));
        }
    }
    Ok(findings)
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn gather(dir: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // A package inside of another one is a workspace of its own.
            if !is_hidden && !path.ends_with("target") && !path.join("Cargo.toml").exists() {
                gather(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
    Ok(())
}

/// Where the modules that a file declares are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Beside the file.
    Root,
    /// In the directory of the file's name.
    Module,
}

fn reach(path: &Path, place: Place, reached: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !reached.insert(path.to_owned()) {
        return Ok(());
    }
    let is_beside = place == Place::Root || path.ends_with("mod.rs");
    let dir = if is_beside { path.parent().map(Path::to_owned) } else { Some(path.with_extension("")) };
    let dir = dir.context("a source lies in no directory")?;
    for module in declared(&read(path)?) {
        let candidates = [dir.join(format!("{module}.rs")), dir.join(&module).join("mod.rs")];
        // A module that is not there is the compiler's to report.
        if let Some(found) = candidates.iter().find(|candidate| candidate.exists()) {
            reach(found, Place::Module, reached)?;
        }
    }
    Ok(())
}

/// The modules that a source declares in files of their own.
fn declared(source: &str) -> Vec<String> {
    let declarations = source.lines().filter_map(|line| {
        let (before, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
        let is_declaration = before.is_empty() || before.starts_with("pub");
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (is_declaration && is_name).then(|| name.to_owned())
    });
    declarations.collect()
}

#[cfg(test)]
mod tests;
