//! `_bulk`: actions of Elasticsearch on indicators in, an item for each out.
//!
//! What is refused and not told, because the client wants it so, is a batch of its supplier.

use std::{iter, mem, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::StatusCode,
};
use bytes::Bytes;
use sluice_ingest::{Bulk, BulkReceipt, BulkRules, ImportReport, IngestError, Ingestor, StepPlace};
use sluice_store::catalogue::{Catalogue, Supplier};

use super::indices::Indices;
use crate::{
    api::request::BulkRequest,
    auth::role::Identity,
    batches::{
        Batches, Begun,
        summary::{Asked, BatchState},
    },
    http::{answer, body::BodyReader, problem::Cause, record::RequestRecord},
    life::{request_log::Author, state::State},
};

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
        told: Arc::new(move |count| author.changed(&format!("{count} indicators deleted"))),
    };
    let outcome = take_in(&mut reader, ingestor.bulk(permit, rules)).await;
    record.note_body(reader.received_bytes(), reader.waited());
    let mut receipt = outcome?;
    for (supplier, counts) in &receipt.counts {
        state.metrics.suppliers.note_bulk(*supplier, counts);
    }
    record.accepted_count.set(receipt.counts.values().map(|counts| counts.added + counts.deleted).sum());
    record.refused_count.set(receipt.refused_items);
    for (supplier, report) in mem::take(&mut receipt.kept) {
        if report.refused_count != 0
            && let Some(supplier) = catalogue.supplier_by_id(supplier)
        {
            keep(&state.batches, (&catalogue, supplier), report, record.user()).await;
        }
    }
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
async fn keep(
    batches: &Batches,
    (catalogue, supplier): (&Catalogue, &Supplier),
    mut report: ImportReport,
    user: &str,
) {
    let asked = Asked {
        tenant: catalogue.tenant_name(supplier.tenant).unwrap_or_default().into(),
        supplier: supplier.name.as_str().into(),
        action: "bulk".into(),
        parameters: r#"{"bad_items":"ok"}"#.into(),
        user: user.into(),
    };
    // Without a key of the client's, each is new.
    if let Ok(Begun::New(batch)) = batches.begin(None, asked).await {
        let rejects = mem::take(&mut report.rejects);
        batch.keeper().keep(&report, StepPlace::Last, rejects).await;
        batch.end(BatchState::Done, &report, None).await;
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
