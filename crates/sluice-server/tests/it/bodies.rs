//! How bodies arrive: their limits, `100-continue`, chunks, and senders that are slow or go away.

use std::{io::Read as _, net::TcpStream, time::Duration};

use sluice_model::limits::{BODY_BYTES_MAX, ELEMENT_BYTES_MAX, LOOKUP_BODY_BYTES_MAX};

use crate::daemon::{Running, as_user, request, shared};

/// Requests with a body, and their limits.
const LIMITS: [(&str, &str, usize); 7] = [
    ("PUT", "suppliers/InternalTI/indicators", BODY_BYTES_MAX),
    ("POST", "suppliers", BODY_BYTES_MAX),
    ("PUT", "suppliers/Limits", BODY_BYTES_MAX),
    ("POST", "tags", BODY_BYTES_MAX),
    ("PUT", "tags/LIMITS", BODY_BYTES_MAX),
    ("DELETE", "suppliers/InternalTI/indicators", LOOKUP_BODY_BYTES_MAX),
    ("POST", "lookup", LOOKUP_BODY_BYTES_MAX),
];

const _: () = assert!(BODY_BYTES_MAX == 134_217_728 && LOOKUP_BODY_BYTES_MAX == 67_108_864);

fn head(method: &str, path: &str, headers: &str) -> Vec<u8> {
    request(method, path, &format!("{}{headers}", as_user("admin")), b"")
}

/// A body of exactly `bytes`: copies of one element, made long by a property that is ignored.
fn body_of(bytes: usize, property: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes);
    let opening = format!(r#"{{"{property}":"limit.example.com","filler":""#);
    while body.len() < bytes {
        body.push(if body.is_empty() { b'[' } else { b',' });
        // Of what is left, at most an element, and never less than the last one needs.
        let left = bytes - body.len() - 1;
        let element = if left <= ELEMENT_BYTES_MAX { left } else { ELEMENT_BYTES_MAX.min(left - 1_000) };
        body.extend_from_slice(opening.as_bytes());
        body.resize(body.len() + element - opening.len() - 2, b'x');
        body.extend_from_slice(b"\"}");
        if element == left {
            body.push(b']');
        }
    }
    body
}

