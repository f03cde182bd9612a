//! A certificate counts as long as the authority of the moment vouches for it, and no longer than it lasts.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::CertificateDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{ClientAuthority, RefusalReason};
use crate::http::peer::PeerCertificates;

/// 2026-01-01 and the first second after it, when the certificates of these tests end.
const DURING: u64 = 1_767_225_600;
const AFTER: u64 = DURING + 86_400;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().into();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap()
    }

    /// What a client with these common names shows.
    fn client(&self, names: &[&str]) -> PeerCertificates {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        // One more of a kind is lost unless it is called otherwise.
        for (kind, name) in
            [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])].into_iter().zip(names)
        {
            params.distinguished_name.push(kind, *name);
        }
        params.not_after = date_time_ymd(2026, 1, 2);
        let made = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        PeerCertificates::new(vec![made.into()])
    }
}

fn trusting(authority: &Authority) -> ClientAuthority {
    let clients = ClientAuthority::default();
    clients.replace(Some(authority.verifier()));
    clients
}

#[test]
fn a_certificate_names_a_user_by_its_common_name() {
    let authority = Authority::new();
    let clients = trusting(&authority);
    for name in ["ann", "Ann Müller", "a\"b"] {
        assert_eq!(clients.user(&authority.client(&[name]), DURING).as_deref(), Ok(name));
    }
    assert_eq!(clients.user(&authority.client(&[]), DURING), Err(RefusalReason::CertificateNameless));
    assert_eq!(
        clients.user(&authority.client(&["ann", "bob"]), DURING),
        Err(RefusalReason::CertificateNameless)
    );
    let nothing = PeerCertificates::new(vec![]);
    assert_eq!(clients.user(&nothing, DURING), Err(RefusalReason::CertificateNameless));
}

#[test]
fn an_open_connection_is_held_against_the_authority_of_the_moment() {
    let (first, second) = (Authority::new(), Authority::new());
    let clients = trusting(&first);
    assert!(clients.offer_client_auth() && !clients.client_auth_mandatory());
    let ann = first.client(&["ann"]);
    for _again in 0..2 {
        assert_eq!(clients.user(&ann, DURING).as_deref(), Ok("ann"));
        clients.replace(Some(second.verifier()));
        assert_eq!(clients.user(&ann, DURING), Err(RefusalReason::CertificateNotTrusted));
        assert_eq!(clients.user(&ann, DURING), Err(RefusalReason::CertificateNotTrusted));
        assert!(clients.user(&second.client(&["bob"]), DURING).is_ok());
        clients.replace(None);
        assert!(!clients.offer_client_auth());
        assert_eq!(clients.user(&ann, DURING), Err(RefusalReason::CertificateNotTrusted));
        clients.replace(Some(first.verifier()));
    }
}

#[test]
fn a_certificate_ends_also_on_an_open_connection() {
    let authority = Authority::new();
    let clients = trusting(&authority);
    let ann = authority.client(&["ann"]);
    assert!(clients.user(&ann, DURING).is_ok());
    assert_eq!(clients.user(&ann, AFTER + 1), Err(RefusalReason::CertificateEnded));
    // One that has never been checked, as after a session that was resumed.
    assert_eq!(
        clients.user(&authority.client(&["ann"]), AFTER + 1),
        Err(RefusalReason::CertificateNotTrusted)
    );
}
