//! The table of the contract, version by version.

use std::fmt::Write as _;

use actix_web::http::Method;
use expect_test::{Expect, expect};

use super::find;

fn seen(method: &Method, path: &str) -> String {
    match find(method, path) {
        Ok(found) => format!(
            "{:?} {:?} {:?}",
            found.route.request,
            found.tenant.as_deref().unwrap_or("undecodable"),
            found.name.as_deref().unwrap_or("undecodable")
        ),
        Err(problem) => match problem.cause {
            crate::http::problem::Cause::MethodNotAllowed { allow } => format!("405 {allow}"),
            cause => cause.status().as_u16().to_string(),
        },
    }
}

#[track_caller]
fn check(method: &Method, request: &str, want: &Expect) {
    let mut all = String::new();
    for version in ["1.0", "1.1", "1.2", "1.3"] {
        writeln!(all, "{version} {}", seen(method, &format!("/api/{version}/{request}"))).unwrap();
    }
    want.assert_eq(&all);
}

#[test]
fn lookup_has_tenants_in_the_last_version() {
    check(
        &Method::POST,
        "lookup",
        &expect![[r#"
        1.0 Lookup "General" ""
        1.1 Lookup "General" ""
        1.2 Lookup "General" ""
        1.3 Lookup "General" ""
    "#]],
    );
    check(
        &Method::POST,
        "acme/lookup",
        &expect![[r#"
        1.0 404
        1.1 404
        1.2 404
        1.3 Lookup "acme" ""
    "#]],
    );
}

#[test]
fn tags_begin_with_the_second_version() {
    check(
        &Method::GET,
        "tags",
        &expect![[r#"
        1.0 404
        1.1 ListTags "General" ""
        1.2 ListTags "General" ""
        1.3 ListTags "General" ""
    "#]],
    );
    check(
        &Method::DELETE,
        "tags/%41PT",
        &expect![[r#"
        1.0 404
        1.1 RemoveTag "General" "APT"
        1.2 RemoveTag "General" "APT"
        1.3 RemoveTag "General" "APT"
    "#]],
    );
}

#[test]
fn suppliers_and_indicators_of_tenants() {
    check(
        &Method::PUT,
        "acme/suppliers/Feed",
        &expect![[r#"
        1.0 404
        1.1 404
        1.2 404
        1.3 UpdateSupplier "acme" "Feed"
    "#]],
    );
    check(
        &Method::DELETE,
        "acme/suppliers/Feed",
        &expect![[r#"
        1.0 404
        1.1 404
        1.2 404
        1.3 405 GET, PUT
    "#]],
    );
    check(
        &Method::PUT,
        "suppliers/Feed/indicators",
        &expect![[r#"
        1.0 AddIndicators "General" "Feed"
        1.1 AddIndicators "General" "Feed"
        1.2 AddIndicators "General" "Feed"
        1.3 AddIndicators "General" "Feed"
    "#]],
    );
    check(
        &Method::DELETE,
        "acme/suppliers/Feed/indicators",
        &expect![[r#"
        1.0 404
        1.1 404
        1.2 404
        1.3 DeleteIndicators "acme" "Feed"
    "#]],
    );
}

#[test]
fn wrong_methods_name_the_right_ones() {
    for (method, path, want) in [
        (Method::GET, "/api/1.1/lookup", "405 POST"),
        (Method::HEAD, "/api/1.1/suppliers", "405 GET, POST"),
        (Method::OPTIONS, "/api/1.1/tags/A", "405 GET, PUT, DELETE"),
        (Method::POST, "/api/1.3/suppliers/Feed/indicators", "405 PUT, DELETE"),
        (Method::POST, "/api/1.3/suppliers/lookup", "405 GET, PUT, DELETE"),
        (Method::PATCH, "/api/1.0/suppliers/A", "405 GET, PUT, DELETE"),
    ] {
        assert_eq!(seen(&method, path), want, "{method} {path}");
    }
}

#[test]
fn unknown_requests() {
    for path in [
        "/api/1.0/login",
        "/api/8.0/lookup",
        "/api/1.0/lookup/",
        "/api/1.0//lookup",
        "/api/1.0/suppliers/",
        "/api/1.0/%73uppliers",
        "/api/1.0/Suppliers",
        "/api/1.3/tags/lookup/x",
        "/api/1.3/acme/tags",
        "/api/1.0/suppliers/a/indicators/b",
        "/api/1.0/./suppliers",
        "/",
        "*",
    ] {
        assert_eq!(seen(&Method::POST, path), "404", "{path}");
    }
}

#[test]
fn names_that_do_not_decode_stay_apart_from_those_that_do() {
    assert_eq!(seen(&Method::GET, "/api/1.0/suppliers/%ff"), "GetSupplier \"General\" \"undecodable\"");
    assert_eq!(seen(&Method::GET, "/api/1.0/suppliers/a%2fb"), "GetSupplier \"General\" \"a/b\"");
    assert_eq!(seen(&Method::POST, "/api/1.3/%ff/lookup"), "Lookup \"undecodable\" \"\"");
}
