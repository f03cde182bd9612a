//! Failures as details of RFC 9457, each of a type with a name and a page.
//!
//! In: a [`Problem`], and the id of the request. Out: an answer of `application/problem+json`. Statuses are those of
//! [`Cause`], but for what HTTP has better ones for where no contract says otherwise.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde_json::{Map, Value};

use super::{
    answer,
    problem::{AccountFault, BatchConflict, Cause, Problem, Unprocessable},
    request_id::RequestId,
};

#[cfg(test)]
mod tests;

/// A type of problem: its name, its title, and what its page says.
pub(crate) struct ProblemType {
    /// The last segment of its path.
    pub(crate) name: &'static str,
    /// The same for all problems of the type.
    pub(crate) title: &'static str,
    /// What it means and what to do.
    pub(crate) page: &'static str,
}

/// Where the pages are.
pub(crate) const PAGES: &str = "/problems/";

impl ProblemType {
    /// The status that its page begins with.
    pub(crate) fn status(&self) -> u16 {
        self.page.split('.').next().and_then(|status| status.parse().ok()).unwrap_or(500)
    }
}

/// All types.
#[rustfmt::skip]
pub(crate) static TYPES: [ProblemType; 30] = [
    ProblemType { name: "bad-request", title: "The request or its body is malformed",
        page: "400. The body, its encoding or its framing is broken, or the head is too long. `byte` is the \
               place in the decoded body, and `line` the line, element or row of a document there, if they are known; of an array `pointer` is its element. Rows up to `committed_lines` are stored; mend the body and send it again, as \
               a whole or with `?from_line=` after that line." },
    ProblemType { name: "unauthorized", title: "Valid credentials are required",
        page: "401. Send HTTP Basic credentials, or a token as `Authorization: Bearer`." },
    ProblemType { name: "forbidden", title: "The credentials do not give this right",
        page: "403. Indicators are changed by administrators, and by tenant managers in their tenants. Users and tokens are managed by \
               administrators. `missing_tags=create` needs the right to \
               make tags, which administrators have." },
    ProblemType { name: "not-found", title: "There is no such thing",
        page: "404. The path, the tenant, the supplier, the batch, the list or its format does not exist. Suppliers are made with POST /api/1.3/suppliers. Batches \
               are kept for a configured time and up to a configured size; each belongs to a tenant." },
    ProblemType { name: "method-not-allowed", title: "The path has other methods",
        page: "405. The header `Allow` has them." },
    ProblemType { name: "not-acceptable", title: "Answers are JSON",
        page: "406. The `Accept` of the request takes no application/json. Imports are answered with lines of progress to who takes \
               application/x-ndjson and no application/json; refused rows are application/x-ndjson. Of a list, the format cannot say what \
               is on it: `detail` says why." },
    ProblemType { name: "body-too-slow", title: "The body did not arrive",
        page: "408. Nothing of the body came for as long as `http.import_stall` of the configuration allows; or, of other bodies than those \
               of imports, it came more slowly than `http.body_stall`, `http.body_rate_min` and `http.body_deadline` do. Rows up to \
               `committed_lines` are stored. Send the body again, as a whole or with `?from_line=` after that line." },
    ProblemType { name: "batch-running", title: "A batch with this id is running",
        page: "409. The `Idempotency-Key` is that of an import whose body is being read. Wait for its end: GET /v1/batches/{id}." },
    ProblemType { name: "batch-other", title: "The id is that of another batch",
        page: "409. The `Idempotency-Key` was sent with another supplier or with other parameters. Each import has a key of its own." },
    ProblemType { name: "batch-ended", title: "The batch has ended",
        page: "409. Only a running batch is cancelled. A batch that has ended is kept for the configured time." },
    ProblemType { name: "batch-cancelled", title: "The batch was cancelled",
        page: "409. Somebody has cancelled the import with DELETE /v1/batches/{id} while its body was read. Rows up to `committed_lines` are \
               stored." },
    ProblemType { name: "history-gone", title: "The changes since then are not kept any more",
        page: "410. The cursor is older than the history of changes (`history` in the configuration, 7 days), of another data directory or a restored one, or the clock \
               of the service was set back. Export again (GET /v1/indicators), and go on with the cursor of that." },
    ProblemType { name: "too-large", title: "An element is too long",
        page: "413. The body, or what the memory of the service would have to hold of it, is longer than may be: `detail` has the limit. Imports have none: \
               of them, a row over 4 MiB is refused alone, with the reason `too-long`. But a packed body over 256 MiB is given up once it \
               has unpacked to 500 times what was sent; rows up to `committed_lines` are stored." },
    ProblemType { name: "unsupported-media-type", title: "The body is of a type that is not taken",
        page: "415. Bodies are application/x-ndjson, application/json, application/stix+json, text/csv or text/plain, encoded as gzip or zstd or not at all. \
               Without `Content-Type` the format is told by the body." },
    ProblemType { name: "unknown-parameter", title: "There is no such parameter",
        page: "422. Parameters are never passed over. Parameters of POST and DELETE /v1/suppliers/{supplier}/indicators: format, \
               refang, column, only_to_ids, domain_ips, from_line, mode, plan, max_shrink, skip_allowed, missing_tags. Of GET /v1/batches: supplier, limit, after. Of GET /v1/lookup: value. \
               Of GET of indicators: supplier, tag, kind, min_confidence, updated_after, limit, after, format. \
               Of GET /v1/changes: supplier, tag, kind, min_confidence, updated_after, limit, after, wait. Of lists that are fetched: token." },
    ProblemType { name: "invalid-parameter", title: "A parameter has a value that it cannot have",
        page: "422. `detail` says which one, and what it may be." },
    ProblemType { name: "no-usable-row", title: "Not one row could be read",
        page: "422. The body is empty, or is not of the format it was taken for: name it with `?format=`. `rejects` has the first rows \
               and what is wrong with them; `line`, `byte`, `reason` and `hint` are those of the first one, and of an array `pointer`." },
    ProblemType { name: "shrink-guard", title: "The replacement would remove too much",
        page: "422. Nothing was stored. `removed` is more than `max_shrink` per cent (50 if it is not given) of what the supplier holds: \
               `changed`, `unchanged` and `removed` together. If the feed is right, send it again with a higher `?max_shrink=`." },
    ProblemType { name: "invalid-list", title: "A list cannot be like this",
        page: "422. `detail` says which member of the definition is wrong, or which supplier or tag there is not. Members: kinds, suppliers, tags,                min_confidence, max_entries, order, aggregate, allow, refresh_seconds, public, formats." },
    ProblemType { name: "range-not-satisfiable", title: "No byte is in the range",
        page: "416. The list is shorter than where the range begins: it was built anew. Fetch it as a whole, or send `If-Range`." },
    ProblemType { name: "list-not-built", title: "The list was not built yet",
        page: "503. The list is fetched in this format for the first time, and is being built, or cannot be: `detail` says why. Keep the list that \
               you have, and fetch again after as many seconds as `Retry-After` says." },
    ProblemType { name: "invalid-account", title: "A user or token cannot be like this",
        page: "422. `detail` says what is wrong: names have 1 to 128 bytes and no colon, passwords 1 to 1,024 bytes, a tenant manager holds a \
               tenant or more." },
    ProblemType { name: "account-exists", title: "The name is taken",
        page: "409. There is a user or token of this name. Nothing has changed." },
    ProblemType { name: "last-administrator", title: "The last administrator stays",
        page: "409. Nobody would be left who may manage users and tokens. Add another administrator first." },
    ProblemType { name: "too-many-attempts", title: "Too many failed attempts to log in",
        page: "429. Wait as many seconds as `Retry-After` says." },
    ProblemType { name: "busy", title: "The service is busy",
        page: "429. Nothing of the body was stored. Send it again after as many seconds as `Retry-After` says." },
    ProblemType { name: "interrupted", title: "The service cannot take more of the body now",
        page: "503. Rows up to `committed_lines` are stored. After as many seconds as `Retry-After` says, send the body again, as a whole \
               or with `?from_line=` after that line." },
    ProblemType { name: "not-ready", title: "The service is starting or stopping",
        page: "503. Send the request again after as many seconds as `Retry-After` says." },
    ProblemType { name: "disk-full", title: "The disk is full or below its reserve",
        page: "507. Rows up to `committed_lines` are stored, nothing else. Make room on the disk of the service, then send the body again." },
    ProblemType { name: "internal", title: "Internal error",
        page: "500. The log of the service has more under the id that `instance` tells. Rows up to `committed_lines` are stored." },
];

