//! `/v1/batches`: what became of imports, and the rows that they refused.
//!
//! In: an admitted request. Out: JSON, newest batches first; refused rows as NDJSON, streamed. Whoever cancels a batch is
//! answered once it has ended.

use std::{collections::BTreeMap, io, iter, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    body::SizedStream,
    http::{StatusCode, header},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use serde_json::value::RawValue;
use sluice_ingest::{Ingestor, Permit};
use sluice_model::TenantName;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::batch_list::ListParameters;
use crate::{
    api::request::{BatchesAsked, BatchesRequest, BatchesShape},
    batches::{
        Batches, FramePlace, Told,
        id::BatchId,
        summary::{BatchState, ChangeCounts, Failure},
    },
    clock::date_of_ms,
    http::{
        answer,
        problem::{self, BatchConflict, Cause},
        problem_details,
        record::RequestRecord,
    },
    life::{request_log::Author, state::State},
    worker::Worker,
};

/// Time until a piece that found no place in the queue is asked for again.
const READ_RETRY_TIME: Duration = Duration::from_millis(50);

/// Memory that a batch of a list takes, with its text in the answer: names, parameters of 1 KiB, and details twice.
const LISTED_BYTES: usize = 6 * 1_024;

/// A batch as it is told.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub(super) struct BatchView<'told> {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    batch: BatchId,
    supplier: &'told str,
    /// `add`, `delete` or `bulk`.
    action: &'told str,
    state: BatchState,
    /// Who asked.
    user: &'told str,
    #[schema(format = "date-time")]
    began: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date-time")]
    ended: Option<String>,
    rows: u64,
    accepted: u64,
    /// Accepted without all of their tags, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    short_of_tags: Option<u64>,
    refused: u64,
    /// Those that the allow list kept out; in neither count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    allowed: Option<u64>,
    #[serde(flatten)]
    #[schema(value_type = ChangeCounts)]
    changes: Option<ChangeCounts>,
    /// Lines up to which everything is durable.
    committed_lines: u64,
    /// Rows a second, while it is running.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rows_per_second: Option<u64>,
    /// Those that were given, or the digest of many.
    // Written already.
    #[schema(value_type = Option<Object>)]
    parameters: Option<&'told RawValue>,
    /// Refused rows that can be read.
    rejects_kept: u64,
    /// Why these are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rejects_missing: Option<&'told str>,
    /// Path of the refused rows.
    rejects_url: String,
    /// `type` and `detail` of the problem that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<BTreeMap<String, String>>)]
    error: Option<BTreeMap<&'static str, String>>,
}

/// Some batches, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Batches)]
pub(super) struct ListView<'told> {
    #[schema(value_type = Vec<BatchView<'static>>)]
    batches: Vec<BatchView<'told>>,
    /// The `after` of the next list, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, format = "uuid")]
    next: Option<BatchId>,
}

/// Carries out a request.
///
/// # Errors
///
/// The cause to answer.
pub(crate) async fn carry_out(
    state: &State,
    ingestor: &Ingestor,
    request: BatchesRequest,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let BatchesRequest { tenant, asked } = request;
    let batches = &state.batches;
    let (shape, id) = match asked {
        BatchesAsked::List(parameters) => return list(batches, ingestor, &tenant, &parameters).await,
        BatchesAsked::One(shape, id) => (shape, id),
    };
    let find = || batches.get(&tenant, id).ok_or_else(|| problem::missing("Batch"));
    let told = find()?;
    match shape {
        BatchesShape::Rejects => {
            let frames = batches.frames(id);
            let read_bytes = frames.iter().map(FramePlace::read_bytes).max().unwrap_or(0);
            let permit = ingestor.reserve_whole(read_bytes)?;
            Ok(rejects(state, frames, permit))
        }
        BatchesShape::Cancel => {
            if !batches.cancel(id).await {
                let detail = "The batch has ended";
                return Err(Cause::BatchConflict(BatchConflict::Ended, detail.into()));
            }
            let told = find()?;
            // It may have been faster.
            if told.summary.state != BatchState::Cancelled {
                let detail = "The batch has ended";
                return Err(Cause::BatchConflict(BatchConflict::Ended, detail.into()));
            }
            Author::of(record).changed("batch cancelled");
            answer::json(StatusCode::OK, &BatchView::of(&told))
        }
        BatchesShape::Show | BatchesShape::List => answer::json(StatusCode::OK, &BatchView::of(&told)),
    }
}

