//! Heads that do not end, on connections that have served before: each connection is cut, in time or in length.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use crate::{
    client::Connection,
    daemon::{Running, as_user, request},
};

/// Longest wait for anything; what takes longer is not cut at all.
const HANG_GUARD: Duration = Duration::from_secs(20);

/// Between two bytes of a slow client.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes that a slow client sends before the test gives up: as many pauses as the hang guard is long, and far from the
/// longest head.
const DRIBBLED_BYTES_MAX: usize = 200;

/// Bytes that a slow client gets to send of a head: one that is cut sooner was not cut for its time.
const DRIBBLED_BYTES_MIN: usize = 3;

const HEAD_TIMEOUT: (&str, &str) = ("SLUICE_HTTP__HEAD_TIMEOUT_SECONDS", "1");

/// A head that may take longer than the hang guard.
const LONG_HEAD_TIMEOUT: (&str, &str) = ("SLUICE_HTTP__HEAD_TIMEOUT_SECONDS", "60");

/// A connection that is not cut for being idle while a test runs.
const LONG_KEEP_ALIVE: (&str, &str) = ("SLUICE_HTTP__KEEP_ALIVE_SECONDS", "3600");

fn tcp(daemon: &Running) -> TcpStream {
    let stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(HANG_GUARD)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A TLS connection to a daemon with a certificate of its own.
pub(crate) fn tls(daemon: &Running) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(daemon.path().join("tls-certificate.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp(daemon))
}

/// Waits as a slow client does: for an answer, which must not come.
fn pause(stream: &TcpStream) {
    stream.set_read_timeout(Some(PAUSE)).unwrap();
    let mut byte = [0];
    // If the connection has ended, the next write will fail.
    drop(stream.peek(&mut byte));
}

/// Makes two requests, then sends a head byte by byte, which must end with the connection cut.
#[track_caller]
fn check_dribbling<Stream: Read + Write>(stream: Stream, socket: &TcpStream) {
    let mut connection = Connection::through(stream);
    let get = request("GET", "/api/1.0/suppliers", &as_user("ann"), b"");
    for _ in 0..2 {
        assert!(connection.send(&get));
        assert_eq!(connection.answer().status, 200);
    }
    let dribbled = b"GET /api/1.0/suppliers HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    for (sent, byte) in dribbled.take(DRIBBLED_BYTES_MAX).enumerate() {
        if !connection.send(&[*byte]) {
            assert!(DRIBBLED_BYTES_MIN <= sent, "the connection is cut after {sent} bytes");
            return;
        }
        pause(socket);
    }
    panic!("the connection is not cut");
}

#[test]
fn a_dribbled_second_head_is_cut() {
    let daemon = Running::start(&[HEAD_TIMEOUT, LONG_KEEP_ALIVE]);
    let stream = tcp(&daemon);
    let socket = stream.try_clone().unwrap();
    check_dribbling(stream, &socket);
}

#[test]
fn a_dribbled_second_head_is_cut_over_tls() {
    let daemon = Running::start(&[HEAD_TIMEOUT, LONG_KEEP_ALIVE, ("SLUICE_TLS__SELF_SIGNED", "true")]);
    let stream = tls(&daemon);
    let socket = stream.sock.try_clone().unwrap();
    check_dribbling(stream, &socket);
}

#[test]
fn one_byte_of_a_second_head_does_not_hold_a_connection() {
    let daemon = Running::start(&[HEAD_TIMEOUT, LONG_KEEP_ALIVE]);
    let mut connection = Connection::over(tcp(&daemon));
    let get = request("GET", "/api/1.0/suppliers", &as_user("ann"), b"");
    assert!(connection.send(&get));
    assert_eq!(connection.answer().status, 200);
    assert!(connection.send(b"G"));
    connection.check_closed();
}

#[test]
fn a_head_that_is_far_too_long_is_cut_before_its_time() {
    let daemon = Running::start(&[LONG_HEAD_TIMEOUT, LONG_KEEP_ALIVE]);
    let mut connection = Connection::over(tcp(&daemon));
    let get = request("GET", "/api/1.0/suppliers", &as_user("ann"), b"");
    assert!(connection.send(&get));
    assert_eq!(connection.answer().status, 200);
    // Less than actix-web would hold.
    let _is_taken = connection.send(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(100_000)).as_bytes());
    connection.check_closed();
}

#[test]
fn a_client_that_keeps_to_the_times_is_served_on() {
    let daemon = Running::start(&[HEAD_TIMEOUT]);
    let stream = tcp(&daemon);
    let socket = stream.try_clone().unwrap();
    let mut connection = Connection::through(stream);
    let body = format!("[{}]", vec![r#"{"indicator":"slow-heads.example.com"}"#; 40].join(","));
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    let put = request("PUT", path, &as_user("admin"), body.as_bytes());
    let get = request("GET", "/api/1.0/suppliers", &as_user("ann"), b"");
    // A body that takes longer than a head may, and silence that does.
    let (first, rest) = put.split_at(put.len() - 20);
    assert!(connection.send(first));
    for byte in rest {
        pause(&socket);
        assert!(connection.send(&[*byte]));
    }
    socket.set_read_timeout(Some(HANG_GUARD)).unwrap();
    assert_eq!(connection.answer().status, 201);
    for _ in 0..20 {
        pause(&socket);
    }
    socket.set_read_timeout(Some(HANG_GUARD)).unwrap();
    // Many at once, and more of them than is read ahead.
    assert!(connection.send(&get.repeat(1_000)));
    for _ in 0..1_000 {
        assert_eq!(connection.answer().status, 200);
    }
    // A body of many reads, and one that is refused unread.
    let long = format!("[{}]", vec![r#"{"indicator":"slow-heads.example.com"}"#; 100_000].join(","));
    assert!(connection.send(&request("PUT", path, &as_user("admin"), long.as_bytes())));
    assert_eq!(connection.answer().status, 201);
    let _is_taken = connection.send(&request("PUT", path, &as_user("ann"), long.as_bytes()));
    assert_eq!(connection.answer().status, 403);
}
