//! What clients ask of a cluster before they send anything, and what they set up in it.
//!
//! In: a request below `/es` that is no `_bulk`, by somebody who may read. Out: what the cluster would be, that a setting was
//! acknowledged, or that there are no searches. Nothing is kept of what is set up.

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};
use sluice_model::{TenantName, limits};

use super::{below, errors};
use crate::{
    api::identification,
    auth::role::Action,
    clock::now_seconds,
    http::{
        answer,
        body::BodyReader,
        problem::{Cause, FORBIDDEN},
        record::RequestRecord,
    },
    life::state::State,
};

#[cfg(test)]
mod tests;

/// The version that clients are told: they ask for nothing of it that is not here.
const VERSION: &str = "8.19.0";

const CLUSTER: &str = "sluice";

/// Parts of a path that begin a search, or read documents.
const SEARCHES: [&str; 15] = [
    "_search",
    "_msearch",
    "_async_search",
    "_count",
    "_mget",
    "_sql",
    "_esql",
    "_query",
    "_eql",
    "_pit",
    "_doc",
    "_source",
    "_explain",
    "_validate",
    "_delete_by_query",
];

/// Longest body of a setting that is read; of a longer one the connection ends.
const SETTING_BYTES_MAX: usize = limits::MIB;

/// Answers, after the body has been read and thrown away.
///
/// # Errors
///
/// Whatever a login comes to; [`Cause::Forbidden`], [`Cause::NotFound`] and [`Cause::MethodNotAllowed`].
pub(crate) async fn answer(
    state: &State,
    head: &RequestHead,
    payload: &mut Payload,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let identity = identification::identify(state, head, record).await?;
    if !identity.may(Action::Read, TenantName::GENERAL) {
        return Err(Cause::Forbidden(FORBIDDEN));
    }
    throw_body_away(state, head, payload).await;
    let asked = asked(&head.method, below(head.uri.path()).unwrap_or(""))?;
    match asked {
        Question::Root => answer::json(StatusCode::OK, &root()),
        Question::License => answer::json(StatusCode::OK, &license()),
        Question::Health => {
            state.for_writing()?;
            answer::json(StatusCode::OK, &health())
        }
        Question::HealthLine => {
            state.for_writing()?;
            let text = health_line(now_seconds());
            Ok(HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "text/plain; charset=UTF-8"))
                .body(text))
        }
        Question::Nodes => answer::json(StatusCode::OK, &nodes()),
        Question::Setting => answer::json(StatusCode::OK, &json!({"acknowledged": true})),
        Question::Search => {
            let reason = "There are no searches here: values are looked up at /api/1.3/lookup";
            Ok(errors::of(StatusCode::NOT_IMPLEMENTED, "unsupported_operation_exception", reason))
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Question {
    Root,
    License,
    Health,
    HealthLine,
    Nodes,
    Setting,
    Search,
}

fn asked(method: &Method, rest: &str) -> Result<Question, Cause> {
    let mut parts = rest.trim_end_matches('/').split('/');
    // Whoever is told that it is acknowledged takes its documents for stored.
    if parts.clone().any(|part| part == "_bulk") {
        return Err(Cause::NotFound(
            "Bulk requests are POST or PUT to _bulk or INDEX/_bulk, without a slash behind".into(),
        ));
    }
    if parts.clone().any(|part| SEARCHES.contains(&part)) {
        return Ok(Question::Search);
    }
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let asked = match rest.trim_end_matches('/') {
        "" => Question::Root,
        "_license" | "_xpack/license" => Question::License,
        "_cluster/health" => Question::Health,
        "_cat/health" => Question::HealthLine,
        "_nodes/http" => Question::Nodes,
        _ if parts.next().is_some_and(|first| first.starts_with('_')) => {
            if is_read || *method == Method::PUT {
                return Ok(Question::Setting);
            }
            return Err(Cause::MethodNotAllowed { allow: "GET, HEAD, PUT".to_owned() });
        }
        _ => return Err(Cause::NotFound("There is no such request".into())),
    };
    if is_read { Ok(asked) } else { Err(Cause::MethodNotAllowed { allow: "GET, HEAD".to_owned() }) }
}

/// Reads what was sent along, so that the connection can go on.
async fn throw_body_away(state: &State, head: &RequestHead, payload: &mut Payload) {
    let pace = state.rules().pace;
    let reader = BodyReader::new(&head.headers, payload, SETTING_BYTES_MAX, pace, &state.stopping);
    if let Ok(mut reader) = reader {
        while let Ok(Some(_thrown_away)) = reader.next().await {}
    }
}

fn root() -> Value {
    json!({
        "name": CLUSTER,
        "cluster_name": CLUSTER,
        "cluster_uuid": "c2x1aWNlc2x1aWNlc2x1aQ",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0000000000000000000000000000000000000000",
            "build_date": "2025-07-23T22:10:18.138215839Z",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    })
}

fn license() -> Value {
    json!({
        "license": {
            "status": "active",
            "uid": "00000000-0000-0000-0000-000000000000",
            "type": "basic",
            "mode": "basic",
            "issued_to": CLUSTER,
            "issuer": CLUSTER,
            "max_nodes": 1000,
        },
    })
}

fn health() -> Value {
    json!({
        "cluster_name": CLUSTER,
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    })
}

fn health_line(now_seconds: u32) -> String {
    let of_day = now_seconds % 86_400;
    let (hours, minutes, seconds) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{now_seconds} {hours:02}:{minutes:02}:{seconds:02} {CLUSTER} green 1 1 1 1 0 0 0 0 - 100.0%\n")
}

fn nodes() -> Value {
    json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": CLUSTER,
        "nodes": {},
    })
}
