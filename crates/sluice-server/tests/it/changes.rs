//! `GET /v1/changes`: a copy that is kept by it alone equals an export, whatever happens.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use expect_test::{Expect, expect};
use serde_json::Value;
use sluice_model::cursor::Cursor;

use crate::{
    client::Answer,
    daemon::{Running, as_user, request},
    importing::{ask, import, told},
};

/// An answer: what its head says, and its lines.
struct Lines {
    head: String,
    lines: Vec<String>,
}

impl Lines {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap()
    }
}

/// Gets an answer that is whole, chunked or not.
#[track_caller]
fn get(daemon: &Running, target: &str) -> Lines {
    let mut connection = daemon.connect();
    assert!(connection.send(&request("GET", target, &as_user("ann"), b"")));
    let head = connection.receive_head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut body = Vec::new();
    while !head.contains("content-length: 0")
        && let Some(chunk) = connection.receive_chunk_bytes()
    {
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    Lines { head, lines: text.lines().map(str::to_owned).collect() }
}

/// A copy of the rows that some filters select, by indicator, and the target that goes on from there.
struct Copy {
    export: String,
    next: String,
    rows: BTreeMap<String, String>,
}

/// Rows by indicator, with what times there are cut out: those of a replaced supplier may be counted a second apart.
fn row(line: &str) -> (String, String) {
    let mut row: Value = serde_json::from_str(line).unwrap();
    let indicator = row["indicator"].as_str().unwrap().to_owned();
    row.as_object_mut().unwrap().remove("op");
    for holding in row["suppliers"].as_array_mut().unwrap() {
        for time in ["updated", "expires"] {
            assert!(holding[time].is_string(), "{line}");
            holding.as_object_mut().unwrap().remove(time);
        }
    }
    (indicator, row.to_string())
}

impl Copy {
    fn begin(daemon: &Running, tenant: &str, filters: &str, wait: &str) -> Self {
        let export = format!("/v1/{tenant}indicators?{filters}");
        let mut answer = get(daemon, &export);
        assert!(answer.lines.pop().unwrap().starts_with("{\"end\":true"));
        let next = format!("/v1/{tenant}changes?after={}&{filters}{wait}", answer.header("sluice-cursor"));
        Self { export, next, rows: answer.lines.iter().map(|line| row(line)).collect() }
    }

    /// Goes on to the present; what that has changed of the copy.
    #[track_caller]
    fn follow(&mut self, daemon: &Running) -> String {
        let (before, mut all) = (self.rows.clone(), Vec::new());
        loop {
            let Lines { lines, .. } = self.step(daemon);
            if lines.is_empty() {
                break;
            }
            all.extend(lines);
        }
        let mut export = get(daemon, &self.export).lines;
        export.pop();
        assert_eq!(self.rows, export.iter().map(|line| row(line)).collect(), "{all:?}");
        let mut seen = String::new();
        for (indicator, row) in
            self.rows.iter().filter(|(indicator, row)| before.get(*indicator) != Some(row))
        {
            writeln!(seen, "  {indicator}: {row}").unwrap();
        }
        for indicator in before.keys().filter(|indicator| !self.rows.contains_key(*indicator)) {
            let of_it =
                |line: &&String| line.contains(&format!("{{\"op\":\"remove\",\"indicator\":\"{indicator}\""));
            let line: Value = serde_json::from_str(all.iter().rfind(of_it).unwrap()).unwrap();
            writeln!(seen, "  {indicator}: {} {}", line["kind"], line["reason"]).unwrap();
        }
        seen
    }

    #[track_caller]
    fn step(&mut self, daemon: &Running) -> Lines {
        let answer = get(daemon, &self.next);
        for line in &answer.lines {
            let told: Value = serde_json::from_str(line).unwrap();
            if told["op"] == "remove" {
                self.rows.remove(told["indicator"].as_str().unwrap());
            } else {
                assert_eq!(told["op"], "put");
                let (indicator, row) = row(line);
                self.rows.insert(indicator, row);
            }
        }
        let link = answer.header("link").strip_prefix('<').unwrap();
        let (next, rest) = link.split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        assert!(next.contains(&format!("after={}", answer.header("sluice-cursor"))), "{link}");
        next.clone_into(&mut self.next);
        answer
    }
}

fn problem(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// What becomes of each copy, step by step.
fn told_through_everything() -> Expect {
    expect![[r#"
        put
         all
          new.example.com: {"indicator":"new.example.com","kind":"domain","suppliers":[{"name":"Unsure"}],"tags":["A"]}
         One
         A
          new.example.com: {"indicator":"new.example.com","kind":"domain","suppliers":[{"name":"Unsure"}],"tags":["A"]}
         sure
        another supplier sets other tags
         all
          192.0.2.1: {"indicator":"192.0.2.1","kind":"ipv4","suppliers":[{"name":"One"},{"name":"Two"}],"tags":["B"]}
         One
          192.0.2.1: {"indicator":"192.0.2.1","kind":"ipv4","suppliers":[{"name":"One"}],"tags":["B"]}
         A
          192.0.2.1: "ipv4" "filter"
         sure
          192.0.2.1: {"indicator":"192.0.2.1","kind":"ipv4","suppliers":[{"name":"One"},{"name":"Two"}],"tags":["B"]}
        delete, and restart
         all
          192.0.2.1: {"indicator":"192.0.2.1","kind":"ipv4","suppliers":[{"name":"Two"}],"tags":["B"]}
         One
          192.0.2.1: "ipv4" "deleted"
         A
         sure
          192.0.2.1: {"indicator":"192.0.2.1","kind":"ipv4","suppliers":[{"name":"Two"}],"tags":["B"]}
        replace
         all
          203.0.113.9: {"indicator":"203.0.113.9","kind":"ipv4","suppliers":[{"name":"Two"}]}
          both.example.com: {"indicator":"both.example.com","kind":"domain","suppliers":[{"context":{"n":1},"name":"One"}]}
          192.0.2.1: "ipv4" "deleted"
          198.18.0.0/24: "cidr" "deleted"
         One
         A
         sure
          203.0.113.9: {"indicator":"203.0.113.9","kind":"ipv4","suppliers":[{"name":"Two"}]}
          both.example.com: {"indicator":"both.example.com","kind":"domain","suppliers":[{"context":{"n":1},"name":"One"}]}
          192.0.2.1: "ipv4" "deleted"
        less confidence
         all
         One
         A
         sure
          203.0.113.9: "ipv4" "filter"
        one removed, one disabled
         all
          203.0.113.9: "ipv4" "supplier"
          new.example.com: "domain" "supplier"
         One
         A
          new.example.com: "domain" "supplier"
         sure
    "#]]
}

#[test]
fn copies_equal_an_export_through_everything_that_changes_rows() {
    let mut daemon = Running::start(&[]);
    daemon.add_suppliers(&["One", "Two"], 50);
    daemon.add_suppliers(&["Unsure"], 10);
    daemon.add_tags(&["A", "B"]);
    daemon.put("suppliers/One", r#"[{"indicator":"192.0.2.1","tags":["A"]},{"indicator":"http://www.one.example.com/Path"},{"indicator":"both.example.com","context":{"n":1}}]"#);
    daemon.put("suppliers/Two", r#"[{"indicator":"both.example.com"},{"indicator":"198.18.0.0/24"}]"#);
    let mut copies = [
        Copy::begin(&daemon, "", "", ""),
        Copy::begin(&daemon, "", "supplier=One", ""),
        Copy::begin(&daemon, "", "tag=a", ""),
        Copy::begin(&daemon, "", "min_confidence=40&kind=domain&kind=ipv4", ""),
    ];
    let mut others = Copy::begin(&daemon, "tenants/acme/", "", "");
    let mut seen = String::new();
    let mut follow = |what: &str, daemon: &Running| {
        writeln!(seen, "{what}").unwrap();
        for (copy, name) in copies.iter_mut().zip(["all", "One", "A", "sure"]) {
            write!(seen, " {name}\n{}", copy.follow(daemon)).unwrap();
        }
        assert_eq!(others.follow(daemon), "", "told of another tenant");
    };
    daemon.put("suppliers/Unsure", r#"[{"indicator":"new.example.com","tags":["A"]}]"#);
    follow("put", &daemon);
    daemon.put("suppliers/Two", r#"[{"indicator":"192.0.2.1","tags":["B"]}]"#);
    follow("another supplier sets other tags", &daemon);
    let deleted = ask(&daemon, "DELETE", "/v1/suppliers/One/indicators", &as_user("admin"), b"192.0.2.1\n");
    assert!(told(&deleted).contains("\"accepted\":1"));
    daemon = daemon.restart(&[]);
    follow("delete, and restart", &daemon);
    let replaced = import(&daemon, "Two?mode=replace&max_shrink=100", "", b"203.0.113.9\n");
    assert!(told(&replaced).contains("\"removed\":3"));
    follow("replace", &daemon);
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Two", r#"[{"confidence":20}]"#).status, 200);
    follow("less confidence", &daemon);
    assert_eq!(daemon.ask("DELETE", "1.0/suppliers/Two", "").status, 201);
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Unsure", r#"[{"status":"disabled"}]"#).status, 200);
    follow("one removed, one disabled", &daemon);
    told_through_everything().assert_eq(&seen);
}

/// Whoever follows a name is told once more that its rows are gone; then there is nobody of that name.
#[test]
fn whoever_follows_a_name_is_told_that_it_is_gone() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Old"], 50);
    daemon.add_tags(&["OLD"]);
    daemon.put("suppliers/Old", r#"[{"indicator":"old.example.com","tags":["OLD"]}]"#);
    let mut by_supplier = Copy::begin(&daemon, "", "supplier=Old", "");
    let mut by_tag = Copy::begin(&daemon, "", "tag=old", "");
    assert_eq!((by_supplier.rows.len(), by_tag.rows.len()), (1, 1));
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Old", r#"[{"name":"Renamed"}]"#).status, 200);
    assert_eq!(daemon.ask("DELETE", "1.1/tags/OLD", "").status, 200);
    for copy in [&mut by_supplier, &mut by_tag] {
        let gone = r#"{"op":"remove","indicator":"old.example.com","kind":"domain","reason":"filter"}"#;
        assert!(copy.step(&daemon).lines.iter().all(|line| line == gone));
        assert!(copy.rows.is_empty());
        let refused = ask(&daemon, "GET", &copy.next, &as_user("ann"), b"");
        assert_eq!(
            (refused.status, &problem(&refused)["type"]),
            (422, &"/problems/invalid-parameter".into())
        );
    }
}

/// A cursor that stayed in it would come last, and count.
#[test]
fn the_next_request_has_one_cursor_however_the_parameter_is_written() {
    let daemon = Running::start(&[]);
    let cursor = get(&daemon, "/v1/indicators").header("sluice-cursor").to_owned();
    let answer = get(&daemon, &format!("/v1/changes?kind=ipv4&%61fter={cursor}"));
    let next = format!("</v1/changes?after={}&kind=ipv4>", answer.header("sluice-cursor"));
    assert!(answer.header("link").starts_with(&next), "{}", answer.header("link"));
}

/// The answer comes with what somebody else stores meanwhile, or empty after the time.
#[test]
fn an_empty_answer_is_held_back_until_something_changes() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Awaited", "Other"], 50);
    let mut copy = Copy::begin(&daemon, "", "supplier=Awaited", "&wait=60");
    let before = copy.next.clone();
    std::thread::scope(|scope| {
        let awaiting = scope.spawn(|| get(&daemon, &before));
        daemon.put("suppliers/Other", r#"[{"indicator":"other.example.com"}]"#);
        daemon.put("suppliers/Awaited", r#"[{"indicator":"awaited.example.com"}]"#);
        let answer = awaiting.join().unwrap();
        assert_eq!(answer.lines.len(), 1, "{:?}", answer.lines);
        assert!(
            answer.lines[0].starts_with(r#"{"op":"put","indicator":"awaited.example.com","kind":"domain""#)
        );
    });
    let answer = copy.step(&daemon);
    assert_eq!(answer.lines.len(), 1);
    copy.next = copy.next.replace("wait=60", "wait=1");
    let begun = Instant::now();
    let empty = copy.step(&daemon);
    assert!(Duration::from_secs(1) <= begun.elapsed());
    assert_eq!((&empty.lines[..], empty.header("content-length")), (&[][..], "0"));
}

#[test]
fn whoever_waits_is_answered_when_the_daemon_stops() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Any"], 50);
    let copy = Copy::begin(&daemon, "", "", "&wait=60");
    let mut connection = daemon.connect();
    assert!(connection.send(&request("GET", &copy.next, &as_user("ann"), b"")));
    drop(daemon.stop());
    // Without the answer, the stop would have cut it off.
    let head = connection.receive_head().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("sluice-cursor: c1."), "{head}");
}

#[test]
fn cursors_of_no_history_are_gone_and_other_mistakes_are_told() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Any"], 50);
    let cursor: Cursor = get(&daemon, "/v1/indicators").header("sluice-cursor").parse().unwrap();
    let mut seen = String::new();
    let foreign = Cursor { store: cursor.store ^ 1, ..cursor }.to_string();
    let future = Cursor { commit: cursor.commit + 1_000, ..cursor }.to_string();
    let back = Cursor { judged_seconds: cursor.judged_seconds + 86_400, ..cursor }.to_string();
    let cursor = cursor.to_string();
    for (name, query) in [
        ("foreign", format!("after={foreign}")),
        ("future", format!("after={future}")),
        ("clock set back", format!("after={back}")),
        ("none", String::new()),
        ("no cursor", "after=c1.00".to_owned()),
        ("wait", format!("after={cursor}&wait=61")),
        ("limit", format!("after={cursor}&limit=0")),
        ("supplier", format!("after={cursor}&supplier=Nobody")),
        ("tag", format!("after={cursor}&tag=NONE")),
        ("unknown", format!("after={cursor}&format=csv")),
    ] {
        let answer = ask(&daemon, "GET", &format!("/v1/changes?{query}"), &as_user("ann"), b"");
        let json = problem(&answer);
        writeln!(seen, "{name}: {} {} {}", answer.status, json["type"], json["detail"]).unwrap();
    }
    expect![[r#"
        foreign: 410 "/problems/history-gone" "The cursor is of another data directory, or of one that was restored: begin again"
        future: 410 "/problems/history-gone" "The cursor is older than the history of changes, of a commit that there is not, or of a later time: begin again"
        clock set back: 410 "/problems/history-gone" "The cursor is older than the history of changes, of a commit that there is not, or of a later time: begin again"
        none: 422 "/problems/invalid-parameter" "The parameter 'after' has to be given: the `Sluice-Cursor` of an export, then that of each answer"
        no cursor: 422 "/problems/invalid-parameter" "The parameter 'after' is a cursor, as `Sluice-Cursor` tells it"
        wait: 422 "/problems/invalid-parameter" "The parameter 'wait' is a number of seconds from 0 to 60"
        limit: 422 "/problems/invalid-parameter" "The parameter 'limit' is a number from 1 on"
        supplier: 422 "/problems/invalid-parameter" "The parameter 'supplier' is the name of a supplier"
        tag: 422 "/problems/invalid-parameter" "The parameter 'tag' is the name of a tag"
        unknown: 422 "/problems/unknown-parameter" "There is no parameter 'format' here"
    "#]].assert_eq(&seen);
}
