//! `manual`, and what the package for Debian takes of it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use expect_test::expect;
use tempfile::TempDir;
use toml::{Table, Value};

use crate::commands::{for_each_below, sluiced};

fn write_manual() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    // A parent that is missing is made.
    let output = sluiced().arg("manual").arg(dir.path().join("share")).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    dir
}

#[test]
fn each_command_has_a_page_and_everybody_can_read_it() {
    let dir = write_manual();
    let share = dir.path().join("share");
    let mut names = Vec::new();
    for_each_below(&share, &mut |path, metadata| {
        let mode = metadata.permissions().mode() & 0o7777;
        assert_eq!(mode, if metadata.is_dir() { 0o755 } else { 0o644 }, "{}", path.display());
        if metadata.is_file() {
            names.push(path.strip_prefix(&share).unwrap().display().to_string());
        }
    });
    names.sort();
    expect![[r#"
        bash-completion/completions/sluiced
        fish/vendor_completions.d/sluiced.fish
        man/man8/sluiced-check-config.8
        man/man8/sluiced-health.8
        man/man8/sluiced-manual.8
        man/man8/sluiced-restore.8
        man/man8/sluiced-snapshot.8
        man/man8/sluiced-token-create.8
        man/man8/sluiced-token-list.8
        man/man8/sluiced-token-revoke.8
        man/man8/sluiced-token.8
        man/man8/sluiced-user-add.8
        man/man8/sluiced-user-list.8
        man/man8/sluiced-user-password.8
        man/man8/sluiced-user-remove.8
        man/man8/sluiced-user.8
        man/man8/sluiced-verify.8
        man/man8/sluiced.8
        zsh/site-functions/_sluiced"#]]
    .assert_eq(&names.join("\n"));
    let read = |name: &str| fs::read_to_string(share.join(name)).unwrap();
    for page in ["man/man8/sluiced.8", "man/man8/sluiced-user-add.8"] {
        assert!(read(page).contains("\\-\\-data\\-dir"), "{page} does not know a flag of all commands");
    }
    assert!(read("man/man8/sluiced.8").contains("sluiced\\-user(8)"));
    // Between daemon and command.
    assert!(!read("man/man8/sluiced-snapshot.8").contains("newest\\-"));
    for completions in names.iter().filter(|name| !name.starts_with("man/")) {
        let text = read(completions);
        assert!(text.contains("check-config") && text.contains("password-file"), "{completions}");
    }
}

/// What a package takes from where: a file that is renamed is missed here, and not at the next release.
#[test]
fn the_package_for_debian_lists_files_that_exist() {
    let dir = write_manual();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: Table = fs::read_to_string(here.join("Cargo.toml")).unwrap().parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let mut count = 0;
    for asset in assets {
        let [from, to, mode] = [0, 1, 2].map(|index| asset[index].as_str().unwrap());
        assert_eq!(mode, if to == "usr/bin/" { "755" } else { "644" }, "{from}");
        // Made of the version, which only a release knows.
        if from == "target/release/sluiced" || from.ends_with("changelog.Debian.gz") {
            continue;
        }
        // Those of the client are held to the list by its own tests.
        if from.contains("/man1/")
            || ["/sluice", "/_sluice", "/sluice.fish"].iter().any(|end| from.ends_with(end))
        {
            continue;
        }
        let path: PathBuf = match from.strip_prefix("target/release/manual/") {
            Some(below) => dir.path().join("share").join(below),
            None => here.join(from),
        };
        let name = path.file_name().unwrap().to_str().unwrap();
        let found = match name.strip_prefix('*') {
            Some(end) => {
                let entries = fs::read_dir(path.parent().unwrap()).unwrap();
                entries
                    .filter(|entry| entry.as_ref().unwrap().path().display().to_string().ends_with(end))
                    .count()
            }
            None => usize::from(path.is_file()),
        };
        assert_ne!(found, 0, "{from} is not there");
        count += found;
    }
    assert!(20 < count, "{count} files");
    let scripts = here.join(manifest["package"]["metadata"]["deb"]["maintainer-scripts"].as_str().unwrap());
    for script in ["postinst", "prerm", "postrm"] {
        let checked = std::process::Command::new("sh").arg("-n").arg(scripts.join(script)).status().unwrap();
        assert!(checked.success(), "{script}");
    }
}

/// The image starts with its configuration, and the unit's file is one too.
#[test]
fn configurations_that_are_shipped_are_taken() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    for name in ["container.toml", "sluiced.toml"] {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        let output = sluiced()
            .args(["check-config", "--listen", "127.0.0.1:0", "--config"])
            .arg(deploy.join(name))
            .arg("--data-dir")
            .arg(data_dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let shown: Table = String::from_utf8(output.stdout).unwrap().parse().unwrap();
        assert_eq!(shown["tls"]["self_signed"], Value::Boolean(name == "container.toml"));
    }
}
