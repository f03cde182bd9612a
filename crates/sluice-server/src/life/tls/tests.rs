//! Certificates: made once, kept privately, refused when they are none.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{ServeError, server_config};
use crate::config::TlsSettings;

#[test]
fn a_self_signed_certificate_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    assert!(server_config(&TlsSettings::default(), dir.path()).unwrap().is_none());
    let tls = TlsSettings { self_signed: true, ..TlsSettings::default() };
    assert!(server_config(&tls, dir.path()).unwrap().is_some());
    let key = dir.path().join("tls-key.pem");
    let first = fs::read(&key).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(server_config(&tls, dir.path()).unwrap().is_some());
    assert_eq!(fs::read(&key).unwrap(), first);
}

#[test]
fn files_that_are_no_certificate_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
    let tls =
        TlsSettings { certificate: Some(certificate.clone()), key: Some(key.clone()), self_signed: false };
    assert!(matches!(server_config(&tls, dir.path()), Err(ServeError::TlsFile { .. })));
    fs::write(&certificate, "nothing").unwrap();
    fs::write(&key, "nothing").unwrap();
    assert!(matches!(server_config(&tls, dir.path()), Err(ServeError::Pem { .. })));
}
