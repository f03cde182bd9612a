//! TLS: certificate and key to a rustls configuration.
//!
//! In: two PEM files; or none, and then a self-signed certificate is made once and kept in the data directory, its key
//! with mode 0600. Out: TLS 1.2 and 1.3 with the ring provider, HTTP/1.1 only, under a certificate that can be replaced
//! for the handshakes that follow. Blocking, at the start and at a reload.

use std::{fs, path::Path, sync::Arc};

use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::error::ServeError;
use crate::{auth::private_files::replace_private, config::TlsSettings};

#[cfg(test)]
mod tests;

/// Names in a self-signed certificate.
const SELF_SIGNED_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The certificate of the handshakes from now on, with its key.
#[derive(Debug)]
pub(crate) struct CertificateInUse {
    certified: RwLock<Arc<CertifiedKey>>,
}

impl CertificateInUse {
    /// Puts another one in its place. Connections that are open stay so.
    pub(crate) fn replace(&self, certified: CertifiedKey) {
        *self.certified.write() = Arc::new(certified);
    }
}

impl ResolvesServerCert for CertificateInUse {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certified.read()))
    }
}

/// Builds the configuration, and gives its certificate; `None` for plain HTTP.
///
/// # Errors
///
/// By variant of [`ServeError`].
pub(crate) fn server_config(
    tls: &TlsSettings,
    data_dir: &Path,
) -> Result<Option<(ServerConfig, Arc<CertificateInUse>)>, ServeError> {
    let Some(certified) = read(tls, data_dir)? else { return Ok(None) };
    let in_use = Arc::new(CertificateInUse { certified: RwLock::new(Arc::new(certified)) });
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ServeError::Certificate)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&in_use) as Arc<dyn ResolvesServerCert>);
    Ok(Some((config, in_use)))
}

/// Reads certificate and key, or makes them; `None` for plain HTTP.
///
/// # Errors
///
/// By variant of [`ServeError`].
pub(crate) fn read(tls: &TlsSettings, data_dir: &Path) -> Result<Option<CertifiedKey>, ServeError> {
    if tls.is_off() {
        return Ok(None);
    }
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        return from_files(certificate, key).map(Some);
    }
    let (certificate, key) = (data_dir.join("tls-certificate.pem"), data_dir.join("tls-key.pem"));
    if !certificate.exists() || !key.exists() {
        generate(&certificate, &key)?;
    }
    from_files(&certificate, &key).map(Some)
}

fn generate(certificate_path: &Path, key_path: &Path) -> Result<(), ServeError> {
    let names = SELF_SIGNED_NAMES.map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(ServeError::Generate)?;
    // The key first: a certificate without its key is made again at the next start.
    for (path, text) in [(key_path, made.signing_key.serialize_pem()), (certificate_path, made.cert.pem())] {
        replace_private(path, text.as_bytes()).map_err(ServeError::tls_file(path))?;
    }
    Ok(())
}

fn from_files(certificate_path: &Path, key_path: &Path) -> Result<CertifiedKey, ServeError> {
    let pem = fs::read(certificate_path).map_err(ServeError::tls_file(certificate_path))?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let Ok(chain) = chain else { return Err(ServeError::Pem { path: certificate_path.to_owned() }) };
    if chain.is_empty() {
        return Err(ServeError::Pem { path: certificate_path.to_owned() });
    }
    let pem = fs::read(key_path).map_err(ServeError::tls_file(key_path))?;
    let Ok(key) = PrivateKeyDer::from_pem_slice(&pem) else {
        return Err(ServeError::Pem { path: key_path.to_owned() });
    };
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(ServeError::Certificate)
}
