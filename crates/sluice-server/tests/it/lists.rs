//! `/v1/lists`: lists that devices fetch, who may, and what they are told of what they have.

use std::io::Read as _;

use serde_json::Value;

use crate::{
    client::Answer,
    daemon::{Running, as_token, as_user, request, wait_until, with_password},
    importing::{ask, told},
};

/// Defines a list, in whatever tenant the path names.
#[track_caller]
pub(crate) fn define(daemon: &Running, path: &str, definition: &str) -> Answer {
    ask(daemon, "PUT", &format!("/v1/{path}"), &as_user("admin"), definition.as_bytes())
}

/// Fetches a list as an analyst, with more headers.
#[track_caller]
pub(crate) fn fetch_with(daemon: &Running, file: &str, headers: &str) -> Answer {
    ask(daemon, "GET", &format!("/v1/lists/{file}"), &format!("{}{headers}", as_user("ann")), b"")
}

/// The text of a list.
#[track_caller]
pub(crate) fn fetch(daemon: &Running, file: &str) -> String {
    let answer = fetch_with(daemon, file, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// A daemon with a list `edge` of what a feed holds.
fn with_list() -> Running {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed"], 60);
    daemon.put(
        "suppliers/Feed",
        r#"[{"indicator":"evil.example.com"},{"indicator":"192.0.2.0"},{"indicator":"192.0.2.1"},{"indicator":"example.com/x"}]"#,
    );
    let answer = define(&daemon, "lists/edge", r#"{"refresh_seconds":1}"#);
    assert_eq!(answer.status, 201, "{answer:?}");
    daemon
}

#[test]
fn lists_are_defined_shown_and_removed() {
    let daemon = Running::start(&[]);
    let none = ask(&daemon, "GET", "/v1/lists", &as_user("ann"), b"");
    assert_eq!((none.status, none.body.as_str()), (200, "[]"));
    let definition = r#"{"kinds":["domain"],"allow":[],"formats":{"rpz":{"origin":"rpz.example."}}}"#;
    assert_eq!(define(&daemon, "lists/edge", definition).status, 201);
    let shown = ask(&daemon, "GET", "/v1/lists/edge", &as_user("ann"), b"");
    let list: Value = serde_json::from_str(&shown.body).unwrap();
    assert_eq!(
        (&list["name"], &list["kinds"][0], &list["allow"][0], &list["refresh_seconds"]),
        (&"edge".into(), &"domain".into(), &"FalsePositive".into(), &60.into())
    );
    assert_eq!(list["formats"]["rpz"]["action"], "nxdomain");
    // A format that is named is built before anybody fetches it.
    wait_until("the zone is built", || {
        ask(&daemon, "GET", "/v1/lists/edge", &as_user("ann"), b"").body.contains(r#""built":["rpz"]"#)
    });
    assert_eq!(define(&daemon, "lists/edge", r#"{"kinds":["domain"],"public":true}"#).status, 200);
    assert_eq!(define(&daemon, "tenants/acme/lists/edge", "{}").status, 201);
    let all = ask(&daemon, "GET", "/v1/lists", &as_user("ann"), b"").body;
    assert!(all.contains(r#""public":true"#) && all.matches("\"name\"").count() == 1, "{all}");
    for (path, definition, reason) in [
        ("lists/edge", r#"{"suppliers":["Nobody"]}"#, "Nobody"),
        ("lists/edge", r#"{"tags":["NOTHING"]}"#, "NOTHING"),
        ("lists/edge", r#"{"allow":["Nobody"]}"#, "Nobody"),
        ("lists/edge", r#"{"size":1}"#, "size"),
        ("lists/edge", "[]", "no object"),
    ] {
        let answer = told(&define(&daemon, path, definition));
        assert!(
            answer.starts_with("422 ")
                && answer.contains("/problems/invalid-list")
                && answer.contains(reason),
            "{answer}"
        );
    }
    assert_eq!(define(&daemon, "lists/Edge", "{}").status, 404);
    let gone = ask(&daemon, "DELETE", "/v1/lists/edge", &as_user("admin"), b"");
    assert_eq!(gone.status, 204);
    for (method, path) in [("GET", "lists/edge"), ("DELETE", "lists/edge"), ("GET", "lists/edge.txt")] {
        assert_eq!(
            ask(&daemon, method, &format!("/v1/{path}"), &as_user("admin"), b"").status,
            404,
            "{path}"
        );
    }
    assert_eq!(ask(&daemon, "GET", "/v1/tenants/acme/lists/edge", &as_user("ann"), b"").status, 200);
}

#[test]
fn a_list_follows_what_is_pushed_and_deleted() {
    let daemon = with_list();
    assert_eq!(fetch(&daemon, "edge.txt"), "192.0.2.0/31\nexample.com/x\nevil.example.com\n");
    assert!(fetch(&daemon, "edge.rpz").contains("\n*.evil.example.com CNAME .\n"));
    daemon.put("suppliers/Feed", r#"[{"indicator":"new.example.com"}]"#);
    wait_until("what was pushed is on it", || fetch(&daemon, "edge.txt").contains("new.example.com"));
    wait_until("and in the other format", || fetch(&daemon, "edge.rpz").contains("new.example.com"));
    let gone = daemon.ask("DELETE", "1.3/suppliers/Feed/indicators", r#"[{"indicator":"evil.example.com"}]"#);
    assert_eq!(gone.status, 200, "{gone:?}");
    wait_until("what was deleted is off it", || !fetch(&daemon, "edge.txt").contains("evil"));
    // What is allowed, too.
    daemon.put("suppliers/FalsePositive", r#"[{"indicator":"192.0.2.1"},{"indicator":"example.com"}]"#);
    wait_until("what is allowed is off it", || fetch(&daemon, "edge.txt") == "192.0.2.0\n");
}

#[test]
fn whoever_has_a_list_is_told_that_it_is_the_same() {
    let daemon = with_list();
    let whole = fetch_with(&daemon, "edge.txt", "");
    let header = |name: &str| whole.header(name).unwrap_or_else(|| panic!("no {name}: {whole:?}")).to_owned();
    assert_eq!(header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        (header("vary"), header("cache-control"), header("accept-ranges")),
        ("Accept-Encoding".into(), "no-cache".into(), "bytes".into())
    );
    assert_eq!((header("sluice-list-entries"), header("sluice-list-dropped")), ("3".into(), "0".into()));
    assert!(header("content-digest").starts_with("sha-256=:") && header("sluice-list-built").ends_with('Z'));
    assert_eq!(whole.header("sluice-list-stale"), None);
    let (tag, modified) = (header("etag"), header("last-modified"));
    for condition in [format!("If-None-Match: {tag}\r\n"), format!("If-Modified-Since: {modified}\r\n")] {
        let same = fetch_with(&daemon, "edge.txt", &condition);
        assert_eq!((same.status, same.body.as_str()), (304, ""), "{same:?}");
        assert_eq!(
            (same.header("etag"), same.header("last-modified")),
            (Some(tag.as_str()), Some(modified.as_str()))
        );
    }
    // An empty tag is what curl sends first.
    assert_eq!(fetch_with(&daemon, "edge.txt", "If-None-Match: \"\"\r\n").status, 200);
    // The tags of codings differ, and so do those of formats.
    let packed = |coding: &str| tag_of(&daemon, "edge.txt", &format!("Accept-Encoding: {coding}\r\n"));
    assert!(packed("gzip") != tag && packed("zstd") != tag && packed("gzip") != packed("zstd"));
    assert_ne!(tag_of(&daemon, "edge.csv", ""), tag);
    let sha256 = fetch(&daemon, "edge.txt.sha256");
    assert!(sha256.starts_with(tag.trim_matches('"')) && sha256.len() == 65, "{sha256}");
    assert_eq!(fetch(&daemon, "edge.txt.md5").len(), 33);
    let digest = fetch_with(&daemon, "edge.txt.md5", "");
    let same = format!("If-None-Match: {}\r\n", digest.header("etag").unwrap());
    assert_eq!(fetch_with(&daemon, "edge.txt.md5", &same).status, 304);
}

fn tag_of(daemon: &Running, file: &str, headers: &str) -> String {
    let mut connection = daemon.connect();
    let headers = format!("{}{headers}", as_user("ann"));
    assert!(connection.send(&request("GET", &format!("/v1/lists/{file}"), &headers, b"")));
    let head = connection.receive_head().unwrap();
    head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned()
}

#[test]
fn parts_and_packed_lists_are_of_the_same_bytes() {
    let daemon = with_list();
    let whole = fetch_with(&daemon, "edge.txt", "");
    let part = fetch_with(&daemon, "edge.txt", "Range: bytes=3-9\r\n");
    assert_eq!((part.status, part.body.as_str()), (206, &whole.body[3..10]));
    let range = format!("bytes 3-9/{}", whole.body.len());
    assert_eq!(part.header("content-range"), Some(range.as_str()));
    assert_eq!(part.header("content-digest"), None);
    // Only of what the client has.
    let other = fetch_with(&daemon, "edge.txt", "Range: bytes=3-9\r\nIf-Range: \"x\"\r\n");
    assert_eq!((other.status, other.body), (200, whole.body.clone()));
    let none = fetch_with(&daemon, "edge.txt", "Range: bytes=1000-\r\n");
    assert!(
        told(&none).starts_with("416 ") && none.header("content-range") == Some("bytes */44"),
        "{none:?}"
    );
    for coding in ["gzip", "zstd"] {
        let mut connection = daemon.connect();
        let headers = format!("{}Accept-Encoding: {coding}\r\n", as_user("ann"));
        assert!(connection.send(&request("GET", "/v1/lists/edge.txt", &headers, b"")));
        let head = connection.receive_head().unwrap();
        assert!(head.contains(&format!("content-encoding: {coding}\r\n")), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let bytes = connection.receive_bytes(length.parse().unwrap());
        let mut text = String::new();
        match coding {
            "gzip" => drop(flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap()),
            _ => drop(zstd::Decoder::new(&*bytes).unwrap().read_to_string(&mut text).unwrap()),
        }
        assert_eq!(text, whole.body);
    }
    // A head has the length of the whole, and the connection goes on.
    let mut connection = daemon.connect();
    for _ in 0..2 {
        assert!(connection.send(&request("HEAD", "/v1/lists/edge.txt", &as_user("ann"), b"")));
        let head = connection.receive_head().unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200")
                && head.contains(&format!("content-length: {}\r\n", whole.body.len())),
            "{head}"
        );
    }
}

#[test]
fn a_format_that_a_list_cannot_have_is_refused_with_the_reason() {
    let daemon = with_list();
    let refused = |file: &str| told(&fetch_with(&daemon, file, ""));
    assert!(
        refused("edge.pan").starts_with("406 ")
            && refused("edge.pan").contains("addresses, names, URLs or hashes")
    );
    define(&daemon, "lists/hashes", r#"{"kinds":["md5"]}"#);
    assert!(refused("hashes.nft").starts_with("406 ") && refused("hashes.nft").contains("none of the kinds"));
    let unknown = refused("edge.exe");
    assert!(unknown.starts_with("404 ") && unknown.contains("squid.domains"), "{unknown}");
    assert!(refused("edge.txt?size=1").starts_with("422 "));
    assert!(refused("nothing.txt").starts_with("404 "));
}

/// Each with the status that it gets for the list `edge`, for the list `open`, and for something else.
#[test]
fn who_may_fetch_what() {
    let daemon = with_list();
    assert_eq!(define(&daemon, "lists/open", r#"{"public":true}"#).status, 201);
    assert_eq!(define(&daemon, "tenants/acme/lists/edge", "{}").status, 201);
    // Nobody in particular has a format built.
    let unbuilt = ask(&daemon, "GET", "/v1/lists/open.txt", "", b"");
    assert!(unbuilt.status == 503 && unbuilt.body.contains("nothing was built of it yet"), "{unbuilt:?}");
    fetch(&daemon, "open.txt");
    let token_of = |body: &str| {
        let made = ask(&daemon, "POST", "/v1/tokens", &as_user("admin"), body.as_bytes());
        assert_eq!(made.status, 201, "{made:?}");
        let made: Value = serde_json::from_str(&made.body).unwrap();
        made["token"].as_str().unwrap().to_owned()
    };
    let own = token_of(r#"{"name":"edge fetcher","scope":"list:edge"}"#);
    let acme = token_of(r#"{"name":"edge of acme","scope":"list:edge","tenants":["acme"]}"#);
    let reader = token_of(r#"{"name":"a reader","scope":"read"}"#);
    let status = |path: &str, headers: &str| ask(&daemon, "GET", path, headers, b"").status;
    for (headers, want) in [
        (String::new(), [401, 200, 401, 401]),
        (as_user("ann"), [200, 200, 200, 200]),
        (as_token(&reader), [200, 200, 200, 200]),
        (as_token("scraper"), [403, 200, 403, 403]),
        (as_token(&own), [200, 200, 403, 403]),
        (as_token(&acme), [403, 200, 200, 403]),
        // A device that knows nothing but users.
        (with_password("anybody", &own), [200, 200, 403, 401]),
        (with_password("anybody", "sluice_wrong"), [401, 200, 401, 401]),
    ] {
        let paths =
            ["/v1/lists/edge.txt", "/v1/lists/open.txt", "/v1/tenants/acme/lists/edge.txt", "/v1/lists/edge"];
        assert_eq!(paths.map(|path| status(path, &headers)), want, "{headers}");
    }
    let in_address = |token: &str| status(&format!("/v1/lists/edge.txt?token={token}"), "");
    assert_eq!(
        [in_address(&own), in_address(&acme), in_address(&reader), in_address("x"), in_address("")],
        [200, 403, 403, 401, 401]
    );
    // It is for lists alone.
    assert_eq!(status(&format!("/v1/lists?token={own}"), ""), 401);
    assert_eq!(status("/v1/indicators", &as_token(&own)), 403);
    assert_eq!(status("/api/1.3/suppliers", &as_token(&own)), 403);
    assert_eq!(status("/metrics", &as_token(&own)), 403);
    assert_eq!(status("/es/", &as_token(&own)), 403);
    let tokens = ask(&daemon, "GET", "/v1/tokens", &as_user("admin"), b"").body;
    assert!(tokens.contains(r#""scope":"list:edge","tenants":["acme"]"#), "{tokens}");
    for scope in ["list:", "list:Edge", "list", "lists:edge"] {
        let body = format!(r#"{{"name":"no","scope":"{scope}"}}"#);
        assert_eq!(
            ask(&daemon, "POST", "/v1/tokens", &as_user("admin"), body.as_bytes()).status,
            422,
            "{scope}"
        );
    }
    // Who may change lists.
    let put = |path: &str, user: &str| ask(&daemon, "PUT", path, &as_user(user), b"{}").status;
    assert_eq!([put("/v1/lists/edge", "ann"), put("/v1/lists/edge", "tom")], [403, 403]);
    assert_eq!(put("/v1/tenants/acme/lists/edge", "tom"), 200);
}

#[test]
fn lists_are_counted() {
    let daemon = with_list();
    fetch(&daemon, "edge.txt");
    let metrics = ask(&daemon, "GET", "/metrics", &as_token("scraper"), b"").body;
    for line in ["sluice_lists 1\n", "sluice_lists_stale 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(metrics.contains("sluice_list_builds_total{outcome=\"good\"} "), "{metrics}");
}
