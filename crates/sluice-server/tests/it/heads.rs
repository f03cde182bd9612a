//! What is decided from the head: order of refusals, methods, media types, lengths, `100-continue`.

use std::io::{Read as _, Write as _};

use crate::daemon::{Running, as_user, parse};

#[test]
fn refusals_have_their_status_and_headers() {
    let daemon = Running::start();
    assert_eq!(daemon.ask("POST", "/api/1.0/login", "").status, 404);
    assert_eq!(daemon.ask("GET", "/api/1.0/tags", "").status, 404);
    let answer = daemon.ask("GET", "/api/1.1/lookup", "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert!(answer.body.contains("An error occurred while searching indicators"));
    let headers = format!("{}Accept: application/pdf\r\n", as_user("admin"));
    assert_eq!(daemon.ask_with("GET", "/api/1.0/suppliers", &headers, b"").status, 406);
    let headers = format!("{}Content-Type: text/plain\r\n", as_user("admin"));
    assert_eq!(daemon.ask_with("POST", "/api/1.1/lookup", &headers, b"[]").status, 406);
    let headers = format!("{}X-Long: {}\r\n", as_user("admin"), "x".repeat(17_000));
    assert_eq!(daemon.ask_with("GET", "/api/1.0/suppliers", &headers, b"").status, 400);
}

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let daemon = Running::start();
    let request = format!(
        "POST /api/1.0/lookup HTTP/1.1\r\nHost: x\r\n{}Content-Length: 67108865\r\n\r\n[",
        as_user("admin")
    );
    let answer = parse(&daemon.send(request.as_bytes()));
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("67108864"), "{}", answer.body);
}

#[test]
fn a_chunked_body_that_never_ends_does_not_hold_a_refusal() {
    let daemon = Running::start();
    let request = "PUT /api/1.0/suppliers/F/indicators HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n";
    let answer = parse(&daemon.send(request.as_bytes()));
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
}

#[test]
fn a_stalled_body_is_answered_and_closed() {
    let daemon = Running::start();
    let request = format!(
        "PUT /api/1.0/suppliers/InternalTI/indicators HTTP/1.1\r\nHost: x\r\n{}Content-Length: 100\r\n\r\n[",
        as_user("admin")
    );
    let answer = parse(&daemon.send(request.as_bytes()));
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains("did not arrive in time"), "{}", answer.body);
}

#[test]
fn continue_is_said_only_when_the_body_is_wanted() {
    let daemon = Running::start();
    let head = |headers: &str| {
        format!(
            "POST /api/1.0/lookup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Length: 26\r\n{headers}\r\n"
        )
    };
    let refused = daemon.send(head("").as_bytes());
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let refused = daemon.send(head(&format!("{}Accept: text/html\r\n", as_user("ann"))).as_bytes());
    assert!(refused.starts_with("HTTP/1.1 406 "), "{refused}");
    let mut stream = daemon.connect();
    stream.write_all(head(&as_user("ann")).as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(br#"[{"object":"example.com"}]"#).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(parse(&rest).status, 200, "{rest}");
}
