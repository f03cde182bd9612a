//! The daemon's life: what it keeps over a restart, and how it ends with requests in flight.

use std::net::TcpStream;

use expect_test::expect;
use sluice_server::Phase;

use crate::daemon::{Running, as_user, request, transcript};

/// How long a body may bring nothing before it is answered with a 400: longer than a stop takes.
const LONG_STALL: (&str, &str) = ("SLUICE_HTTP__BODY_STALL_SECONDS", "60");

#[test]
fn a_restart_keeps_everything() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Kept", "Renamed", "Removed"], 50);
    daemon.add_tags(&["KEPT", "REMOVED"]);
    for request in [
        ("PUT", "1.0/suppliers/Kept", r#"[{"vendor":"V","retention":77,"refang":true}]"#),
        ("PUT", "1.0/suppliers/Renamed", r#"[{"name":"Newname","status":"disabled"}]"#),
        ("PUT", "1.3/acme/suppliers/Kept", r#"[{"confidence":3}]"#),
        ("DELETE", "1.0/suppliers/Removed", ""),
        ("PUT", "1.1/tags/kept", r#"[{"weight":5}]"#),
        ("DELETE", "1.1/tags/removed", ""),
    ] {
        let answer = daemon.ask(request.0, request.1, request.2);
        assert!(answer.status < 300, "{answer:?}");
    }
    daemon.put(
        "suppliers/Kept",
        r#"[{"indicator":"a.example.com","context":{"x":[1,"2"]}},{"indicator":"b.example.com"}]"#,
    );
    daemon.put("acme/suppliers/Kept", r#"[{"indicator":"c.example.com"}]"#);
    let answer = daemon.ask("DELETE", "1.0/suppliers/Kept/indicators", r#"[{"indicator":"b.example.com"}]"#);
    assert_eq!(answer.status, 200);
    let requests = [
        "GET 1.0/suppliers",
        "GET 1.0/suppliers/Kept",
        "GET 1.3/acme/suppliers/Kept",
        "GET 1.0/suppliers/Newname",
        "GET 1.1/tags",
        r#"POST 1.0/lookup [{"object":"a.example.com"},{"object":"b.example.com"},{"object":"c.example.com"}]"#,
        r#"POST 1.3/acme/lookup [{"object":"a.example.com"},{"object":"b.example.com"},{"object":"c.example.com"}]"#,
    ];
    let before = transcript(&daemon, &requests);
    expect![[r#"
        GET 1.0/suppliers
          200 [{"name":"FalsePositive","status":"enabled"},{"name":"InternalTI","status":"enabled"},{"name":"Kept","status":"enabled"},{"name":"Newname","status":"disabled"}]
        GET 1.0/suppliers/Kept
          200 [{"name":"Kept","status":"enabled","confidence":50,"retention":77,"vendor":"V","refang":true}]
        GET 1.3/acme/suppliers/Kept
          200 [{"name":"Kept","status":"enabled","confidence":3,"retention":5256000,"vendor":""}]
        GET 1.0/suppliers/Newname
          200 [{"name":"Newname","status":"disabled","confidence":50,"retention":5256000,"vendor":""}]
        GET 1.1/tags
          200 [{"name":"KEPT","weight":5}]
        POST 1.0/lookup [{"object":"a.example.com"},{"object":"b.example.com"},{"object":"c.example.com"}]
          200 [{"object":"a.example.com","result":"detected","categories":[{"category":"Kept_URL","detected_indicator":"a.example.com","context":{"x":[1,"2"]}}]},{"object":"b.example.com","result":"not detected","categories":[]},{"object":"c.example.com","result":"not detected","categories":[]}]
        POST 1.3/acme/lookup [{"object":"a.example.com"},{"object":"b.example.com"},{"object":"c.example.com"}]
          200 [{"object":"a.example.com","result":"not detected","categories":[]},{"object":"b.example.com","result":"not detected","categories":[]},{"object":"c.example.com","result":"detected","categories":[{"category":"Kept_URL","detected_indicator":"c.example.com","context":{}}]}]
    "#]].assert_eq(&before);
    let mut daemon = daemon;
    for _ in 0..2 {
        daemon = daemon.restart(&[]);
        assert_eq!(transcript(&daemon, &requests), before);
    }
}

#[test]
fn a_stop_lets_an_upload_in_flight_finish() {
    let daemon = Running::start(&[]);
    let body = r#"[{"indicator":"in-flight.example.com"}]"#;
    let (first, rest) = body.split_at(10);
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: {}\r\n", as_user("admin"), body.len());
    let mut upload = daemon.connect();
    assert!(upload.send(&request("PUT", "/api/1.0/suppliers/InternalTI/indicators", &headers, b"")));
    assert_eq!(upload.answer().status, 100);
    assert!(upload.send(first.as_bytes()));
    daemon.daemon().stop();
    daemon.wait_for(Phase::Stopping);
    assert!(upload.send(rest.as_bytes()));
    assert_eq!(upload.answer().status, 201);
    upload.check_closed();
    let address = daemon.address();
    let dir = daemon.stop();
    assert!(TcpStream::connect(address).is_err(), "the port is free again");
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(Phase::Ready);
    assert_eq!(
        daemon.detections("", &["in-flight.example.com"]),
        ["InternalTI_URL in-flight.example.com {}"]
    );
}

#[test]
fn a_stop_waits_neither_for_idle_connections_nor_for_ever() {
    let daemon = Running::start(&[("SLUICE_HTTP__STOP_TIMEOUT_SECONDS", "8"), LONG_STALL]);
    let mut idle = daemon.connect();
    assert!(idle.send(&request("GET", "/api/1.0/suppliers", &as_user("admin"), b"")));
    assert_eq!(idle.answer().status, 200);
    let mut stuck = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: 100\r\n", as_user("admin"));
    assert!(stuck.send(&request("PUT", "/api/1.0/suppliers/InternalTI/indicators", &headers, b"")));
    assert_eq!(stuck.answer().status, 100);
    let dir = daemon.stop();
    idle.check_closed();
    // Had the daemon waited for the body, it would have been answered with a 400.
    assert_eq!(stuck.answer().status, 429);
    stuck.check_closed();
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(Phase::Ready);
}

#[test]
fn a_second_stop_cuts_requests_in_flight() {
    let daemon = Running::start(&[("SLUICE_HTTP__STOP_TIMEOUT_SECONDS", "3600"), LONG_STALL]);
    let mut stuck = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: 100\r\n", as_user("admin"));
    assert!(stuck.send(&request("PUT", "/api/1.0/suppliers/InternalTI/indicators", &headers, b"")));
    assert_eq!(stuck.answer().status, 100);
    daemon.daemon().stop();
    daemon.wait_for(Phase::Stopping);
    // Stops it a second time.
    drop(daemon);
    // Had the daemon waited for the body, it would have been answered with a 400.
    stuck.check_closed();
}
