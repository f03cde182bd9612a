//! `/es`: what shippers read, byte for byte.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::{
    client::{Answer, Connection},
    daemon::{Running, as_token, as_user, request, shared},
    encodings::{gzip, zstd},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

#[track_caller]
pub(crate) fn ask(daemon: &Running, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut connection = daemon.connect();
    // A refusal may come before the last byte is taken.
    let _is_taken = connection.send(&request(method, path, headers, body));
    let answer = connection.receive_text().unwrap();
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"), "{answer:?}");
    answer
}

/// Status and body, without the time that it took.
fn told(answer: &Answer) -> String {
    let body = match answer.body.strip_prefix("{\"took\":") {
        Some(rest) => {
            format!("{{\"took\":N{}", rest.trim_start_matches(|digit: char| digit.is_ascii_digit()))
        }
        None => answer.body.clone(),
    };
    format!("{} {body}", answer.status)
}

#[track_caller]
fn check(daemon: &Running, path: &str, body: &str, want: &Expect) {
    let answer = ask(daemon, "POST", path, &as_user("admin"), body.as_bytes());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    want.assert_eq(&told(&answer));
}

#[test]
fn items_are_told_by_the_bytes_that_clients_search_for() {
    let daemon = shared();
    daemon.add_suppliers(&["EsBytes"], 50);
    check(
        &daemon,
        "/es/_bulk",
        "{\"index\":{\"_index\":\"esbytes\"}}\n{\"indicator\":\"es0.example.com\",\"context\":{\"n\":1}}\n{\"create\":{\"_index\":\"EsBytes\",\"_id\":\"x\"}}\n{\"threat\":{\"indicator\":{\"ip\":\"192.0.2.91\",\"provider\":\"p\"}}}\n",
        &expect![[
            r#"200 {"took":N,"errors":false,"items":[{"index":{"status":201}},{"create":{"status":201}}]}"#
        ]],
    );
    assert_eq!(
        daemon.detections("", &["es0.example.com", "192.0.2.91"]),
        [r#"EsBytes_URL es0.example.com {"n":1}"#, r#"EsBytes_IP 192.0.2.91 {"provider":"p"}"#]
    );
    check(
        &daemon,
        "/es/esbytes/_bulk?refresh=true&pipeline=none&filter_path=errors,items.*.error,items.*.status",
        "{\"index\":{}}\n{\"indicator\":\"bad\\\\name\"}\n{\"delete\":{\"_id\":\"es0.example.com\"}}\n{\"index\":{\"_index\":\"es-none\"}}\n{}\n",
        &expect![[
            r#"200 {"took":N,"errors":true,"items":[{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"Invalid indicator format"}}},{"delete":{"status":200}},{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [es-none]: there is no supplier of this name"}}}]}"#
        ]],
    );
    assert_eq!(daemon.detections("", &["es0.example.com"]), [""]);
    check(
        &daemon,
        "/es/esbytes/_bulk?bad_items=ok",
        "{\"index\":{}}\n{\"indicator\":\"bad\\\\name\"}\n",
        &expect![[r#"200 {"took":N,"errors":false,"items":[{"index":{"status":201}}]}"#]],
    );
}

#[test]
fn whole_requests_fail_in_the_form_of_elasticsearch() {
    let daemon = shared();
    check(
        &daemon,
        "/es/_bulk",
        "{\"index\":{}}\n{}\n",
        &expect![[
            r#"200 {"took":N,"errors":true,"items":[{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"neither the action nor the path names an index"}}}]}"#
        ]],
    );
    check(
        &daemon,
        "/es/es-none/_bulk",
        "{\"index\":{}}\n{}\n{\"index\":{\"_index\":{}}}\n{}\n",
        &expect![[
            r#"200 {"took":N,"errors":true,"items":[{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [es-none]: there is no supplier of this name"}}},{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [{}]: there is no supplier of this name"}}}]}"#
        ]],
    );
    check(
        &daemon,
        "/es/_bulk",
        "{\"index\":{}}\n",
        &expect![[
            r#"400 {"error":{"type":"illegal_argument_exception","reason":"expected a document behind the last action at byte 13"},"status":400}"#
        ]],
    );
    check(
        &daemon,
        "/es/_bulk",
        "",
        &expect![[
            r#"400 {"error":{"type":"illegal_argument_exception","reason":"expected at least one object at byte 0"},"status":400}"#
        ]],
    );
    check(
        &daemon,
        "/es/_bulk?bad_items=no",
        "{}",
        &expect![[
            r#"400 {"error":{"type":"illegal_argument_exception","reason":"The parameter 'bad_items' is 'error' or 'ok'"},"status":400}"#
        ]],
    );
    let as_gzip = format!("{}Content-Encoding: br\r\n", as_user("admin"));
    expect![[r#"415 {"error":{"type":"media_type_header_exception","reason":"Bodies are encoded as gzip or zstd, or not at all"},"status":415}"#]].assert_eq(&told(&ask(&daemon, "POST", "/es/_bulk", &as_gzip, b"x")));
    expect![[r#"401 {"error":{"type":"security_exception","reason":"Valid credentials are required"},"status":401}"#]].assert_eq(&told(&ask(&daemon, "POST", "/es/_bulk", "", b"x")));
    let refused = ask(&daemon, "GET", "/es/", "", b"");
    assert_eq!((refused.status, refused.header("www-authenticate").is_some()), (401, true));
    expect![[r#"403 {"error":{"type":"security_exception","reason":"The user has no right to this operation"},"status":403}"#]].assert_eq(&told(&ask(&daemon, "POST", "/es/_bulk", &as_user("ann"), b"x")));
    expect![[r#"405 {"error":{"type":"illegal_argument_exception","reason":"The method is not allowed for this request"},"status":405}"#]].assert_eq(&told(&ask(&daemon, "GET", "/es/_bulk", &as_user("admin"), b"")));
}

#[test]
fn media_types_and_encodings_of_all_clients_are_taken() {
    let daemon = shared();
    daemon.add_suppliers(&["EsMedia"], 50);
    let body = b"{\"index\":{\"_index\":\"esmedia\"}}\n{\"indicator\":\"192.0.2.92\"}\n";
    for (headers, body) in [
        (
            "Content-Type: application/vnd.elasticsearch+x-ndjson; compatible-with=9\r\nAccept: application/vnd.elasticsearch+json; compatible-with=9\r\n",
            body.to_vec(),
        ),
        ("Content-Type: application/x-ndjson\r\n", body.to_vec()),
        ("Content-Type: application/json; charset=utf-8\r\n", body.to_vec()),
        ("", body.to_vec()),
        ("Content-Encoding: gzip\r\n", gzip(body)),
        ("Content-Encoding: zstd\r\n", zstd(body)),
    ] {
        let answer = ask(&daemon, "PUT", "/es/_bulk", &format!("{}{headers}", as_user("admin")), &body);
        assert_eq!(told(&answer), r#"200 {"took":N,"errors":false,"items":[{"index":{"status":201}}]}"#);
    }
}

#[test]
fn a_cluster_is_what_clients_expect() {
    let daemon = shared();
    let get = |path: &str| ask(&daemon, "GET", path, &as_user("ann"), b"");
    let root: Value = serde_json::from_str(&get("/es/").body).unwrap();
    assert_eq!(root["tagline"], "You Know, for Search");
    assert_eq!(root["version"]["build_flavor"], "default");
    assert!(root["version"]["number"].as_str().unwrap().starts_with("8."));
    assert_eq!(get("/es").body, get("/es/").body);
    let license: Value = serde_json::from_str(&get("/es/_license").body).unwrap();
    assert_eq!(license["license"]["status"], "active");
    let health: Value = serde_json::from_str(&get("/es/_cluster/health").body).unwrap();
    assert_eq!(health["status"], "green");
    assert!(get("/es/_cat/health").body.contains(" sluice green "));
    assert_eq!(
        told(&get("/es/_nodes/http")),
        r#"200 {"_nodes":{"failed":0,"successful":1,"total":1},"cluster_name":"sluice","nodes":{}}"#
    );
    let put =
        ask(&daemon, "PUT", "/es/_index_template/logs", &as_user("ann"), b"{\"index_patterns\":[\"x\"]}");
    assert_eq!(told(&put), r#"200 {"acknowledged":true}"#);
    // The connection goes on behind the body of a setting.
    assert_eq!(put.header("connection"), None);
    expect![[r#"501 {"error":{"type":"unsupported_operation_exception","reason":"There are no searches here: values are looked up at /api/1.3/lookup"},"status":501}"#]].assert_eq(&told(&ask(&daemon, "POST", "/es/feed/_search", &as_user("ann"), b"{}")));
    expect![[r#"404 {"error":{"type":"resource_not_found_exception","reason":"There is no such request"},"status":404}"#]].assert_eq(&told(&get("/es/feed")));
    assert_eq!(ask(&daemon, "GET", "/es/", &as_token("scraper"), b"").status, 403);
}

#[test]
fn a_token_is_an_api_key_whatever_its_id() {
    let daemon = shared();
    let key = |text: &str| format!("Authorization: ApiKey {}\r\n", STANDARD.encode(text));
    for (key, want) in
        [(key("any-id:reader"), 200), (key(":root"), 200), (key("reader:"), 401), (key("reader"), 401)]
    {
        assert_eq!(ask(&daemon, "GET", "/es/", &key, b"").status, want, "{key}");
    }
}

#[test]
fn who_may_not_change_a_supplier_is_told_so_by_each_item() {
    let daemon = shared();
    daemon.add_suppliers(&["EsRights"], 50);
    let body = b"{\"index\":{\"_index\":\"esrights\"}}\n{\"indicator\":\"192.0.2.93\"}\n";
    let answer = ask(&daemon, "POST", "/es/_bulk", &as_token("writer"), body);
    expect![[r#"200 {"took":N,"errors":true,"items":[{"index":{"status":403,"error":{"type":"security_exception","reason":"the user has no right to change the supplier of index [esrights]"}}}]}"#]].assert_eq(&told(&answer));
    assert_eq!(daemon.detections("", &["192.0.2.93"]), [""]);
}

#[test]
fn the_table_gives_indices_suppliers_of_any_tenant() {
    let table = r#"{ Some-Index = "EsTable", theirs = { tenant = "acme", supplier = "EsTable" }, estable2 = "None" }"#;
    let daemon = Running::start(&[("SLUICE_ELASTICSEARCH__INDICES", table)]);
    daemon.add_suppliers(&["EsTable", "EsTable2"], 50);
    let bulk = |token: &str| {
        let indices = ["some-index", "THEIRS", "estable", "estable2"];
        let actions: Vec<String> = indices
            .iter()
            .map(|index| {
                format!(
                    "{{\"index\":{{\"_index\":\"{index}\"}}}}\n{{\"indicator\":\"{index}.example.com\"}}\n"
                )
            })
            .collect();
        told(&ask(&daemon, "POST", "/es/_bulk", &as_token(token), actions.concat().as_bytes()))
    };
    // The table comes before the names.
    expect![[r#"200 {"took":N,"errors":true,"items":[{"index":{"status":201}},{"index":{"status":201}},{"index":{"status":201}},{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [estable2]: there is no supplier of this name"}}}]}"#]].assert_eq(&bulk("root"));
    assert_eq!(
        daemon.detections("", &["some-index.example.com", "theirs.example.com", "estable.example.com"]),
        ["EsTable_URL some-index.example.com {}", "", "EsTable_URL estable.example.com {}"]
    );
    assert_eq!(daemon.detections("acme", &["theirs.example.com"]), ["EsTable_URL theirs.example.com {}"]);
    // Whoever manages a tenant may write to its suppliers.
    expect![[r#"200 {"took":N,"errors":true,"items":[{"index":{"status":403,"error":{"type":"security_exception","reason":"the user has no right to change the supplier of index [some-index]"}}},{"index":{"status":201}},{"index":{"status":403,"error":{"type":"security_exception","reason":"the user has no right to change the supplier of index [estable]"}}},{"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [estable2]: there is no supplier of this name"}}}]}"#]].assert_eq(&bulk("writer"));
}

#[test]
fn a_listener_of_its_own_serves_it_at_its_root_and_nothing_else() {
    let daemon = Running::start(&[("SLUICE_ELASTICSEARCH__LISTEN", "127.0.0.1:0")]);
    daemon.add_suppliers(&["EsRoot"], 50);
    let address = daemon.daemon().elasticsearch_address().unwrap();
    let ask = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let mut connection = Connection::open(address);
        let headers = format!("{}{headers}", as_user("admin"));
        assert!(connection.send(&request(method, path, &headers, body)));
        let mut answer = connection.receive_text().unwrap();
        if answer.status == 100 {
            answer = connection.receive_text().unwrap();
        }
        assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"), "{answer:?}");
        answer
    };
    assert!(ask("GET", "/", "", b"").body.contains("You Know, for Search"));
    assert!(ask("GET", "/?pretty", "", b"").body.contains("You Know, for Search"));
    assert!(ask("POST", "/_bulk?bad_items=no", "", b"").body.contains("bad_items"));
    let body = b"{\"index\":{}}\n{\"indicator\":\"192.0.2.94\"}\n";
    for headers in ["", "Expect: 100-continue\r\n"] {
        let answer = ask("POST", "/esroot/_bulk?refresh=true", headers, body);
        assert_eq!(told(&answer), r#"200 {"took":N,"errors":false,"items":[{"index":{"status":201}}]}"#);
    }
    assert_eq!(daemon.detections("", &["192.0.2.94"]), ["EsRoot_IP 192.0.2.94 {}"]);
    for path in ["/es/_bulk", "/api/1.0/suppliers", "/v1/batches", "/healthz", "/metrics"] {
        assert_eq!(ask("GET", path, "", b"").status, if path == "/es/_bulk" { 405 } else { 404 }, "{path}");
    }
    // Elsewhere it is below its own path alone.
    assert_eq!(daemon.ask_with("POST", "/esroot/_bulk", &as_user("admin"), body).status, 404);
}
