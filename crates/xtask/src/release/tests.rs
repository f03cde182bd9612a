//! What can be told of a release without making one.

use std::{
    env, fs,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Parser;
use expect_test::expect;

use super::{
    Part, Release,
    build_info::BuildInfo,
    programs::{CLIENT, DAEMON, Program, check_version},
    static_binary, sums,
};
use crate::{command::output_of, workspace::root};

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

/// The command line of a release by itself.
#[derive(Parser)]
struct ReleaseLine {
    #[command(flatten)]
    release: Release,
}

/// What is not made was named: a release without an image used to end well.
#[test]
fn all_parts_are_made_but_those_that_are_named() {
    let makes = |line: &str| {
        let release = ReleaseLine::parse_from(line.split(' ')).release;
        [Part::Deb, Part::Static, Part::Image, Part::Sbom].map(|part| release.makes(part))
    };
    assert_eq!(makes("release"), [true; 4]);
    assert_eq!(makes("release --leave-out image"), [true, true, false, true]);
    assert_eq!(makes("release --only image"), [false, false, true, false]);
    ReleaseLine::try_parse_from(["release", "--only", "image", "--leave-out", "image"])
        .map(drop)
        .unwrap_err();
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

/// A program that says what one of a made-up commit says, and writes a manual of one file.
fn made_up(program: &Program, dir: &Path) -> PathBuf {
    let (name, path) = (program.name, dir.join(format!("made-up-{}", program.name)));
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{name} 1.2.3 (commit 0123456789ab of 2026-01-31)'\n\
         else mkdir -p \"$2/man\"; echo page > \"$2/man/{name}.1\"; fi\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    path
}

/// Whoever unpacks it as root gets files that everybody can read, and two builds of a commit are alike.
#[test]
fn the_archive_is_the_same_each_time_and_can_be_read_by_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let (daemon, client) = (made_up(&DAEMON, dir.path()), made_up(&CLIENT, dir.path()));
    let name = "sluiced-1.2.3-x86_64-unknown-linux-musl";
    let pack = || {
        let (libc, binaries) = (static_binary::Libc::Musl, [daemon.as_path(), client.as_path()]);
        static_binary::pack(libc, binaries, &BuildInfo::made_up(), dir.path()).unwrap();
        fs::read(dir.path().join(format!("{name}.tar.gz"))).unwrap()
    };
    assert!(pack() == pack());
    let mut list = Command::new("tar");
    list.args(["--list", "--verbose", "--numeric-owner", "--file"]).env("TZ", "UTC");
    let listed = output_of(list.arg(dir.path().join(format!("{name}.tar.gz")))).unwrap();
    let told: Vec<String> = listed
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            format!("{} {} {} {}", words[0], words[1], words[3], words[5].trim_start_matches(name))
        })
        .collect();
    expect![[r#"
        drwxr-xr-x 0/0 2026-01-31 /
        -rw-r--r-- 0/0 2026-01-31 /CHANGELOG.md
        -rw-r--r-- 0/0 2026-01-31 /LICENSE
        -rw-r--r-- 0/0 2026-01-31 /README.md
        drwxr-xr-x 0/0 2026-01-31 /share/
        drwxr-xr-x 0/0 2026-01-31 /share/man/
        -rw-r--r-- 0/0 2026-01-31 /share/man/sluice.1
        -rw-r--r-- 0/0 2026-01-31 /share/man/sluiced.1
        -rwxr-xr-x 0/0 2026-01-31 /sluice
        -rwxr-xr-x 0/0 2026-01-31 /sluiced
        -rw-r--r-- 0/0 2026-01-31 /sluiced.service
        -rw-r--r-- 0/0 2026-01-31 /sluiced.socket
        -rw-r--r-- 0/0 2026-01-31 /sluiced.toml"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_binary_of_another_commit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = made_up(&DAEMON, dir.path());
    check_version(&DAEMON, &daemon, &BuildInfo::made_up()).unwrap();
    check_version(&CLIENT, &daemon, &BuildInfo::made_up()).unwrap_err();
    let mut other = BuildInfo::made_up();
    other.version = "1.2.4".to_owned();
    let refused = check_version(&DAEMON, &daemon, &other).unwrap_err().to_string();
    assert!(refused.contains("and not \"sluiced 1.2.4 (commit 0123456789ab of 2026-01-31)\""), "{refused}");
}

#[test]
fn a_target_that_is_missing_is_named_with_the_command_that_brings_it() {
    // Nobody runs Sluice there.
    let refused = static_binary::check_target("mips64-unknown-linux-muslabi64").unwrap_err().to_string();
    assert!(refused.contains("rustup target add mips64-unknown-linux-muslabi64;"), "{refused}");
}
