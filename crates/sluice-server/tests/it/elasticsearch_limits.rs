//! `/es` when there is too much: bodies that are too long, no room for them, and refused documents that nobody is told of.

use std::thread;

use expect_test::expect;
use serde_json::Value;
use sluice_model::limits::{BODY_BYTES_MAX, MIB};

use crate::{
    batches::{get, plain, rejects},
    busy::{announce, long_body},
    daemon::{Running, as_user, shared, wait_until},
    elasticsearch::ask,
};

const PATH: &str = "/api/1.0/suppliers/InternalTI/indicators";

/// What is asked of `_bulk` as administrator.
fn bulk(daemon: &Running, query: &str, body: &str) -> String {
    let path = format!("/es/_bulk{query}");
    let answer = ask(daemon, "POST", &path, &as_user("admin"), body.as_bytes());
    format!("{} {}", answer.status, answer.body)
}

#[test]
fn a_body_that_is_too_long_is_413() {
    let daemon = shared();
    let length = format!("{}Content-Length: {}\r\n", as_user("admin"), BODY_BYTES_MAX + 1);
    let mut connection = daemon.connect();
    assert!(connection.send(format!("POST /es/_bulk HTTP/1.1\r\nHost: x\r\n{length}\r\n").as_bytes()));
    let answer = connection.receive_text().unwrap();
    expect![[r#"413 {"error":{"type":"illegal_argument_exception","reason":"The body is over the limit of 134217728 bytes"},"status":413}"#]]
        .assert_eq(&format!("{} {}", answer.status, answer.body));
}

/// One body has arrived in part; no other may take the memory that it needs to end.
#[test]
fn without_room_a_request_waits_and_is_429_in_the_end() {
    let daemon = Running::start(&[
        ("SLUICE_INGEST__BODY_BYTES_BUDGET", &BODY_BYTES_MAX.to_string()),
        ("SLUICE_HTTP__BODY_STALL_SECONDS", "600"),
    ]);
    let (mut holder, status) =
        announce(&daemon, "PUT", PATH, &format!("Content-Length: {BODY_BYTES_MAX}\r\n"));
    assert_eq!(status, 100);
    assert!(holder.send(long_body("holder.example.com").strip_suffix(']').unwrap().as_bytes()));
    let length = format!("Content-Length: {}\r\n", 2 * MIB);
    wait_until("the body is counted", || announce(&daemon, "PUT", PATH, &length).1 == 429);
    let mut connection = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\n{length}", as_user("admin"));
    assert!(connection.send(format!("POST /es/_bulk HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()));
    let answer = connection.receive_text().unwrap();
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    expect![[r#"429 {"error":{"type":"circuit_breaking_exception","reason":"The service cannot take the request now; nothing of it was processed"},"status":429}"#]]
        .assert_eq(&format!("{} {}", answer.status, answer.body));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| announce(&daemon, "POST", "/es/_bulk", &length).1);
        // Others are refused at once.
        assert_eq!(announce(&daemon, "PUT", PATH, &length).1, 429);
        drop(holder);
        assert_eq!(waiting.join().unwrap(), 100);
    });
}

#[test]
fn what_is_refused_and_not_told_is_a_batch_of_its_supplier() {
    let daemon = Running::start(&[(
        "SLUICE_ELASTICSEARCH__INDICES",
        r#"{ theirs = { tenant = "acme", supplier = "EsKept" } }"#,
    )]);
    daemon.add_suppliers(&["EsKept", "EsOther"], 50);
    let body = concat!(
        "{\"index\":{\"_index\":\"eskept\"}}\n{\"indicator\":\"kept.example.com\"}\n",
        "{\"index\":{\"_index\":\"eskept\"}}\n{\"indicator\":\"bad\\\\name\"}\n",
        "{\"index\":{\"_index\":\"theirs\"}}\n{\"indicator\":\"other\\\\name\"}\n",
        "{\"index\":{\"_index\":\"esother\"}}\n{\"indicator\":\"other.example.com\"}\n",
    );
    // Who is told of it needs no batch.
    assert!(bulk(&daemon, "", body).contains("\"errors\":true"));
    assert_eq!(get(&daemon, "/v1/batches")["batches"], Value::Array(vec![]));
    assert!(bulk(&daemon, "?bad_items=ok", body).contains("\"errors\":false"));
    let told = get(&daemon, "/v1/batches");
    let [batch] = told["batches"].as_array().unwrap().as_slice() else { panic!("{told}") };
    expect![[r#"{"accepted":1,"action":"bulk","batch":"ID","began":"TIME","committed_lines":8,"ended":"TIME","parameters":{"bad_items":"ok"},"refused":1,"rejects_kept":1,"rejects_url":"/v1/batches/ID/rejects","rows":2,"state":"done","supplier":"EsKept","user":"admin"}"#]].assert_eq(&plain(batch));
    let [kept] = rejects(&daemon, batch).try_into().unwrap();
    expect![[r#"{"byte":93,"hint":"Invalid indicator format","line":4,"reason":"invalid-indicator","row":{"indicator":"bad\\name"},"value":"bad\\name"}"#]].assert_eq(&kept.to_string());
    let theirs = get(&daemon, "/v1/tenants/acme/batches");
    let [batch] = theirs["batches"].as_array().unwrap().as_slice() else { panic!("{theirs}") };
    assert_eq!(rejects(&daemon, batch)[0]["row"]["indicator"], "other\\name");
    // They outlive the daemon.
    let daemon = daemon.restart(&[]);
    assert_eq!(rejects(&daemon, &get(&daemon, "/v1/batches")["batches"][0]), [kept]);
}
