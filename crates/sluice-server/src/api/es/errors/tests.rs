//! Statuses and types of failures.

use std::fmt::Write as _;

use actix_web::body::to_bytes;
use expect_test::expect;

use super::answer;
use crate::http::problem::{Cause, FORBIDDEN, Problem};

#[actix_web::test]
async fn each_failure_has_a_type_that_clients_know() {
    let mut seen = String::new();
    for cause in [
        Cause::bad_request("expected an action"),
        Cause::Unauthorized,
        Cause::Forbidden(FORBIDDEN),
        Cause::NotFound("x".into()),
        Cause::MethodNotAllowed { allow: "GET".to_owned() },
        Cause::UnsupportedMedia("x"),
        Cause::BodyTooLong("x".into()),
        Cause::Starting,
        Cause::Stopping,
        Cause::Busy { retry_after_seconds: 3 },
        Cause::Interrupted { retry_after_seconds: 3 },
        Cause::OutOfTime,
        Cause::TooManyAttempts { retry_after_seconds: 3 },
        Cause::DiskFull,
        Cause::Internal,
    ] {
        let response = answer(&Problem::new("", cause));
        let retry =
            response.headers().get("retry-after").map_or("-", |value| value.to_str().unwrap()).to_owned();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        writeln!(seen, "{status} {retry} {}", String::from_utf8_lossy(&body)).unwrap();
    }
    expect![[r#"
        400 - {"error":{"type":"illegal_argument_exception","reason":"expected an action"},"status":400}
        401 - {"error":{"type":"security_exception","reason":"Valid credentials are required"},"status":401}
        403 - {"error":{"type":"security_exception","reason":"The user has no right to this operation"},"status":403}
        404 - {"error":{"type":"resource_not_found_exception","reason":"x"},"status":404}
        405 - {"error":{"type":"illegal_argument_exception","reason":"The method is not allowed for this request"},"status":405}
        415 - {"error":{"type":"media_type_header_exception","reason":"x"},"status":415}
        413 - {"error":{"type":"illegal_argument_exception","reason":"x"},"status":413}
        503 1 {"error":{"type":"cluster_block_exception","reason":"The service is initializing"},"status":503}
        503 5 {"error":{"type":"cluster_block_exception","reason":"The service is stopping"},"status":503}
        429 3 {"error":{"type":"circuit_breaking_exception","reason":"The service cannot take the request now; nothing of it was processed"},"status":429}
        503 3 {"error":{"type":"circuit_breaking_exception","reason":"The service cannot take more of the body now; what was committed stays"},"status":503}
        429 5 {"error":{"type":"circuit_breaking_exception","reason":"The service is stopping before the body can arrive; nothing of it was processed"},"status":429}
        429 3 {"error":{"type":"security_exception","reason":"Too many failed attempts to log in"},"status":429}
        507 10 {"error":{"type":"circuit_breaking_exception","reason":"The disk is full or below its reserve; nothing was processed"},"status":507}
        500 - {"error":{"type":"exception","reason":"Internal error"},"status":500}
    "#]].assert_eq(&seen);
}
