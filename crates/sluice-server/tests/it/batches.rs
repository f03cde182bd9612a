//! `/v1/batches`: what became of imports, and the rows that they refused, over kills, restarts and bounds.

use std::{fmt::Write as _, fs};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Connection},
    daemon::{Running, as_token, as_user, request, shared, wait_until},
    importing::ask,
    process::{Process, as_administrator},
};

const KEY: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// Imports as administrator; the supplier may be followed by parameters.
#[track_caller]
fn import(daemon: &Running, supplier: &str, headers: &str, body: &[u8]) -> Answer {
    let headers = format!("{}{headers}", as_user("admin"));
    let (name, query) = supplier.split_once('?').unwrap_or((supplier, ""));
    ask(daemon, "POST", &format!("/v1/suppliers/{name}/indicators?{query}"), &headers, body)
}

#[track_caller]
fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Asks as administrator for something that must be there.
#[track_caller]
pub(crate) fn get(daemon: &Running, path: &str) -> Value {
    let answer = ask(daemon, "GET", path, &as_user("admin"), b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    json(&answer)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The refused rows that are kept of what an answer tells of.
#[track_caller]
pub(crate) fn rejects(daemon: &Running, told: &Value) -> Vec<Value> {
    let answer = ask(daemon, "GET", &text(&told["rejects_url"]), &as_user("admin"), b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A batch with its id and times left out.
pub(crate) fn plain(batch: &Value) -> String {
    let id = text(&batch["batch"]);
    let mut told = serde_json::to_string(batch).unwrap().replace(&id, "ID");
    for time in ["began", "ended"] {
        if let Some(at) = batch[time].as_str() {
            assert!(at.ends_with('Z') && at.len() == 24, "{at}");
            told = told.replace(at, "TIME");
        }
    }
    told
}

#[track_caller]
fn check(batch: &Value, want: &Expect) {
    want.assert_eq(&plain(batch));
}

#[test]
fn an_import_is_a_batch_that_can_be_asked_for() {
    let daemon = shared();
    daemon.add_suppliers(&["Asked"], 50);
    let answer = import(&daemon, "Asked?format=lines", "", b"a.asked.example.com\nbad\\\n");
    let told = json(&answer);
    let id = text(&told["batch"]);
    assert_eq!(id.as_bytes()[14], b'7', "{id}");
    let batch = get(&daemon, &format!("/v1/batches/{id}"));
    check(
        &batch,
        &expect![[
            r#"{"accepted":1,"action":"add","batch":"ID","began":"TIME","committed_lines":2,"ended":"TIME","parameters":{"format":"lines"},"refused":1,"rejects_kept":1,"rejects_url":"/v1/batches/ID/rejects","rows":2,"state":"done","supplier":"Asked","user":"admin"}"#
        ]],
    );
    assert_eq!(told["rejects_url"], batch["rejects_url"]);
    expect![[r#"[Object {"byte": Number(20), "hint": String("Invalid indicator format"), "line": Number(2), "reason": String("invalid-indicator"), "row": Object {"indicator": String("bad\\")}, "value": String("bad\\")}]"#]].assert_eq(&format!("{:?}", rejects(&daemon, &told)));
    // One that fails is a batch, too.
    let failed = json(&import(&daemon, "Asked", "", b"[{\"indicator\":\"b.asked.example.com\"}"));
    let batch = get(&daemon, &format!("/v1/batches/{}", text(&failed["batch"])));
    check(
        &batch,
        &expect![[
            r#"{"accepted":0,"action":"add","batch":"ID","began":"TIME","committed_lines":0,"ended":"TIME","error":{"detail":"the body ends early at byte 36","type":"/problems/bad-request"},"parameters":{},"refused":0,"rejects_kept":0,"rejects_url":"/v1/batches/ID/rejects","rows":0,"state":"failed","supplier":"Asked","user":"admin"}"#
        ]],
    );
    let unreadable = json(&import(&daemon, "Asked?format=ndjson", "", b"x\ny\n"));
    assert_eq!((&unreadable["status"], rejects(&daemon, &unreadable).len()), (&json!(422), 2));
    let deleted =
        ask(&daemon, "DELETE", "/v1/suppliers/Asked/indicators", &as_user("admin"), b"a.asked.example.com\n");
    let batch = get(&daemon, &format!("/v1/batches/{}", text(&json(&deleted)["batch"])));
    assert_eq!((&batch["action"], &batch["state"]), (&json!("delete"), &json!("done")));
}

#[test]
fn batches_are_listed_newest_first_page_by_page() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Even", "Odd"], 50);
    let ids: Vec<String> = (0..7)
        .map(|number| {
            let supplier = if number % 2 == 0 { "Even" } else { "Odd" };
            text(&json(&import(&daemon, supplier, "", b"list.example.com\n"))["batch"])
        })
        .collect();
    let listed = |query: &str| {
        let list = get(&daemon, &format!("/v1/batches{query}"));
        let batches = list["batches"].as_array().unwrap().iter();
        let ids: Vec<String> = batches.map(|batch| text(&batch["batch"])).collect();
        (ids, list["next"].as_str().map(str::to_owned))
    };
    // Those of one millisecond are in any order.
    let mut all = listed("").0;
    assert_eq!(listed("").1, None);
    let (first, next) = listed("?limit=4");
    let (second, last) = listed(&format!("?limit=4&after={}", next.as_deref().unwrap()));
    assert_eq!((first.len(), second.len(), next, last), (4, 3, Some(first[3].clone()), None));
    assert_eq!([first, second].concat(), all);
    let of_odd = listed("?supplier=Odd&limit=3").0;
    assert_eq!((of_odd.len(), listed("?supplier=Odd&limit=2").1), (3, Some(of_odd[1].clone())));
    assert!(of_odd.iter().all(|id| get(&daemon, &format!("/v1/batches/{id}"))["supplier"] == "Odd"));
    assert_eq!(listed("?supplier=Odd&supplier=Even").0, all);
    assert_eq!(listed("?supplier=None").0, Vec::<String>::new());
    let mut sent = ids;
    all.sort();
    sent.sort();
    assert_eq!(all, sent);
    for (query, status) in
        [("?limit=0", 422), ("?since=1", 422), (&*format!("?after={KEY}"), 404), ("?after=x", 404)]
    {
        let answer = ask(&daemon, "GET", &format!("/v1/batches{query}"), &as_user("admin"), b"");
        assert_eq!(answer.status, status, "{query}");
    }
}

/// The rows of a nasty feed that are refused are mended by a script of a few lines, and pushed again.
#[test]
fn refused_rows_are_mended_and_pushed_again() {
    let daemon = shared();
    daemon.add_suppliers(&["Mended"], 50);
    daemon.add_tags(&["MENDED"]);
    let nasty = [
        r#"{"indicator":"r0.mended.example.com","context":{"n":0}}"#,
        r#"{"indicator":"r1.mended.example.com\\","context":{"n": 1.50}, "tags": ["mended"]}"#,
        r#"  { "indicator" : "r2.mended.example.com", "tags":["MENDED-NOT"], "context": {"n":2}} "#,
        r#"{"value":"r3.mended.example.com","context":{"n":"\u00e9\"\\"}}"#,
        r#"{"indicator":"r4.mended.example.com","context":[4]}"#,
        r#"{"indicator":"r5.mended.example.com""#,
        r#"r6.mended.example.com"#,
        r#"{"indicator":"r7.mended.example.com"} trailing"#,
        r#"{"indicator":["r8.mended.example.com"]}"#,
    ]
    .join("\n");
    let told = json(&import(&daemon, "Mended", "", nasty.as_bytes()));
    assert_eq!((&told["accepted"], &told["refused"]), (&json!(1), &json!(8)));
    let mut mended = String::new();
    for reject in rejects(&daemon, &told) {
        // What could not be read as a row: its text.
        let whole = || json!({"indicator": text(&reject["value"]).replace(['{', '}', '"'], "").replace("indicator:", "").split(' ').next().unwrap()});
        let mut row = if reject["row"].is_object() { reject["row"].clone() } else { whole() };
        let named =
            [&row["indicator"], &row["indicator"][0], &row["value"]].into_iter().find_map(Value::as_str);
        row["indicator"] = json!(named.unwrap().trim_end_matches('\\'));
        if row["tags"] == json!(["MENDED-NOT"]) {
            row["tags"] = json!(["MENDED"]);
        }
        if !row["context"].is_object() {
            row.as_object_mut().unwrap().remove("context");
        }
        writeln!(mended, "{row}").unwrap();
    }
    let again = json(&import(&daemon, "Mended", "", mended.as_bytes()));
    assert_eq!((&again["accepted"], &again["refused"]), (&json!(8), &json!(0)), "{mended}\n{again}");
    assert!(rejects(&daemon, &again).is_empty());
    let names: Vec<String> = (0..9).map(|number| format!("r{number}.mended.example.com")).collect();
    let found = daemon.detections("", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let contexts =
        [r#"{"n":0}"#, r#"{"n":1.5}"#, r#"{"n":2}"#, "{\"n\":\"é\\\"\\\\\"}", "{}", "{}", "{}", "{}", "{}"];
    let want: Vec<String> =
        names.iter().zip(contexts).map(|(name, context)| format!("Mended_URL {name} {context}")).collect();
    assert_eq!(found, want);
}

/// A line that is refused, of about 300 bytes that do not pack.
fn noise(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut line = format!("bad\\{number}-");
    for _ in 0..18 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        write!(line, "{state:016x}").unwrap();
    }
    line + "\n"
}

#[test]
fn batches_outlive_a_restart_and_a_kill() {
    let process = Process::after("");
    let lines = "bad\\\nkept.example.com\n";
    let head = |extra: &str| format!("{}{extra}", as_administrator());
    let mut connection = process.connect();
    let path = "/v1/suppliers/InternalTI/indicators";
    assert!(connection.send(&request("POST", path, &head(""), lines.as_bytes())));
    let done = json(&connection.receive_text().unwrap());
    // Steps of 16 MiB, each with a refused row in every hundred; the last of them never ends.
    let mut connection = process.connect();
    let headers = head(&format!("Idempotency-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n"));
    assert!(connection.send(&request("POST", &format!("{path}?format=ndjson"), &headers, b"")));
    let pad = "y".repeat(1_000);
    let line = |number: u64| match number % 100 {
        99 => format!("{{\"indicator\":\"bad\\\\{number}\"}}\n"),
        _ => format!("{{\"indicator\":\"h{number}.kill.example.com\",\"context\":{{\"pad\":\"{pad}\"}}}}\n"),
    };
    let of_process = |process: &Process, path: &str| {
        let mut connection = process.connect();
        assert!(connection.send(&request("GET", path, &as_administrator(), b"")));
        connection.receive_text().unwrap()
    };
    let batch_path = format!("/v1/batches/{KEY}");
    let mut sent = 0;
    let committed = loop {
        let chunk: String = (sent..sent + 1_000).map(line).collect();
        assert!(connection.send_chunk(chunk.as_bytes()));
        sent += 1_000;
        let batch = json(&of_process(&process, &batch_path));
        // At first there is none, since nothing of the head may have been read.
        let committed = batch["committed_lines"].as_u64().unwrap_or(0);
        if 25_000 < committed {
            assert!(batch["state"] == "running" && batch["rows_per_second"].is_u64(), "{batch}");
            break committed;
        }
    };
    let process = process.killed_and_started();
    let batch = json(&of_process(&process, &batch_path));
    let kept = batch["committed_lines"].as_u64().unwrap();
    assert_eq!(
        (&batch["state"], &batch["error"]["type"]),
        (&json!("failed"), &json!("/problems/interrupted"))
    );
    assert!(0 < kept && kept <= sent, "{batch}, {committed} before");
    // What is told to be committed is, and so are its refused rows.
    let newest = if kept.is_multiple_of(100) { kept - 2 } else { kept - 1 };
    let body = format!(r#"[{{"object":"h{newest}.kill.example.com"}},{{"object":"h0.kill.example.com"}}]"#);
    let found = process.ask("POST", "/api/1.0/lookup", body.as_bytes());
    assert_eq!(found.body.matches("not detected").count(), 0, "{newest}");
    let rejects = of_process(&process, &text(&batch["rejects_url"]));
    assert_eq!(rejects.body.lines().count() as u64, kept / 100);
    assert_eq!(batch["refused"].as_u64().unwrap(), kept / 100);
    let reject: Value = serde_json::from_str(rejects.body.lines().last().unwrap()).unwrap();
    assert_eq!(reject["line"].as_u64().unwrap(), kept / 100 * 100);
    // The other one is as it was, and both are listed.
    let list = json(&of_process(&process, "/v1/batches"));
    let listed: Vec<&Value> =
        list["batches"].as_array().unwrap().iter().map(|batch| &batch["batch"]).collect();
    assert_eq!(listed, [&batch["batch"], &done["batch"]]);
    assert_eq!(of_process(&process, &text(&done["rejects_url"])).body.lines().count(), 1);
    // It is taken up where it ended, under an id of its own.
    let rest: String = (kept..kept + 10).map(line).collect();
    let body = format!("{}{rest}", "\n".repeat(usize::try_from(kept).unwrap()));
    let mut connection = process.connect();
    let path = format!("{path}?format=ndjson&from_line={}", kept + 1);
    assert!(connection.send(&request("POST", &path, &as_administrator(), body.as_bytes())));
    assert_eq!(json(&connection.receive_text().unwrap())["rows"], 10);
}

/// Also one without a key and without a row that was refused.
#[test]
fn an_import_that_was_answered_is_done_after_a_kill() {
    let mut process = Process::after("");
    let ask = |process: &Process, method: &str, path: &str, body: &str| {
        let mut connection = process.connect();
        assert!(connection.send(&request(method, path, &as_administrator(), body.as_bytes())));
        json(&connection.receive_text().unwrap())
    };
    for round in 0..3 {
        for (query, accepted) in [("", 2), ("?mode=replace&max_shrink=100", 3)] {
            let row = |body, row| format!("{body}h{row}.done{round}.example.com\n");
            let body = (0..accepted).fold(String::new(), row);
            let path = format!("/v1/suppliers/InternalTI/indicators{query}");
            let told = ask(&process, "POST", &path, &body);
            process = process.killed_and_started();
            let batch = ask(&process, "GET", &format!("/v1/batches/{}", text(&told["batch"])), "");
            assert_eq!((&batch["state"], &batch["accepted"]), (&json!("done"), &json!(accepted)), "{batch}");
        }
    }
}

#[test]
fn the_oldest_batches_go_when_there_is_no_room() {
    let daemon = Running::start(&[("SLUICE_BATCHES__SIZE_MAX", "65536")]);
    let body: String = (0..20).map(noise).collect();
    let mut told = Vec::new();
    let gone = |told: &Value| {
        ask(&daemon, "GET", &format!("/v1/batches/{}", text(&told["batch"])), &as_user("admin"), b"").status
            == 404
    };
    while told.first().is_none_or(|oldest| !gone(oldest)) {
        let body: String = format!("{body}{}", noise(told.len() as u64 + 100));
        told.push(json(&import(&daemon, "InternalTI", "", body.as_bytes())));
        assert!(told.len() < 100);
        assert_eq!(rejects(&daemon, told.last().unwrap()).len(), 21);
    }
    assert!(5 < told.len(), "{}", told.len());
    let files = fs::read_dir(daemon.path().join("batches")).unwrap();
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= 65_536, "{bytes}");
    // The others are found again by the next one, and go with their time.
    let daemon = daemon.restart(&[]);
    let listed = get(&daemon, "/v1/batches")["batches"].as_array().unwrap().len();
    assert!(3 < listed && listed < told.len(), "{listed} of {}", told.len());
    assert_eq!(rejects(&daemon, told.last().unwrap()).len(), 21);
}

#[test]
fn of_one_batch_the_first_refused_rows_are_kept_and_the_rest_is_counted() {
    let daemon = Running::start(&[("SLUICE_BATCHES__SIZE_MAX", "4194304")]);
    // A quarter is kept: of 6 MB that pack to little more than half.
    let body: String = (0..20_000).map(noise).collect();
    let told = json(&import(&daemon, "InternalTI", "", body.as_bytes()));
    assert_eq!((&told["rows"], &told["refused"]), (&json!(20_000), &json!(20_000)));
    assert_eq!(told["rejects_missing"], "They are more than is kept of one batch");
    let batch = get(&daemon, &format!("/v1/batches/{}", text(&told["batch"])));
    let kept = batch["rejects_kept"].as_u64().unwrap();
    assert!(1_000 < kept && kept < 15_000, "{batch}");
    assert_eq!((&batch["rejects_missing"], &batch["state"]), (&told["rejects_missing"], &json!("done")));
    let lines: Vec<u64> = rejects(&daemon, &told).iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=kept).collect::<Vec<_>>());
}

/// As on a disk that is full, or cannot be written to.
#[test]
fn refused_rows_that_cannot_be_kept_fail_no_import() {
    let daemon = Running::start(&[]);
    fs::write(daemon.path().join("batches"), "in the way").unwrap();
    let told = json(&import(&daemon, "InternalTI", "", b"full.example.com\nbad\\\n"));
    assert_eq!((&told["accepted"], &told["refused"]), (&json!(1), &json!(1)));
    assert_eq!(told["rejects"].as_array().unwrap().len(), 1);
    let missing = text(&told["rejects_missing"]);
    assert!(missing.starts_with("They could not be written: "), "{missing}");
    assert!(text(&told["batch_missing"]).contains("could not be written down"), "{told}");
    let batch = get(&daemon, &format!("/v1/batches/{}", text(&told["batch"])));
    assert_eq!((&batch["state"], &batch["rejects_kept"]), (&json!("done"), &json!(0)));
    assert_eq!(batch["rejects_missing"], missing);
    assert!(rejects(&daemon, &told).is_empty());
    assert_eq!(daemon.detections("", &["full.example.com"]), ["InternalTI_URL full.example.com {}"]);
    // Once there is room, what is known is written down.
    fs::remove_file(daemon.path().join("batches")).unwrap();
    let next = json(&import(&daemon, "InternalTI", "", b"bad\\\n"));
    assert!(next.get("rejects_missing").is_none() && rejects(&daemon, &next).len() == 1, "{next}");
    assert!(next.get("batch_missing").is_none(), "{next}");
    let daemon = daemon.restart(&[]);
    assert_eq!(get(&daemon, &format!("/v1/batches/{}", text(&told["batch"]))), batch);
}

/// Begins an import that goes on until something ends it, and waits until it has committed a step.
fn begin_endless(daemon: &Running, supplier: &str, headers: &str) -> (Connection, Value) {
    let mut connection = daemon.connect();
    let headers = format!("{}{headers}Transfer-Encoding: chunked\r\n", as_user("admin"));
    assert!(connection.send(&request(
        "POST",
        &format!("/v1/suppliers/{supplier}/indicators"),
        &headers,
        b""
    )));
    let line = format!("e.{supplier}.example.com #{}\nbad\\\n", "x".repeat(2_000)).to_lowercase();
    let chunk = line.repeat(500);
    for _ in 0..1_000 {
        assert!(connection.send_chunk(chunk.as_bytes()));
        let list = get(daemon, &format!("/v1/batches?supplier={supplier}&limit=1"));
        let batch = &list["batches"][0];
        if batch["state"] == "running" && batch["committed_lines"] != 0 {
            assert!(batch.get("ended").is_none() && batch["rows_per_second"].is_u64(), "{batch}");
            return (connection, batch.clone());
        }
    }
    panic!("it commits nothing");
}

#[test]
fn a_running_batch_is_cancelled_and_what_it_committed_stays() {
    let daemon = shared();
    daemon.add_suppliers(&["Endless"], 50);
    let (mut connection, batch) = begin_endless(&daemon, "Endless", "");
    let path = format!("/v1/batches/{}", text(&batch["batch"]));
    for (headers, status) in [(as_user("ann"), 403), (as_user("tom"), 403), (String::new(), 401)] {
        assert_eq!(ask(&daemon, "DELETE", &path, &headers, b"").status, status);
    }
    let answer = ask(&daemon, "DELETE", &path, &as_user("admin"), b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    let cancelled = json(&answer);
    assert_eq!(cancelled["state"], "cancelled");
    assert!(batch["committed_lines"].as_u64() <= cancelled["committed_lines"].as_u64(), "{cancelled}");
    assert_eq!(cancelled, get(&daemon, &path));
    assert_eq!(rejects(&daemon, &cancelled).len() as u64, cancelled["refused"].as_u64().unwrap());
    let told = connection.receive_text().unwrap();
    assert_eq!((told.status, &json(&told)["type"]), (409, &json!("/problems/batch-cancelled")));
    assert_eq!(json(&told)["committed_lines"], cancelled["committed_lines"]);
    assert_eq!(daemon.detections("", &["e.endless.example.com"]), ["Endless_URL e.endless.example.com {}"]);
    let again = ask(&daemon, "DELETE", &path, &as_user("admin"), b"");
    assert_eq!((again.status, &json(&again)["type"]), (409, &json!("/problems/batch-ended")));
}

#[test]
fn a_batch_whose_client_goes_away_has_failed() {
    let daemon = shared();
    daemon.add_suppliers(&["GoneAway"], 50);
    let (connection, batch) = begin_endless(&daemon, "GoneAway", "");
    let path = format!("/v1/batches/{}", text(&batch["batch"]));
    drop(connection);
    wait_until("it has ended", || get(&daemon, &path)["state"] != "running");
    let ended = get(&daemon, &path);
    assert_eq!(
        (&ended["state"], &ended["error"]["type"]),
        (&json!("failed"), &json!("/problems/bad-request"))
    );
    assert!(batch["committed_lines"].as_u64() <= ended["committed_lines"].as_u64(), "{ended}");
    assert_eq!(rejects(&daemon, &ended).len() as u64, ended["refused"].as_u64().unwrap());
}

#[test]
fn a_key_stands_for_one_import() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Keyed"], 50);
    let key = format!("Idempotency-Key: {KEY}\r\n");
    let body = b"k.keyed.example.com\nbad\\\n";
    let first = import(&daemon, "Keyed?format=lines", &key, body);
    assert_eq!((first.status, &json(&first)["batch"]), (200, &json!(KEY)));
    ask(&daemon, "DELETE", "/v1/suppliers/Keyed/indicators", &as_user("admin"), b"k.keyed.example.com\n");
    // The same answer, and nothing is done, over a restart too.
    let again = import(&daemon, "Keyed?format=lines", &key, body);
    assert_eq!((again.status, &again.body), (200, &first.body));
    let daemon = daemon.restart(&[]);
    assert_eq!(import(&daemon, "Keyed?format=lines", &key, body).body, first.body);
    assert_eq!(daemon.detections("", &["k.keyed.example.com"]), [""]);
    // Anything else is another import.
    for path in ["Keyed", "Keyed?format=lines&refang=true", "InternalTI?format=lines"] {
        let other = import(&daemon, path, &key, body);
        assert_eq!((other.status, &json(&other)["type"]), (409, &json!("/problems/batch-other")), "{path}");
    }
    let headers = format!("{}{key}", as_user("admin"));
    assert_eq!(
        ask(&daemon, "DELETE", "/v1/suppliers/Keyed/indicators?format=lines", &headers, body).status,
        409
    );
    assert_eq!(import(&daemon, "Keyed", "Idempotency-Key: 7\r\n", body).status, 422);
    // One that has failed is done again.
    let other_key = "Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a8057\r\n";
    assert_eq!(import(&daemon, "Keyed?format=json", other_key, b"[{\"indicator\":\"bad\\\\\"},").status, 400);
    let done = import(&daemon, "Keyed?format=json", other_key, b"[{\"indicator\":\"k.keyed.example.com\"}]");
    assert_eq!((done.status, &json(&done)["accepted"]), (200, &json!(1)), "{done:?}");
    assert_eq!(rejects(&daemon, &json(&done)).len(), 0);
    let list = get(&daemon, "/v1/batches?supplier=Keyed");
    assert_eq!(list["batches"].as_array().unwrap().len(), 3);
    // While it is running, there is no other.
    let key = "Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a8058\r\n";
    let (connection, batch) = begin_endless(&daemon, "Keyed", key);
    let other = import(&daemon, "Keyed", key, body);
    assert_eq!((other.status, &json(&other)["type"]), (409, &json!("/problems/batch-running")));
    drop(connection);
    wait_until("it has ended", || {
        get(&daemon, &format!("/v1/batches/{}", text(&batch["batch"])))["state"] == "failed"
    });
}

#[test]
fn batches_belong_to_a_tenant() {
    let daemon = shared();
    daemon.add_suppliers(&["Tenanted"], 50);
    let path = "/v1/tenants/acme/suppliers/Tenanted/indicators";
    let told = json(&ask(&daemon, "POST", path, &as_user("tom"), b"bad\\\nt.tenanted.example.com\n"));
    let id = text(&told["batch"]);
    assert_eq!(told["rejects_url"], json!(format!("/v1/tenants/acme/batches/{id}/rejects")));
    let status = |method: &str, tenant: &str, rest: &str, headers: &str| {
        ask(&daemon, method, &format!("/v1{tenant}/batches/{rest}"), headers, b"").status
    };
    for headers in [as_user("tom"), as_user("ann"), as_user("admin"), as_token("reader"), as_token("writer")]
    {
        assert_eq!(status("GET", "/tenants/acme", &id, &headers), 200);
        assert_eq!(status("GET", "/tenants/acme", &format!("{id}/rejects"), &headers), 200);
        assert_eq!(
            [status("GET", "", &id, &headers), status("GET", "/tenants/umbrella", &id, &headers)],
            [404, 404]
        );
        assert_eq!(status("GET", "", &format!("{id}/rejects"), &headers), 404);
    }
    assert_eq!(status("DELETE", "", &id, &as_user("admin")), 404);
    assert_eq!(status("DELETE", "/tenants/umbrella", &id, &as_user("tom")), 403);
    assert_eq!(status("DELETE", "/tenants/acme", &id, &as_user("tom")), 409);
    assert_eq!(status("GET", "", &id, &as_token("scraper")), 403);
    assert_eq!(status("GET", "", "x", &as_user("admin")), 404);
    assert_eq!(status("GET", "/tenants/none", &id, &as_user("admin")), 404);
    let list =
        |tenant: &str| get(&daemon, &format!("/v1{tenant}/batches?supplier=Tenanted"))["batches"].clone();
    assert_eq!(list("/tenants/acme").as_array().unwrap().len(), 1);
    assert_eq!((list(""), list("/tenants/umbrella")), (json!([]), json!([])));
    let accept = format!("{}Accept: application/x-ndjson\r\n", as_user("ann"));
    assert_eq!(status("GET", "/tenants/acme", &format!("{id}/rejects"), &accept), 200);
    assert_eq!(status("GET", "/tenants/acme", &id, &accept), 406);
}