/// The type of this name.
pub(crate) fn of_name(name: &str) -> Option<&'static ProblemType> {
    TYPES.iter().find(|known| known.name == name)
}

/// The name of the type of a cause.
pub(crate) fn name(cause: &Cause) -> &'static str {
    match cause {
        Cause::BadRequest(_) => "bad-request",
        Cause::BodyTooSlow(_) => "body-too-slow",
        Cause::Unauthorized => "unauthorized",
        Cause::Forbidden(_) => "forbidden",
        Cause::NotFound(_) => "not-found",
        Cause::Gone(_) => "history-gone",
        Cause::MethodNotAllowed { .. } => "method-not-allowed",
        Cause::NotAcceptable(_) => "not-acceptable",
        Cause::BodyTooLong(_) => "too-large",
        Cause::UnsupportedMedia(_) => "unsupported-media-type",
        Cause::Unprocessable(Unprocessable::UnknownParameter, _) => "unknown-parameter",
        Cause::Unprocessable(Unprocessable::InvalidParameter, _) => "invalid-parameter",
        Cause::Unprocessable(Unprocessable::NoRow, _) => "no-usable-row",
        Cause::Unprocessable(Unprocessable::ShrinkGuard, _) => "shrink-guard",
        Cause::BatchConflict(BatchConflict::Running, _) => "batch-running",
        Cause::BatchConflict(BatchConflict::Other, _) => "batch-other",
        Cause::BatchConflict(BatchConflict::Ended, _) => "batch-ended",
        Cause::BatchConflict(BatchConflict::Cancelled, _) => "batch-cancelled",
        Cause::Unprocessable(Unprocessable::InvalidList, _) => "invalid-list",
        Cause::Unsatisfiable { .. } => "range-not-satisfiable",
        Cause::ListNotBuilt(_) => "list-not-built",
        Cause::Account(AccountFault::Invalid, _) => "invalid-account",
        Cause::Account(AccountFault::Exists, _) => "account-exists",
        Cause::Account(AccountFault::LastAdministrator, _) => "last-administrator",
        Cause::TooManyAttempts { .. } => "too-many-attempts",
        Cause::Busy { .. } | Cause::OutOfTime => "busy",
        Cause::Interrupted { .. } => "interrupted",
        Cause::Starting | Cause::Stopping => "not-ready",
        Cause::DiskFull => "disk-full",
        Cause::StoreFailed | Cause::Unreadable(_) | Cause::Internal => "internal",
    }
}

