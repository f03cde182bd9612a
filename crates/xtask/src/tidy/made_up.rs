//! Packages that do not exist but in a test.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tree::Package;

/// Writes files into a directory of their own; what cargo would know of a package in it, a library, comes with it.
pub(super) fn write(files: &[(&str, &str)]) -> (TempDir, Value) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let package = json!({
        "name": "made-up",
        "manifest_path": dir.path().join("Cargo.toml"),
        "targets": [{"kind": ["lib"], "src_path": dir.path().join("src/lib.rs")}],
    });
    (dir, package)
}

/// The same, read.
pub(super) fn read(files: &[(&str, &str)]) -> (TempDir, Package) {
    let (dir, package) = write(files);
    (dir, Package::read(&package).unwrap())
}
