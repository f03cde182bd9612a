//! What counts as a declaration, and what is found in a small package.

use std::fs;

use serde_json::json;

use super::{check, declared};

#[test]
fn declarations_are_told_from_other_lines() {
    let source = "mod a;\npub mod b;\npub(crate) mod c;\nmod d {\n// mod e;\nlet x = mod_f;\nuse mod g;\n";
    assert_eq!(declared(source), ["a", "b", "c"]);
}

#[track_caller]
fn check_package(files: &[(&str, &str)], want: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (path, content) in files {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), content).unwrap();
    }
    let package = json!({
        "manifest_path": root.join("Cargo.toml"),
        "targets": [{"src_path": root.join("src/lib.rs")}],
    });
    assert_eq!(check(root, &json!({"packages": [package]})).unwrap(), want);
}

const GOOD: (&str, &str) = ("Cargo.toml", "[lints]\nworkspace = true\n");

#[test]
fn a_tidy_package_passes() {
    let lib = ("src/lib.rs", "//! A.\nmod a;\nmod b;\n");
    let rest = [("src/a.rs", "//! A.\nmod c;\n"), ("src/a/c.rs", "//! C.\nfn c() {}\n")];
    check_package(&[GOOD, lib, rest[0], rest[1], ("src/b/mod.rs", "//! B.\nfn b() {}\n")], &[]);
}

#[test]
fn each_fault_is_found() {
    let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(600));
    check_package(
        &[
            ("Cargo.toml", "[package]\n"),
            ("src/bare.rs", "fn bare() {}\n"),
            ("src/dead.rs", "//! Dead.\nfn dead() {}\n"),
            ("src/empty.rs", "//! Empty.\n"),
            ("src/lib.rs", "//! Lib.\nmod bare;\nmod empty;\nmod long;\n"),
            ("src/long.rs", &long),
        ],
        &[
            "Cargo.toml does not inherit the lints",
            "src/bare.rs does not say in a `//!` header what it is",
            "src/dead.rs is reached from no target",
            "src/empty.rs holds nothing",
            "src/long.rs has 601 lines, over the limit of 600",
        ],
    );
}
