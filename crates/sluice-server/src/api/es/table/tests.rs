//! The paths of bulk requests, and what is none.

use actix_web::http::Method;

use super::ROUTES;
use crate::{
    api::{es, route::find},
    http::problem::Cause,
};

#[track_caller]
fn check(method: &Method, path: &str, want: &str) {
    let seen = match find(&[&ROUTES], method, path) {
        Ok(found) => format!("{} {:?}", found.route.name, found.parameter("{index}")),
        Err(problem) => match problem.cause {
            Cause::MethodNotAllowed { allow } => format!("405 {allow}"),
            cause => cause.status().as_u16().to_string(),
        },
    };
    assert_eq!(seen, want, "{path}");
}

#[test]
fn bulk_with_and_without_an_index() {
    check(&Method::POST, "/es/_bulk", "Bulk None");
    check(&Method::PUT, "/es/_bulk", "BulkByPut None");
    check(&Method::POST, "/es/a%2fb/_bulk", "Bulk Some(\"a/b\")");
    check(&Method::GET, "/es/feed/_bulk", "405 POST, PUT");
    check(&Method::POST, "/es//_bulk", "404");
    check(&Method::POST, "/es/_bulk/", "404");
}

#[test]
fn everything_else_below_the_root_is_a_handshake() {
    for path in ["/es", "/es/", "/es/_license", "/es/feed", "/es/feed/_bulk/x", "/es/_bulk/", "/es//_bulk"] {
        assert!(es::is_path(path) && es::is_handshake(path), "{path}");
    }
    for path in ["/es/_bulk", "/es/feed/_bulk", "/es/_all/_bulk"] {
        assert!(es::is_path(path) && !es::is_handshake(path), "{path}");
    }
    for path in ["/", "/essay", "/v1/es/", "/ES/"] {
        assert!(!es::is_path(path) && !es::is_handshake(path), "{path}");
    }
}
