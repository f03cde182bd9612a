//! What a client has shown of itself in the TLS handshake.
//!
//! In: a connection whose handshake is done. Out: the client's certificates, for its requests. rustls has checked them, but
//! perhaps long ago: a session that is resumed brings back those of the first handshake. So whoever goes by them checks
//! them again.

use std::cell::Cell;

use rustls::{ServerConnection, pki_types::CertificateDer};

/// The certificates of a client; its own is the first.
#[derive(Debug)]
pub(crate) struct PeerCertificates {
    /// At least one.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Number of the authority that has vouched for them last; 0 before the first has.
    pub(crate) vouched_by: Cell<u64>,
}

impl PeerCertificates {
    /// What the client of a connection has shown, if anything.
    pub(crate) fn of(connection: &ServerConnection) -> Option<Self> {
        let chain = connection.peer_certificates().filter(|chain| !chain.is_empty())?;
        Some(Self { chain: chain.to_vec(), vouched_by: Cell::new(0) })
    }
}
