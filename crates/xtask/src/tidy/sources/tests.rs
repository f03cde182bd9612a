//! What is found in a small package.

use super::check;
use crate::tidy::made_up;

#[track_caller]
fn check_package(files: &[(&str, &str)], want: &[&str]) {
    let (dir, package) = made_up::read(files);
    assert_eq!(check(dir.path(), &[package]).unwrap(), want);
}

const GOOD: (&str, &str) = ("Cargo.toml", "[lints]\nworkspace = true\n");

#[test]
fn a_tidy_package_passes() {
    check_package(
        &[
            GOOD,
            ("src/lib.rs", "//! A.\nmod a;\npub(crate) mod b;\n#[cfg(test)]\nmod tests;\n"),
            ("src/a.rs", "//! A.\nmod c;\n"),
            ("src/a/c.rs", "//! C.\nfn c() {}\n"),
            ("src/b.rs", "//! B.\nfn b() {}\n"),
            ("src/tests.rs", "//! Tests.\nfn t() {}\n"),
        ],
        &[],
    );
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
            ("src/inside/mod.rs", "//! Inside.\nfn inside() {}\n"),
            ("src/lib.rs", "//! Lib.\nmod bare;\nmod empty;\nmod inside;\nmod long;\n// mod dead;\n"),
            ("src/long.rs", &long),
        ],
        &[
            "Cargo.toml does not inherit the lints",
            "src/bare.rs does not say in a `//!` header what it is",
            "src/dead.rs is reached from no target",
            "src/empty.rs holds nothing",
            "src/inside/mod.rs belongs beside its folder, under the folder's name",
            "src/long.rs has 601 lines, over the limit of 600",
        ],
    );
}
