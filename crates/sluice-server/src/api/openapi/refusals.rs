//! The errors of all requests, as the document has them: each once, by API and status.
//!
//! In: the row of a request. Out: which statuses it may fail with. They follow the order of the gate, so that a status is
//! where something behind it can happen, and nowhere else. Types of problems are those of their table.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde_json::Value;
use utoipa::openapi::{
    AllOfBuilder, ComponentsBuilder, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
    header::HeaderBuilder,
};

use super::forms::{JSON, answer, integer, one, refers, text, word};
use crate::{
    api::{
        request::{AccountsShape, BatchesShape, ListsShape},
        route::{Route, Shape},
        v1,
    },
    http::problem_details::{self, PAGES},
};

/// Media type of the details of a problem.
const PROBLEM: &str = "application/problem+json";

/// Statuses of errors of `/api`, and what each means.
const API: [(u16, &str); 10] = [
    (400, "The request or its body has an incorrect format, or is too long."),
    (401, "No valid credentials."),
    (403, "The credentials do not give this right, or the supplier is built in."),
    (404, "There is no such version, tenant, supplier or tag."),
    (405, "The path has other methods: `Allow` names them."),
    (406, "The client takes no JSON, or sends something else, or in an unknown encoding."),
    (425, "The service is initializing."),
    (429, "Too many failed attempts to log in, or no room for the request now; nothing of it was processed."),
    (500, "Something of the service failed, or it is stopping."),
    (507, "The disk is full or below its reserve; nothing was processed."),
];

/// The errors that a request may be answered with, each with its answer.
pub(super) fn of(route: &Route, path: &str) -> BTreeMap<String, RefOr<Response>> {
    let is_v1 = v1::is_path(path);
    let statuses = if is_v1 { of_v1(route) } else { of_api(route, path) };
    let named =
        |status: u16| (status.to_string(), Ref::from_response_name(response_name(is_v1, status)).into());
    statuses.into_iter().map(named).collect()
}

fn of_api(route: &Route, path: &str) -> Vec<u16> {
    let mut statuses = vec![400, 401, 403, 404, 406, 425, 429, 500];
    // A tenant of the name of a collection is none: `/api/1.3/suppliers/lookup` is a supplier.
    if path.contains("{tenant}") {
        statuses.push(405);
    }
    if route.writes() {
        statuses.push(507);
    }
    statuses
}

fn of_v1(route: &Route) -> Vec<u16> {
    let mut statuses = vec![400, 401, 403, 404, 406, 422, 429, 500, 503];
    if route.body_bytes_max != 0 {
        statuses.push(408);
    }
    if matches!(route.shape, Shape::Changes) {
        statuses.push(410);
    }
    if matches!(route.shape, Shape::Import(_)) {
        statuses.extend([409, 413, 415]);
    }
    if matches!(route.shape, Shape::Batches(BatchesShape::Cancel)) {
        statuses.push(409);
    }
    if matches!(route.shape, Shape::Accounts(_) | Shape::Lookup) && route.body_bytes_max != 0 {
        statuses.extend([413, 415]);
    }
    if let Shape::Lists(shape) = route.shape {
        match shape {
            ListsShape::Put => statuses.extend([413, 415]),
            ListsShape::Fetch => statuses.push(416),
            ListsShape::All | ListsShape::Show | ListsShape::Remove => {}
        }
    }
    if let Shape::Accounts(AccountsShape::AddUser | AccountsShape::RemoveUser | AccountsShape::CreateToken) =
        route.shape
    {
        statuses.push(409);
    }
    if route.writes() {
        statuses.push(507);
    }
    statuses
}

fn response_name(is_v1: bool, status: u16) -> String {
    if is_v1 { format!("Problem{status}") } else { format!("Error{status}") }
}

/// Adds all errors, their forms and their headers.
pub(super) fn add(mut components: ComponentsBuilder) -> ComponentsBuilder {
    for (name, header) in headers() {
        components = components.header(name, header);
    }
    for (status, meaning) in API {
        let error = ResponseBuilder::from(answer(meaning, JSON, one(refers("Error"))));
        components = components.response(response_name(false, status), with_headers(error, false, status));
    }
    let mut by_status: BTreeMap<u16, Vec<&problem_details::ProblemType>> = BTreeMap::new();
    for known in &problem_details::TYPES {
        by_status.entry(known.status()).or_default().push(known);
    }
    for (status, types) in by_status {
        let titles = types.iter().map(|known| format!("[{}]({PAGES}{})", known.title, known.name));
        let meaning = format!("{}.", titles.collect::<Vec<_>>().join("; "));
        let paths: Vec<String> = types.iter().map(|known| format!("{PAGES}{}", known.name)).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let of_status = ObjectBuilder::new()
            .property("type", word(&paths, "Path of the page of the type."))
            .property("status", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status])));
        let form = AllOfBuilder::new().item(refers("Problem")).item(of_status);
        let error = ResponseBuilder::from(answer(&meaning, PROBLEM, form));
        components = components.response(response_name(true, status), with_headers(error, true, status));
    }
    components.schema("Error", error()).schema("Problem", problem())
}

