//! The table of the contract, version by version.

use std::fmt::Write as _;

use actix_web::http::Method;
use expect_test::{Expect, expect};

use super::ROUTES;
use crate::{
    api::route::{Found, Shape, find},
    http::problem::Cause,
};

fn name(found: &Found<'_>) -> String {
    for (_, pattern) in found.route.paths {
        for parameter in ["{supplier}", "{tag}"] {
            if pattern.contains(parameter) {
                return found.parameter(parameter).unwrap_or_else(|| "undecodable".to_owned());
            }
        }
    }
    String::new()
}

fn seen(method: &Method, path: &str) -> String {
    match find(&[&ROUTES], method, path) {
        Ok(found) => {
            let tenant = found.tenant().unwrap_or_else(|_| "undecodable".to_owned());
            format!("{} {tenant:?} {:?}", found.route.name, name(&found))
        }
        Err(problem) => match problem.cause {
            Cause::MethodNotAllowed { allow } => format!("405 {allow}"),
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

#[test]
fn the_documented_sentences() {
    let documented = [
        ("ListSuppliers", "An error occurred while getting a list of suppliers"),
        ("CreateSupplier", "An error occurred while creating supplier"),
        ("GetSupplier", "An error occurred while getting supplier"),
        ("UpdateSupplier", "An error occurred while updating supplier"),
        ("RemoveSupplier", "An error occurred while removing the supplier"),
        ("AddIndicators", "An error occurred while adding indicators to the database"),
        ("DeleteIndicators", "An error occurred while deleting indicators from the database"),
        ("ListTags", "An error occurred while getting tags list"),
        ("CreateTag", "An error occurred while creating tag"),
        ("GetTag", "An error occurred while getting tag"),
        ("UpdateTag", "An error occurred while updating tag"),
        ("RemoveTag", "An error occurred while removing tag"),
        ("Lookup", "An error occurred while searching indicators"),
    ];
    assert_eq!(documented.len(), ROUTES.len());
    for (name, sentence) in documented {
        let route = ROUTES.iter().find(|route| route.name == name).unwrap();
        assert_eq!(route.sentence, sentence);
    }
}

#[test]
fn a_row_says_what_a_document_of_the_api_needs() {
    let mut seen = String::new();
    for route in &ROUTES {
        for (since, path) in route.paths {
            let (method, action, limit) = (&route.method, route.action, route.body_bytes_max >> 20);
            writeln!(seen, "{method} {path} since {since:?}: {}, {action:?}, {limit} MiB", route.name)
                .unwrap();
        }
        let has_body =
            [Method::POST, Method::PUT].contains(&route.method) || matches!(&route.shape, Shape::Stream(_));
        assert_eq!(0 < route.body_bytes_max, has_body, "{}", route.name);
    }
    expect![[r#"
        POST /api/{version}/lookup since V1_0: Lookup, Lookup, 64 MiB
        POST /api/{version}/{tenant}/lookup since V1_3: Lookup, Lookup, 64 MiB
        GET /api/{version}/suppliers since V1_0: ListSuppliers, Read, 0 MiB
        POST /api/{version}/suppliers since V1_0: CreateSupplier, ManageSuppliers, 128 MiB
        GET /api/{version}/suppliers/{supplier} since V1_0: GetSupplier, Read, 0 MiB
        GET /api/{version}/{tenant}/suppliers/{supplier} since V1_3: GetSupplier, Read, 0 MiB
        PUT /api/{version}/suppliers/{supplier} since V1_0: UpdateSupplier, ChangeSupplier, 128 MiB
        PUT /api/{version}/{tenant}/suppliers/{supplier} since V1_3: UpdateSupplier, ChangeSupplier, 128 MiB
        DELETE /api/{version}/suppliers/{supplier} since V1_0: RemoveSupplier, ManageSuppliers, 0 MiB
        PUT /api/{version}/suppliers/{supplier}/indicators since V1_0: AddIndicators, ChangeIndicators, 128 MiB
        PUT /api/{version}/{tenant}/suppliers/{supplier}/indicators since V1_3: AddIndicators, ChangeIndicators, 128 MiB
        DELETE /api/{version}/suppliers/{supplier}/indicators since V1_0: DeleteIndicators, ChangeIndicators, 64 MiB
        DELETE /api/{version}/{tenant}/suppliers/{supplier}/indicators since V1_3: DeleteIndicators, ChangeIndicators, 64 MiB
        GET /api/{version}/tags since V1_1: ListTags, Read, 0 MiB
        POST /api/{version}/tags since V1_1: CreateTag, ManageTags, 128 MiB
        GET /api/{version}/tags/{tag} since V1_1: GetTag, Read, 0 MiB
        PUT /api/{version}/tags/{tag} since V1_1: UpdateTag, ManageTags, 128 MiB
        DELETE /api/{version}/tags/{tag} since V1_1: RemoveTag, ManageTags, 0 MiB
    "#]].assert_eq(&seen);
}
