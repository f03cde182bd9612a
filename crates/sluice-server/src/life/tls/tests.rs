//! Certificates: made once, kept privately, with the names that are wanted, refused when they are none.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use super::{ServeError, missing_names, read, read_chain, server_config};
use crate::{
    certificate::{self, tests::write_certificate},
    config::{Config, TlsSettings},
    logging::line::tests::written,
};

fn config_with(data_dir: &Path, tls: TlsSettings) -> Config {
    Config { data_dir: data_dir.to_owned(), tls, ..Config::default() }
}

fn self_signed(data_dir: &Path, names: &[&str]) -> Config {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    config_with(data_dir, TlsSettings { self_signed: true, names, ..TlsSettings::default() })
}

#[test]
fn a_self_signed_certificate_is_made_once() {
    let (dir, clients) = (tempfile::tempdir().unwrap(), Arc::default());
    assert!(server_config(&config_with(dir.path(), TlsSettings::default()), &clients).unwrap().is_none());
    let config = self_signed(dir.path(), &[]);
    assert!(server_config(&config, &clients).unwrap().is_some());
    let key = dir.path().join("tls-key.pem");
    let first = fs::read(&key).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(server_config(&config, &clients).unwrap().is_some());
    assert_eq!(fs::read(&key).unwrap(), first);
}

#[test]
fn it_names_what_is_wanted_and_its_path_and_fingerprint_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let config = self_signed(dir.path(), &["sluice.example.com", "192.0.2.7"]);
    let told = written(false, false, || drop(read(&config).unwrap()));
    let path = dir.path().join("tls-certificate.pem");
    let certificate = read_chain(&path).unwrap().remove(0);
    let names = certificate::names(&certificate);
    for name in ["sluice.example.com", "192.0.2.7", "localhost", "127.0.0.1", "::1"] {
        assert!(names.iter().any(|one| one == name), "{name} is not in {names:?}");
    }
    let fingerprint = certificate::fingerprint(&certificate);
    assert_eq!(fingerprint.len(), 32 * 3 - 1);
    assert!(told.contains(&fingerprint) && told.contains(path.to_str().unwrap()), "{told}");
    assert_eq!(missing_names(&certificate, &config.tls.names), None);
    // One that is kept is not told again, unless names are missing in it.
    assert_eq!(written(false, false, || drop(read(&config).unwrap())), "");
    let more = self_signed(dir.path(), &["sluice.example.com", "other.example.com"]);
    let told = written(false, false, || drop(read(&more).unwrap()));
    assert!(told.contains("does not name other.example.com;"), "{told}");
    fs::remove_file(&path).unwrap();
    let told = written(false, false, || drop(read(&more).unwrap()));
    assert!(told.contains("is made") && told.contains("other.example.com"), "{told}");
}

#[test]
fn a_certificate_that_is_replaced_is_new_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = self_signed(dir.path(), &[]);
    let (_, in_use) = server_config(&config, &Arc::default()).unwrap().unwrap();
    assert!(in_use.take_new() && !in_use.take_new());
    let before = (in_use.validity().unwrap(), in_use.fingerprint());
    write_certificate(dir.path(), (2020, 1, 1), (2021, 1, 1));
    let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
    let tls = TlsSettings { certificate: Some(certificate), key: Some(key), ..TlsSettings::default() };
    in_use.replace(read(&config_with(dir.path(), tls)).unwrap().unwrap());
    assert!(in_use.take_new() && !in_use.take_new());
    let after = in_use.validity().unwrap();
    assert_eq!(after.ends_at_seconds, 1_609_459_200);
    assert!(after.ends_at_seconds < before.0.ends_at_seconds && in_use.fingerprint() != before.1);
}

#[test]
fn files_that_are_no_certificate_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
    let (c, k) = (Some(certificate.clone()), Some(key.clone()));
    let config = config_with(dir.path(), TlsSettings { certificate: c, key: k, ..TlsSettings::default() });
    assert!(matches!(server_config(&config, &Arc::default()), Err(ServeError::TlsFile { .. })));
    fs::write(&certificate, "nothing").unwrap();
    fs::write(&key, "nothing").unwrap();
    assert!(matches!(server_config(&config, &Arc::default()), Err(ServeError::Pem { .. })));
}

#[test]
fn an_authority_for_clients_has_to_be_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let mut config = self_signed(dir.path(), &[]);
    config.tls.client_ca = Some(path.clone());
    assert!(matches!(server_config(&config, &Arc::default()), Err(ServeError::TlsFile { .. })));
    fs::write(&path, "nothing").unwrap();
    assert!(matches!(server_config(&config, &Arc::default()), Err(ServeError::Pem { .. })));
    fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(server_config(&config, &Arc::default()), Err(ServeError::Authority { .. })));
    write_certificate(dir.path(), (2020, 1, 1), (3000, 1, 1));
    fs::copy(dir.path().join("certificate.pem"), &path).unwrap();
    assert!(server_config(&config, &Arc::default()).is_ok());
}