/// The status of a cause.
pub(crate) fn status(cause: &Cause) -> StatusCode {
    match cause {
        Cause::Starting | Cause::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        Cause::BodyTooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Cause::BodyTooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        cause => cause.status(),
    }
}

/// Answers with the details of a problem.
pub(crate) fn answer(problem: &Problem, id: &RequestId) -> HttpResponse {
    let mut response = HttpResponse::build(status(&problem.cause))
        .insert_header((header::CONTENT_TYPE, "application/problem+json"))
        .body(text(problem, id));
    answer::add_headers(&mut response, &problem.cause);
    response
}

/// The details of a problem, on one line.
pub(crate) fn text(problem: &Problem, id: &RequestId) -> String {
    let (cause, name) = (&problem.cause, name(&problem.cause));
    let status = status(cause);
    let mut details = Map::new();
    let mut add = |member: &str, value: Value| drop(details.insert(member.to_owned(), value));
    add("type", format!("{PAGES}{name}").into());
    add("title", of_name(name).map_or("", |known| known.title).into());
    add("status", status.as_u16().into());
    // How much of a body was processed, its members say.
    let detail = match cause {
        Cause::DiskFull => "The disk is full or below its reserve".into(),
        cause => cause.reason(),
    };
    add("detail", detail.into());
    add("instance", id.as_str().into());
    for (member, value) in &problem.members {
        add(member, value.clone());
    }
    Value::Object(details).to_string()
}
