//! `GET /metrics`: what the daemon is and does, for Prometheus.
//!
//! In: the shared state. Out: all metrics as text, now, whatever state the daemon is in: a scrape waits for no memory and
//! no queue, touches no file of the data directory and takes no lock that somebody holds while he waits for the disk. It
//! needs the rights of an administrator, or a token of the scope `metrics`; a listener of its own, if one is configured,
//! asks for none and serves nothing else (`scrape_listener`).

mod store;

use std::sync::atomic::Ordering;

use actix_web::{
    HttpResponse,
    dev::RequestHead,
    http::{Method, StatusCode, header},
};
use sluice_model::TenantName;
use sluice_store::Health;

use super::identification;
use crate::{
    auth::role::Action,
    batches::summary::BatchState,
    http::problem::{Cause, FORBIDDEN},
    http::record::RequestRecord,
    life::state::State,
    metrics::{
        declared::{
            BATCHES, BATCHES_ENDED, BATCHES_RUNNING, BATCHES_SIZE, CERTIFICATE_END, CONNECTIONS,
            CONNECTIONS_ACCEPTED, DAMAGE, LIST_BUILDS, LISTS, LISTS_STALE, LOOKED_UP, READY, STATE,
        },
        exposition::{Exposition, Format, Value},
    },
};

/// Where the metrics are.
pub(crate) const PATH: &str = "/metrics";

/// Answers a scrape by somebody who may.
///
/// # Errors
///
/// [`Cause::Unauthorized`] and whatever else a login comes to; [`Cause::MethodNotAllowed`]; [`Cause::Forbidden`].
pub(crate) async fn answer(
    state: &State,
    head: &RequestHead,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let identity = identification::identify(state, head, record).await?;
    check_method(head)?;
    if !identity.may(Action::ReadMetrics, TenantName::GENERAL) {
        return Err(Cause::Forbidden(FORBIDDEN));
    }
    text(state, head)
}

/// Answers a scrape on the listener that asks for no credentials.
///
/// # Errors
///
/// [`Cause::NotFound`] for anything but the metrics; [`Cause::MethodNotAllowed`].
pub(super) fn answer_anybody(state: &State, head: &RequestHead) -> Result<HttpResponse, Cause> {
    if head.uri.path() != PATH {
        return Err(Cause::NotFound("There are metrics here and nothing else".into()));
    }
    check_method(head)?;
    text(state, head)
}

fn check_method(head: &RequestHead) -> Result<(), Cause> {
    if head.method == Method::GET || head.method == Method::HEAD {
        return Ok(());
    }
    Err(Cause::MethodNotAllowed { allow: "GET, HEAD".to_owned() })
}

fn text(state: &State, head: &RequestHead) -> Result<HttpResponse, Cause> {
    let format = Format::of(&head.headers);
    let Ok(text) = gather(state).write(format) else { return Err(Cause::Internal) };
    let mut response = HttpResponse::build(StatusCode::OK);
    Ok(response.insert_header((header::CONTENT_TYPE, format.content_type())).body(text))
}

/// Everything that is told.
fn gather(state: &State) -> Exposition {
    let mut all = Exposition::default();
    let metrics = &state.metrics;
    metrics.process.tell(&mut all);
    tell_state(state, &mut all);
    let ends_at = state.certificate_ends_at_seconds();
    all.add(CERTIFICATE_END, ends_at.map(|seconds| (vec![], Value::Whole(seconds))));
    all.add_one(CONNECTIONS, Value::Whole(state.stopping.open_count() as u64));
    all.add_one(CONNECTIONS_ACCEPTED, Value::Whole(state.stopping.opened_count()));
    metrics.requests.tell(&mut all);
    metrics.logins.tell(&mut all);
    let catalogue = state.opened().map(|ingestor| ingestor.store().catalogue());
    metrics.suppliers.tell(catalogue.as_deref(), &mut all);
    tell_batches(state, &mut all);
    tell_lists(state, &mut all);
    all.add_one(LOOKED_UP, Value::Whole(metrics.looked_up.load(Ordering::Relaxed)));
    all.add_one(DAMAGE, Value::Whole(metrics.damaged_reads.load(Ordering::Relaxed)));
    metrics.operations.tell(&mut all);
    if let Some(ingestor) = state.opened() {
        store::tell(ingestor, &mut all);
    }
    all
}

/// Tells what there is of imports.
fn tell_batches(state: &State, to: &mut Exposition) {
    let figures = state.batches.figures();
    let by_state = BatchState::ENDED.into_iter().zip(figures.ended);
    to.add(
        BATCHES_ENDED,
        by_state.map(|((_, word), count)| (vec![("state", word.into())], Value::Whole(count))),
    );
    for (metric, count) in
        [(BATCHES_RUNNING, figures.running), (BATCHES, figures.kept), (BATCHES_SIZE, figures.bytes)]
    {
        to.add_one(metric, Value::Whole(count));
    }
}

/// Tells what there is of lists for devices.
fn tell_lists(state: &State, to: &mut Exposition) {
    let counts = state.lists.counts();
    to.add_one(LISTS, Value::Whole(counts.lists));
    to.add_one(LISTS_STALE, Value::Whole(counts.stale));
    let outcomes = [("good", &state.lists.built_count), ("failed", &state.lists.failed_count)];
    to.add(
        LIST_BUILDS,
        outcomes.map(|(word, count)| {
            (vec![("outcome", word.into())], Value::Whole(count.load(Ordering::Relaxed)))
        }),
    );
}

/// Tells in which state the daemon is, as far as that is known without asking the disk.
fn tell_state(state: &State, to: &mut Exposition) {
    let now = match state.known_health() {
        Some(Health::Failed) => "failed",
        _ if state.stopping.has_begun() => "stopping",
        None => "starting",
        Some(Health::Writable) => "writable",
        Some(Health::DiskFull) => "disk_full",
    };
    to.add_one(READY, Value::Whole(u64::from(now == "writable")));
    let states = ["starting", "writable", "disk_full", "failed", "stopping"];
    to.add(STATE, states.map(|one| (vec![("state", one.into())], Value::Whole(u64::from(one == now)))));
}
