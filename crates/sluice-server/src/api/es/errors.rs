//! Failures in the form of Elasticsearch.
//!
//! In: a [`Problem`], or a status with a type and a reason. Out: `{"error":{"type":...,"reason":...},"status":...}`. Statuses
//! are those of `/v1`.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;

use crate::http::{
    answer,
    problem::{Cause, Problem},
    problem_details,
};

#[derive(Serialize)]
struct ErrorView<'text> {
    error: CauseView<'text>,
    status: u16,
}

#[derive(Serialize)]
struct CauseView<'text> {
    #[serde(rename = "type")]
    error_type: &'text str,
    reason: &'text str,
}

/// Answers with a problem.
pub(crate) fn answer(problem: &Problem) -> HttpResponse {
    let cause = &problem.cause;
    let mut response = of(problem_details::status(cause), error_type(cause), &cause.reason());
    answer::add_headers(&mut response, cause);
    response
}

/// Answers with an error that is no problem of ours.
pub(super) fn of(status: StatusCode, error_type: &str, reason: &str) -> HttpResponse {
    let view = ErrorView { error: CauseView { error_type, reason }, status: status.as_u16() };
    match answer::json(status, &view) {
        Ok(response) => response,
        // Two strings always serialize; if not, the status must do.
        Err(_logged) => HttpResponse::new(status),
    }
}

fn error_type(cause: &Cause) -> &'static str {
    match cause {
        Cause::Unauthorized | Cause::Forbidden(_) | Cause::TooManyAttempts { .. } => "security_exception",
        Cause::NotFound(_) => "resource_not_found_exception",
        Cause::Busy { .. } | Cause::Interrupted { .. } | Cause::OutOfTime | Cause::DiskFull => {
            "circuit_breaking_exception"
        }
        Cause::Starting | Cause::Stopping => "cluster_block_exception",
        Cause::StoreFailed | Cause::Unreadable(_) | Cause::Internal => "exception",
        Cause::UnsupportedMedia(_) | Cause::NotAcceptable(_) => "media_type_header_exception",
        _ => "illegal_argument_exception",
    }
}

#[cfg(test)]
mod tests;
