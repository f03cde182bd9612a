//! `/v1/suppliers/{supplier}/indicators`: rows of any format in, counts and refused rows out, problems as of RFC 9457.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::Value;
use sluice_model::{
    cursor::Cursor,
    limits::{BODY_BYTES_MAX, MIB},
};

use crate::{
    busy::{announce, long_body},
    client::Answer,
    daemon::{Running, as_token, as_user, request, shared, wait_until},
    encodings::{gzip, zstd},
    process::{Process, as_administrator},
};

/// Asks, and reads an answer that is no list.
#[track_caller]
pub(crate) fn ask(daemon: &Running, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut connection = daemon.connect();
    // A refusal may come before the last byte is taken.
    let _is_taken = connection.send(&request(method, path, headers, body));
    connection.receive_text().unwrap()
}

/// Imports into a supplier; the path ends with the parameters.
#[track_caller]
pub(crate) fn import(daemon: &Running, supplier: &str, content_type: &str, body: &[u8]) -> Answer {
    let mut headers = as_user("admin");
    if !content_type.is_empty() {
        write!(headers, "Content-Type: {content_type}\r\n").unwrap();
    }
    let (name, query) = supplier
        .split_once('?')
        .map_or((supplier, String::new()), |(name, query)| (name, format!("?{query}")));
    ask(daemon, "POST", &format!("/v1/suppliers/{name}/indicators{query}"), &headers, body)
}

/// Status and body, without the ids of request and batch and without the cursor.
pub(crate) fn told(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    if 400 <= answer.status {
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert_eq!(problem["status"], answer.status);
        assert_eq!(problem["instance"], answer.header("sluice-request-id").unwrap());
        body = body.replace(&format!("\"instance\":{},", problem["instance"]), "");
        if let Some(batch) = problem["batch"].as_str() {
            body = body.replace(batch, "ID");
        }
    } else {
        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        let told: Value = serde_json::from_str(&body).unwrap();
        body = body.replace(told["batch"].as_str().unwrap(), "ID");
        let cursor = told["cursor"].as_str().unwrap();
        assert!(cursor.parse::<Cursor>().is_ok(), "{cursor}");
        body = body.replace(&format!("\"cursor\":\"{cursor}\","), "");
    }
    format!("{} {body}", answer.status)
}

#[track_caller]
fn check(daemon: &Running, supplier: &str, content_type: &str, body: &str, want: &Expect) {
    want.assert_eq(&told(&import(daemon, supplier, content_type, body.as_bytes())));
}

