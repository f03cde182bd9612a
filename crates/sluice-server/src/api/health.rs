//! Liveness and readiness: a status, no credentials, nothing to read. A daemon that stops is alive, but not ready.

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
};

use crate::{
    http::answer,
    http::problem::{Cause, GENERIC_SENTENCE, Problem},
    life::state::State,
};

/// Answers `/healthz` and `/readyz`; `None` for any other path.
pub(crate) fn answer(state: &State, method: &Method, raw_path: &str) -> Option<HttpResponse> {
    let status = match raw_path {
        "/healthz" => StatusCode::OK,
        "/readyz" if state.stopping.has_begun() => StatusCode::SERVICE_UNAVAILABLE,
        "/readyz" => match state.for_writing() {
            Ok(_) => StatusCode::OK,
            Err(cause) => cause.status(),
        },
        _ => return None,
    };
    if *method != Method::GET && *method != Method::HEAD {
        let cause = Cause::MethodNotAllowed { allow: "GET, HEAD".to_owned() };
        return Some(answer::problem(&Problem::new(GENERIC_SENTENCE, cause)));
    }
    Some(answer::of_text(status, "[]"))
}
