//! Certificates that the service manager hands over: the layer below all others but the defaults.
//!
//! In: the directory of the unit's credentials. Out: the keys of `[tls]` that name the files there, unless something else says
//! where they are. The names are those that `LoadCredential=tls:DIR` gives to the files of a directory.

use std::path::Path;

use super::settings::TlsSettings;

/// Names the files that are there in `tls`, but for keys that are `is_set`; returns the keys. A certificate of the unit is
/// not mixed with anything that is said of the daemon's own.
pub(super) fn apply(dir: &Path, tls: &mut TlsSettings, is_set: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    let is_own_set = ["tls.certificate", "tls.key", "tls.self_signed"].into_iter().any(is_set);
    let mut taken = Vec::new();
    for (key, name, place, is_set) in [
        ("tls.certificate", "tls_certificate.pem", &mut tls.certificate, is_own_set),
        ("tls.key", "tls_key.pem", &mut tls.key, is_own_set),
        ("tls.client_ca", "tls_client-ca.pem", &mut tls.client_ca, is_set("tls.client_ca")),
    ] {
        let path = dir.join(name);
        if !is_set && path.exists() {
            *place = Some(path);
            taken.push(key);
        }
    }
    taken
}
