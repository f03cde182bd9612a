//! `GET` of indicators: all rows that are wanted, as of one commit, in forms that can be read elsewhere or sent back.

use std::{fmt::Write as _, io::Read as _};

use expect_test::expect;
use serde_json::Value;
use sluice_model::cursor::Cursor;

use crate::{
    daemon::{Running, as_user, request, shared, wait_until},
    importing::{ask, import, told},
};

/// An answer: what its head says, and its lines.
struct Exported {
    head: String,
    cursor: Cursor,
    lines: Vec<String>,
}

/// Asks for rows; the path ends with the parameters.
#[track_caller]
fn export(daemon: &Running, path: &str) -> Exported {
    let (head, body) = export_with(daemon, path, "");
    let cursor = head.lines().find_map(|line| line.strip_prefix("sluice-cursor: ")).unwrap();
    let text = String::from_utf8(body).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    Exported { cursor: cursor.parse().unwrap(), lines: text.lines().map(str::to_owned).collect(), head }
}

/// The head and the body of an answer that is whole.
#[track_caller]
fn export_with(daemon: &Running, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut connection = daemon.connect();
    let headers = format!("{}{headers}", as_user("ann"));
    assert!(connection.send(&request("GET", &format!("/v1/{path}"), &headers, b"")));
    let head = connection.receive_head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut body = Vec::new();
    while let Some(chunk) = connection.receive_chunk_bytes() {
        body.extend_from_slice(&chunk);
    }
    (head, body)
}

/// So many lines.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    let mut lines = String::new();
    for number in 0..count {
        writeln!(lines, "{}", line(number)).unwrap();
    }
    lines
}

/// The lines, with the times cut out, which lie as far apart as indicators live.
fn without_times(lines: &[String]) -> String {
    let mut seen = String::new();
    for line in lines {
        let row: Value = serde_json::from_str(line).unwrap();
        let mut line = line.clone();
        let holdings = row["suppliers"].as_array().cloned().unwrap_or_else(|| vec![row.clone()]);
        for holding in holdings.iter().filter(|holding| holding["updated"].is_string()) {
            let time = |name: &str| humantime::parse_rfc3339(holding[name].as_str().unwrap()).unwrap();
            assert_eq!(time("expires").duration_since(time("updated")).unwrap().as_secs(), 5_256_000 * 60);
            for name in ["updated", "expires"] {
                line = line.replace(holding[name].as_str().unwrap(), "TIME");
            }
        }
        writeln!(seen, "{line}").unwrap();
    }
    seen
}

/// The lines of an answer up to their times, between which and those of another answer a second may pass.
fn timeless(text: &[u8]) -> Vec<&str> {
    let lines = str::from_utf8(text).unwrap().lines();
    lines.map(|line| line.split_once(",\"updated\"").map_or(line, |(before, _)| before)).collect()
}

const ROWS: &str = r#"[{"indicator":"http://www.export.example.com:8080/Dir/A","context":{ "n" : 1 },"tags":["EXPORTED"]},
    {"indicator":"*.export.example.com","context":{"text":"\"\u00e9\n"}},{"indicator":"http://192.0.2.99:8443/"},{"indicator":"198.18.99.0/24"},
    {"indicator":"2001:db8:99::1","tags":[]},{"indicator":"11D68612fea8a8f36de82e1278abb02f"},{"indicator":"export.example.com/%22a"}]"#;

