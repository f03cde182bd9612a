//! `_bulk`: actions of Elasticsearch on indicators in, an item for each out.

use std::{iter, sync::Arc};

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::StatusCode,
};
use bytes::Bytes;
use sluice_ingest::{Bulk, BulkReceipt, BulkRules, Ingestor};

use super::indices::Indices;
use crate::{
    api::request::BulkRequest,
    auth::role::Identity,
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
    let BulkRequest { index, hides_refusals, body_bytes_max, permit } = request;
    let daemon_rules = state.rules();
    let mut reader =
        BodyReader::new(&head.headers, payload, body_bytes_max, daemon_rules.pace, &state.stopping)?;
    let table = Arc::clone(&daemon_rules.indices);
    let indices = Indices::new(ingestor.store().catalogue(), table, identity, index);
    let author = Author::of(record);
    let rules = BulkRules {
        target: Arc::new(move |index| indices.target(index)),
        hides_refusals,
        told: Arc::new(move |count| author.changed(&format!("{count} indicators deleted"))),
    };
    let outcome = take_in(&mut reader, ingestor.bulk(permit, rules)).await;
    record.note_body(reader.received_bytes(), reader.waited());
    let receipt = outcome?;
    for (supplier, counts) in &receipt.counts {
        state.metrics.suppliers.note_bulk(*supplier, counts);
    }
    record.accepted_count.set(receipt.counts.values().map(|counts| counts.added + counts.deleted).sum());
    record.refused_count.set(receipt.refused_items);
    Ok(answer(receipt, record.elapsed().as_millis()))
}

async fn take_in(reader: &mut BodyReader<'_>, mut bulk: Bulk) -> Result<BulkReceipt, Cause> {
    while let Some(piece) = reader.next().await? {
        bulk.feed(&piece).await?;
    }
    Ok(bulk.finish().await?)
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
