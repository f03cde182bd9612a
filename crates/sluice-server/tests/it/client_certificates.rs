//! Client certificates of the real daemon: who logs in by them, who does not, and what a reload does to them.

use std::{fs, io, net::TcpStream, path::Path, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};

use crate::{
    client::Connection,
    commands::run,
    daemon::{request, wait_until, with_password},
    process::as_administrator,
    reload::Reloaded,
};

/// One that vouches for clients.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a client logs in with.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn identity_until(&self, name: &str, year: i32) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        (made.into(), PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap())
    }

    fn identity(&self, name: &str) -> Identity {
        self.identity_until(name, 3000)
    }
}

/// How a client connects; sessions are resumed among the connections of one configuration.
fn configuration(
    server: &Path,
    version: &'static SupportedProtocolVersion,
    identity: Option<&Identity>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        Some((certificate, key)) => {
            builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
        }
        None => builder.with_no_client_auth(),
    })
}

struct Client(Connection<StreamOwned<ClientConnection, TcpStream>>);

impl Client {
    fn connect(daemon: &Reloaded, configuration: &Arc<ClientConfig>) -> io::Result<(Self, HandshakeKind)> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(Arc::clone(configuration), name).unwrap();
        let mut stream = TcpStream::connect(daemon.address())?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        session.complete_io(&mut stream)?;
        let kind = session.handshake_kind().unwrap();
        Ok((Self(Connection::through(StreamOwned::new(session, stream))), kind))
    }

    /// The status of an answer; `None` when the connection is cut. With TLS 1.3, a client learns only then that its
    /// certificate was refused.
    fn ask(&mut self, method: &str, headers: &str, body: &[u8]) -> Option<u16> {
        let path =
            if method == "PUT" { "/api/1.3/suppliers/InternalTI/indicators" } else { "/api/1.3/suppliers" };
        if !self.0.send(&request(method, path, headers, body)) {
            return None;
        }
        self.0.receive().map(|answer| answer.status)
    }
}

/// A daemon that trusts an authority, with the users `admin` and `ann`, an analyst.
fn daemon_trusting(authority: &Authority) -> Reloaded {
    let daemon = Reloaded::start_with(|dir| {
        fs::write(dir.join("ca.pem"), &authority.pem).unwrap();
        format!("client_ca = {:?}\n", dir.join("ca.pem").display().to_string())
    });
    assert!(run(&daemon.process.data_dir(), &["user", "add", "ann"]).status.success());
    // It would look at the accounts within a second by itself.
    assert_eq!(daemon.reload(), "");
    daemon
}

const INDICATOR: &[u8] = br#"[{"indicator":"certified.example.com"}]"#;

