//! Section 3: after the last answer of a connection nothing is processed any more, and the answer arrives.

use std::io::{Read, Write};

use crate::{
    client::{Answer, Connection, HANG_GUARD},
    daemon::{Running, as_user, request, shared},
    slow_heads::tls,
};

const INDICATORS: &str = "/api/1.0/suppliers/InternalTI/indicators";

/// Versions and header lines that ask for the end of the connection.
const CLOSING: [(&str, &str); 16] = [
    ("HTTP/1.1", "Connection: close\r\n"),
    ("HTTP/1.1", "connection: CLOSE\r\n"),
    ("HTTP/1.1", "CONNECTION:close\r\n"),
    ("HTTP/1.1", "Connection: keep-alive, Close\r\n"),
    ("HTTP/1.1", "Connection: close, keep-alive\r\n"),
    ("HTTP/1.1", "Connection: x,\tcLoSe ,y\r\n"),
    ("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"),
    ("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n"),
    ("HTTP/1.1", "Connection: \u{e9}, close\r\n"),
    ("HTTP/1.1", "Connection: Upgrade, close\r\nUpgrade: h2c\r\n"),
    ("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    ("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    ("HTTP/1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"),
    ("HTTP/1.0", ""),
    ("HTTP/1.0", "Connection: close\r\n"),
    ("HTTP/1.0", "Connection: keep-alive, close\r\n"),
];

/// Versions and header lines that do not.
const KEEPING: [(&str, &str); 4] = [
    ("HTTP/1.1", ""),
    ("HTTP/1.1", "Connection: keep-alive\r\n"),
    ("HTTP/1.1", "Connection: closed\r\nX: close\r\n"),
    ("HTTP/1.0", "Connection: Keep-Alive\r\n"),
];

/// Requests of every framing, with their statuses.
fn requests(version: &str, headers: &str) -> Vec<(Vec<u8>, u16)> {
    let headers = format!("{}{headers}", as_user("admin"));
    let lookup = br#"[{"object":"example.com"}]"#;
    let mut chunked =
        request("POST", "/api/1.0/lookup", &format!("{headers}Transfer-Encoding: chunked\r\n"), b"");
    chunked.extend_from_slice(b"1\r\n[\r\n19;x=y\r\n{\"object\":\"example.com\"}]\r\n0\r\nX: y\r\n\r\n");
    let mut requests = vec![
        (request("GET", "/api/1.0/suppliers/InternalTI", &headers, b""), 200),
        (request("GET", "/healthz", headers.as_str(), b""), 200),
        (request("POST", "/api/1.0/lookup", &headers, lookup), 200),
        (request("GET", "/api/1.0/nothing", &headers, b""), 404),
    ];
    if version == "HTTP/1.1" {
        requests.push((chunked, 200));
    }
    for (request, _) in &mut requests {
        let at = request.windows(8).position(|window| window == b"HTTP/1.1").unwrap();
        request.splice(at..at + 8, version.bytes());
    }
    requests
}

#[test]
fn nothing_behind_a_request_that_asks_to_close_is_processed() {
    let daemon = shared();
    let put = request("PUT", INDICATORS, &as_user("admin"), br#"[{"indicator":"behind-close.example.com"}]"#);
    let followers: [&[u8]; 5] = [&put, b"garbage\r\n\r\n", b"\0", &put[..20], &put.repeat(40)];
    for (version, headers) in CLOSING {
        for (first, status) in requests(version, headers) {
            for follower in followers {
                let mut connection = daemon.connect();
                assert!(connection.send(&[&first, follower].concat()));
                check_last(&mut connection, version, status);
            }
            // Behind others that keep the connection.
            let mut connection = daemon.connect();
            let get = request("GET", "/healthz", "", b"");
            assert!(connection.send(&[&get, &get, first.as_slice(), &put].concat()));
            assert_eq!((connection.answer().status, connection.answer().status), (200, 200));
            check_last(&mut connection, version, status);
        }
    }
    assert_eq!(daemon.detections("", &["behind-close.example.com"]), [""]);
}

/// Insists on one answer, which says that it is the last one, and the end.
#[track_caller]
fn check_last<Stream: Read + Write>(connection: &mut Connection<Stream>, version: &str, status: u16) {
    let answer = connection.answer();
    assert_eq!(answer.status, status, "{answer:?}");
    if version == "HTTP/1.1" {
        assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    }
    connection.check_closed();
}

#[test]
fn a_request_that_does_not_ask_to_close_is_followed_by_others() {
    let daemon = shared();
    for (version, headers) in KEEPING {
        let mut connection = daemon.connect();
        let requests = requests(version, headers);
        let bytes: Vec<u8> = requests.iter().flat_map(|(request, _)| request.clone()).collect();
        // All in one piece, then in pieces of a few bytes.
        for piece_bytes in [bytes.len(), 7] {
            for piece in bytes.chunks(piece_bytes) {
                assert!(connection.send(piece));
            }
            for (_, status) in &requests {
                assert_eq!(connection.answer().status, *status, "{version} {headers}");
            }
        }
    }
}

#[test]
fn nothing_behind_an_answer_that_announces_the_end_is_processed() {
    let daemon = shared();
    let body = br#"[{"indicator":"behind-end.example.com"}]"#;
    let put = request("PUT", INDICATORS, &as_user("admin"), body);
    let framed = [
        request("PUT", INDICATORS, "", body),
        request("PUT", INDICATORS, &format!("{}Accept: text/html\r\n", as_user("admin")), body),
        request("PUT", INDICATORS, "Transfer-Encoding: chunked\r\n", b""),
        request("PUT", INDICATORS, "Expect: 100-continue\r\n", body),
        // Not chunks at all.
        [
            &request("PUT", INDICATORS, &format!("{}Transfer-Encoding: chunked\r\n", as_user("admin")), b"")
                [..],
            b"2\r\n[]x",
        ]
        .concat(),
    ];
    for first in framed {
        let mut connection = daemon.connect();
        assert!(connection.send(&[first.as_slice(), &put].concat()));
        let answer = connection.answer();
        assert!((400..500).contains(&answer.status), "{answer:?}");
        if answer.header("connection") == Some("close") {
            connection.check_closed();
        } else {
            // Its body was read: the next request is answered, once.
            assert_eq!(connection.answer().status, 201);
        }
    }
}

/// A client that sends all of its body before it reads, as most do.
#[track_caller]
fn send_all<Stream: Read + Write>(stream: Stream, head: &[u8], is_chunked: bool) -> Answer {
    let mut connection = Connection::through(stream);
    assert!(connection.send(head));
    let piece = vec![b' '; 1 << 20];
    for number in 0..16 {
        let is_taken = if is_chunked { connection.send_chunk(&piece) } else { connection.send(&piece) };
        assert!(is_taken, "the pipe is broken after {number} MiB");
    }
    let answer = connection.answer();
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    connection.check_closed();
    answer
}

#[test]
fn a_refusal_reaches_a_client_that_still_sends() {
    let plain = shared();
    let secure = Running::start(&[("SLUICE_TLS__SELF_SIGNED", "true")]);
    let admin = as_user("admin");
    for (headers, path, want) in [
        (String::new(), INDICATORS, 401),
        (as_user("ann"), INDICATORS, 403),
        (admin.clone(), "/api/1.0/suppliers/None/indicators", 404),
        (format!("{admin}Accept: text/html\r\n"), INDICATORS, 406),
        (format!("{admin}Content-Encoding: gzip\r\n"), INDICATORS, 400),
    ] {
        for is_chunked in [false, true] {
            let framing =
                if is_chunked { "Transfer-Encoding: chunked\r\n" } else { "Content-Length: 134217728\r\n" };
            let head = request("PUT", path, &format!("{headers}{framing}"), b"");
            let stream = std::net::TcpStream::connect(plain.address()).unwrap();
            assert_eq!(send_all(stream, &head, is_chunked).status, want);
            assert_eq!(send_all(tls(&secure), &head, is_chunked).status, want);
        }
    }
}

/// Heads that announce a body and are no request.
const MALFORMED: [(&str, &str); 6] = [
    ("HTTP/1.1", "Host: x\r\nContent-Length: 99999999\r\nTransfer-Encoding: chunked\r\n"),
    ("HTTP/1.1", "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n"),
    ("HTTP/1.1", "Host: x\r\nContent-Length: 99999999\r\nContent-Length: 99999999\r\n"),
    ("HTTP/1.1", "Host: x\r\nContent-Length: +99999999\r\n"),
    ("HTTP/1.1", "Content-Length: 99999999\r\n"),
    ("HTTP/1.0", "Transfer-Encoding: chunked\r\n"),
];

/// actix-web refuses these by itself, and would drop the connection with what has not been read.
#[test]
fn the_refusal_of_what_is_no_request_reaches_a_client_that_still_sends() {
    #[track_caller]
    fn check(mut stream: impl Read + Write, head: &str) {
        stream.write_all(head.as_bytes()).unwrap();
        for number in 0..16 {
            let sent = stream.write_all(&vec![b' '; 1 << 20]);
            assert!(sent.is_ok(), "the pipe is broken after {number} MiB: {head}");
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.matches(" 400 Bad Request\r\n").count(), 1, "{head}: {answer:?}");
    }
    let plain = shared();
    let secure = Running::start(&[("SLUICE_TLS__SELF_SIGNED", "true")]);
    for (version, headers) in MALFORMED {
        let head = format!("PUT {INDICATORS} {version}\r\n{headers}{}\r\n", as_user("admin"));
        let stream = std::net::TcpStream::connect(plain.address()).unwrap();
        stream.set_read_timeout(Some(HANG_GUARD)).unwrap();
        check(stream, &head);
        check(tls(&secure), &head);
    }
}

/// The end of the answers is there before the client stops to send, and does not stop it.
#[test]
fn a_refused_client_sees_the_end_and_can_send_on() {
    let daemon = shared();
    let mut connection = daemon.connect();
    assert!(connection.send(&request("PUT", INDICATORS, "Content-Length: 134217728\r\n", b"")));
    check_last(&mut connection, "HTTP/1.1", 401);
    let piece = vec![b' '; 1 << 20];
    for _ in 0..8 {
        assert!(connection.send(&piece));
    }
}
