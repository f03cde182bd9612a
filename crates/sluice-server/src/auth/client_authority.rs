//! Client certificates: who vouches for them, and whom they name.
//!
//! In: an authority, which a reload may replace, and what clients show. Out: handshakes that fail for certificates of others
//! and for those that have ended, and the name of a user for the others. A certificate names a user of the accounts by the
//! common name of its subject; the other names in it are those of machines.
//!
//! A connection may outlive the authority that let it in, and a session that is resumed is not checked by rustls. So each
//! request is held against the authority of its moment. That is a comparison of numbers, unless the authority has changed.

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::refusal::RefusalReason;
use crate::http::peer::PeerCertificates;

#[cfg(test)]
mod tests;

/// See the module.
#[derive(Debug)]
pub(crate) struct ClientAuthority {
    in_force: RwLock<InForce>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Clone, Debug)]
struct InForce {
    /// One more than that of the authority before; the first has 1.
    number: u64,
    /// None when certificates are not asked for.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl Default for ClientAuthority {
    /// One that asks for no certificates.
    fn default() -> Self {
        Self {
            in_force: RwLock::new(InForce { number: 1, verifier: None }),
            algorithms: ring::default_provider().signature_verification_algorithms,
        }
    }
}

impl ClientAuthority {
    /// Puts another one in its place, also for the connections that are open.
    pub(crate) fn replace(&self, verifier: Option<Arc<dyn ClientCertVerifier>>) {
        let mut in_force = self.in_force.write();
        *in_force = InForce { number: in_force.number + 1, verifier };
    }

    /// The name in the certificate of a client, if it counts now.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub(crate) fn user(&self, peer: &PeerCertificates, now_seconds: u64) -> Result<String, RefusalReason> {
        let Some((own, intermediates)) = peer.chain.split_first() else {
            return Err(RefusalReason::CertificateNameless);
        };
        let number = self.in_force.read().number;
        if peer.vouched_by.get() != number {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now_seconds));
            self.verify_client_cert(own, intermediates, now).or(Err(RefusalReason::CertificateNotTrusted))?;
            peer.vouched_by.set(number);
        }
        if peer.validity.ok_or(RefusalReason::CertificateNameless)?.ends_at_seconds < now_seconds {
            return Err(RefusalReason::CertificateEnded);
        }
        peer.common_name.clone().ok_or(RefusalReason::CertificateNameless)
    }
}

impl ClientCertVerifier for ClientAuthority {
    fn offer_client_auth(&self) -> bool {
        self.in_force.read().verifier.is_some()
    }

    /// Never: others log in with passwords and tokens.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: they would have to outlive a reload. Clients then send what they have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let in_force = self.in_force.read().clone();
        match in_force.verifier {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
