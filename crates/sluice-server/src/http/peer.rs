//! What a client has shown of itself in the TLS handshake.
//!
//! In: a connection whose handshake is done. Out: the client's certificates, for its requests. rustls has checked them, but
//! perhaps long ago: a session that is resumed brings back those of the first handshake. So whoever goes by them checks
//! them again.

use std::cell::Cell;

use rustls::{ServerConnection, pki_types::CertificateDer};

use crate::certificate::{self, Validity};

/// The certificates of a client; its own is the first.
#[derive(Debug)]
pub(crate) struct PeerCertificates {
    /// At least one.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Number of the authority that has vouched for them last; 0 before the first has.
    pub(crate) vouched_by: Cell<u64>,
    /// From when and until when its own counts, if it tells.
    pub(crate) validity: Option<Validity>,
    /// The common name in its own, if there is exactly one.
    pub(crate) common_name: Option<String>,
}

impl PeerCertificates {
    /// What the client of a connection has shown, if anything.
    pub(crate) fn of(connection: &ServerConnection) -> Option<Self> {
        let chain = connection.peer_certificates().filter(|chain| !chain.is_empty())?;
        Some(Self::new(chain.to_vec()))
    }

    /// Certificates that nobody has vouched for; read once here, not at each request.
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>) -> Self {
        let own = chain.first();
        let (validity, common_name) =
            (own.and_then(|own| Validity::of(own)), own.and_then(|own| certificate::common_name(own)));
        Self { chain, vouched_by: Cell::new(0), validity, common_name }
    }
}
