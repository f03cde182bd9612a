//! What can be told of a release without making one.

use std::{env, fs, process::Command};

use expect_test::expect;

use super::{static_binary, sums};
use crate::workspace::root;

#[test]
fn checksums_name_every_file_and_are_those_of_the_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("b.deb"), "two").unwrap();
    fs::write(dir.path().join("a.tar.gz"), "one!").unwrap();
    let files = sums::list(dir.path()).unwrap();
    sums::write(dir.path(), &files).unwrap();
    let told = sums::table(dir.path(), &files).unwrap().replace(dir.path().to_str().unwrap(), "DIR");
    expect![[r#"
        DIR
                   4  a.tar.gz
                   3  b.deb
                 147  SHA256SUMS"#]]
    .assert_eq(&told);
    let check = || {
        let mut command = Command::new("sha256sum");
        command.args(["--check", "--quiet", "--strict", "SHA256SUMS"]).current_dir(dir.path());
        command.status().unwrap().success()
    };
    assert!(check());
    fs::write(dir.path().join("b.deb"), "too").unwrap();
    assert!(!check());
    // A release of nothing is none.
    assert!(sums::write(dir.path(), &[]).is_err());
}

/// Tests are linked with the libraries of this system.
#[test]
fn a_binary_that_needs_a_library_is_not_static() {
    let refused = static_binary::check_static(&env::current_exe().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("is not static"), "{refused}");
}

#[test]
fn the_archive_and_the_image_are_made_of_files_that_exist() {
    for file in static_binary::FILES {
        assert!(root().unwrap().join(file).is_file(), "{file}");
    }
    let text = fs::read_to_string(root().unwrap().join("deploy/Dockerfile")).unwrap();
    let copied: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter_map(|line| line.split(' ').find(|word| !word.starts_with("--")))
        .collect();
    // The first and the last are put there by the command.
    assert_eq!(copied, ["sluiced", "container.toml", "data"]);
    assert!(root().unwrap().join("deploy/container.toml").is_file());
}
