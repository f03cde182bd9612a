//! What is asked of a cluster, by method and path.

use std::fmt::Write as _;

use actix_web::http::Method;
use expect_test::expect;

use super::{asked, health_line};

#[test]
fn what_is_asked() {
    let mut seen = String::new();
    for (method, path) in [
        (Method::GET, ""),
        (Method::HEAD, ""),
        (Method::POST, ""),
        (Method::GET, "_license"),
        (Method::GET, "_cluster/health/"),
        (Method::GET, "_cat/health"),
        (Method::GET, "_nodes/http"),
        (Method::PUT, "_nodes/http"),
        (Method::PUT, "_index_template/logs"),
        (Method::GET, "_ilm/policy/p"),
        (Method::HEAD, "_template/logs"),
        (Method::POST, "_refresh"),
        (Method::DELETE, "_template/logs"),
        (Method::POST, "_search"),
        (Method::GET, "feed/_search"),
        (Method::POST, "feed/_doc/1"),
        (Method::GET, "feed"),
        (Method::PUT, "feed"),
        (Method::PUT, "feed/_mapping"),
        (Method::GET, "/_license"),
        (Method::PUT, "_bulk/"),
        (Method::PUT, "_bulk/x"),
        (Method::GET, "feed/_bulk/x"),
    ] {
        let told = match asked(&method, path) {
            Ok(asked) => format!("{asked:?}"),
            Err(cause) => cause.status().as_u16().to_string(),
        };
        writeln!(seen, "{method} {path}: {told}").unwrap();
    }
    expect![[r#"
        GET : Root
        HEAD : Root
        POST : 405
        GET _license: License
        GET _cluster/health/: Health
        GET _cat/health: HealthLine
        GET _nodes/http: Nodes
        PUT _nodes/http: 405
        PUT _index_template/logs: Setting
        GET _ilm/policy/p: Setting
        HEAD _template/logs: Setting
        POST _refresh: 405
        DELETE _template/logs: 405
        POST _search: Search
        GET feed/_search: Search
        POST feed/_doc/1: Search
        GET feed: 404
        PUT feed: 404
        PUT feed/_mapping: 404
        GET /_license: 404
        PUT _bulk/: 404
        PUT _bulk/x: 404
        GET feed/_bulk/x: 404
    "#]]
    .assert_eq(&seen);
}

#[test]
fn health_as_a_line() {
    expect![[r#"
        1764374405 00:00:05 sluice green 1 1 1 1 0 0 0 0 - 100.0%
    "#]]
    .assert_eq(&health_line(1_764_374_405));
}
