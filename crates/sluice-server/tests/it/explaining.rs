//! `/v1/lookup`: what is known of values and why.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::{
    client::Answer,
    daemon::{Running, as_token, as_user, shared},
    encodings::zstd,
    importing::ask,
};

/// A daemon whose feeds hold something at every level of `a.b.example.com/x?q=1`, and in a network.
fn with_feeds() -> Running {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["High"], 90);
    daemon.add_suppliers(&["Low", "Off"], 10);
    daemon.add_tags(&["C2", "BOTNET"]);
    daemon.put(
        "suppliers/High",
        r#"[{"indicator":"a.b.example.com/x?q=1","context":{"n":1},"tags":["botnet","c2"]},{"indicator":"a.b.example.com/x"},
            {"indicator":"a.b.example.com/x/*"},{"indicator":"a.b.example.com"},{"indicator":"*.example.com"},
            {"indicator":"b.example.com"},{"indicator":"198.51.100.0/24"}]"#,
    );
    daemon.put("suppliers/Low", r#"[{"indicator":"a.b.example.com"},{"indicator":"example.net"}]"#);
    daemon.put("suppliers/Off", r#"[{"indicator":"off.example.org"},{"indicator":"example.net"}]"#);
    daemon.put("suppliers/FalsePositive", r#"[{"indicator":"example.net"},{"indicator":"example.org"}]"#);
    let body = r#"[{"status":"disabled"}]"#;
    assert_eq!(daemon.ask("PUT", "1.3/suppliers/Off", body).status, 200);
    daemon
}

/// Asks as an analyst.
#[track_caller]
fn asked(daemon: &Running, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    ask(daemon, method, path, &format!("{}{headers}", as_user("ann")), body)
}

/// The lines of an answer, without their times, which must be ones.
#[track_caller]
fn lines(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let mut told = answer.body.clone();
    for line in answer.body.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for list in ["matches", "allowed_by", "passed_over"] {
            for one in line[list].as_array().into_iter().flatten() {
                for name in ["updated", "expires"] {
                    let time = one[name].as_str().unwrap();
                    assert!(time.len() == 20 && time.ends_with('Z') && time.starts_with("20"), "{time}");
                    told = told.replace(&format!(",\"{name}\":\"{time}\""), "");
                }
            }
        }
    }
    told
}

/// Values and verdicts of an answer, a line each.
#[track_caller]
fn verdicts(answer: &Answer) -> String {
    lines(answer).lines().fold(String::new(), |mut told, line| {
        let line: Value = serde_json::from_str(line).unwrap();
        writeln!(told, "{} {}", line["value"].as_str().unwrap(), line["verdict"].as_str().unwrap()).unwrap();
        told
    })
}

#[track_caller]
fn check(daemon: &Running, query: &str, want: &Expect) {
    want.assert_eq(&lines(&asked(daemon, "GET", &format!("/v1/lookup?{query}"), "", b"")));
}

#[test]
fn each_way_of_matching_is_told() {
    let daemon = with_feeds();
    check(
        &daemon,
        "value=https%3A%2F%2FA.b.example.com%2Fx%3Fq%3D1",
        &expect![[r#"
        {"value":"https://A.b.example.com/x?q=1","normal":"a.b.example.com/x?q=1","kind":"url","verdict":"listed","matches":[{"indicator":"a.b.example.com/x?q=1","kind":"url","by":"exact","supplier":"High","confidence":90,"context":{"n":1},"tags":["C2","BOTNET"]},{"indicator":"a.b.example.com/x","kind":"url","by":"without-query","supplier":"High","confidence":90,"context":{},"tags":[]},{"indicator":"a.b.example.com/x/*","kind":"url","by":"prefix-mask","supplier":"High","confidence":90,"context":{},"tags":[]},{"indicator":"a.b.example.com","kind":"domain","by":"host","supplier":"High","confidence":90,"context":{},"tags":[]},{"indicator":"b.example.com","kind":"domain","by":"parent-domain","supplier":"High","confidence":90,"context":{},"tags":[]},{"indicator":"*.example.com","kind":"domain","by":"mask","supplier":"High","confidence":90,"context":{},"tags":[]},{"indicator":"a.b.example.com","kind":"domain","by":"host","supplier":"Low","confidence":10,"context":{},"tags":[]}],"allowed_by":[]}
    "#]],
    );
    check(
        &daemon,
        "value=http://198.51.100.7/x&value=198.51.100.7&value=203.0.113.1",
        &expect![[r#"
        {"value":"http://198.51.100.7/x","normal":"198.51.100.7/x","kind":"url","verdict":"listed","matches":[{"indicator":"198.51.100.0/24","kind":"cidr","by":"cidr","supplier":"High","confidence":90,"context":{},"tags":[]}],"allowed_by":[]}
        {"value":"198.51.100.7","normal":"198.51.100.7","kind":"ipv4","verdict":"listed","matches":[{"indicator":"198.51.100.0/24","kind":"cidr","by":"cidr","supplier":"High","confidence":90,"context":{},"tags":[]}],"allowed_by":[]}
        {"value":"203.0.113.1","normal":"203.0.113.1","kind":"ipv4","verdict":"unknown","matches":[],"allowed_by":[]}
    "#]],
    );
    check(
        &daemon,
        "value=example.net&value=sub.example.net",
        &expect![[r#"
        {"value":"example.net","normal":"example.net","kind":"domain","verdict":"allowed","matches":[],"allowed_by":[{"indicator":"example.net","kind":"domain","by":"exact","supplier":"FalsePositive","confidence":100,"context":{},"tags":[]}],"passed_over":[{"indicator":"example.net","kind":"domain","by":"exact","supplier":"Low","confidence":10,"context":{},"tags":[],"why":"allowed"},{"indicator":"example.net","kind":"domain","by":"exact","supplier":"Off","confidence":10,"context":{},"tags":[],"why":"disabled"}]}
        {"value":"sub.example.net","normal":"sub.example.net","kind":"domain","verdict":"allowed","matches":[],"allowed_by":[{"indicator":"example.net","kind":"domain","by":"parent-domain","supplier":"FalsePositive","confidence":100,"context":{},"tags":[]}],"passed_over":[{"indicator":"example.net","kind":"domain","by":"parent-domain","supplier":"Low","confidence":10,"context":{},"tags":[],"why":"allowed"},{"indicator":"example.net","kind":"domain","by":"parent-domain","supplier":"Off","confidence":10,"context":{},"tags":[],"why":"disabled"}]}
    "#]],
    );
    check(
        &daemon,
        "value=off.example.org&value=example.org",
        &expect![[r#"
        {"value":"off.example.org","normal":"off.example.org","kind":"domain","verdict":"unknown","matches":[],"allowed_by":[],"passed_over":[{"indicator":"example.org","kind":"domain","by":"parent-domain","supplier":"FalsePositive","confidence":100,"context":{},"tags":[],"why":"not-inherited"},{"indicator":"off.example.org","kind":"domain","by":"exact","supplier":"Off","confidence":10,"context":{},"tags":[],"why":"disabled"}]}
        {"value":"example.org","normal":"example.org","kind":"domain","verdict":"allowed","matches":[],"allowed_by":[{"indicator":"example.org","kind":"domain","by":"exact","supplier":"FalsePositive","confidence":100,"context":{},"tags":[]}]}
    "#]],
    );
    check(
        &daemon,
        "value=0123456789abcdef0123456789ABCDEF&value=2001:DB8::1&value=",
        &expect![[r#"
        {"value":"0123456789abcdef0123456789ABCDEF","normal":"0123456789abcdef0123456789abcdef","kind":"md5","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"2001:DB8::1","normal":"2001:db8::1","kind":"ipv6","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"","reason":"invalid-indicator","hint":"Invalid indicator format","verdict":"unknown","matches":[],"allowed_by":[]}
    "#]],
    );
}

#[test]
fn values_come_as_lines_objects_or_the_array_of_cybertrace() {
    let daemon = shared();
    daemon.add_suppliers(&["Forms"], 50);
    daemon.put("suppliers/Forms", r#"[{"indicator":"forms.example.com"}]"#);
    let want = "forms.example.com listed\nnothing.example.com unknown\nno indicator unknown\n";
    let as_lines = "# a list\n forms.example.com \r\n\nnothing.example.com\nno indicator";
    let objects = "{\"value\":\"forms.example.com\"}\n\n{\"value\":\"nothing.example.com\",\"x\":[1]}\r\n {\"value\":\"no indicator\"}";
    let array =
        r#"[{"object":"forms.example.com"},{"indicator":"nothing.example.com"} , {"value":"no indicator"}]"#;
    for (media, body) in [
        ("", as_lines),
        ("text/plain; charset=utf-8", as_lines),
        ("", objects),
        ("application/x-ndjson", objects),
        ("application/json", objects),
        ("", array),
        ("application/json", array),
    ] {
        let headers = if media.is_empty() { String::new() } else { format!("Content-Type: {media}\r\n") };
        for path in ["/v1/lookup", "/v1/tenants/General/lookup"] {
            assert_eq!(
                verdicts(&asked(&daemon, "POST", path, &headers, body.as_bytes())),
                want,
                "{media} {body}"
            );
        }
        let with_bom = [b"\xef\xbb\xbf", body.as_bytes()].concat();
        assert_eq!(
            verdicts(&asked(&daemon, "POST", "/v1/lookup", &headers, &with_bom)),
            want,
            "{media} {body}"
        );
        let packed = zstd(body.as_bytes());
        let headers = format!("{headers}Content-Encoding: zstd\r\n");
        assert_eq!(
            verdicts(&asked(&daemon, "POST", "/v1/lookup", &headers, &packed)),
            want,
            "{media} {body}"
        );
    }
    // Another tenant's values are its own.
    let of_acme = asked(&daemon, "GET", "/v1/tenants/acme/lookup?value=forms.example.com", "", b"");
    assert_eq!(verdicts(&of_acme), "forms.example.com unknown\n");
    for nothing in [" \n", "# a list\n", "[]", "[ ]"] {
        let answer = asked(&daemon, "POST", "/v1/lookup", "", nothing.as_bytes());
        assert_eq!((answer.status, &*answer.body), (200, ""), "{nothing}");
    }
}

#[test]
fn a_row_that_is_no_value_costs_no_other() {
    let daemon = shared();
    let told = |body: &[u8]| lines(&asked(&daemon, "POST", "/v1/lookup", "", body));
    let ndjson = b"{\"value\":\"192.168.001.010\"}\nnothing\n{\"x\":1}\n{\"value\":7}\n{\"value\":\"\\ud800\"}\n{\"value\":\"a\xff\"}\n[1]\n{\"value\":\"\"} 5\n{\"value\":\"192.0.2.1\"}";
    expect![[r#"
        {"value":"192.168.001.010","reason":"invalid-indicator","hint":"Invalid indicator format: an IPv4 address has no leading zeros","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"nothing","reason":"not-json","hint":"The row is not a JSON object","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"{\"x\":1}","reason":"missing-indicator","hint":"The row has no 'value'","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"7","reason":"invalid-indicator","hint":"The value is not a string","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"\"\\ud800\"","reason":"invalid-indicator","hint":"The value is not valid Unicode","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"{\"value\":\"a�\"}","reason":"not-json","hint":"The row is not valid UTF-8","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"[1]","reason":"not-json","hint":"The row is not a JSON object","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"{\"value\":\"\"} 5","reason":"not-json","hint":"Something follows the object of the row","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"192.0.2.1","normal":"192.0.2.1","kind":"ipv4","verdict":"unknown","matches":[],"allowed_by":[]}
    "#]].assert_eq(&told(ndjson));
    let array = br#"[{"value":"192.0.2.1"}, 5, "192.0.2.2", {"object":null}, {"indicator":"192.0.2.3"}]"#;
    expect![[r#"
        {"value":"192.0.2.1","normal":"192.0.2.1","kind":"ipv4","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"5","reason":"not-json","hint":"The row is not a JSON object","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"\"192.0.2.2\"","reason":"not-json","hint":"The row is not a JSON object","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"null","reason":"invalid-indicator","hint":"The value is not a string","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"192.0.2.3","normal":"192.0.2.3","kind":"ipv4","verdict":"unknown","matches":[],"allowed_by":[]}
    "#]].assert_eq(&told(array));
    let list = [b"\xff\xfe\n192.0.2.1\n", "9".repeat(5 << 20).as_bytes(), b"\n192.0.2.2"].concat();
    let told = told(&list).replace(&"9".repeat(256), "(256 nines)");
    expect![[r#"
        {"value":"��","reason":"not-json","hint":"The row is not valid UTF-8","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"192.0.2.1","normal":"192.0.2.1","kind":"ipv4","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"(256 nines)","reason":"too-long","hint":"The row is longer than 4 MiB","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"192.0.2.2","normal":"192.0.2.2","kind":"ipv4","verdict":"unknown","matches":[],"allowed_by":[]}
    "#]].assert_eq(&told);
}

#[test]
fn a_match_stays_with_its_value_behind_rows_that_are_none() {
    let daemon = shared();
    daemon.add_suppliers(&["Behind"], 50);
    daemon.put("suppliers/Behind", r#"[{"indicator":"stored.behind.example"}]"#);
    let body = b"{\"value\":\"a.behind.example\"}\nnothing\n{\"x\":1}\n{\"value\":\"stored.behind.example\"}\n{\"value\":\"b.behind.example\"}";
    assert_eq!(
        verdicts(&asked(&daemon, "POST", "/v1/lookup", "", body)),
        "a.behind.example unknown\nnothing unknown\n{\"x\":1} unknown\nstored.behind.example listed\nb.behind.example unknown\n"
    );
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let daemon = shared();
    let mut seen = String::new();
    let mut try_to = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let answer = asked(&daemon, method, path, headers, body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        writeln!(seen, "{} {} {}", problem["status"], problem["type"], problem["detail"]).unwrap();
    };
    try_to("GET", "/v1/lookup", "", b"");
    try_to("GET", "/v1/lookup?value=a.example&format=csv", "", b"");
    try_to("POST", "/v1/lookup?value=a.example", "", b"a.example");
    try_to("PUT", "/v1/lookup", "", b"a.example");
    try_to("GET", "/v1/tenants/nobody/lookup?value=a.example", "", b"");
    try_to("GET", "/v1/lookup?value=a.example", "Accept: text/csv\r\n", b"");
    try_to("POST", "/v1/lookup", "Content-Type: text/csv\r\n", b"a.example");
    try_to("POST", "/v1/lookup", "Content-Type: application/x-www-form-urlencoded\r\n", b"a.example");
    try_to("POST", "/v1/lookup", "Content-Encoding: br\r\n", b"a.example");
    try_to("POST", "/v1/lookup", "Content-Type: application/json\r\n", b" a.example");
    try_to("POST", "/v1/lookup", "", b" [{\"value\":\"a.example\"}");
    try_to("POST", "/v1/lookup", "", b"[{\"value\":\"a.example\"}] 5");
    try_to("POST", "/v1/lookup", "Expect: 100-continue\r\nContent-Length: 67108865\r\n", b"");
    expect![[r#"
        422 "/problems/invalid-parameter" "The parameter 'value' has to be given"
        422 "/problems/unknown-parameter" "There is no parameter 'format' here"
        422 "/problems/unknown-parameter" "There is no parameter 'value' here"
        405 "/problems/method-not-allowed" "The method is not allowed for this request"
        404 "/problems/not-found" "Tenant doesn't exist"
        406 "/problems/not-acceptable" "Answers are application/json or application/x-ndjson"
        415 "/problems/unsupported-media-type" "Values are application/x-ndjson, application/json or text/plain, in UTF-8; without Content-Type the form is told by the body (with curl: -H 'Content-Type:')"
        415 "/problems/unsupported-media-type" "Values are application/x-ndjson, application/json or text/plain, in UTF-8; without Content-Type the form is told by the body (with curl: -H 'Content-Type:')"
        415 "/problems/unsupported-media-type" "Bodies are encoded as gzip or zstd, or not at all"
        400 "/problems/bad-request" "invalid JSON at byte 1"
        400 "/problems/bad-request" "the body ends early at byte 23"
        400 "/problems/bad-request" "unexpected text after the array at byte 24"
        413 "/problems/too-large" "The body is over the limit of 67108864 bytes"
    "#]].assert_eq(&seen);
}

#[test]
fn whoever_may_look_up_may_ask_why() {
    let daemon = shared();
    for (caller, status) in [
        (as_user("admin"), 200),
        (as_user("ann"), 200),
        (as_user("tom"), 200),
        (as_token("reader"), 200),
        (as_token("writer"), 200),
        (as_token("scraper"), 403),
        (as_token("expired"), 401),
        (String::new(), 401),
    ] {
        for path in ["/v1/lookup", "/v1/tenants/acme/lookup"] {
            let given = ask(&daemon, "GET", &format!("{path}?value=a.example"), &caller, b"");
            let posted = ask(&daemon, "POST", path, &caller, b"a.example");
            assert_eq!((given.status, posted.status), (status, status), "{caller} {path}");
        }
    }
}

/// The shortest body goes another way than a short one, and that another than a long one.
#[test]
fn bodies_of_every_length_are_answered_alike() {
    let daemon = shared();
    daemon.add_suppliers(&["Lengths"], 50);
    daemon.put("suppliers/Lengths", r#"[{"indicator":"lengths.example.com"}]"#);
    // Of the last one, what stands between two values that are listed is longer than a piece of an answer.
    for (count, step) in [(1, 7), (3, 7), (200, 7), (5_000, 7), (200_000, 7), (30_000, 9_999)] {
        let values = (0..count).map(|number| {
            if number % step == 0 {
                format!("h{number}.lengths.example.com")
            } else {
                format!("h{number}.example.net")
            }
        });
        let values: Vec<String> = values.collect();
        let answer = asked(&daemon, "POST", "/v1/lookup", "", values.join("\n").as_bytes());
        let answer: Vec<Value> =
            answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answer.len(), count);
        for (number, (value, line)) in values.iter().zip(&answer).enumerate() {
            assert_eq!(line["value"], **value);
            let verdict = if number % step == 0 { "listed" } else { "unknown" };
            assert_eq!(line["verdict"], verdict, "{value}");
        }
    }
}

#[test]
fn lookups_are_counted() {
    let daemon = Running::start(&[]);
    check(
        &daemon,
        "value=a.example&value=",
        &expect![[r#"
        {"value":"a.example","normal":"a.example","kind":"domain","verdict":"unknown","matches":[],"allowed_by":[]}
        {"value":"","reason":"invalid-indicator","hint":"Invalid indicator format","verdict":"unknown","matches":[],"allowed_by":[]}
    "#]],
    );
    lines(&asked(&daemon, "POST", "/v1/lookup", "", b"# none\na.example\n\nb.example\nc.example\n"));
    let metrics = ask(&daemon, "GET", "/metrics", &as_token("scraper"), b"").body;
    let counted = |line: &&str| {
        line.starts_with("sluice_lookup_objects_total")
            || line.starts_with("sluice_http_requests_total") && line.contains("/v1/lookup")
    };
    expect![[r#"
        sluice_http_requests_total{method="GET",route="/v1/lookup",status="200"} 1
        sluice_http_requests_total{method="GET",route="/v1/lookup",status="429"} 0
        sluice_http_requests_total{method="GET",route="/v1/lookup",status="500"} 0
        sluice_http_requests_total{method="GET",route="/v1/lookup",status="503"} 0
        sluice_http_requests_total{method="GET",route="/v1/lookup",status="507"} 0
        sluice_http_requests_total{method="POST",route="/v1/lookup",status="200"} 1
        sluice_http_requests_total{method="POST",route="/v1/lookup",status="429"} 0
        sluice_http_requests_total{method="POST",route="/v1/lookup",status="500"} 0
        sluice_http_requests_total{method="POST",route="/v1/lookup",status="503"} 0
        sluice_http_requests_total{method="POST",route="/v1/lookup",status="507"} 0
        sluice_lookup_objects_total 5"#]]
    .assert_eq(&metrics.lines().filter(counted).collect::<Vec<_>>().join("\n"));
}
