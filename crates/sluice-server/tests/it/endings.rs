//! How the real daemon ends when something is in its way: a request that does not, or a store that cannot.

use std::fmt::Write as _;

use sluice_model::limits::MIB;

use crate::{
    client::Connection,
    daemon::request,
    process::{Process, as_administrator},
};

const PATH: &str = "/api/1.0/suppliers/InternalTI/indicators";

/// Files may grow to 4 MiB. A body that stalls is answered with a 400 after a minute, and a stop waits for it longer
/// than that: a request in flight that is cut without an answer shows that the daemon did not wait for it.
const SETUP: &str = "ulimit -f 8192\ntrap '' XFSZ\n\
    export SLUICE_HTTP__BODY_STALL_SECONDS=60 SLUICE_HTTP__STOP_TIMEOUT_SECONDS=3600";

/// A body of about `bytes` that no compression makes much shorter.
fn body(bytes: usize) -> String {
    let mut body = String::from("[");
    let mut state = 1_u64;
    for number in 0..bytes / 1_000 {
        let comma = if number == 0 { "" } else { "," };
        write!(body, r#"{comma}{{"indicator":"n{number}.endings.example.com","context":{{"x":""#).unwrap();
        for _ in 0..62 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(body, "{state:015x}").unwrap();
        }
        body += r#""}}"#;
    }
    body + "]"
}

/// Begins an upload and stays without its end.
fn begin(process: &Process, body: &str) -> Connection {
    let mut connection = process.connect();
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: {}\r\n", as_administrator(), body.len());
    assert!(connection.send(&request("PUT", PATH, &headers, b"")));
    assert_eq!(connection.answer().status, 100);
    connection
}

#[test]
fn a_second_signal_cuts_requests_in_flight() {
    let mut process = Process::after(SETUP);
    let mut stuck = begin(&process, "[]");
    process.terminate();
    process.wait_until_it_stops();
    process.terminate();
    assert!(process.wait().success(), "{}", process.said());
    stuck.check_closed();
}

#[test]
fn a_failed_store_ends_the_daemon_with_requests_in_flight() {
    let mut process = Process::after(SETUP);
    let mut stuck = begin(&process, "[]");
    let answer = process.ask("PUT", PATH, body(24 * MIB).as_bytes());
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(process.wait().code(), Some(1), "{}", process.said());
    stuck.check_closed();
}

#[test]
fn a_store_that_fails_while_the_daemon_stops_is_a_failure() {
    let mut process = Process::after(SETUP);
    let mut stuck = begin(&process, "[]");
    let body = body(24 * MIB);
    let mut upload = begin(&process, &body);
    process.terminate();
    process.wait_until_it_stops();
    // The log fails in the middle of it.
    let _is_taken = upload.send(body.as_bytes());
    assert_eq!(process.wait().code(), Some(1), "{}", process.said());
    stuck.check_closed();
}

#[test]
fn a_store_that_cannot_be_closed_is_a_failure() {
    let mut process = Process::after("");
    assert_eq!(process.ask("PUT", PATH, br#"[{"indicator":"closing.example.com"}]"#).status, 201);
    std::fs::rename(process.data_dir(), process.data_dir().with_extension("away")).unwrap();
    process.terminate();
    assert_eq!(process.wait().code(), Some(1), "{}", process.said());
}
