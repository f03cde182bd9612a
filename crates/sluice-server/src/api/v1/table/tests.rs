//! The paths of the interface, and what is none of them.

use actix_web::http::Method;

use super::ROUTES;
use crate::{api::route::find, http::problem::Cause};

#[track_caller]
fn check(method: &Method, path: &str, want: &str) {
    let seen = match find(&[&ROUTES], method, path) {
        Ok(found) => {
            format!("{} {} {:?}", found.route.name, found.tenant().unwrap(), found.parameter("{supplier}"))
        }
        Err(problem) => match problem.cause {
            Cause::MethodNotAllowed { allow } => format!("405 {allow}"),
            cause => cause.status().as_u16().to_string(),
        },
    };
    assert_eq!(seen, want, "{path}");
}

#[test]
fn indicators_of_suppliers_in_any_tenant() {
    let path = "/v1/suppliers/Feed/indicators";
    check(&Method::POST, path, "ImportIndicators General Some(\"Feed\")");
    check(&Method::DELETE, path, "ImportDeletions General Some(\"Feed\")");
    check(&Method::GET, path, "ExportSupplier General Some(\"Feed\")");
    check(&Method::PUT, path, "405 POST, DELETE, GET");
    let path = "/v1/tenants/acme/suppliers/a%2Fb/indicators";
    check(&Method::POST, path, "ImportIndicators acme Some(\"a/b\")");
    // A tenant may have any name, and so may a supplier.
    check(
        &Method::POST,
        "/v1/tenants/suppliers/suppliers/tenants/indicators",
        "ImportIndicators suppliers Some(\"tenants\")",
    );
}

#[test]
fn batches_of_any_tenant() {
    check(&Method::GET, "/v1/batches", "ListBatches General None");
    check(&Method::GET, "/v1/tenants/acme/batches/1", "ShowBatch acme None");
    check(&Method::GET, "/v1/batches/1/rejects", "ShowRejects General None");
    check(&Method::DELETE, "/v1/tenants/acme/batches/1", "CancelBatch acme None");
    check(&Method::POST, "/v1/batches", "405 GET");
    check(&Method::PUT, "/v1/batches/1", "405 GET, DELETE");
    check(&Method::DELETE, "/v1/batches/1/rejects", "405 GET");
}

#[test]
fn lookups_in_any_tenant() {
    check(&Method::GET, "/v1/lookup", "LookUpValues General None");
    check(&Method::POST, "/v1/lookup", "LookUpRows General None");
    check(&Method::POST, "/v1/tenants/acme/lookup", "LookUpRows acme None");
    check(&Method::DELETE, "/v1/tenants/acme/lookup", "405 GET, POST");
}

#[test]
fn users_and_tokens_belong_to_no_tenant() {
    check(&Method::GET, "/v1/users", "ListUsers General None");
    check(&Method::POST, "/v1/users", "AddUser General None");
    check(&Method::DELETE, "/v1/users/a%2Fb", "RemoveUser General None");
    check(&Method::PUT, "/v1/users/ann/password", "SetPassword General None");
    check(&Method::GET, "/v1/users/ann", "405 DELETE");
    check(&Method::GET, "/v1/users/ann/password", "405 PUT");
    check(&Method::GET, "/v1/tokens", "ListTokens General None");
    check(&Method::POST, "/v1/tokens", "CreateToken General None");
    check(&Method::DELETE, "/v1/tokens/feed", "RevokeToken General None");
    check(&Method::GET, "/v1/tenants/acme/users", "404");
}

#[test]
fn what_is_not_built_is_not_found() {
    for path in [
        "/v1",
        "/v1/",
        "/v1/suppliers",
        "/v1/suppliers/Feed",
        "/v1/suppliers/Feed/indicators/",
        "/v1/batches/",
        "/v1/batches/1/rejects/",
        "/v1/lookup/",
        "/v1/tenants/acme/suppliers",
    ] {
        check(&Method::POST, path, "404");
    }
}
