//! Paths and patterns, with the spellings that trip routers. The rows of the real tables are tested beside them.

use std::fmt::Write as _;

use actix_web::http::Method;
use expect_test::{Expect, expect};

use super::{Found, Route, Shape, Subject, find};
use crate::{
    api::request::{
        Read,
        Version::{V1_0, V1_1, V1_3},
    },
    auth::role::Action,
};

const fn route(name: &'static str, paths: &'static [(super::Version, &'static str)]) -> Route {
    let shape = Shape::Read(Subject::Catalogue(Read::Tags));
    let (method, action) = (Method::GET, Action::Read);
    Route { name, method, paths, action, body_bytes_max: 0, sentence: name, shape, documented: None }
}

static ONE_API: [Route; 3] = [
    route("GetTag", &[(V1_1, "/api/{version}/tags/{tag}")]),
    route(
        "GetSupplier",
        &[
            (V1_0, "/api/{version}/suppliers/{supplier}"),
            (V1_3, "/api/{version}/{tenant}/suppliers/{supplier}"),
        ],
    ),
    route("Lookup", &[(V1_3, "/api/{version}/{tenant}/lookup")]),
];

static ANOTHER_API: [Route; 2] = [
    route("GetIndicator", &[(V1_3, "/v1/{tenant}/suppliers/{supplier}/indicators/{indicator}")]),
    route("Export", &[(V1_3, "/v1/export")]),
];

/// Name, version, tenant and the decoded parameters of a request; `-` for what does not decode.
fn print(found: &Found<'_>) -> String {
    let text = |decoded: Option<String>| decoded.unwrap_or_else(|| "-".to_owned());
    let mut seen = format!("{} {:?} of {}", found.route.name, found.version, text(found.tenant().ok()));
    for parameter in ["{supplier}", "{tag}", "{indicator}"] {
        if found.pattern.contains(parameter) {
            write!(seen, " {parameter}={}", text(found.parameter(parameter))).unwrap();
        }
    }
    seen
}

#[track_caller]
fn check(path: &str, want: &Expect) {
    let seen = match find(&[&ONE_API, &ANOTHER_API], &Method::GET, path) {
        Ok(found) => print(&found),
        Err(problem) => problem.cause.status().as_u16().to_string(),
    };
    want.assert_eq(&seen);
}

#[test]
fn a_path_is_split_before_it_is_decoded() {
    check("/api/1.3/acme/suppliers/Feed", &expect!["GetSupplier V1_3 of acme {supplier}=Feed"]);
    check("/api/1.0/suppliers/a%2Fb", &expect!["GetSupplier V1_0 of General {supplier}=a/b"]);
    check("/api/1.0/suppliers/a%252Fb", &expect!["GetSupplier V1_0 of General {supplier}=a%2Fb"]);
    check("/api/1.0/suppliers/..", &expect!["GetSupplier V1_0 of General {supplier}=.."]);
}

#[test]
fn bad_escapes_and_bad_text_are_no_name() {
    for segment in ["%ff", "%", "%4", "%zz"] {
        check(&format!("/api/1.0/suppliers/{segment}"), &expect!["GetSupplier V1_0 of General {supplier}=-"]);
    }
    check("/api/1.3/%ff/lookup", &expect!["Lookup V1_3 of -"]);
}

#[test]
fn an_unknown_version_or_prefix_is_nothing() {
    for path in [
        "/api/8.0/suppliers/a",
        "/api/1.4/suppliers/a",
        "/api/1.0",
        "/Api/1.0/suppliers/a",
        "/api//suppliers/a",
        "/api/1.0/tags/a",
        "/v2/export",
        "/",
        "*",
        "",
    ] {
        check(path, &expect!["404"]);
    }
}

#[test]
fn empty_and_surplus_segments_stay_visible() {
    for path in ["/api/1.1/tags/", "/api/1.1/", "/api/1.1/tags/a/", "/api/1.1/tags//a", "/api/1.3//lookup"] {
        check(path, &expect!["404"]);
    }
}

#[test]
fn words_of_a_table_are_no_tenants_of_it() {
    check("/api/1.3/acme/lookup", &expect!["Lookup V1_3 of acme"]);
    check("/api/1.3/export/lookup", &expect!["Lookup V1_3 of export"]);
    check("/api/1.3/tags/lookup", &expect!["GetTag V1_3 of General {tag}=lookup"]);
    check("/api/1.3/suppliers/suppliers/a", &expect!["404"]);
    check("/api/1.3/{tenant}/lookup", &expect!["Lookup V1_3 of {tenant}"]);
}

#[test]
fn another_api_has_paths_of_its_own() {
    check("/v1/export", &expect!["Export V1_3 of General"]);
    check(
        "/v1/acme/suppliers/Feed/indicators/192.0.2.0%2F24",
        &expect!["GetIndicator V1_3 of acme {supplier}=Feed {indicator}=192.0.2.0/24"],
    );
    check("/v1/export/suppliers/Feed/indicators/a", &expect!["404"]);
}