async fn list(
    batches: &Batches,
    ingestor: &Ingestor,
    tenant: &str,
    parameters: &ListParameters,
) -> Result<HttpResponse, Cause> {
    let ListParameters { suppliers, limit, after } = parameters;
    if let Some(after) = after {
        batches.get(tenant, *after).ok_or_else(|| problem::missing("Batch"))?;
    }
    let permit = ingestor.reserve_whole(*limit * LISTED_BYTES)?;
    let (told, has_more) = batches.list(tenant, suppliers, *after, *limit).await;
    let next = told.last().filter(|_| has_more).map(|told| told.summary.id);
    let list = ListView { batches: told.iter().map(BatchView::of).collect(), next };
    let text = Bytes::from(serde_json::to_vec(&list).map_err(|error| {
        tracing::error!(%error, "a list of batches could not be written");
        Cause::Internal
    })?);
    let bytes = text.len() as u64;
    // It is given back once the answer is sent.
    let held = move |text| {
        let _permit = &permit;
        text
    };
    Ok(answer::of_pieces(StatusCode::OK, bytes, iter::once(text).map(held)))
}

/// Streams refused rows, piece by piece. One that cannot be read cuts the answer off.
fn rejects(state: &State, frames: Vec<FramePlace>, permit: Permit) -> HttpResponse {
    let bytes = frames.iter().map(|place| u64::from(place.text_bytes)).sum();
    let source = RejectsSource::of(state);
    let pieces = stream::unfold((frames.into_iter(), permit, source), |(mut frames, permit, source)| async {
        let place = frames.next()?;
        let piece = source.read(place).await.map(Bytes::from);
        Some((piece, (frames, permit, source)))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .body(SizedStream::new(bytes, Box::pin(pieces)))
}

/// Reads refused rows on the thread that is there for it.
pub(super) struct RejectsSource {
    batches: Arc<Batches>,
    reader: Worker,
}

impl RejectsSource {
    /// Those of a daemon.
    pub(super) fn of(state: &State) -> Self {
        Self { batches: state.batches.clone(), reader: state.workers.batch_reader.clone() }
    }

    /// Reads a piece, waiting while many others are read.
    pub(super) async fn read(&self, place: FramePlace) -> io::Result<Vec<u8>> {
        let batches = self.batches.clone();
        let piece = self.reader.run_when_free(READ_RETRY_TIME, move || batches.read(&place)).await?;
        piece.inspect_err(|error| {
            tracing::warn!(%error, "refused rows cannot be read; their answer is cut off");
        })
    }
}

/// Where the refused rows of a batch are.
pub(super) fn rejects_url(tenant: &str, id: BatchId) -> String {
    if tenant == TenantName::GENERAL {
        return format!("/v1/batches/{id}/rejects");
    }
    let encoded: String = form_urlencoded::byte_serialize(tenant.as_bytes()).collect();
    format!("/v1/tenants/{}/batches/{id}/rejects", encoded.replace('+', "%20"))
}

impl<'told> BatchView<'told> {
    fn of(told: &'told Told) -> Self {
        let Told { summary, rejects_kept, elapsed, is_recorded: _ } = told;
        let (asked, counts) = (&summary.asked, summary.counts);
        let is_running = summary.state == BatchState::Running;
        let error = |failure: &Failure| {
            let problem = format!("{}{}", problem_details::PAGES, failure.problem);
            BTreeMap::from([("type", problem), ("detail", failure.detail.to_string())])
        };
        Self {
            batch: summary.id,
            supplier: &asked.supplier,
            action: &asked.action,
            state: summary.state,
            user: &asked.user,
            began: date_of_ms(summary.began_ms).to_string(),
            ended: (!is_running).then(|| date_of_ms(summary.updated_ms).to_string()),
            rows: counts.rows,
            accepted: counts.accepted,
            short_of_tags: (counts.short_of_tags != 0).then_some(counts.short_of_tags),
            refused: counts.refused,
            allowed: (counts.allowed != 0).then_some(counts.allowed),
            changes: counts.changes,
            committed_lines: counts.committed_lines,
            rows_per_second: elapsed.map(|elapsed| rate(counts.rows, elapsed)),
            parameters: serde_json::from_str(&asked.parameters).ok(),
            rejects_kept: *rejects_kept,
            rejects_missing: summary.rejects_missing.as_deref(),
            rejects_url: rejects_url(&asked.tenant, summary.id),
            error: summary.failure.as_ref().map(error),
        }
    }
}

/// Rows a second.
fn rate(rows: u64, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    u64::try_from(u128::from(rows) * 1_000 / u128::from(ms)).unwrap_or(u64::MAX)
}