#[test]
fn a_declared_length_is_taken_up_to_the_limit_and_refused_over_it() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Limits"], 1);
    daemon.add_tags(&["LIMITS"]);
    for (method, path, limit) in LIMITS {
        let path = format!("/api/1.1/{path}");
        for expects in [true, false] {
            // No byte of the body is ever sent.
            let expect = if expects { "Expect: 100-continue\r\n" } else { "" };
            let headers = format!("{expect}Content-Length: {}\r\n", limit + 1);
            let answer = daemon.send(&head(method, &path, &headers));
            assert_eq!(answer.status, 400, "{method} {path}");
            assert_eq!(answer.reason(), format!("The body is over the limit of {limit} bytes"));
        }
        let mut connection = daemon.connect();
        let headers = format!("Expect: 100-continue\r\nContent-Length: {limit}\r\n");
        assert!(connection.send(&head(method, &path, &headers)));
        assert_eq!(connection.answer().status, 100, "{method} {path}");
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_processed() {
    let daemon = shared();
    daemon.add_suppliers(&["ExactLimit"], 1);
    let body = body_of(BODY_BYTES_MAX, "indicator");
    assert_eq!(body.len(), BODY_BYTES_MAX);
    let answer = daemon.ask_with("PUT", "/api/1.0/suppliers/ExactLimit/indicators", &as_user("admin"), &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    let body = body_of(LOOKUP_BODY_BYTES_MAX, "object");
    let answer = daemon.ask_with("POST", "/api/1.0/lookup", &as_user("ann"), &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let objects = String::from_utf8(body).unwrap().matches("limit.").count();
    assert_eq!(answer.body.matches("ExactLimit_URL").count(), objects);
}

#[test]
fn a_chunked_body_is_refused_as_soon_as_it_passes_the_limit() {
    let daemon = shared();
    let mut connection = daemon.connect();
    assert!(connection.send(&head("POST", "/api/1.0/lookup", "Transfer-Encoding: chunked\r\n")));
    let body = body_of(LOOKUP_BODY_BYTES_MAX + 1, "object");
    for chunk in body.chunks(1 << 20) {
        connection.send_chunk(chunk);
    }
    // The end is never sent: the answer does not wait for it.
    let answer = connection.answer();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.reason(), "The body is over the limit of 67108864 bytes");
}

#[test]
fn a_chunked_body_may_be_cut_anywhere() {
    let daemon = shared();
    daemon.add_suppliers(&["Chunked"], 1);
    let mut connection = daemon.connect();
    let path = "/api/1.0/suppliers/Chunked/indicators";
    assert!(connection.send(&head("PUT", path, "Transfer-Encoding: chunked\r\n")));
    let body =
        "\u{feff}[{\"indicator\":\"chunked.example.com\",\"context\":{\"\u{e9}\":\"\\ud83d\\ude00\"}}, {}]";
    for byte in body.as_bytes() {
        assert!(connection.send_chunk(&[*byte]));
    }
    assert!(connection.send_chunk(b""));
    let answer = connection.answer();
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        daemon.detections("", &["chunked.example.com"]),
        ["Chunked_URL chunked.example.com {\"\u{e9}\":\"\u{1f600}\"}"]
    );
    // The connection is good for more.
    assert!(connection.send(&head("GET", "/api/1.0/suppliers/Chunked", "")));
    assert_eq!(connection.answer().status, 200);
}

#[test]
fn continue_is_said_when_the_body_is_wanted_and_not_when_it_is_refused() {
    let daemon = shared();
    let body = br#"[{"object":"example.com"}]"#;
    let expecting = |path: &str, headers: &str| {
        let headers = format!("Expect: 100-continue\r\nContent-Length: {}\r\n{headers}", body.len());
        request("POST", path, &headers, b"")
    };
    let ann = as_user("ann");
    for (path, headers, want) in [
        ("/api/1.0/lookup", String::new(), 401),
        ("/api/1.0/nothing", ann.clone(), 404),
        ("/api/1.0/tags", ann.clone(), 404),
        ("/api/1.0/suppliers/x", ann.clone(), 405),
        ("/api/1.0/suppliers", ann.clone(), 403),
        ("/api/1.0/lookup", format!("{ann}Accept: text/html\r\n"), 406),
        ("/api/1.0/lookup", format!("{ann}Content-Encoding: br\r\n"), 406),
    ] {
        assert_eq!(daemon.send(&expecting(path, &headers)).status, want, "{path} {headers}");
    }
    let mut connection = daemon.connect();
    for _ in 0..2 {
        assert!(connection.send(&expecting("/api/1.0/lookup", &ann)));
        let go_on = connection.answer();
        assert_eq!((go_on.status, go_on.head.lines().count()), (100, 2), "{go_on:?}");
        assert!(connection.send(body));
        assert_eq!(connection.answer().status, 200);
    }
}

#[test]
fn a_refusal_waits_for_no_body_and_ends_the_connection() {
    let daemon = shared();
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    for headers in ["Content-Length: 134217728\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut connection = daemon.connect();
        assert!(connection.send(&request("PUT", path, headers, b"")));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (401, Some("close")), "{headers}");
        connection.check_closed();
    }
}

