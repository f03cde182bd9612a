//! A stop with requests in flight: others are answered meanwhile, and whoever cannot be waited for is told so at once.

use std::net::TcpStream;

use sluice_model::limits::BODY_BYTES_MAX;
use sluice_server::Phase;

use crate::{
    client::{Answer, Connection},
    daemon::{Running, as_user, request, wait_until},
    slow_heads::tls,
};

const INDICATORS: &str = "/api/1.0/suppliers/InternalTI/indicators";

/// A stop that takes longer than any test waits, and bodies that may stall as long.
const LONG_STOP: [(&str, &str); 2] =
    [("SLUICE_HTTP__STOP_TIMEOUT_SECONDS", "600"), ("SLUICE_HTTP__BODY_STALL_SECONDS", "600")];

/// Announces an upload, and sends the beginning of its body.
fn begin(daemon: &Running, length: usize, sent: &[u8]) -> Connection {
    let mut upload = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: {length}\r\n", as_user("admin"));
    assert!(upload.send(&request("PUT", INDICATORS, &headers, b"")));
    assert_eq!(upload.answer().status, 100);
    assert!(upload.send(sent));
    upload
}

/// Begins to stop, with an upload in flight that only needs its last byte.
fn stop_with_upload(daemon: &Running) -> (Connection, &'static [u8]) {
    let (first, last) = br#"[{"indicator":"upload.stopping.example.com"}]"#.split_at(44);
    let upload = begin(daemon, first.len() + last.len(), first);
    daemon.daemon().stop();
    daemon.wait_for(Phase::Stopping);
    (upload, last)
}

#[track_caller]
fn check_last(connection: &mut Connection, answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{answer:?}");
    connection.check_closed();
}