#[test]
fn what_would_be_read_otherwise_without_a_scheme_is_exported_with_it() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Schemes"], 50);
    let rows = r#"[{"indicator":"http://192.0.2.98/2"},{"indicator":"http://192.0.2.98/24"},{"indicator":"schemes.example/a%20b.zip"},{"indicator":"schemes.example/a%C2%A0b%E2%80%8B/c"},{"indicator":"http://schemes.example/c"}]"#;
    assert!(told(&import(&daemon, "Schemes", "", rows.as_bytes())).contains("\"accepted\":5"));
    let path = "suppliers/Schemes/indicators";
    let exported = export(&daemon, path).lines;
    let starts = [
        r#"{"indicator":"http://192.0.2.98/2","kind":"url""#,
        r#"{"indicator":"http://192.0.2.98/24","kind":"url""#,
        r#"{"indicator":"schemes.example/a%20b.zip","kind":"url""#,
        // A blank that is none of ASCII, and a character without width.
        r#"{"indicator":"schemes.example/a%c2%a0b%e2%80%8b/c","kind":"url""#,
        r#"{"indicator":"schemes.example/c","kind":"url""#,
    ];
    assert!(exported.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{exported:?}");
    let body = exported[..5].join("\n");
    let answer = told(&import(&daemon, "Schemes?mode=replace", "application/x-ndjson", body.as_bytes()));
    assert!(answer.contains(r#""added":0,"changed":0,"unchanged":5,"removed":0"#), "{answer}");
    // The key to go on from, too. All are as young as the replacement now.
    let renewed = export(&daemon, path).lines;
    let cut = export(&daemon, &format!("{path}?limit=2")).lines;
    assert_eq!(cut[2], r#"{"end":true,"rows":2,"next":"http://192.0.2.98/24"}"#);
    let rest = export(&daemon, &format!("{path}?after=http://192.0.2.98/24")).lines;
    assert_eq!(rest[..2], renewed[2..4]);
}

#[test]
fn rows_of_a_supplier_can_be_sent_back_as_they_are() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Exported", "Beside"], 50);
    daemon.add_tags(&["EXPORTED"]);
    assert!(told(&import(&daemon, "Exported", "", ROWS.as_bytes())).contains("\"accepted\":7"));
    daemon.put("suppliers/Beside", r#"[{"indicator":"export.example.com/DIR/A","context":{"of":"beside"}}]"#);
    let exported = export(&daemon, "suppliers/Exported/indicators");
    assert!(exported.head.contains("content-type: application/x-ndjson\r\n"), "{}", exported.head);
    expect![[r#"
        {"indicator":"11d68612fea8a8f36de82e1278abb02f","kind":"md5","updated":"TIME","expires":"TIME"}
        {"indicator":"192.0.2.99","kind":"ipv4","updated":"TIME","expires":"TIME","url":"http://192.0.2.99:8443/"}
        {"indicator":"2001:db8:99::1","kind":"ipv6","updated":"TIME","expires":"TIME"}
        {"indicator":"*.export.example.com","kind":"domain","context":{"text":"\"\u00e9\n"},"updated":"TIME","expires":"TIME"}
        {"indicator":"export.example.com/\"a","kind":"url","updated":"TIME","expires":"TIME","url":"export.example.com/%22a"}
        {"indicator":"export.example.com/dir/a","kind":"url","context":{"n":1},"tags":["EXPORTED"],"updated":"TIME","expires":"TIME","url":"http://www.export.example.com:8080/Dir/A"}
        {"indicator":"198.18.99.0/24","kind":"cidr","updated":"TIME","expires":"TIME"}
        {"end":true,"rows":7}
    "#]].assert_eq(&without_times(&exported.lines));
    let beside = export(&daemon, "suppliers/Beside/indicators");
    assert!(beside.lines[0].contains(r#""url":"export.example.com/DIR/A""#), "{:?}", beside.lines);
    assert_eq!(exported.cursor.store, beside.cursor.store);
    assert!(exported.cursor.commit <= beside.cursor.commit);
    // What was exported is what is held: as NDJSON, with everything that an upload passes over.
    let rows = exported.lines[..7].join("\n");
    let answer = told(&import(&daemon, "Exported?mode=replace", "application/x-ndjson", rows.as_bytes()));
    assert!(answer.contains(r#""added":0,"changed":0,"unchanged":7,"removed":0"#), "{answer}");
    // Deleted and sent back, it is the same again.
    let deleted =
        ask(&daemon, "DELETE", "/v1/suppliers/Exported/indicators", &as_user("admin"), rows.as_bytes());
    assert!(told(&deleted).contains("\"accepted\":7"));
    assert_eq!(export(&daemon, "suppliers/Exported/indicators").lines, [r#"{"end":true,"rows":0}"#]);
    assert!(told(&import(&daemon, "Exported", "", rows.as_bytes())).contains("\"accepted\":7"));
    let again = export(&daemon, "suppliers/Exported/indicators");
    assert_eq!(without_times(&again.lines), without_times(&exported.lines));
    assert!(exported.cursor.commit < again.cursor.commit);
    // And so are the elements of an array, to the other interface.
    daemon.put("suppliers/Exported", &format!("[{}]", exported.lines[..7].join(",")));
    let again = export(&daemon, "suppliers/Exported/indicators");
    assert_eq!(without_times(&again.lines), without_times(&exported.lines));
    // The same, with who holds it.
    expect![[r#"
        {"indicator":"11d68612fea8a8f36de82e1278abb02f","kind":"md5","suppliers":[{"name":"Exported","updated":"TIME","expires":"TIME"}]}
        {"indicator":"192.0.2.99","kind":"ipv4","suppliers":[{"name":"Exported","updated":"TIME","expires":"TIME","url":"http://192.0.2.99:8443/"}]}
        {"indicator":"2001:db8:99::1","kind":"ipv6","suppliers":[{"name":"Exported","updated":"TIME","expires":"TIME"}]}
        {"indicator":"*.export.example.com","kind":"domain","suppliers":[{"name":"Exported","context":{"text":"\"\u00e9\n"},"updated":"TIME","expires":"TIME"}]}
        {"indicator":"export.example.com/\"a","kind":"url","suppliers":[{"name":"Exported","updated":"TIME","expires":"TIME","url":"export.example.com/%22a"}]}
        {"indicator":"export.example.com/dir/a","kind":"url","suppliers":[{"name":"Exported","context":{"n":1},"updated":"TIME","expires":"TIME","url":"http://www.export.example.com:8080/Dir/A"},{"name":"Beside","context":{"of":"beside"},"updated":"TIME","expires":"TIME","url":"export.example.com/DIR/A"}],"tags":["EXPORTED"]}
        {"indicator":"198.18.99.0/24","kind":"cidr","suppliers":[{"name":"Exported","updated":"TIME","expires":"TIME"}]}
        {"end":true,"rows":7}
    "#]].assert_eq(&without_times(&export(&daemon, "indicators").lines));
    let (head, body) = export_with(&daemon, "indicators?tag=exported", "Accept: text/csv\r\n");
    assert!(head.contains("content-type: text/csv; charset=utf-8\r\n"), "{head}");
    let table = String::from_utf8(body).unwrap();
    let times = |line: &str| {
        line.split(',').filter(|field| field.ends_with('Z')).map(str::to_owned).collect::<Vec<_>>()
    };
    let table = table.lines().fold(String::new(), |seen, line| {
        let plain = times(line).iter().fold(line.to_owned(), |line, time| line.replace(time, "TIME"));
        format!("{seen}{plain}\n")
    });
    expect![[r#"
        indicator,kind,supplier,context,tags,updated,expires,url
        export.example.com/dir/a,url,Exported,"{""n"":1}",EXPORTED,TIME,TIME,http://www.export.example.com:8080/Dir/A
        export.example.com/dir/a,url,Beside,"{""of"":""beside""}",EXPORTED,TIME,TIME,export.example.com/DIR/A
    "#]].assert_eq(&table);
}

/// What each selection shows, as indicators with the suppliers that hold them.
fn selected(daemon: &Running, path: &str) -> String {
    let lines = export(daemon, path).lines;
    let mut seen = String::new();
    for line in &lines[..lines.len() - 1] {
        let row: Value = serde_json::from_str(line).unwrap();
        write!(seen, "{}", row["indicator"].as_str().unwrap()).unwrap();
        for holding in row["suppliers"].as_array().into_iter().flatten() {
            write!(seen, " {}", holding["name"].as_str().unwrap()).unwrap();
        }
        seen.push_str(", ");
    }
    let end: Value = serde_json::from_str(&lines[lines.len() - 1]).unwrap();
    assert_eq!(end["rows"], lines.len() - 1);
    seen
}

#[test]
fn parameters_select() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Sure", "Gone", "Off"], 90);
    daemon.add_suppliers(&["Unsure"], 10);
    daemon.add_tags(&["A", "B"]);
    daemon.put("suppliers/Sure", r#"[{"indicator":"192.0.2.1","tags":["A"]},{"indicator":"b.example.com","tags":["B"]},{"indicator":"b.example.com/x"}]"#);
    daemon.put(
        "suppliers/Unsure",
        r#"[{"indicator":"192.0.2.1"},{"indicator":"u.example.com","tags":["A","B"]}]"#,
    );
    daemon.put("suppliers/FalsePositive", r#"[{"indicator":"good.example.com"}]"#);
    daemon.put("suppliers/Gone", r#"[{"indicator":"gone.example.com"}]"#);
    daemon.put("suppliers/Off", r#"[{"indicator":"off.example.com"},{"indicator":"192.0.2.1"}]"#);
    assert_eq!(daemon.ask("DELETE", "1.0/suppliers/Gone", "").status, 201);
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Off", r#"[{"status":"disabled"}]"#).status, 200);
    let mut seen = String::new();
    for path in [
        "indicators",
        "indicators?supplier=Sure",
        "indicators?supplier=Sure&supplier=Unsure&kind=ipv4",
        "indicators?supplier=FalsePositive",
        "indicators?supplier=Off",
        "indicators?kind=domain",
        "indicators?kind=domain&kind=url",
        "indicators?tag=a",
        "indicators?tag=A&tag=B",
        "indicators?tag=A&supplier=Sure",
        "indicators?min_confidence=50",
        "indicators?min_confidence=50&min_confidence=5",
        "indicators?updated_after=2001-01-01T00:00:00Z&kind=url",
        "indicators?updated_after=2099-01-01T00:00:00Z",
        "indicators?after=b.example.com",
        "indicators?limit=1",
        "tags/b/indicators",
        "tags/b/indicators?supplier=Unsure",
        "suppliers/Unsure/indicators?tag=B",
        "suppliers/Off/indicators",
        "suppliers/FalsePositive/indicators",
        "tenants/acme/indicators",
        "tenants/acme/tags/A/indicators",
    ] {
        writeln!(seen, "{path}: {}", selected(&daemon, path)).unwrap();
    }
    expect![[r#"
        indicators: 192.0.2.1 Sure Unsure, b.example.com Sure, b.example.com/x Sure, u.example.com Unsure, 
        indicators?supplier=Sure: 192.0.2.1 Sure, b.example.com Sure, b.example.com/x Sure, 
        indicators?supplier=Sure&supplier=Unsure&kind=ipv4: 192.0.2.1 Sure Unsure, 
        indicators?supplier=FalsePositive: good.example.com FalsePositive, 
        indicators?supplier=Off: 
        indicators?kind=domain: b.example.com Sure, u.example.com Unsure, 
        indicators?kind=domain&kind=url: b.example.com Sure, b.example.com/x Sure, u.example.com Unsure, 
        indicators?tag=a: 192.0.2.1 Sure Unsure, u.example.com Unsure, 
        indicators?tag=A&tag=B: 192.0.2.1 Sure Unsure, b.example.com Sure, u.example.com Unsure, 
        indicators?tag=A&supplier=Sure: 192.0.2.1 Sure, 
        indicators?min_confidence=50: 192.0.2.1 Sure, b.example.com Sure, b.example.com/x Sure, 
        indicators?min_confidence=50&min_confidence=5: 192.0.2.1 Sure Unsure, b.example.com Sure, b.example.com/x Sure, u.example.com Unsure, 
        indicators?updated_after=2001-01-01T00:00:00Z&kind=url: b.example.com/x Sure, 
        indicators?updated_after=2099-01-01T00:00:00Z: 
        indicators?after=b.example.com: b.example.com/x Sure, u.example.com Unsure, 
        indicators?limit=1: 192.0.2.1 Sure Unsure, 
        tags/b/indicators: b.example.com Sure, u.example.com Unsure, 
        tags/b/indicators?supplier=Unsure: u.example.com Unsure, 
        suppliers/Unsure/indicators?tag=B: u.example.com, 
        suppliers/Off/indicators: 
        suppliers/FalsePositive/indicators: good.example.com, 
        tenants/acme/indicators: 
        tenants/acme/tags/A/indicators: 
    "#]].assert_eq(&seen);
}

/// Whoever is cut off goes on behind the last indicator that came.
#[test]
fn an_answer_goes_on_behind_any_of_its_rows() {
    let daemon = shared();
    daemon.add_suppliers(&["Resumed"], 50);
    let rows = lines(500, |number| format!("h{number:03}.resumed.example.com/A%20b"));
    assert_eq!(import(&daemon, "Resumed", "text/plain", rows.as_bytes()).status, 200);
    let whole = export(&daemon, "suppliers/Resumed/indicators").lines;
    assert_eq!((whole.len(), &*whole[500]), (501, r#"{"end":true,"rows":500}"#));
    let (mut seen, mut after, mut answers) = (Vec::new(), String::new(), 0);
    loop {
        let mut part = export(&daemon, &format!("suppliers/Resumed/indicators?limit=199{after}")).lines;
        let end: Value = serde_json::from_str(&part.pop().unwrap()).unwrap();
        assert_eq!(end["rows"], part.len());
        seen.append(&mut part);
        answers += 1;
        let Some(next) = end["next"].as_str() else { break };
        let last: Value = serde_json::from_str(seen.last().unwrap()).unwrap();
        assert_eq!(last["indicator"], next);
        after = format!("&after={}", next.replace(' ', "%20"));
    }
    assert_eq!((answers, without_times(&seen)), (3, without_times(&whole[..500])));
    assert_eq!(
        export(&daemon, "suppliers/Resumed/indicators?after=zzz.resumed.example.com").lines,
        [r#"{"end":true,"rows":0}"#]
    );
}

#[test]
fn an_answer_is_packed_as_its_client_wants_it() {
    let daemon = shared();
    daemon.add_suppliers(&["Packed"], 50);
    let rows = lines(20_000, |number| format!("h{number}.packed.example.com"));
    assert_eq!(import(&daemon, "Packed", "text/plain", rows.as_bytes()).status, 200);
    let (plain_head, plain) = export_with(&daemon, "suppliers/Packed/indicators", "");
    assert!(!plain_head.contains("content-encoding"), "{plain_head}");
    let (head, packed) = export_with(&daemon, "suppliers/Packed/indicators", "Accept-Encoding: gzip\r\n");
    assert!(
        head.contains("content-encoding: gzip\r\n") && head.contains("vary: Accept, Accept-Encoding\r\n"),
        "{head}"
    );
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    assert!(timeless(&unpacked) == timeless(&plain) && packed.len() * 4 < plain.len());
    let (head, packed) =
        export_with(&daemon, "suppliers/Packed/indicators", "Accept-Encoding: gzip, zstd\r\n");
    assert!(head.contains("content-encoding: zstd\r\n"), "{head}");
    let unpacked = zstd::decode_all(&packed[..]).unwrap();
    assert!(timeless(&unpacked) == timeless(&plain) && packed.len() * 4 < plain.len());
}

/// Whoever takes no more of an answer keeps a place, and nothing else waits for that.
#[test]
fn slow_readers_hold_up_nobody_but_further_readers() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Slow"], 50);
    // More than a socket takes unread.
    let text = "x".repeat(2_000);
    let rows = lines(20_000, |number| {
        format!(
            "{{\"indicator\":\"h{number}.slow.example.com\",\"context\":{{\"text\":\"{number}{text}\"}}}}"
        )
    });
    assert_eq!(import(&daemon, "Slow", "", rows.as_bytes()).status, 200);
    let begin = || {
        let mut connection = daemon.connect();
        assert!(connection.send(&request("GET", "/v1/indicators", &as_user("ann"), b"")));
        connection
    };
    let mut readers: Vec<_> = (0..16).map(|_| begin()).collect();
    for reader in &mut readers {
        assert!(reader.receive_head().unwrap().starts_with("HTTP/1.1 200 "));
    }
    let refused = begin().receive_text().unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("10")), "{refused:?}");
    // What is stored meanwhile is in no answer that has begun.
    daemon.put("suppliers/Slow", r#"[{"indicator":"zzz.slow.example.com"},{"indicator":"h0.slow.example.com","context":{"text":"new"}}]"#);
    assert_eq!(
        daemon.detections("", &["h0.slow.example.com"]),
        [r#"Slow_URL h0.slow.example.com {"text":"new"}"#]
    );
    let mut seen = String::new();
    while let Some(piece) = readers[0].receive_chunk() {
        seen.push_str(&piece);
    }
    assert!(seen.ends_with("{\"end\":true,\"rows\":20000}\n") && !seen.contains("zzz.slow"));
    assert_eq!(seen.matches(&text).count(), 20_000);
    readers.clear();
    wait_until("there is a place again", || begin().receive_head().unwrap().starts_with("HTTP/1.1 200 "));
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let daemon = shared();
    daemon.add_suppliers(&["Asking"], 50);
    let mut seen = String::new();
    for path in [
        "suppliers/Asking/indicators?limit=0",
        "suppliers/Asking/indicators?limit=many",
        "suppliers/Asking/indicators?after=nothing",
        "suppliers/Asking/indicators?supplier=Asking",
        "suppliers/Asking/indicators?format=xml",
        "suppliers/Asking/indicators?since=1",
        "suppliers/Nobody/indicators",
        "tags/NOBODY-HAS/indicators",
        "indicators?supplier=Nobody",
        "indicators?tag=NOBODY-HAS",
        "indicators?kind=ip",
        "indicators?min_confidence=101",
        "indicators?updated_after=yesterday",
        "tenants/nowhere/indicators",
    ] {
        let answer = ask(&daemon, "GET", &format!("/v1/{path}"), &as_user("ann"), b"");
        writeln!(seen, "{path}: {}", told(&answer)).unwrap();
    }
    expect![[r#"
        suppliers/Asking/indicators?limit=0: 422 {"detail":"The parameter 'limit' is a number from 1 on","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        suppliers/Asking/indicators?limit=many: 422 {"detail":"The parameter 'limit' is a number from 1 on","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        suppliers/Asking/indicators?after=nothing: 422 {"detail":"The parameter 'after' is an indicator of the rows before","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        suppliers/Asking/indicators?supplier=Asking: 422 {"detail":"There is no parameter 'supplier' here","status":422,"title":"There is no such parameter","type":"/problems/unknown-parameter"}
        suppliers/Asking/indicators?format=xml: 422 {"detail":"The parameter 'format' is ndjson or csv","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        suppliers/Asking/indicators?since=1: 422 {"detail":"There is no parameter 'since' here","status":422,"title":"There is no such parameter","type":"/problems/unknown-parameter"}
        suppliers/Nobody/indicators: 404 {"detail":"Supplier doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}
        tags/NOBODY-HAS/indicators: 404 {"detail":"Tag doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}
        indicators?supplier=Nobody: 422 {"detail":"The parameter 'supplier' is the name of a supplier","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        indicators?tag=NOBODY-HAS: 422 {"detail":"The parameter 'tag' is the name of a tag","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        indicators?kind=ip: 422 {"detail":"The parameter 'kind' is one of ipv4, ipv6, cidr, domain, url, md5, sha1 and sha256","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        indicators?min_confidence=101: 422 {"detail":"The parameter 'min_confidence' is a number from 0 to 100","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        indicators?updated_after=yesterday: 422 {"detail":"The parameter 'updated_after' is a time such as 2026-11-01T08:00:00Z","status":422,"title":"A parameter has a value that it cannot have","type":"/problems/invalid-parameter"}
        tenants/nowhere/indicators: 404 {"detail":"Tenant doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}
    "#]].assert_eq(&seen);
    assert_eq!(export(&daemon, "suppliers/Asking/indicators").lines, [r#"{"end":true,"rows":0}"#]);
    let headers = format!("{}Accept: text/html\r\n", as_user("ann"));
    assert_eq!(ask(&daemon, "GET", "/v1/suppliers/Asking/indicators", &headers, b"").status, 406);
    assert_eq!(ask(&daemon, "GET", "/v1/indicators", "", b"").status, 401);
}
