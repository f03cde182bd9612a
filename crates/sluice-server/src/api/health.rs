//! Liveness and readiness: a status, no credentials, nothing to read.

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
};

use crate::{
    http::{
        answer,
        problem::{Cause, Problem, Sentence},
    },
    life::state::State,
};

/// Answers `/healthz` and `/readyz`; `None` for any other path.
pub(crate) fn answer(state: &State, method: &Method, raw_path: &str) -> Option<HttpResponse> {
    let status = match raw_path {
        "/healthz" => StatusCode::OK,
        "/readyz" => state.for_writing().map_or_else(|cause| cause.status(), |_ingestor| StatusCode::OK),
        _ => return None,
    };
    if *method != Method::GET && *method != Method::HEAD {
        let cause = Cause::MethodNotAllowed { allow: "GET, HEAD".to_owned() };
        return Some(answer::problem(&Problem::new(Sentence::Generic, cause)));
    }
    Some(answer::of_text(status, "[]"))
}
