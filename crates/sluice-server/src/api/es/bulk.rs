//! `_bulk`: actions of Elasticsearch on indicators in, an item for each out.
//!
//! What is refused and not told, because the client wants it so, is a batch of its supplier. Without that batch, nothing is told
//! as accepted.

use std::{iter, mem, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::StatusCode,
};
use bytes::Bytes;
use futures_util::future::join_all;
use sluice_ingest::{Bulk, BulkReceipt, BulkRules, ImportReport, IngestError, Ingestor, StepPlace};
use sluice_store::catalogue::{Catalogue, Supplier};

use super::indices::Indices;
use crate::{
    api::request::BulkRequest,
    auth::role::Identity,
    batches::{
        Batches, Begun, Told,
        batch::TOO_MANY,
        summary::{Asked, BULK_ACTION, BatchState},
    },
    http::{answer, body::BodyReader, problem::Cause, record::RequestRecord},
    life::{request_log::Author, state::State},
};

/// Seconds after which to send a request again whose refused documents could not be kept.
const KEEP_RETRY_SECONDS: u32 = 5;

/// Carries the actions out, and answers once all that was accepted is durable.
///
/// # Errors
///
/// The cause to answer for the whole request.
pub(crate) async fn carry_out(
    state: &State,
    head: &RequestHead,
    payload: &mut Payload,
    ingestor: &Ingestor,
    (request, identity): (BulkRequest, Identity),
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let BulkRequest { index, hides_refusals, body_bytes_max, busy_wait_max, permit } = request;
    let daemon_rules = state.rules();
    let mut reader =
        BodyReader::new(&head.headers, payload, body_bytes_max, daemon_rules.pace, &state.stopping)?;
    let table = Arc::clone(&daemon_rules.indices);
    let catalogue = ingestor.store().catalogue();
    let indices = Indices::new(Arc::clone(&catalogue), table, identity);
    let author = Author::of(record);
    let rules = BulkRules {
        target: Arc::new(move |index| indices.target(index)),
        index,
        hides_refusals,
        busy_wait_max,
        told: Arc::new(move |count| author.removed(count, "deletions accepted")),
    };
    let outcome = take_in(&mut reader, ingestor.bulk(permit, rules)).await;
    record.note_body(reader.received_bytes(), reader.waited());
    let mut receipt = outcome?;
    for (supplier, counts) in &receipt.counts {
        state.metrics.suppliers.note_bulk(*supplier, counts);
    }
    record.accepted_count.set(receipt.counts.values().map(|counts| counts.added + counts.deleted).sum());
    record.refused_count.set(receipt.refused_items);
    let mut keeping = Vec::new();
    for (supplier, report) in mem::take(&mut receipt.kept) {
        if report.refused_count != 0 {
            let supplier = catalogue.supplier_by_id(supplier);
            keeping.push(keep(&state.batches, (&catalogue, supplier), report, record.user()));
        }
    }
    // All at once: there is one sync for all that wait. None is given up because of another.
    join_all(keeping).await.into_iter().collect::<Result<(), Cause>>()?;
    Ok(answer(receipt, record.elapsed().as_millis()))
}

async fn take_in(reader: &mut BodyReader<'_>, mut bulk: Bulk) -> Result<BulkReceipt, Cause> {
    while let Some(piece) = reader.next().await? {
        bulk.feed(&piece).await.map_err(cause_of)?;
    }
    bulk.finish().await.map_err(cause_of)
}

/// Why the whole request failed.
fn cause_of(error: IngestError) -> Cause {
    match error {
        IngestError::TooManyAnswerBytes => Cause::BodyTooLong(
            "The request has more actions than there is memory for; send it in parts".into(),
        ),
        error => error.into(),
    }
}

/// Makes a batch of what a supplier was sent and the client is not told of. It has ended, and is durable.
///
/// # Errors
///
/// When not all of it is kept, so that none of the request may be told as accepted. What was accepted is stored, and may be sent
/// again.
async fn keep(
    batches: &Batches,
    (catalogue, supplier): (&Catalogue, Option<&Supplier>),
    mut report: ImportReport,
    user: &str,
) -> Result<(), Cause> {
    // It is of the catalogue that the actions were carried out by.
    let supplier = supplier.ok_or(Cause::Internal)?;
    let asked = Asked {
        tenant: catalogue.tenant_name(supplier.tenant).unwrap_or_default().into(),
        supplier: supplier.name.as_str().into(),
        action: BULK_ACTION.into(),
        parameters: r#"{"bad_items":"ok"}"#.into(),
        user: user.into(),
    };
    // Without a key of the client's, each is new.
    let Ok(Begun::New(batch)) = batches.begin(None, asked).await else { return Err(Cause::Internal) };
    let rejects = mem::take(&mut report.rejects);
    batch.keeper().keep(&report, StepPlace::Last, rejects).await;
    check_kept(batch.end(BatchState::Done, &report, None).await)
}

/// Whether all refused documents are in the batch, and it is durable.
fn check_kept(told: Option<Told>) -> Result<(), Cause> {
    match told {
        Some(Told { is_recorded: true, summary, .. }) => match summary.rejects_missing.as_deref() {
            None => Ok(()),
            Some(TOO_MANY) => Err(Cause::BodyTooLong(
                "More documents were refused than are kept of one request; send it in parts".into(),
            )),
            Some(_) => Err(Cause::Interrupted { retry_after_seconds: KEEP_RETRY_SECONDS }),
        },
        _ => Err(Cause::Interrupted { retry_after_seconds: KEEP_RETRY_SECONDS }),
    }
}

/// The bytes are those that clients search for: no space anywhere, `errors` before `items`.
fn answer(receipt: BulkReceipt, took_ms: u128) -> HttpResponse {
    let has_errors = receipt.items.have_errors();
    let before = Bytes::from(format!("{{\"took\":{took_ms},\"errors\":{has_errors},\"items\":"));
    let after = Bytes::from_static(b"}");
    let bytes = (before.len() + after.len()) as u64 + receipt.items.json_bytes();
    let pieces = iter::once(before).chain(receipt.items.into_json_chunks()).chain(iter::once(after));
    answer::of_pieces(StatusCode::OK, bytes, pieces)
}

#[cfg(test)]
mod tests;
