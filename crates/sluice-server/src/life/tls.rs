//! TLS: certificate and key to a rustls configuration.
//!
//! In: two PEM files; or none, and then a self-signed certificate is made once and kept in the data directory, its key
//! with mode 0600. It names the host as clients may call it; it never ends, because nobody could renew it. Out: TLS 1.2 and 1.3 with the ring provider, HTTP/1.1 only, under a certificate that can be replaced
//! for the handshakes that follow; and who vouches for the certificates of clients, if they are asked for. Blocking, at the start and at a reload.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use super::{error::ServeError, host};
use crate::{
    auth::{client_authority::ClientAuthority, private_files::replace_private},
    certificate::{self, Validity},
    config::{Config, TlsSettings},
};

#[cfg(test)]
mod tests;

/// The certificate of the handshakes from now on, with its key.
#[derive(Debug)]
pub(crate) struct CertificateInUse {
    certified: RwLock<Arc<CertifiedKey>>,
    is_new: AtomicBool,
}

impl CertificateInUse {
    fn new(certified: CertifiedKey) -> Self {
        Self { certified: RwLock::new(Arc::new(certified)), is_new: AtomicBool::new(true) }
    }

    /// Puts another one in its place. Connections that are open stay so.
    pub(crate) fn replace(&self, certified: CertifiedKey) {
        *self.certified.write() = Arc::new(certified);
        self.is_new.store(true, Ordering::Release);
    }

    /// From when and until when it counts; `None` if it does not tell.
    pub(crate) fn validity(&self) -> Option<Validity> {
        Validity::of(self.certified.read().cert.first()?)
    }

    /// SHA-256 of it.
    pub(crate) fn fingerprint(&self) -> String {
        self.certified.read().cert.first().map_or_else(String::new, |first| certificate::fingerprint(first))
    }

    /// Returns true once for each certificate that is put in force.
    pub(crate) fn take_new(&self) -> bool {
        self.is_new.swap(false, Ordering::AcqRel)
    }
}

impl ResolvesServerCert for CertificateInUse {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certified.read()))
    }
}

/// Builds the configuration, in which `clients` decides on the certificates of clients, and gives its own certificate; `None`
/// for plain HTTP.
///
/// # Errors
///
/// By variant of [`ServeError`].
pub(crate) fn server_config(
    config: &Config,
    clients: &Arc<ClientAuthority>,
) -> Result<Option<(ServerConfig, Arc<CertificateInUse>)>, ServeError> {
    let Some(certified) = read(config)? else { return Ok(None) };
    clients.replace(client_verifier(&config.tls)?);
    let in_use = Arc::new(CertificateInUse::new(certified));
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ServeError::Certificate)?
        .with_client_cert_verifier(Arc::clone(clients) as Arc<dyn ClientCertVerifier>)
        .with_cert_resolver(Arc::clone(&in_use) as Arc<dyn ResolvesServerCert>);
    Ok(Some((server, in_use)))
}

/// Reads certificate and key, or makes them; `None` for plain HTTP.
///
/// # Errors
///
/// By variant of [`ServeError`].
pub(crate) fn read(config: &Config) -> Result<Option<CertifiedKey>, ServeError> {
    let tls = &config.tls;
    if tls.is_off() {
        return Ok(None);
    }
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        return from_files(certificate, key).map(Some);
    }
    let (certificate, key) = self_signed_paths(&config.data_dir);
    if !certificate.exists() || !key.exists() {
        generate(config, &certificate, &key)?;
    }
    let certified = from_files(&certificate, &key)?;
    if let Some(missing) = certified.cert.first().and_then(|first| missing_names(first, &tls.names)) {
        tracing::warn!("{missing}");
    }
    Ok(Some(certified))
}

/// Who judges the certificates of clients; `None` if none are asked for.
///
/// # Errors
///
/// By variant of [`ServeError`].
pub(crate) fn client_verifier(tls: &TlsSettings) -> Result<Option<Arc<dyn ClientCertVerifier>>, ServeError> {
    tls.client_ca.as_deref().map(read_client_authority).transpose()
}

/// Reads the certificates of the authorities that vouch for clients.
///
/// # Errors
///
/// [`ServeError::TlsFile`], [`ServeError::Pem`] or [`ServeError::Authority`].
pub(super) fn read_client_authority(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, ServeError> {
    let refused = |source| ServeError::Authority { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(path)? {
        roots.add(certificate).map_err(refused)?;
    }
    let provider = Arc::new(ring::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    // There is one at least.
    built.map_err(|error| refused(rustls::Error::General(error.to_string())))
}

/// Where a certificate that the daemon has made is kept, and its key.
pub fn self_signed_paths(data_dir: &Path) -> (PathBuf, PathBuf) {
    (data_dir.join("tls-certificate.pem"), data_dir.join("tls-key.pem"))
}

/// What to say of a certificate that was made without some of the names that are wanted now. It is not made again by
/// itself: clients may have been told to trust this very one.
pub(super) fn missing_names(certificate: &[u8], wanted: &[String]) -> Option<String> {
    let named = certificate::names(certificate);
    let missing: Vec<&str> = wanted.iter().filter(|name| !named.contains(name)).map(String::as_str).collect();
    if missing.is_empty() {
        return None;
    }
    let missing = missing.join(", ");
    Some(format!(
        "the self-signed certificate does not name {missing}; remove tls-certificate.pem from the data directory, and the \
         next start or reload makes one that does"
    ))
}

fn generate(config: &Config, certificate_path: &Path, key_path: &Path) -> Result<(), ServeError> {
    let names = host::names(config.listen.ip(), &config.tls.names);
    let mut params = CertificateParams::new(names.clone()).map_err(ServeError::Generate)?;
    // Some programs show it, and none needs it: they go by the names.
    params.distinguished_name.push(DnType::CommonName, "sluiced");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let key = KeyPair::generate().map_err(ServeError::Generate)?;
    let made = params.self_signed(&key).map_err(ServeError::Generate)?;
    // The key first: a certificate without its key is made again at the next start.
    for (path, text) in [(key_path, key.serialize_pem()), (certificate_path, made.pem())] {
        replace_private(path, text.as_bytes()).map_err(ServeError::tls_file(path))?;
    }
    let (path, sha256) = (certificate_path.display(), certificate::fingerprint(made.der()));
    tracing::info!(%path, sha256, names = names.join(","), "a self-signed certificate is made");
    Ok(())
}

fn from_files(certificate: &Path, key: &Path) -> Result<CertifiedKey, ServeError> {
    certify(read_chain(certificate)?, read_key(key)?)
}

/// Reads a certificate with those that lead from it to an authority.
///
/// # Errors
///
/// [`ServeError::TlsFile`] or [`ServeError::Pem`].
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let pem = fs::read(path).map_err(ServeError::tls_file(path))?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(ServeError::Pem { path: path.to_owned() }),
    }
}

/// Reads a private key.
///
/// # Errors
///
/// [`ServeError::TlsFile`] or [`ServeError::Pem`].
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ServeError> {
    let pem = fs::read(path).map_err(ServeError::tls_file(path))?;
    PrivateKeyDer::from_pem_slice(&pem).or(Err(ServeError::Pem { path: path.to_owned() }))
}

/// Puts a certificate and its key together.
///
/// # Errors
///
/// [`ServeError::Certificate`] when they do not belong together.
pub(super) fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, ServeError> {
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(ServeError::Certificate)
}
