//! Imports that tell how far they are, for who takes NDJSON and no JSON.

use serde_json::{Value, json};

use crate::{
    client::Connection,
    daemon::{Running, as_user, request, shared},
    importing::ask,
};

const ACCEPT: &str = "Accept: application/x-ndjson\r\n";

/// Begins an import that is to tell its progress, and sends so much of its body that a step is committed.
fn begin(daemon: &Running, supplier: &str) -> Connection {
    let mut connection = daemon.connect();
    let headers = format!("{}{ACCEPT}Transfer-Encoding: chunked\r\n", as_user("admin"));
    assert!(connection.send(&request(
        "POST",
        &format!("/v1/suppliers/{supplier}/indicators"),
        &headers,
        b""
    )));
    let chunk =
        format!("p.{supplier}.example.com #{}\nbad\\\n", "x".repeat(1_000)).to_lowercase().repeat(1_000);
    for _ in 0..20 {
        assert!(connection.send_chunk(chunk.as_bytes()));
    }
    connection
}

/// The next line.
#[track_caller]
fn line(connection: &mut Connection) -> Option<Value> {
    let chunk = connection.receive_chunk()?;
    assert!(chunk.ends_with('\n') && chunk.lines().count() == 1, "{chunk}");
    Some(serde_json::from_str(&chunk).unwrap())
}

#[track_caller]
fn check_head(connection: &mut Connection) {
    let head = connection.receive_head().unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains("content-type: application/x-ndjson\r\n"),
        "{head}"
    );
    assert!(head.contains("connection: close\r\n"), "{head}");
}

#[test]
fn lines_come_while_the_body_is_sent_and_the_answer_is_the_last() {
    let daemon = shared();
    daemon.add_suppliers(&["Progress"], 50);
    let mut connection = begin(&daemon, "Progress");
    check_head(&mut connection);
    let first = line(&mut connection).unwrap();
    let told = |line: &Value| line["committed_lines"].as_u64().unwrap();
    assert!(0 < told(&first) && told(&first) <= 40_000, "{first}");
    assert_eq!(first.as_object().unwrap().len(), 3);
    assert!(connection.send_chunk(b"last.progress.example.com"));
    assert!(connection.send_chunk(b""));
    let (mut before, mut last) = (told(&first), Value::Null);
    while let Some(next) = line(&mut connection) {
        let is_last = next.get("accepted").is_some();
        assert!(before < told(&next) || is_last, "{next}");
        (before, last) = (told(&next), next);
    }
    assert_eq!(
        (&last["rows"], &last["accepted"], &last["refused"]),
        (&json!(40_001), &json!(20_001), &json!(20_000))
    );
    assert_eq!((&last["batch"], &last["committed_lines"]), (&first["batch"], &json!(40_001)));
    assert_eq!(last["rejects"].as_array().unwrap().len(), 100);
    connection.check_closed();
    let found = daemon.detections("", &["last.progress.example.com"]);
    assert_eq!(found, ["Progress_URL last.progress.example.com {}"]);
}

#[test]
fn one_that_fails_ends_with_its_problem() {
    let daemon = shared();
    daemon.add_suppliers(&["Cancelled"], 50);
    let mut connection = begin(&daemon, "Cancelled");
    check_head(&mut connection);
    let first = line(&mut connection).unwrap();
    let path = format!("/v1/batches/{}", first["batch"].as_str().unwrap());
    assert_eq!(ask(&daemon, "DELETE", &path, &as_user("admin"), b"").status, 200);
    let mut last = first.clone();
    while let Some(next) = line(&mut connection) {
        last = next;
    }
    assert_eq!((&last["type"], &last["status"]), (&json!("/problems/batch-cancelled"), &json!(409)));
    assert_eq!((&last["batch"], last["instance"].is_string()), (&first["batch"], true));
    connection.check_closed();
}

#[test]
fn a_short_one_is_its_answer_and_what_is_known_before_has_a_status() {
    let daemon = shared();
    daemon.add_suppliers(&["Short"], 50);
    let path = "/v1/suppliers/Short/indicators";
    let key = "Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a805a\r\n";
    let headers = format!("{}{ACCEPT}{key}", as_user("admin"));
    let mut connection = daemon.connect();
    assert!(connection.send(&request("POST", path, &headers, b"a.short.example.com\nbad\\\n")));
    assert!(connection.receive_head().unwrap().starts_with("HTTP/1.1 200 "));
    let only = line(&mut connection).unwrap();
    assert_eq!((&only["accepted"], &only["refused"], line(&mut connection)), (&json!(1), &json!(1), None));
    // The same again, as it was told, and for something else.
    let again = ask(&daemon, "POST", path, &headers, b"a.short.example.com\nbad\\\n");
    assert_eq!((again.status, serde_json::from_str::<Value>(&again.body).unwrap()), (200, only));
    assert_eq!(ask(&daemon, "POST", &format!("{path}?format=lines"), &headers, b"x").status, 409);
    assert_eq!(ask(&daemon, "POST", "/v1/suppliers/None/indicators", &headers, b"x").status, 404);
    // Whoever takes JSON gets JSON.
    let both = format!("{}Accept: application/x-ndjson, application/json\r\n", as_user("admin"));
    let answer = ask(&daemon, "POST", path, &both, b"a.short.example.com\n");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
}