#[test]
fn a_client_acts_as_the_user_that_its_certificate_names() {
    let authority = Authority::new();
    let daemon = daemon_trusting(&authority);
    for version in [&TLS12, &TLS13] {
        let connect = |identity: Option<&Identity>| {
            let configuration = configuration(&daemon.path("certificate.pem"), version, identity);
            Client::connect(&daemon, &configuration).unwrap().0
        };
        let mut ann = connect(Some(&authority.identity("ann")));
        assert_eq!(ann.ask("GET", "", b""), Some(200));
        assert_eq!(ann.ask("PUT", "", INDICATOR), Some(403), "an analyst only reads");
        // That ended the connection, as the body was not taken. On another one, a header is what counts.
        let mut ann = connect(Some(&authority.identity("ann")));
        assert_eq!(ann.ask("GET", "", b""), Some(200));
        assert_eq!(ann.ask("PUT", &as_administrator(), INDICATOR), Some(201));
        assert_eq!(ann.ask("GET", &with_password("admin", "wrong"), b""), Some(401));
        assert_eq!(ann.ask("GET", "", b""), Some(200));
        let mut admin = connect(Some(&authority.identity("admin")));
        assert_eq!(admin.ask("PUT", "", INDICATOR), Some(201));
        // Nobody has to show one.
        let mut nobody = connect(None);
        assert_eq!(nobody.ask("GET", "", b""), Some(401));
        assert_eq!(nobody.ask("GET", &as_administrator(), b""), Some(200));
        let mut stranger = connect(Some(&authority.identity("eve")));
        assert_eq!(stranger.ask("GET", "", b""), Some(401));
        let said = daemon.process.said();
        let line = said.lines().rfind(|line| line.contains("login refused")).unwrap();
        assert!(line.contains(r#"reason="unknown user in a client certificate" user="eve""#), "{line}");
    }
}

#[test]
fn certificates_of_others_and_old_ones_end_in_the_handshake() {
    let authority = Authority::new();
    let daemon = daemon_trusting(&authority);
    for version in [&TLS12, &TLS13] {
        for identity in [Authority::new().identity("admin"), authority.identity_until("admin", 2021)] {
            let configuration = configuration(&daemon.path("certificate.pem"), version, Some(&identity));
            let answered = match Client::connect(&daemon, &configuration) {
                Ok((mut client, _)) => client.ask("GET", &as_administrator(), b""),
                Err(_refused) => None,
            };
            assert_eq!(answered, None, "{version:?}");
        }
    }
}

#[test]
fn a_removed_user_is_out_within_a_second() {
    let authority = Authority::new();
    let daemon = daemon_trusting(&authority);
    let configuration =
        configuration(&daemon.path("certificate.pem"), &TLS13, Some(&authority.identity("ann")));
    let (mut ann, _) = Client::connect(&daemon, &configuration).unwrap();
    assert_eq!(ann.ask("GET", "", b""), Some(200));
    assert!(run(&daemon.process.data_dir(), &["user", "remove", "ann"]).status.success());
    wait_until("ann is out", || ann.ask("GET", "", b"") == Some(401));
}

#[test]
fn a_reload_takes_another_authority_also_for_open_connections_and_old_sessions() {
    let (first, second) = (Authority::new(), Authority::new());
    let daemon = daemon_trusting(&first);
    for version in [&TLS12, &TLS13] {
        fs::write(daemon.path("ca.pem"), &first.pem).unwrap();
        assert_eq!(daemon.reload(), "");
        let old = configuration(&daemon.path("certificate.pem"), version, Some(&first.identity("ann")));
        let (mut open, kind) = Client::connect(&daemon, &old).unwrap();
        assert_eq!((open.ask("GET", "", b""), kind), (Some(200), HandshakeKind::Full));
        let (mut resumed, kind) = Client::connect(&daemon, &old).unwrap();
        assert_eq!((resumed.ask("GET", "", b""), kind), (Some(200), HandshakeKind::Resumed));
        fs::write(daemon.path("ca.pem"), &second.pem).unwrap();
        assert_eq!(daemon.reload(), "");
        assert_eq!(open.ask("GET", "", b""), Some(401));
        assert_eq!(open.ask("GET", &as_administrator(), b""), Some(200));
        // A session that is resumed brings the old certificate back, and does not help it.
        let answered =
            Client::connect(&daemon, &old).map(|(mut client, kind)| (client.ask("GET", "", b""), kind));
        assert_eq!(answered.unwrap(), (Some(401), HandshakeKind::Resumed));
        let said = daemon.process.said();
        let reason = "reason=\"client certificate of an authority that is not trusted any more\" user=\"-\"";
        assert!(
            said.lines().rfind(|line| line.contains("login refused")).unwrap().contains(reason),
            "{said}"
        );
        let new = configuration(&daemon.path("certificate.pem"), version, Some(&second.identity("ann")));
        assert_eq!(Client::connect(&daemon, &new).unwrap().0.ask("GET", "", b""), Some(200));
        // An authority that cannot be read changes nothing.
        fs::write(daemon.path("ca.pem"), "nothing").unwrap();
        assert_eq!(daemon.reload(), "The last reload was refused; the log tells why");
        assert_eq!(Client::connect(&daemon, &new).unwrap().0.ask("GET", "", b""), Some(200));
    }
}
