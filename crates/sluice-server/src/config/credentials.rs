//! Certificates that the service manager hands over: the layer below all others but the defaults.
//!
//! In: where they lie. Out: the keys of `[tls]` that name the files there, unless something else says where they are. The
//! names are those that `LoadCredential=tls:DIR` gives to the files of a directory; or those in that directory, for whoever
//! checks what the unit would hand over.

use std::path::{Path, PathBuf};

use super::settings::TlsSettings;

/// Where certificate and key are, if nothing else says so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Credentials {
    /// Nowhere.
    #[default]
    None,
    /// In this directory of copies, which the service manager has made.
    HandedOver(PathBuf),
    /// Where the shipped unit takes them from: in the directory `tls` beside the configuration file.
    BesideFile,
}

/// Names the files that are there in `tls`, but for keys that are `is_set`; returns the keys. A certificate of the unit is
/// not mixed with anything that is said of the daemon's own.
pub(super) fn apply(
    credentials: &Credentials,
    file: Option<&Path>,
    tls: &mut TlsSettings,
    is_set: &dyn Fn(&str) -> bool,
) -> Vec<&'static str> {
    let place_of = |name: &str| match (credentials, file.and_then(Path::parent)) {
        (Credentials::HandedOver(dir), _) => {
            Some(dir.join(format!("tls_{name}"))).filter(|path| path.exists())
        }
        // Links are not handed over.
        (Credentials::BesideFile, Some(dir)) => {
            Some(dir.join("tls").join(name)).filter(|path| path.is_file() && !path.is_symlink())
        }
        (Credentials::BesideFile, None) | (Credentials::None, _) => None,
    };
    let is_own_set = ["tls.certificate", "tls.key", "tls.self_signed"].into_iter().any(is_set);
    let mut taken = Vec::new();
    for (key, name, place, is_set) in [
        ("tls.certificate", "certificate.pem", &mut tls.certificate, is_own_set),
        ("tls.key", "key.pem", &mut tls.key, is_own_set),
        ("tls.client_ca", "client-ca.pem", &mut tls.client_ca, is_set("tls.client_ca")),
    ] {
        if !is_set && let Some(path) = place_of(name) {
            *place = Some(path);
            taken.push(key);
        }
    }
    taken
}
