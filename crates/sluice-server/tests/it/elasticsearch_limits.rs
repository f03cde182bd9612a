//! `/es` when there is too much: bodies that are too long, no room for them, and refused documents that nobody is told of.

use std::{fs, thread};

use expect_test::expect;
use serde_json::Value;
use sluice_model::limits::{BODY_BYTES_MAX, MIB};

use crate::{
    batches::{get, plain, rejects},
    busy::{announce, long_body},
    daemon::{Running, as_user, request, shared, wait_until},
    elasticsearch::ask,
    process::{Process, as_administrator},
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
fn below_the_reserve_of_the_disk_writes_and_health_are_507() {
    let daemon = Running::start(&[("SLUICE_DISK_RESERVE_BYTES", "9000000000000000000")]);
    let status =
        |method: &str, path: &str, body: &[u8]| ask(&daemon, method, path, &as_user("admin"), body).status;
    assert_eq!(status("POST", "/es/_bulk", b"{\"delete\":{\"_id\":\"a.example.com\"}}\n"), 507);
    assert_eq!(status("GET", "/es/_cluster/health", b""), 507);
    assert_eq!(status("GET", "/es/_cat/health", b""), 507);
    // It is asked before anything is sent.
    assert_eq!(status("GET", "/es/", b""), 200);
}

/// An action that deletes counts like one that adds, in the access log, in the audit and in the metrics.
#[test]
fn what_became_of_the_actions_is_logged_and_counted() {
    let process = Process::after("export SLUICE_LOG__ACCESS=true SLUICE_LOG__LEVEL=error");
    let body = concat!(
        "{\"index\":{\"_index\":\"internalti\"}}\n{\"indicator\":\"a.example.com\"}\n",
        "{\"delete\":{\"_index\":\"internalti\",\"_id\":\"b.example.com\"}}\n",
        "{\"index\":{\"_index\":\"internalti\"}}\n{\"indicator\":\"bad\\\\name\"}\n",
        "{\"index\":{\"_index\":\"internalti\"}}\n{}\n",
    );
    let asked = |method: &str, path: &str, body: &str| {
        let mut connection = process.connect();
        assert!(connection.send(&request(method, path, &as_administrator(), body.as_bytes())));
        connection.receive_text().unwrap()
    };
    let answer = asked("POST", "/es/_bulk", body);
    assert_eq!(answer.status, 200);
    let id = format!("request_id=\"{}\"", answer.header("x-request-id").unwrap());
    let said = process.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains(&id)).collect();
    let received = format!(" received_bytes={} ", body.len());
    assert!(lines.iter().any(|line| line.contains("change=\"1 deletions accepted\"")), "{said}");
    let is_access = |line: &&&str| line.contains(&received) && line.contains(" accepted=2 refused=2");
    assert_eq!(lines.iter().filter(is_access).count(), 1, "{said}");
    let metrics = asked("GET", "/metrics", "").body;
    for sample in [
        "sluice_indicators_accepted_total{tenant=\"General\",supplier=\"InternalTI\",action=\"add\"} 1",
        "sluice_indicators_accepted_total{tenant=\"General\",supplier=\"InternalTI\",action=\"delete\"} 1",
    ] {
        assert!(metrics.lines().any(|line| line == sample), "{sample}: {metrics}");
    }
}

#[test]
fn an_index_has_the_rules_of_its_supplier() {
    let daemon = Running::start(&[]);
    let supplier = r#"[{"name":"EsDefanged","confidence":50,"retention":60,"refang":true}]"#;
    assert_eq!(daemon.ask("POST", "1.3/suppliers", supplier).status, 201);
    let body = concat!(
        "{\"index\":{\"_index\":\"esdefanged\"}}\n{\"indicator\":\"es[.]example[.]com\"}\n",
        "{\"index\":{\"_index\":\"internalti\"}}\n{\"indicator\":\"es[.]example[.]com\"}\n",
        "{\"index\":{\"_index\":\"falsepositive\"}}\n{\"indicator\":\"a.example.com\",\"context\":{\"n\":1}}\n",
    );
    let told = bulk(&daemon, "", body);
    expect![[r#"[{"index":{"status":201}},{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Invalid indicator format"}}},{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Context is not allowed for the FalsePositive supplier"}}}]}"#]].assert_eq(told.split_once("\"items\":").unwrap().1);
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

/// Such a document was once told as accepted, and was nowhere.
#[test]
fn what_is_refused_and_cannot_be_kept_is_not_told_as_accepted() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["EsUnkept"], 50);
    let body = "{\"index\":{\"_index\":\"esunkept\"}}\n{\"indicator\":\"bad\\\\name\"}\n";
    let good = "{\"index\":{\"_index\":\"esunkept\"}}\n{\"indicator\":\"good.example.com\"}\n";
    let batches = daemon.path().join("batches");
    fs::write(&batches, "in the way").unwrap();
    expect![[r#"503 {"error":{"type":"circuit_breaking_exception","reason":"The service cannot take more of the body now; what was committed stays"},"status":503}"#]].assert_eq(&bulk(&daemon, "?bad_items=ok", body));
    // It takes a batch only for what is refused.
    assert!(bulk(&daemon, "?bad_items=ok", good).contains("\"errors\":false"));
    fs::remove_file(&batches).unwrap();
    assert!(bulk(&daemon, "?bad_items=ok", body).contains("\"errors\":false"));
    let daemon = daemon.restart(&[]);
    let told = get(&daemon, "/v1/batches");
    assert_eq!(rejects(&daemon, &told["batches"][0])[0]["row"]["indicator"], "bad\\name");
}