#[test]
fn rows_of_each_format_are_told_apart_by_their_bytes() {
    let daemon = shared();
    daemon.add_suppliers(&["Sniffed"], 50);
    for (number, body) in [
        "{\"indicator\":\"h0.sniffed.example.com\",\"context\":{\"note\":\"n\"}}\n",
        "[{\"indicator\":\"h1.sniffed.example.com\",\"context\":{\"note\":\"n\"}}]",
        "note,domain\nn,h2.sniffed.example.com\n",
        "# a list\nh3.sniffed.example.com\n",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = import(&daemon, "Sniffed", "", body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        let found = daemon.detections("", &[&format!("h{number}.sniffed.example.com")]);
        let context = if number == 3 { "{}" } else { r#"{"note":"n"}"# };
        assert_eq!(found, [format!("Sniffed_URL h{number}.sniffed.example.com {context}")]);
    }
}

#[test]
fn the_answer_counts_and_tells_what_was_refused() {
    let daemon = shared();
    daemon.add_suppliers(&["Told"], 50);
    check(
        &daemon,
        "Told",
        "application/x-ndjson",
        "{\"indicator\":\"told.example.com\"}\n\n{\"indicator\":\"bad\\\\.example.com\"}\n{]\n{\"indicator\":\"told.example.com\",\"tags\":[\"TOLD-NONE\"]}\n",
        &expect![[
            r#"200 {"batch":"ID","supplier":"Told","rows":4,"accepted":1,"refused":3,"committed_lines":5,"rejects":[{"line":3,"byte":34,"reason":"invalid-indicator","value":"bad\\.example.com","hint":"Invalid indicator format"},{"line":4,"byte":68,"reason":"not-json","value":"{]","hint":"The row is not valid JSON"},{"line":5,"byte":71,"reason":"unknown-tag","value":"told.example.com","hint":"Unknown tag: TOLD-NONE"}],"rejects_url":"/v1/batches/ID/rejects"}"#
        ]],
    );
    check(
        &daemon,
        "Told",
        "text/plain",
        "bad\\name\n",
        &expect![[
            r#"200 {"batch":"ID","supplier":"Told","rows":1,"accepted":0,"refused":1,"committed_lines":1,"rejects":[{"line":1,"byte":0,"reason":"invalid-indicator","value":"bad\\name","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}"#
        ]],
    );
    check(
        &daemon,
        "Told?from_line=3",
        "text/csv",
        "ip\n192.0.2.1\n192.0.2.2\n",
        &expect![[
            r#"200 {"batch":"ID","supplier":"Told","rows":1,"accepted":1,"refused":0,"committed_lines":3,"rejects":[],"rejects_url":"/v1/batches/ID/rejects"}"#
        ]],
    );
    check(
        &daemon,
        "Told?from_line=4",
        "text/csv",
        "ip\n192.0.2.1\n192.0.2.2\n",
        &expect![[
            r#"200 {"batch":"ID","supplier":"Told","rows":0,"accepted":0,"refused":0,"committed_lines":3,"rejects":[],"rejects_url":"/v1/batches/ID/rejects"}"#
        ]],
    );
    assert_eq!(daemon.detections("", &["192.0.2.1", "192.0.2.2"]), ["", "Told_IP 192.0.2.2 {}"]);
}

/// It was the end of the whole array.
#[test]
fn an_element_that_is_too_long_costs_no_other() {
    let daemon = shared();
    daemon.add_suppliers(&["Long"], 50);
    let long = "x".repeat(5 * MIB);
    let body = format!(
        "[{{\"indicator\":\"a.long.example.com\"}},{{\"x\":\"{long}\"}},{{\"indicator\":\"c.long.example.com\"}}]"
    );
    let told = told(&import(&daemon, "Long", "", body.as_bytes())).replace(&"x".repeat(250), "(250 x)");
    expect![[r#"200 {"batch":"ID","supplier":"Long","rows":3,"accepted":2,"refused":1,"committed_lines":3,"rejects":[{"line":2,"byte":36,"reason":"too-long","value":"{\"x\":\"(250 x)","hint":"The row is longer than 4 MiB"}],"rejects_url":"/v1/batches/ID/rejects"}"#]].assert_eq(&told);
    assert_eq!(
        daemon.detections("", &["a.long.example.com", "c.long.example.com"]),
        ["Long_URL a.long.example.com {}", "Long_URL c.long.example.com {}"]
    );
}

/// Its first words are `0.0.0.0`, which were stored in the place of its names.
#[test]
fn a_hosts_file_is_refused_unless_it_is_to_be_refanged() {
    let daemon = shared();
    daemon.add_suppliers(&["Hosts"], 50);
    let hosts = "127.0.0.1 a.hosts.example.com\n0.0.0.0 b.hosts.example.com c.hosts.example.com # two\n";
    check(
        &daemon,
        "Hosts",
        "",
        hosts,
        &expect![[
            r#"422 {"accepted":0,"batch":"ID","byte":0,"committed_lines":2,"detail":"Not one row could be read. Of the first one: A line of a hosts file, of which the names are read with refang=true","hint":"A line of a hosts file, of which the names are read with refang=true","line":1,"reason":"invalid-indicator","refused":2,"rejects":[{"byte":0,"hint":"A line of a hosts file, of which the names are read with refang=true","line":1,"reason":"invalid-indicator","value":"127.0.0.1 a.hosts.example.com"},{"byte":30,"hint":"A line of a hosts file, of which the names are read with refang=true","line":2,"reason":"invalid-indicator","value":"0.0.0.0 b.hosts.example.com c.hosts.example.com # two"}],"rejects_url":"/v1/batches/ID/rejects","rows":2,"status":422,"title":"Not one row could be read","type":"/problems/no-usable-row"}"#
        ]],
    );
    assert_eq!(import(&daemon, "Hosts?mode=replace", "", hosts.as_bytes()).status, 422);
    let objects =
        ["a.hosts.example.com", "b.hosts.example.com", "c.hosts.example.com", "127.0.0.1", "0.0.0.0"];
    assert_eq!(daemon.detections("", &objects), [""; 5]);
    let answer = import(&daemon, "Hosts?refang=true", "", hosts.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let found = |name: &str| format!("Hosts_URL {name}.hosts.example.com {{}}");
    let nothing = String::new;
    assert_eq!(daemon.detections("", &objects), [found("a"), found("b"), found("c"), nothing(), nothing()]);
}

#[test]
fn what_cannot_be_taken_is_a_problem_of_a_type() {
    let daemon = shared();
    daemon.add_suppliers(&["Problems"], 50);
    let mut seen = String::new();
    for (supplier, content_type, body) in [
        ("Problems", "", ""),
        ("Problems", "application/json", "{\n}}\n"),
        ("Problems?format=json", "", "[{},\n"),
        ("Problems", "", "{\"type\":\"bundle\",\"objects\":[]}"),
        ("Problems?column=indicator%3Dnone", "text/csv", "ip\n192.0.2.1\n"),
        ("Problems?mode=replace&from_line=2", "", "192.0.2.1\n"),
        ("Problems?limit=1", "", "192.0.2.1\n"),
        ("Problems?refang=yes", "", "192.0.2.1\n"),
        ("Problems", "application/x-www-form-urlencoded", "192.0.2.1\n"),
        ("NoSuchSupplier", "", "192.0.2.1\n"),
    ] {
        let answer = import(&daemon, supplier, content_type, body.as_bytes());
        writeln!(seen, "{supplier} {content_type} {body:?}\n  {}", told(&answer)).unwrap();
    }
    expect![[r##"
        Problems  ""
          422 {"accepted":0,"batch":"ID","committed_lines":0,"detail":"Not one row could be read","refused":0,"rejects":[],"rows":0,"status":422,"title":"Not one row could be read","type":"/problems/no-usable-row"}
        Problems application/json "{\n}}\n"
          422 {"accepted":0,"batch":"ID","byte":0,"committed_lines":2,"detail":"Not one row could be read. Of the first one: The row is not valid JSON","hint":"The row is not valid JSON","line":1,"reason":"not-json","refused":2,"rejects":[{"byte":0,"hint":"The row is not valid JSON","line":1,"reason":"not-json","value":"{"},{"byte":2,"hint":"The row is not a JSON object","line":2,"reason":"not-json","value":"}}"}],"rejects_url":"/v1/batches/ID/rejects","rows":2,"status":422,"title":"Not one row could be read","type":"/problems/no-usable-row"}
        Problems?format=json  "[{},\n"
          400 {"accepted":0,"batch":"ID","byte":5,"committed_lines":0,"detail":"the body ends early at byte 5","line":2,"pointer":"#/1","refused":0,"rows":0,"status":400,"title":"The request or its body is malformed","type":"/problems/bad-request"}
        Problems  "{\"type\":\"bundle\",\"objects\":[]}"
          422 {"accepted":0,"batch":"ID","committed_lines":0,"detail":"Not one row could be read","refused":0,"rejects":[],"rows":0,"status":422,"title":"Not one row could be read","type":"/problems/no-usable-row"}
        Problems?column=indicator%3Dnone text/csv "ip\n192.0.2.1\n"
          422 {"accepted":0,"batch":"ID","byte":0,"committed_lines":0,"detail":"the header has no such column at byte 0","refused":0,"rows":0,"status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        Problems?mode=replace&from_line=2  "192.0.2.1\n"
          422 {"detail":"The parameter 'from_line' is neither for 'mode=replace' nor for 'plan=true'","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        Problems?limit=1  "192.0.2.1\n"
          422 {"detail":"There is no parameter 'limit' here","status":422,"title":"There is no such parameter","type":"/problems/unknown-parameter"}
        Problems?refang=yes  "192.0.2.1\n"
          422 {"detail":"The parameter 'refang' is 'true' or 'false'","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        Problems application/x-www-form-urlencoded "192.0.2.1\n"
          415 {"detail":"Bodies are application/x-ndjson, application/json, application/stix+json, text/csv or text/plain, in UTF-8; without Content-Type the format is told by the body (with curl: -H 'Content-Type:')","status":415,"title":"The body is of a type that is not taken","type":"/problems/unsupported-media-type"}
        NoSuchSupplier  "192.0.2.1\n"
          404 {"detail":"Supplier doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}
    "##]].assert_eq(&seen);
    assert!(!daemon.detections("", &["192.0.2.1"]).concat().contains("Problems"));
    let answer = ask(
        &daemon,
        "POST",
        "/v1/suppliers/Problems/indicators",
        &format!("{}Content-Encoding: br\r\n", as_user("admin")),
        b"x",
    );
    assert!(told(&answer).starts_with(r#"415 {"#), "{answer:?}");
    let answer = ask(
        &daemon,
        "POST",
        "/v1/suppliers/Problems/indicators",
        &format!("{}Accept: text/csv\r\n", as_user("admin")),
        b"x",
    );
    assert!(told(&answer).starts_with(r#"406 {"#), "{answer:?}");
}

#[test]
fn every_type_that_an_answer_names_has_a_page() {
    let daemon = shared();
    let answer = ask(&daemon, "GET", "/v1/nothing", &as_user("admin"), b"");
    assert_eq!(answer.status, 404);
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    let page = ask(&daemon, "GET", problem["type"].as_str().unwrap(), "", b"");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert!(page.body.starts_with(&format!("{} (not-found)\n\n404. ", problem["title"].as_str().unwrap())));
    // Other paths and methods are judged like any other.
    assert_eq!(daemon.ask_with("GET", "/problems/nothing", &as_user("admin"), b"").status, 404);
    assert_eq!(daemon.ask_with("POST", "/problems/not-found", &as_user("admin"), b"").status, 404);
}

#[test]
fn who_may_import_is_who_may_change_indicators() {
    let daemon = shared();
    daemon.add_suppliers(&["Rights"], 50);
    let (path, of_acme) = ("/v1/suppliers/Rights/indicators", "/v1/tenants/acme/suppliers/Rights/indicators");
    let status = |headers: &str, path: &str| {
        let answer = ask(&daemon, "POST", path, headers, b"rights.example.com\n");
        told(&answer);
        answer.status
    };
    assert_eq!(
        (status("", path), status(&as_user("ann"), path), status(&as_token("reader"), path)),
        (401, 403, 403)
    );
    assert_eq!((status(&as_user("tom"), path), status(&as_user("tom"), of_acme)), (403, 200));
    assert_eq!((status(&as_token("writer"), of_acme), status(&as_token("root"), of_acme)), (200, 200));
    assert_eq!(status(&as_user("admin"), "/v1/tenants/none/suppliers/Rights/indicators"), 404);
    assert_eq!(daemon.detections("acme", &["rights.example.com"]), ["Rights_URL rights.example.com {}"]);
    assert_eq!(daemon.detections("", &["rights.example.com"]), [""]);
    let refused = ask(&daemon, "POST", path, "", b"");
    assert!(refused.header("www-authenticate").is_some());
    let refused = ask(&daemon, "PUT", path, &as_user("admin"), b"");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST, DELETE, GET")));
}

#[test]
fn rows_are_deleted_too() {
    let daemon = shared();
    daemon.add_suppliers(&["Removed"], 50);
    daemon.put(
        "suppliers/Removed",
        r#"[{"indicator":"a.removed.example.com"},{"indicator":"b.removed.example.com"}]"#,
    );
    let answer = ask(
        &daemon,
        "DELETE",
        "/v1/suppliers/Removed/indicators",
        &as_user("admin"),
        b"a.removed.example.com\nbad\\\n",
    );
    expect![[r#"200 {"batch":"ID","supplier":"Removed","rows":2,"accepted":1,"refused":1,"committed_lines":2,"rejects":[{"line":2,"byte":22,"reason":"invalid-indicator","value":"bad\\","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}"#]].assert_eq(&told(&answer));
    assert_eq!(
        daemon.detections("", &["a.removed.example.com", "b.removed.example.com"]),
        ["", "Removed_URL b.removed.example.com {}"]
    );
}

/// The path, not the rows, stands in the line of who deletes.
#[test]
fn deletions_are_told_with_their_user() {
    let process = Process::after("export SLUICE_LOG__LEVEL=error");
    for (method, body) in [("POST", "a.example.com\nb.example.com\n"), ("DELETE", "b.example.com\nbad\\\n")] {
        let mut connection = process.connect();
        let path = "/v1/suppliers/InternalTI/indicators?format=lines";
        assert!(connection.send(&request(method, path, &as_administrator(), body.as_bytes())));
        assert_eq!(connection.receive_text().unwrap().status, 200);
    }
    let said = process.said();
    let told: Vec<&str> =
        said.lines().filter_map(|line| Some(line.split_once(" address=127.0.0.1 ")?.1)).collect();
    let want = r#"user="admin" path="/v1/suppliers/InternalTI/indicators" change="1 deletions accepted""#;
    assert_eq!(told, [want]);
}

#[test]
fn bodies_come_encoded_and_in_chunks_of_any_length() {
    let daemon = shared();
    daemon.add_suppliers(&["Chunked"], 50);
    let body = b"{\"indicator\":\"a.chunked.example.com\"}\r\n{\"indicator\":\"b.chunked.example.com\"}";
    for (name, encoded) in [("gzip", gzip(body)), ("zstd", zstd(body)), ("identity", body.to_vec())] {
        let headers =
            format!("{}Content-Encoding: {name}\r\nTransfer-Encoding: chunked\r\n", as_user("admin"));
        for chunk_bytes in [1, 7, 1_000] {
            let mut connection = daemon.connect();
            assert!(connection.send(&request("POST", "/v1/suppliers/Chunked/indicators", &headers, b"")));
            for chunk in encoded.chunks(chunk_bytes) {
                assert!(connection.send_chunk(chunk));
            }
            assert!(connection.send_chunk(b""));
            let answer = connection.receive_text().unwrap();
            assert!(
                told(&answer).starts_with(r#"200 {"batch":"ID","supplier":"Chunked","rows":2,"accepted":2,"#),
                "{answer:?}"
            );
        }
        assert_eq!(
            daemon.detections("", &["b.chunked.example.com"]),
            ["Chunked_URL b.chunked.example.com {}"]
        );
    }
    // What is cut off has an answer, and of a body shorter than a step nothing stays.
    let mut cut = gzip(b"c.chunked.example.com\n");
    cut.truncate(cut.len() - 4);
    let headers = format!("{}Content-Encoding: gzip\r\n", as_user("admin"));
    let answer = ask(&daemon, "POST", "/v1/suppliers/Chunked/indicators", &headers, &cut);
    assert!(told(&answer).contains(r#""committed_lines":0"#), "{answer:?}");
    assert_eq!(
        (answer.status, daemon.detections("", &["c.chunked.example.com"])),
        (400, vec![String::new()])
    );
}

#[test]
fn a_request_that_waits_for_a_go_ahead_is_judged_before_its_body() {
    let daemon = shared();
    daemon.add_suppliers(&["Expecting"], 50);
    let path = "/v1/suppliers/Expecting/indicators";
    let announce = |path: &str| {
        let mut connection = daemon.connect();
        let headers = format!("{}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", as_user("admin"));
        assert!(connection.send(&request("POST", path, &headers, b"")));
        let status = connection.receive_text().unwrap().status;
        (connection, status)
    };
    assert_eq!(announce(&format!("{path}?x=1")).1, 422);
    let (mut connection, status) = announce(path);
    assert_eq!(status, 100);
    assert!(connection.send_chunk(b"expecting.example.com") && connection.send_chunk(b""));
    assert_eq!(connection.receive_text().unwrap().status, 200);
}

#[test]
fn without_memory_or_disk_nothing_is_taken() {
    // The body that holds the memory stays for as long as the test does.
    let daemon = Running::start(&[
        ("SLUICE_INGEST__BODY_BYTES_BUDGET", &BODY_BYTES_MAX.to_string()),
        ("SLUICE_HTTP__BODY_STALL_SECONDS", "600"),
    ]);
    let length = |bytes: usize| format!("Content-Length: {bytes}\r\n");
    let (path, of_import) =
        ("/api/1.0/suppliers/InternalTI/indicators", "/v1/suppliers/InternalTI/indicators");
    let (mut holder, status) = announce(&daemon, "PUT", path, &length(BODY_BYTES_MAX));
    assert_eq!(status, 100);
    assert!(holder.send(long_body("holder.example.com").strip_suffix(']').unwrap().as_bytes()));
    wait_until("the body is counted", || announce(&daemon, "PUT", path, &length(2 * MIB)).1 == 429);
    let long = format!("busy.example.com\n#{}\n", "x".repeat(2 * MIB));
    let answer = import(&daemon, "InternalTI", "", long.as_bytes());
    expect![[r#"429 {"detail":"The service cannot take the request now; nothing of it was processed","status":429,"title":"The service is busy","type":"/problems/busy"}"#]].assert_eq(&told(&answer));
    assert!(answer.header("retry-after").is_some());
    // Small ones have a reserve.
    assert_eq!(import(&daemon, "InternalTI", "", b"light.example.com\n").status, 200);
    assert_eq!(daemon.detections("", &["busy.example.com"]), [""]);
    // Nothing of it is a batch, and whoever waits gets what comes free.
    let batches = ask(&daemon, "GET", "/v1/batches", &as_user("admin"), b"");
    assert_eq!(batches.body.matches("\"state\"").count(), 1, "{batches:?}");
    let mut waiting = daemon.connect();
    let headers = format!("{}{}", as_user("admin"), length(long.len()));
    assert!(waiting.send(&request("POST", of_import, &headers, b"")));
    drop(holder);
    assert!(waiting.send(long.as_bytes()));
    assert_eq!(waiting.receive_text().unwrap().status, 200);
    let daemon = daemon.restart(&[("SLUICE_DISK_RESERVE_BYTES", "9000000000000000000")]);
    let answer = import(&daemon, "InternalTI", "", b"full.example.com\n");
    expect![[r#"507 {"detail":"The disk is full or below its reserve","status":507,"title":"The disk is full or below its reserve","type":"/problems/disk-full"}"#]].assert_eq(&told(&answer));
    assert!(answer.header("retry-after").is_some());
    let daemon = daemon.restart(&[]);
    assert_eq!(daemon.detections("", &["full.example.com"]), [""]);
    assert_eq!(ask(&daemon, "POST", of_import, &as_user("admin"), b"full.example.com\n").status, 200);
}

/// 300 MB pass through a daemon that is given 256 MiB, most of which it does not need for them.
#[test]
fn a_long_body_passes_through_little_memory() {
    let process = Process::after("export SLUICE_INGEST__THREADS=2 SLUICE_MEMORY=268435456");
    let line = format!("{{\"indicator\":\"192.0.2.7\",\"context\":{{\"pad\":\"{}\"}}}}\n", "y".repeat(900));
    let chunk = line.repeat(1_000);
    let chunks = 300_000_000 / chunk.len();
    let mut connection = process.connect();
    let headers = format!("{}Transfer-Encoding: chunked\r\n", as_administrator());
    assert!(connection.send(&request("POST", "/v1/suppliers/InternalTI/indicators", &headers, b"")));
    for _ in 0..chunks {
        assert!(connection.send_chunk(chunk.as_bytes()));
    }
    assert!(connection.send_chunk(b""));
    let answer = connection.receive_text().unwrap();
    let rows = chunks * 1_000;
    assert!(
        answer
            .body
            .contains(&format!(r#""rows":{rows},"accepted":{rows},"refused":0,"committed_lines":{rows},"#)),
        "{answer:?}"
    );
    let status = process.about("status");
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let peak_kib: usize = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak_kib < 256 * 1024, "{peak_kib} KiB");
}
