//! Everything that a start would stumble over is found at once, and nothing is made or changed by looking.

use std::{fmt::Write as _, fs, net::TcpListener, path::Path};

use expect_test::{Expect, expect};
use sluice_store::DirLock;

use super::look_ahead;
use crate::{
    certificate::tests::{Day, write_certificate},
    clock::{date, now_seconds},
    config::{Config, TlsSettings},
};

/// A configuration on a directory below `dir` that need not exist.
fn config_in(dir: &Path) -> Config {
    let listen = "127.0.0.1:0".parse().unwrap();
    Config { listen, data_dir: dir.join("data/below"), ..Config::default() }
}

fn with_certificate(dir: &Path) -> Config {
    let (certificate, key) = (Some(dir.join("certificate.pem")), Some(dir.join("key.pem")));
    Config { tls: TlsSettings { certificate, key, ..TlsSettings::default() }, ..config_in(dir) }
}

#[track_caller]
fn check(dir: &Path, config: &Config, want: &Expect) {
    let names = |dir: &Path| -> Vec<_> {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    let before = names(dir);
    let mut told = String::new();
    for found in look_ahead(config, &|_| true) {
        let kind = if found.is_fault { "fault" } else { "remark" };
        writeln!(told, "{kind} {}: {}", found.key, found.text).unwrap();
    }
    want.assert_eq(&told.replace(dir.to_str().unwrap(), "DIR"));
    assert_eq!(names(dir), before, "looking has left something");
}

/// The day so many days from now.
fn day_in(days: u32) -> Day {
    let text = date(u64::from(now_seconds() + days * 86_400)).to_string();
    let number = |from: usize, to: usize| text[from..to].parse::<u16>().unwrap();
    (number(0, 4).into(), number(5, 7).try_into().unwrap(), number(8, 10).try_into().unwrap())
}

#[test]
fn a_first_start_finds_nothing_wrong_and_looking_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    check(dir.path(), &config_in(dir.path()), &expect![""]);
    let made = TlsSettings { self_signed: true, ..TlsSettings::default() };
    check(dir.path(), &Config { tls: made, ..config_in(dir.path()) }, &expect![""]);
}

#[test]
fn all_faults_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = with_certificate(dir.path());
    fs::write(dir.path().join("data"), "a file").unwrap();
    fs::write(dir.path().join("key.pem"), "nothing").unwrap();
    // An address of documentation, which no machine has.
    config.listen = "192.0.2.1:0".parse().unwrap();
    config.metrics_listen = Some("192.0.2.1:1".parse().unwrap());
    check(
        dir.path(),
        &config,
        &expect![[r#"
            fault data_dir: cannot use DIR/data/below: Not a directory (os error 20)
            fault tls.certificate: TLS cannot use DIR/certificate.pem: No such file or directory (os error 2)
            fault tls.key: DIR/key.pem is not a PEM file of the kind it should be
            fault listen: cannot listen on 192.0.2.1:0: Cannot assign requested address (os error 99)
            fault metrics_listen: cannot listen on 192.0.2.1:1: Cannot assign requested address (os error 99)
        "#]],
    );
    let found = look_ahead(&config, &|key| key == "listen");
    assert_eq!(found.iter().map(|found| found.key).collect::<Vec<_>>(), ["listen"]);
}

#[test]
fn a_certificate_needs_its_own_key_and_has_to_count() {
    let dir = tempfile::tempdir().unwrap();
    let config = with_certificate(dir.path());
    write_certificate(dir.path(), (2020, 1, 1), (3000, 1, 1));
    check(dir.path(), &config, &expect![""]);
    let key = fs::read(dir.path().join("key.pem")).unwrap();
    write_certificate(dir.path(), (2020, 1, 1), (2021, 1, 1));
    let other_key = fs::read(dir.path().join("key.pem")).unwrap();
    fs::write(dir.path().join("key.pem"), key).unwrap();
    check(
        dir.path(),
        &config,
        &expect![[r#"
            fault tls.certificate: the certificate ended at 2021-01-01T00:00:00Z; clients refuse it
            fault tls.key: the certificate and key cannot be used: keys may not be consistent: KeyMismatch
        "#]],
    );
    // The same for one that the daemon has made.
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    fs::rename(dir.path().join("certificate.pem"), data_dir.join("tls-certificate.pem")).unwrap();
    fs::write(data_dir.join("tls-key.pem"), other_key).unwrap();
    let tls = TlsSettings { self_signed: true, ..TlsSettings::default() };
    check(
        &data_dir,
        &Config { tls, data_dir: data_dir.clone(), ..config_in(dir.path()) },
        &expect![[r#"
            fault tls.self_signed: the certificate ended at 2021-01-01T00:00:00Z; clients refuse it
        "#]],
    );
}

#[test]
fn a_certificate_that_ends_soon_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    write_certificate(dir.path(), (2020, 1, 1), day_in(10));
    let found = look_ahead(&with_certificate(dir.path()), &|_| true);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].is_fault && found[0].text.contains("the certificate ends at "), "{found:?}");
}

#[test]
fn a_daemon_that_runs_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let _lock = DirLock::take(dir.path()).unwrap();
    let config = Config { data_dir: dir.path().to_owned(), listen, ..Config::default() };
    let found = look_ahead(&config, &|_| true);
    assert!(found.iter().all(|found| !found.is_fault), "{found:?}");
    assert_eq!(found.iter().map(|found| found.key).collect::<Vec<_>>(), ["data_dir", "listen"]);
    let metrics =
        Config { metrics_listen: Some(listen), listen: "127.0.0.1:0".parse().unwrap(), ..config.clone() };
    let found = look_ahead(&metrics, &|key| key == "metrics_listen");
    assert_eq!(
        found.iter().map(|found| (found.key, found.is_fault)).collect::<Vec<_>>(),
        [("metrics_listen", false)]
    );
    // The lock of somebody who only looks keeps nobody away.
    drop(look_ahead(&Config { data_dir: dir.path().to_owned(), ..config }, &|_| true));
}

#[test]
fn what_lies_in_the_data_directory_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Some(dir.path().join("password"));
    let mut config =
        Config { data_dir: dir.path().to_owned(), admin_password_file: missing, ..config_in(dir.path()) };
    for (name, text) in [("RESTORING", ""), ("accounts.json", "{"), ("MANIFEST", "damaged")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    check(
        dir.path(),
        &config,
        &expect![[r#"
            fault data_dir: DIR/MANIFEST is damaged: it fails its checksum; the runs it names cannot be trusted. Nothing was changed. Going on would lose acknowledged data: restore the data directory from a backup, or move it away, start with an empty one and push everything again
            fault data_dir: DIR/accounts.json is not an accounts file: EOF while parsing an object at line 1 column 1
        "#]],
    );
    fs::remove_file(dir.path().join("MANIFEST")).unwrap();
    fs::remove_file(dir.path().join("accounts.json")).unwrap();
    check(
        dir.path(),
        &config,
        &expect![[r#"
            fault data_dir: DIR is damaged: a restore into it did not finish; repeat it, or remove the directory. Nothing was changed. Going on would lose acknowledged data: restore the data directory from a backup, or move it away, start with an empty one and push everything again
            fault admin_password_file: cannot read DIR/password: No such file or directory (os error 2)
        "#]],
    );
    config.data_dir = dir.path().join("not yet");
    check(
        dir.path(),
        &config,
        &expect![[r#"
            fault admin_password_file: cannot read DIR/password: No such file or directory (os error 2)
        "#]],
    );
}
