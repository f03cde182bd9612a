//! `/openapi.json` and `/openapi` on the wire, and whether the daemon is as they say: every request that is described is there,
//! and no other.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    client::Answer,
    daemon::{Running, as_user, shared},
    importing::ask,
};

fn document(daemon: &Running) -> Value {
    let answer = ask(daemon, "GET", "/openapi.json", "", b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn document_and_page_are_for_anybody_and_load_nothing() {
    let daemon = shared();
    assert_eq!(document(&daemon)["openapi"], "3.1.0");
    let page = ask(&daemon, "GET", "/openapi", "", b"");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(page.body.starts_with("<!doctype html>") && page.body.contains("href=\"/openapi.json\""));
    for path in ["/openapi.json", "/openapi"] {
        let whole = ask(&daemon, "GET", path, "", b"");
        let mut connection = daemon.connect();
        assert!(connection.send(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()));
        let head = connection.receive_head().unwrap();
        let length = format!("content-length: {}", whole.body.len());
        assert!(head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains(&length), "{head}");
    }
    // They are read, and that is all.
    for (method, path) in
        [("POST", "/openapi.json"), ("DELETE", "/openapi"), ("GET", "/openapi/"), ("GET", "/openapi.yaml")]
    {
        assert_eq!(ask(&daemon, method, path, "", b"").status, 401, "{method} {path}");
        assert_eq!(ask(&daemon, method, path, &as_user("admin"), b"").status, 404, "{method} {path}");
    }
}

/// The described requests, with values in the places of their parameters; what a path has several versions of, once for each.
fn requests(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (pattern, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut paths = vec![pattern.clone()];
            for parameter in parameters.filter(|parameter| parameter["in"] == "path") {
                let name = parameter["name"].as_str().unwrap();
                let values: Vec<&str> = match name {
                    "version" => parameter["schema"]["enum"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter_map(Value::as_str)
                        .collect(),
                    "tenant" => vec!["General"],
                    "file" => vec!["not-there.txt"],
                    "list" => vec!["not-there"],
                    "batch" => vec!["00000000-0000-4000-8000-000000000000"],
                    _ => vec!["NotThere"],
                };
                let place = format!("{{{name}}}");
                paths = paths
                    .iter()
                    .flat_map(|path| values.iter().map(|value| path.replace(&place, value)))
                    .collect();
            }
            all.extend(paths.into_iter().map(|path| (method.to_uppercase(), path, operation.clone())));
        }
    }
    all
}

fn is_described(operation: &Value, document: &Value, answer: &Answer) -> bool {
    let described = &operation["responses"][answer.status.to_string()];
    let described = match described["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => described,
    };
    described["content"].get(answer.header("content-type").unwrap()).is_some()
}

#[test]
fn what_is_described_is_there_and_what_is_there_is_described() {
    let daemon = shared();
    let document = document(&daemon);
    let requests = requests(&document);
    let methods_of = |path: &str| {
        let there = requests.iter().filter(|(_, known, _)| known == path);
        there.map(|(method, ..)| method.as_str()).collect::<BTreeSet<_>>()
    };
    for (method, path, operation) in &requests {
        let id = &operation["operationId"];
        // Nothing is there of what it would be about, so it is refused, as it is described to be.
        for (headers, status) in [(String::new(), 401), (as_user("admin"), 0)] {
            // What is asked for a head alone has the answer of the whole, without its body.
            let method = if method == "HEAD" { "GET" } else { method };
            let answer = ask(&daemon, method, path, &headers, b"");
            assert!(status == 0 || answer.status == status, "{id}: {answer:?}");
            assert!(
                answer.status != 405 && !answer.body.contains("There is no such request"),
                "{id}: {answer:?}"
            );
            assert!(is_described(operation, &document, &answer), "{id}: {answer:?}");
        }
        // Any other method of the path is none, and the daemon names exactly those that are described.
        let other = ask(&daemon, "PATCH", path, &as_user("admin"), b"");
        let allowed = other.header("allow").unwrap_or_default().split(", ").collect::<BTreeSet<_>>();
        assert_eq!((other.status, allowed), (405, methods_of(path)), "{path}");
    }
}