#[test]
fn a_body_that_stalls_is_refused_and_leaves_nothing() {
    let daemon = Running::start(&[("SLUICE_HTTP__BODY_STALL_SECONDS", "1")]);
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    let mut connection = daemon.connect();
    assert!(connection.send(&head("PUT", path, "Content-Length: 100\r\n")));
    assert!(connection.send(br#"[{"indicator":"stalled.example.com"}"#));
    let answer = connection.answer();
    assert_eq!((answer.status, answer.reason().as_str()), (400, "The body did not arrive in time"));
    connection.check_closed();
    assert_eq!(daemon.detections("", &["stalled.example.com"]), [""]);
}

#[test]
fn a_body_that_takes_longer_than_the_deadline_is_refused() {
    let daemon = Running::start(&[("SLUICE_HTTP__BODY_DEADLINE_SECONDS", "1")]);
    let mut connection = daemon.connect();
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    assert!(connection.send(&head("PUT", path, "Content-Length: 100\r\n")));
    let answer = connection.answer();
    assert_eq!((answer.status, answer.reason().as_str()), (400, "The body did not arrive in time"));
}

#[test]
fn a_body_that_dribbles_is_refused() {
    let daemon = Running::start(&[("SLUICE_HTTP__BODY_STALL_SECONDS", "1")]);
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    let mut to_send = head("PUT", path, "Content-Length: 1000\r\n");
    let mut answer = [0; 12];
    // A byte whenever a tenth of a second has brought no answer: never a stall, but far too slow.
    let dribbled = (0..600).find(|_| {
        std::io::Write::write_all(&mut stream, &to_send).unwrap();
        to_send = b" ".to_vec();
        stream.read_exact(&mut answer).is_ok()
    });
    assert!(dribbled.is_some_and(|bytes| 5 < bytes), "{dribbled:?}");
    assert_eq!(&answer, b"HTTP/1.1 400");
}

#[test]
fn a_head_that_dribbles_is_cut() {
    let daemon = Running::start(&[("SLUICE_HTTP__HEAD_TIMEOUT_SECONDS", "1")]);
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /api/1.0/suppliers HTTP/1.1\r\nHost: ").unwrap();
    let mut rest = String::new();
    // Whether it is told first is of no matter; that it ends is.
    drop(stream.read_to_string(&mut rest));
    assert!(!rest.contains(" 200 "), "{rest}");
}

#[test]
fn a_client_that_goes_away_leaves_nothing() {
    let daemon = shared();
    daemon.add_suppliers(&["WentAway"], 1);
    let path = "/api/1.0/suppliers/WentAway/indicators";
    let elements = vec![r#"{"indicator":"went-away.example.com"}"#; 50_000].join(",");
    for headers in ["Content-Length: 10000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut connection = daemon.connect();
        assert!(connection.send(&head("PUT", path, headers)));
        let half = format!("[{elements}]");
        if headers.starts_with("Transfer") {
            assert!(connection.send_chunk(half.as_bytes()));
        } else {
            assert!(connection.send(half.as_bytes()));
        }
        drop(connection);
    }
    // Another upload goes all the way after them.
    daemon.put("suppliers/WentAway", r#"[{"indicator":"came-back.example.com"}]"#);
    assert_eq!(
        daemon.detections("", &["went-away.example.com", "came-back.example.com"]),
        ["", "WentAway_URL came-back.example.com {}"]
    );
}

#[test]
fn bad_framing_is_never_a_success() {
    let daemon = shared();
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    let body = r#"[{"indicator":"framing.example.com"}]"#;
    for (headers, body) in [
        ("Transfer-Encoding: chunked\r\n", format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked\r\n", format!("-5\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked\r\n", format!("ffffffffffffffff1\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: chunked\r\n", format!("5\r\n{body}\r\n0\r\n\r\n")),
        ("Transfer-Encoding: gzip\r\n", body.to_owned()),
        ("Content-Length: -1\r\n", body.to_owned()),
        ("Content-Length: 0x10\r\n", body.to_owned()),
        ("Content-Length: 38\r\nContent-Length: 39\r\n", body.to_owned()),
        ("Content-Length: 38\r\nTransfer-Encoding: chunked\r\n", body.to_owned()),
    ] {
        let mut stream = TcpStream::connect(daemon.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let request = [head("PUT", path, headers), body.into_bytes()].concat();
        std::io::Write::write_all(&mut stream, &request).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        drop(stream.read_to_string(&mut answer));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{headers}: {answer}");
    }
    assert_eq!(daemon.detections("", &["framing.example.com"]), [""]);
}
