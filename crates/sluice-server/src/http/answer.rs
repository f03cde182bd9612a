//! Answers on the wire: JSON arrays with their exact length.
//!
//! In: a status with JSON text, or a [`Problem`]. Out: a response. The last one of a connection says so: the request
//! asked for that, or its body has not been read to its end. The payload stays with the response until that is sent, so
//! that actix-web does not drain it for as long as its sender likes.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody, SizedStream},
    dev::Payload,
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderValue},
    },
};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    connection::progress::RequestProgress,
    problem::{Cause, Problem, STOPPING_RETRY_SECONDS},
};

/// `[{"status":...}]`.
#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
pub(crate) struct StatusView<'text> {
    /// A sentence.
    status: &'text str,
    /// Of an error alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    reason: Option<&'text str>,
}

/// Answers with JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<HttpResponse, Cause> {
    match serde_json::to_vec(value) {
        Ok(text) => Ok(of_text(status, text)),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            Err(Cause::Internal)
        }
    }
}

/// Answers with one sentence.
pub(crate) fn sentence(status: StatusCode, text: &str) -> Result<HttpResponse, Cause> {
    json(status, &[StatusView { status: text, reason: None }])
}

/// Answers with JSON text that is there already.
pub(crate) fn of_text(status: StatusCode, text: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::build(status).insert_header(JSON).body(text.into())
}

/// Answers with JSON text in pieces of a known total length.
pub(crate) fn of_pieces(
    status: StatusCode,
    bytes: u64,
    pieces: impl Iterator<Item = Bytes> + 'static,
) -> HttpResponse {
    let pieces = stream::iter(pieces.map(Ok::<Bytes, Infallible>));
    HttpResponse::build(status).insert_header(JSON).body(SizedStream::new(bytes, pieces))
}

const JSON: (header::HeaderName, HeaderValue) =
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));

/// Answers with a problem.
pub(crate) fn problem(problem: &Problem) -> HttpResponse {
    let cause = &problem.cause;
    let view = [StatusView { status: problem.sentence, reason: Some(&cause.reason()) }];
    let mut response = match json(cause.status(), &view) {
        Ok(response) => response,
        // Two strings always serialize; if not, the status must do.
        Err(_logged) => HttpResponse::new(cause.status()),
    };
    add_headers(&mut response, cause);
    if *cause == Cause::Starting {
        response.head_mut().reason = Some("Too Early");
    }
    response
}

/// Adds the headers that belong to a cause, whatever form its answer has.
pub(crate) fn add_headers(response: &mut HttpResponse, cause: &Cause) {
    let is_unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    let seconds = match cause {
        // In the CyberTrace API it is 500, which nobody waits after.
        Cause::Stopping => is_unavailable.then_some(STOPPING_RETRY_SECONDS),
        cause => cause.retry_after_seconds(),
    };
    if let Some(seconds) = seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match cause {
        Cause::Unauthorized => {
            let challenge = HeaderValue::from_static("Basic realm=\"Sluice\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        Cause::Unsatisfiable { bytes } => {
            if let Ok(bytes) = HeaderValue::from_str(&format!("bytes */{bytes}")) {
                headers.insert(header::CONTENT_RANGE, bytes);
            }
        }
        Cause::MethodNotAllowed { allow } => {
            if let Ok(allow) = HeaderValue::from_str(allow) {
                headers.insert(header::ALLOW, allow);
            }
        }
        _ => {}
    }
}

/// Keeps the request's payload with the response, which says whether it is the last one, and tells the connection when it
/// is sent.
pub(crate) fn with_payload(
    mut response: HttpResponse,
    mut payload: Payload,
    progress: Option<Rc<RequestProgress>>,
) -> HttpResponse {
    if let Some(progress) = &progress
        && progress.answer(is_read(&mut payload))
    {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response.map_body(|_head, inner| BoxBody::new(AnswerBody { inner, _payload: payload, progress }))
}

/// Returns true if all of a body has arrived. What has arrived is thrown away.
fn is_read(payload: &mut Payload) -> bool {
    loop {
        match payload.next().now_or_never() {
            Some(Some(Ok(_thrown_away))) => {}
            Some(None) => return true,
            Some(Some(Err(_))) | None => return false,
        }
    }
}

/// The body of an answer, with what is left of the body of its request.
struct AnswerBody {
    inner: BoxBody,
    _payload: Payload,
    progress: Option<Rc<RequestProgress>>,
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            progress.end();
        }
    }
}

impl MessageBody for AnswerBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.inner).poll_next(context)
    }
}