/// `[{"status":...,"reason":...}]`.
fn error() -> ObjectBuilder {
    ObjectBuilder::new()
        .description(Some("Why a request of `/api` failed."))
        .property("status", text("The sentence of the request.").min_length(Some(1)))
        .property("reason", text("The cause, in plain English.").min_length(Some(1)))
        .required("status")
        .required("reason")
}

/// Details of a problem, and what stands beside them where it applies.
fn problem() -> ObjectBuilder {
    let count = |description| integer(0, None, description);
    let types = problem_details::TYPES.iter().map(|known| format!("{PAGES}{}", known.name));
    let kind = text("Path of the page of the type.").enum_values(Some(types.map(Value::from)));
    ObjectBuilder::new()
        .description(Some("Why a request of `/v1` failed, as of RFC 9457."))
        .property("type", kind)
        .property("title", text("The same for all problems of the type."))
        .property("status", integer(400, Some(599), "The status of the answer."))
        .property("detail", text("The cause, in plain English.").min_length(Some(1)))
        .property("instance", text("Id of the request, which the log has too."))
        .property("batch", text("Id of the batch."))
        .property("batch_missing", text("Why the batch is not kept."))
        .property("line", count("Line, element or row of a document at which the body could not be read on, or the first that was refused of all."))
        .property("byte", count("Its place in the decoded body."))
        .property("pointer", text("The same of an array, as a JSON Pointer in the form of a fragment."))
        .property("reason", refers("Reason"))
        .property("hint", text("Why the first row was refused, where none could be read, in plain English."))
        .property("rows", count("Rows that were met."))
        .property("accepted", count("Rows that were taken."))
        .property("refused", count("Rows that were refused."))
        .property("allowed", count("Rows that the allow list kept out."))
        .property("committed_lines", count("Lines up to which everything is durable."))
        .property("added", count("Indicators that a replacement would have added."))
        .property("changed", count("Indicators that it would have changed."))
        .property("unchanged", count("Indicators that it would have left."))
        .property("removed", count("Indicators that it would have removed."))
        .property("rejects", super::forms::list_of(refers("Reject")))
        .property("rejects_url", text("Path of all refused rows."))
        .required("type")
        .required("title")
        .required("status")
        .required("detail")
        .required("instance")
}

/// Headers by the names that they have among the components.
fn headers() -> [(&'static str, Header); 4] {
    let header = |description, form: ObjectBuilder| {
        HeaderBuilder::new().description(Some(description)).schema(Some(form)).build()
    };
    [
        (
            "RequestId",
            header("Id of the request: what `X-Request-Id` brought, or one that was made.", text("")),
        ),
        ("RetryAfter", header("Seconds to wait.", integer(1, None, ""))),
        ("Allow", header("Methods of the path.", text(""))),
        ("Challenge", header("How to log in.", text(""))),
    ]
}

/// The headers that every answer has.
pub(super) fn add_headers(headers: &mut BTreeMap<String, RefOr<Header>>, is_v1: bool) {
    let mut add = |name: &str| {
        drop(headers.insert(name.to_owned(), RefOr::Ref(Ref::new("#/components/headers/RequestId"))));
    };
    add("X-Request-Id");
    if is_v1 {
        add("Sluice-Request-Id");
    }
}

fn with_headers(error: ResponseBuilder, is_v1: bool, status: u16) -> Response {
    let mut error = error.build();
    add_headers(&mut error.headers, is_v1);
    let more = match StatusCode::from_u16(status) {
        Ok(StatusCode::UNAUTHORIZED) => Some(("WWW-Authenticate", "Challenge")),
        Ok(StatusCode::METHOD_NOT_ALLOWED) => Some(("Allow", "Allow")),
        Ok(
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::INSUFFICIENT_STORAGE,
        ) => Some(("Retry-After", "RetryAfter")),
        Ok(status) if status.as_u16() == 425 => Some(("Retry-After", "RetryAfter")),
        _ => None,
    };
    if let Some((name, component)) = more {
        let refers = Ref::new(format!("#/components/headers/{component}"));
        error.headers.insert(name.to_owned(), RefOr::Ref(refers));
    }
    error
}
