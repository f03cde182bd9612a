//! How a request ends: its answer, and what the log and the metrics are told of it.
//!
//! In: the outcome of a request, and its record. Out: the answer. Of an answer of known length, all is known when it is made. One that
//! is given while it is made is told of when it has ended, or its client has given it up: with the status that its end
//! deserves, if that is another one than it began with.

use std::{
    rc::Rc,
    sync::{Arc, atomic::Ordering},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody as _},
    http::StatusCode,
};

use super::{es, v1};
use crate::{
    http::{
        answer,
        problem::{Cause, Problem},
        problem_details,
        record::RequestRecord,
        request_id::{SLUICE_REQUEST_ID, X_REQUEST_ID},
        streamed::StreamedBody,
    },
    life::state::State,
    metrics::requests::Answered,
};

/// Makes the answer of an outcome, gives it the id of the request, and tells of it.
pub(super) fn finish(
    state: &Arc<State>,
    record: &Rc<RequestRecord>,
    outcome: Result<HttpResponse, Problem>,
) -> HttpResponse {
    let (is_v1, is_es) = (v1::is_path(record.path()), es::is_path(record.path()));
    let (mut response, cause) = match outcome {
        Ok(response) => (response, None),
        Err(problem) if is_v1 => (problem_details::answer(&problem, &record.id), Some(problem.cause)),
        Err(problem) if is_es => (es::errors::answer(&problem), Some(problem.cause)),
        Err(problem) => (answer::problem(&problem), Some(problem.cause)),
    };
    response.headers_mut().insert(X_REQUEST_ID.clone(), record.id.to_header());
    if is_es {
        let (name, value) = es::PRODUCT;
        response.headers_mut().insert(name, value);
    }
    if is_v1 {
        response.headers_mut().insert(SLUICE_REQUEST_ID.clone(), record.id.to_header());
    }
    let status = response.status();
    match response.body().size() {
        BodySize::Stream => {
            let state = Arc::clone(state);
            record.tell_at_end(Box::new(move |record: &RequestRecord| {
                // All of them are of `/v1`.
                let failure = record.failure.get();
                tell(&state, record, failure.map_or(status, problem_details::status), failure);
            }));
            let record = Rc::clone(record);
            return response.map_body(|_head, body| BoxBody::new(StreamedBody::new(body, record)));
        }
        BodySize::Sized(bytes) => record.sent_bytes.set(bytes),
        BodySize::None => {}
    }
    record.is_answered.set(true);
    tell(state, record, status, cause.as_ref());
    response
}

/// Tells of a request that has ended.
fn tell(state: &State, record: &RequestRecord, status: StatusCode, cause: Option<&Cause>) {
    state.metrics.requests.answered(Answered {
        route: record.route_number.get(),
        method: record.method(),
        status,
        elapsed: record.elapsed(),
        waited: record.waited.get(),
        received_bytes: record.received_bytes.get(),
        sent_bytes: record.sent_bytes.get(),
    });
    if let Some(Cause::Unreadable(_)) = cause {
        state.metrics.damaged_reads.fetch_add(1, Ordering::Relaxed);
    }
    state.request_log.ended(record, status, cause);
}
