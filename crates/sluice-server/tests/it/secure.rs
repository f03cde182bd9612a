//! TLS: a certificate of its own making, kept over a restart, and nothing in plain text on that port.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};

use crate::{
    client::Connection,
    daemon::{Running, as_user, request},
};

const SELF_SIGNED: [(&str, &str); 1] = [("SLUICE_TLS__SELF_SIGNED", "true")];

/// Connects over TLS, trusting nothing but one certificate, and says hello.
///
/// # Errors
///
/// Whatever the handshake ends in.
pub(crate) fn connect(
    address: SocketAddr,
    certificate: &Path,
    version: &'static SupportedProtocolVersion,
) -> io::Result<Connection<StreamOwned<ClientConnection, TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    session.complete_io(&mut stream)?;
    Ok(Connection::through(StreamOwned::new(session, stream)))
}

/// Asks over TLS, trusting nothing but the certificate in the data directory.
fn ask(daemon: &Running, version: &'static SupportedProtocolVersion) -> u16 {
    let certificate = daemon.path().join("tls-certificate.pem");
    let mut connection = connect(daemon.address(), &certificate, version).unwrap();
    let body = br#"[{"object":"example.com"}]"#;
    assert!(connection.send(&request("POST", "/api/1.0/lookup", &as_user("ann"), body)));
    connection.answer().status
}

#[test]
fn both_versions_of_tls_are_served_under_a_certificate_that_is_kept() {
    let daemon = Running::start(&SELF_SIGNED);
    let key = daemon.path().join("tls-key.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&key).unwrap();
    assert_eq!((ask(&daemon, &TLS12), ask(&daemon, &TLS13)), (200, 200));
    let daemon = daemon.restart(&SELF_SIGNED);
    assert_eq!(std::fs::read(daemon.path().join("tls-key.pem")).unwrap(), before);
    assert_eq!(ask(&daemon, &TLS13), 200);
}

#[test]
fn plain_text_and_silence_are_cut_on_a_tls_port() {
    let settings = [SELF_SIGNED[0], ("SLUICE_HTTP__TLS_HANDSHAKE_TIMEOUT_SECONDS", "1")];
    let daemon = Running::start(&settings);
    for sent in [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(), b""] {
        let mut stream = TcpStream::connect(daemon.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(sent).unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        let is_cut = match end {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        };
        assert!(is_cut, "the connection stays open");
    }
    assert_eq!(ask(&daemon, &TLS13), 200);
}