#[test]
fn whoever_comes_during_a_stop_is_answered() {
    let daemon = Running::start(&LONG_STOP);
    let (mut upload, last) = stop_with_upload(&daemon);
    let put = br#"[{"indicator":"late.stopping.example.com"}]"#;
    for (method, path, body, status) in [
        ("GET", "/readyz", &b""[..], 503),
        ("GET", "/healthz", b"", 200),
        ("GET", "/api/1.0/suppliers/InternalTI", b"", 200),
        ("POST", "/api/1.0/lookup", br#"[{"object":"example.com"}]"#, 200),
        ("PUT", INDICATORS, put, 201),
        ("POST", "/api/1.0/suppliers", br#"[{"name":"Late","confidence":1,"retention":9}]"#, 201),
    ] {
        let mut connection = daemon.connect();
        assert!(connection.send(&request(method, path, &as_user("admin"), body)));
        let answer = connection.answer();
        check_last(&mut connection, &answer, status);
    }
    assert!(upload.send(last));
    let answer = upload.answer();
    check_last(&mut upload, &answer, 201);
    daemon.wait_for_end();
    let address = daemon.address();
    let daemon = Running::open(daemon.stop(), &[]);
    assert!(TcpStream::connect(address).is_err(), "the port is free again");
    daemon.wait_for(Phase::Ready);
    assert_eq!(
        daemon.detections("", &["upload.stopping.example.com", "late.stopping.example.com"]),
        ["InternalTI_URL upload.stopping.example.com {}", "InternalTI_URL late.stopping.example.com {}"]
    );
}

/// With 30 s for the stop, and no more than 4 MiB a second believed of an unknown client, 128 MB cannot come.
#[test]
fn a_body_that_comes_too_late_is_refused_before_it_is_sent() {
    let daemon = Running::start(&[("SLUICE_HTTP__BODY_STALL_SECONDS", "600")]);
    let (mut upload, last) = stop_with_upload(&daemon);
    for expect in ["", "Expect: 100-continue\r\n"] {
        let mut connection = daemon.connect();
        let headers = format!("{}{expect}Content-Length: {BODY_BYTES_MAX}\r\n", as_user("admin"));
        assert!(connection.send(&request("PUT", INDICATORS, &headers, b"")));
        let answer = connection.answer();
        assert_eq!(
            answer.reason(),
            "The service is stopping before the body can arrive; nothing of it was processed"
        );
        check_last(&mut connection, &answer, 429);
    }
    assert!(upload.send(last));
    assert_eq!(upload.answer().status, 201);
}

/// The stop may take ten minutes: that they are told within the hang guard shows that they are told at once.
#[test]
fn slow_bodies_are_told_at_once_that_they_cannot_arrive() {
    let daemon = Running::start(&LONG_STOP);
    let mut slow: Vec<_> = (0..3).map(|_| begin(&daemon, BODY_BYTES_MAX, &[b' '; 1_000])).collect();
    let mut unhurried = begin(&daemon, 10_000, b"[");
    daemon.daemon().stop();
    // Not in ten minutes, at 64 KiB a second; the rest of the other one can still come.
    for connection in &mut slow {
        let answer = connection.answer();
        check_last(connection, &answer, 429);
    }
    assert!(unhurried.send(&[&[b' '; 9_998][..], b"]"].concat()));
    assert_eq!(unhurried.answer().status, 201);
    drop(slow);
    daemon.wait_for_end();
}

/// It has as little time when it goes on sending as when it is silent.
#[test]
fn a_slow_upload_does_not_hold_up_the_stop() {
    let daemon = Running::start(&LONG_STOP);
    let mut slow = begin(&daemon, BODY_BYTES_MAX, b"[");
    daemon.daemon().stop();
    assert_eq!(slow.answer().status, 429);
    wait_until("the client that still sends is cut", || !slow.send(b" "));
    daemon.wait_for_end();
}

/// Begins a body in chunks, which only its client knows the end of.
fn begin_chunks(daemon: &Running, method: &str, path: &str, first: &[u8]) -> Connection {
    let mut upload = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", as_user("admin"));
    assert!(upload.send(&request(method, path, &headers, b"")));
    assert_eq!(upload.receive_text().unwrap().status, 100);
    assert!(upload.send_chunk(first));
    upload
}

/// An import may be without end. Until the time for a stop is over, here ten minutes, none of these was told anything.
#[test]
fn a_body_of_unknown_length_does_not_hold_up_the_stop() {
    let daemon = Running::start(&LONG_STOP);
    let mut silent = begin_chunks(&daemon, "PUT", INDICATORS, b"[");
    let path = "/v1/suppliers/InternalTI/indicators";
    let mut endless = begin_chunks(&daemon, "POST", path, b"0.endless.example.com\n");
    daemon.daemon().stop();
    let answer = silent.answer();
    check_last(&mut silent, &answer, 429);
    wait_until("the import that goes on is cut", || !endless.send_chunk(b"1.endless.example.com\n"));
    daemon.wait_for_end();
}

#[test]
fn idle_connections_are_closed_while_others_are_served() {
    for is_secure in [false, true] {
        let secure = [("SLUICE_TLS__SELF_SIGNED", if is_secure { "true" } else { "false" })];
        let daemon = Running::start(&[&LONG_STOP[..], &secure].concat());
        if is_secure {
            let mut idle = Connection::through(tls(&daemon));
            assert!(idle.send(&request("GET", "/healthz", "", b"")));
            assert_eq!(idle.answer().status, 200);
            daemon.daemon().stop();
            idle.check_closed();
            continue;
        }
        let mut idle: Vec<_> = (0..3).map(|_| daemon.connect()).collect();
        for connection in &mut idle[1..] {
            assert!(connection.send(&request("GET", "/healthz", "", b"")));
            assert_eq!(connection.answer().status, 200);
        }
        let (mut upload, last) = stop_with_upload(&daemon);
        for connection in &mut idle {
            connection.check_closed();
        }
        assert!(upload.send(last));
        assert_eq!(upload.answer().status, 201);
    }
}

/// A client that asks on and on over one connection is told by an answer that it ends; it loses no request.
#[test]
fn a_busy_connection_ends_with_an_answer() {
    let daemon = Running::start(&LONG_STOP);
    let mut busy = daemon.connect();
    let lookup = request("POST", "/api/1.0/lookup", &as_user("admin"), br#"[{"object":"example.com"}]"#);
    let mut is_stopping = false;
    loop {
        assert!(busy.send(&lookup));
        let answer = busy.answer();
        assert_eq!(answer.status, 200);
        if answer.header("connection") == Some("close") {
            break;
        }
        assert!(!is_stopping, "an answer of a daemon that stops is the last one");
        daemon.daemon().stop();
        daemon.wait_for(Phase::Stopping);
        is_stopping = true;
    }
    busy.check_closed();
    daemon.wait_for_end();
}
