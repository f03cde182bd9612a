//! `POST` and `DELETE` of a supplier's indicators: rows in any format, of any number, in; counts out.

use std::{collections::BTreeMap, mem, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::{StatusCode, header::HeaderMap},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sluice_ingest::{
    ImportMode, ImportReport, ImportRules, Ingestor, MissingTags, Told as StepTold, UploadAction, UploadRules,
};
use sluice_store::catalogue::Supplier;
use utoipa::ToSchema;

use super::{
    batches::rejects_url,
    intake::{Intake, IntakeEnd, IntakeFailure, Resumed},
    parameters::{MissingTagsChoice, Parameters},
    progress,
    rejects::{KeptReject, RejectView, first_rejects, rejects},
    tag_creator::TagCreator,
};
use crate::{
    api::request::{ImportRequest, Importing},
    batches::{
        Begun, Taken, Told,
        id::BatchId,
        summary::{Asked, ChangeCounts, Summary},
    },
    http::{
        answer,
        body::BodyReader,
        problem::{BatchConflict, Cause, Problem, Unprocessable},
        problem_details,
        record::RequestRecord,
    },
    life::{request_log::Author, state::State},
    metrics::suppliers::IndicatorAction,
};

/// Longest parameters that are kept as they are.
const PARAMETERS_BYTES_MAX: usize = 1_024;

/// What became of the rows of a body.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
pub(super) struct ImportView<'report> {
    /// Id of the batch.
    #[schema(value_type = String, format = "uuid")]
    batch: BatchId,
    supplier: &'report str,
    rows: u64,
    accepted: u64,
    /// Accepted without all of their tags, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    short_of_tags: Option<u64>,
    refused: u64,
    /// Those that the allow list kept out; in neither count.
    #[serde(skip_serializing_if = "is_none")]
    #[schema(required = false)]
    allowed: u64,
    /// Those of the refused that are not for detection.
    #[serde(skip_serializing_if = "is_none")]
    #[schema(required = false)]
    not_to_ids: u64,
    #[serde(flatten)]
    #[schema(value_type = ChangeCounts)]
    changes: Option<ChangeCounts>,
    /// Lines up to which everything is durable.
    committed_lines: u64,
    /// Names a commit as of which all of it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cursor: Option<String>,
    /// The first of the refused rows.
    #[schema(value_type = Vec<RejectView<'static>>)]
    rejects: Vec<RejectView<'report>>,
    /// Path of all of them.
    rejects_url: String,
    /// Why not all refused rows are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rejects_missing: Option<&'report str>,
    /// Why the batch is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    batch_missing: Option<&'report str>,
}

/// Takes the rows of a body in, and answers once all are durable, or while they arrive if the client wants to be told.
///
/// # Errors
///
/// The problem to answer. What was committed before it stays, and is told.
pub(crate) async fn import(
    state: &Arc<State>,
    head: &RequestHead,
    payload: &mut Payload,
    ingestor: &Ingestor,
    request: ImportRequest,
    record: &Rc<RequestRecord>,
) -> Result<HttpResponse, Problem> {
    let ImportRequest { importing, parameters, tenant, room_wait_max, permit } = request;
    let mode = parameters.mode;
    let (supplier, action, counted, told) = work_of(importing, mode, record);
    let asked = asked(&tenant, &supplier, counted, &parameters, record);
    let batch = match state.batches.begin(parameters.key, asked).await {
        Ok(Begun::New(batch)) => batch,
        Ok(Begun::Repeated(told)) => return repeat(state, &told).await,
        Err(taken) => return Err(Problem::new("", conflict(taken))),
    };
    let refang = parameters.refang.unwrap_or(supplier.settings.refang);
    let upload = UploadRules { supplier: supplier.id, refang, takes_marks: false, action };
    let (announced, columns, from_line) = (parameters.announced, parameters.columns, parameters.from_line);
    let missing_tags = match (parameters.missing_tags, mode) {
        (MissingTagsChoice::Refuse, _) => MissingTags::Refuse,
        // A plan makes nothing.
        (MissingTagsChoice::Drop, _) | (MissingTagsChoice::Create, ImportMode::Plan(_)) => MissingTags::Drop,
        (MissingTagsChoice::Create, _) => MissingTags::Make(TagCreator::of(ingestor.store(), record)),
    };
    let (keeper, id) = (batch.keeper(), batch.id);
    let rules = ImportRules {
        upload,
        missing_tags,
        announced,
        columns,
        misp: parameters.misp,
        skip_allowed: parameters.skip_allowed,
        from_line,
        room_wait_max,
        mode,
        told,
        keeper,
    };
    let intake = Intake::new(ingestor.import(permit, rules), batch);
    let resumed = if from_line == 1 { Resumed::No } else { Resumed::Yes };
    let work = ImportWork { intake, resumed, mode, counted, supplier, tenant };
    if progress::is_wanted(&head.headers) {
        let (state, headers, record) = (Arc::clone(state), head.headers.clone(), Rc::clone(record));
        let (told_of, tenant) = (Arc::clone(&state.batches), work.tenant.clone());
        // The body goes on arriving while the answer is given.
        let mut payload = mem::replace(payload, Payload::None);
        let last_line = async move {
            let done = work.take_in(&state, &headers, &mut payload).await;
            let line = match done.noted_in(&record) {
                Ok(line) => line,
                Err(problem) => {
                    let line = problem_details::text(&problem, &record.id);
                    // Nobody else sets it before the last line.
                    let _is_first = record.failure.set(problem.cause);
                    line
                }
            };
            (line, payload)
        };
        return Ok(progress::answer(told_of, tenant, id, last_line));
    }
    let done = work.take_in(state, &head.headers, payload).await;
    done.noted_in(record).map(|text| answer::of_text(StatusCode::OK, text))
}

/// An import that is about to read its body.
struct ImportWork {
    intake: Intake,
    resumed: Resumed,
    mode: ImportMode,
    counted: IndicatorAction,
    supplier: Supplier,
    tenant: String,
}

/// What an import came to.
struct ImportDone {
    /// The text of its answer.
    outcome: Result<String, Problem>,
    accepted_count: u64,
    refused_count: u64,
    /// Bytes of the body that arrived, and how long its client was waited for.
    received: (u64, Duration),
}

impl ImportDone {
    /// The text of its answer; the record is told the rest.
    fn noted_in(self, record: &RequestRecord) -> Result<String, Problem> {
        let (received_bytes, waited) = self.received;
        record.note_body(received_bytes, waited);
        record.accepted_count.set(self.accepted_count);
        record.refused_count.set(self.refused_count);
        self.outcome
    }
}

impl ImportWork {
    /// Reads the body to its end.
    async fn take_in(mut self, state: &State, headers: &HeaderMap, payload: &mut Payload) -> ImportDone {
        let pace = state.rules().import_pace;
        let (outcome, received) = match BodyReader::new(headers, payload, usize::MAX, pace, &state.stopping) {
            Ok(mut reader) => {
                let outcome = self.intake.take_in(&mut reader).await;
                (outcome, (reader.received_bytes(), reader.waited()))
            }
            Err(cause) => (Err(cause.into()), (0, Duration::ZERO)),
        };
        let Self { intake, resumed, mode, counted, supplier, tenant } = self;
        let Some(ended) = intake.end(outcome, resumed).await else {
            let outcome = Err(Problem::new("", Cause::Internal));
            return ImportDone { outcome, accepted_count: 0, refused_count: 0, received };
        };
        let report = &ended.report;
        if !matches!(mode, ImportMode::Plan(_)) && !report.is_guarded {
            state.metrics.suppliers.note_import(supplier.id, counted, report);
        }
        let (accepted_count, refused_count) = (report.accepted_count, report.refused_count);
        let outcome = answer_of(state, &ended, &supplier, &tenant);
        ImportDone { outcome, accepted_count, refused_count, received }
    }
}

/// What the client is told of an import that has ended.
fn answer_of(state: &State, ended: &IntakeEnd, supplier: &Supplier, tenant: &str) -> Result<String, Problem> {
    let IntakeEnd { report, failure, batch, told } = ended;
    let url = rejects_url(tenant, *batch);
    let batch_missing = ended.batch_missing();
    let Some(failure) = failure else {
        let missing = told.as_ref().and_then(|told| told.summary.rejects_missing.as_deref());
        let view = ImportView {
            batch_missing,
            cursor: told.as_ref().and_then(|told| cursor(state, &told.summary)),
            ..ImportView::of(*batch, supplier.name.as_str(), report, url, missing)
        };
        return serde_json::to_string(&view).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            problem(&Cause::Internal.into(), report)
        });
    };
    let mut problem = problem(failure, report).with("batch", batch);
    if let Some(why) = batch_missing {
        problem = problem.with("batch_missing", &why);
    }
    if report.refused_count + report.allowed_count != 0 {
        problem = problem.with("rejects_url", &url);
    }
    if let Cause::Unprocessable(Unprocessable::NoRow | Unprocessable::ShrinkGuard, _) = failure.cause {
        problem = problem.with("rejects", &rejects(report));
    }
    if let Some(ChangeCounts { added, changed, unchanged, removed }) = report.changes.map(ChangeCounts::of) {
        problem = problem.with("added", &added).with("changed", &changed);
        problem = problem.with("unchanged", &unchanged).with("removed", &removed);
    }
    Err(problem)
}

/// Whose rows they are, what becomes of each, as what it is counted, and who is told.
fn work_of(
    importing: Importing,
    mode: ImportMode,
    record: &RequestRecord,
) -> (Supplier, UploadAction, IndicatorAction, StepTold) {
    match importing {
        Importing::Add(supplier) => {
            let is_false_positive = supplier.is_false_positive();
            let action = UploadAction::Put { is_false_positive, takes_tags: true, now_seconds: 0 };
            let author = Author::of(record);
            let told = move |removed| author.removed(removed, "indicators removed by a replacement");
            let is_replacement = matches!(mode, ImportMode::Replace { .. });
            let told: StepTold = if is_replacement { Arc::new(told) } else { Arc::new(|_count| {}) };
            (supplier, action, IndicatorAction::Add, told)
        }
        Importing::Delete(supplier) => {
            let author = Author::of(record);
            let told = move |count| author.removed(count, "deletions accepted");
            (supplier, UploadAction::Delete, IndicatorAction::Delete, Arc::new(told))
        }
    }
}

/// What is asked, as its batch keeps it.
fn asked(
    tenant: &str,
    supplier: &Supplier,
    action: IndicatorAction,
    parameters: &Parameters,
    record: &RequestRecord,
) -> Asked {
    let action = match action {
        IndicatorAction::Add => "add",
        IndicatorAction::Delete => "delete",
    };
    Asked {
        tenant: tenant.into(),
        supplier: supplier.name.as_str().into(),
        action: action.into(),
        parameters: kept_parameters(&parameters.given),
        user: record.user().into(),
    }
}

/// Parameters as they are kept: an object of JSON, the same for the same parameters. Many batches are held in memory.
fn kept_parameters(given: &BTreeMap<String, String>) -> Box<str> {
    // A map of texts always serializes.
    let text = serde_json::to_string(given).unwrap_or_else(|_| "{}".to_owned());
    if text.len() <= PARAMETERS_BYTES_MAX {
        return text.into();
    }
    let digest = Sha256::digest(text).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("{{\"sha256\":\"{digest}\"}}").into()
}

/// Why an import with this key does not begin.
fn conflict(taken: Taken) -> Cause {
    match taken {
        Taken::IsRunning => Cause::BatchConflict(
            BatchConflict::Running,
            "An import with this Idempotency-Key is running".into(),
        ),
        Taken::IsOther => Cause::BatchConflict(
            BatchConflict::Other,
            "This Idempotency-Key was sent with another supplier or with other parameters".into(),
        ),
    }
}

/// Answers what was answered already.
async fn repeat(state: &State, told: &Told) -> Result<HttpResponse, Problem> {
    let summary = &told.summary;
    let refused = first_rejects(state, summary.id).await;
    let counts = summary.counts;
    let report = ImportReport {
        rows_count: counts.rows,
        accepted_count: counts.accepted,
        short_of_tags_count: counts.short_of_tags,
        refused_count: counts.refused,
        allowed_count: counts.allowed,
        committed_lines: counts.committed_lines,
        ..ImportReport::default()
    };
    let (url, missing) = (rejects_url(&summary.asked.tenant, summary.id), summary.rejects_missing.as_deref());
    let rejects = refused.iter().map(KeptReject::view).collect();
    let view = ImportView {
        rejects,
        changes: counts.changes,
        not_to_ids: counts.not_to_ids,
        cursor: cursor(state, summary),
        ..ImportView::of(summary.id, &summary.asked.supplier, &report, url, missing)
    };
    answer::json(StatusCode::OK, &view).map_err(|cause| Problem::new("", cause))
}

/// The cursor of a batch that has ended well, the same for as long as the batch is kept.
fn cursor(state: &State, summary: &Summary) -> Option<String> {
    let ended_seconds = u32::try_from(summary.updated_ms / 1_000).unwrap_or(u32::MAX);
    summary.counts.commit.map(|commit| state.cursor(commit, ended_seconds).to_string())
}

/// The problem of an import, with what is durable all the same.
fn problem(failure: &IntakeFailure, report: &ImportReport) -> Problem {
    let IntakeFailure { cause, byte, line, pointer } = failure;
    let has_committed = report.rows_count != 0 && report.committed_lines != 0;
    // Who has something in the store is not told to send all of it again.
    let cause = match (cause.retry_after_seconds(), cause.clone()) {
        (Some(retry_after_seconds), Cause::Busy { .. } | Cause::OutOfTime) if has_committed => {
            Cause::Interrupted { retry_after_seconds }
        }
        (_, cause) => cause,
    };
    let mut problem = Problem::new("", cause)
        .with("rows", &report.rows_count)
        .with("accepted", &report.accepted_count)
        .with("refused", &report.refused_count)
        .with("committed_lines", &report.committed_lines);
    if report.allowed_count != 0 {
        problem = problem.with("allowed", &report.allowed_count);
    }
    if let Some(line) = line {
        problem = problem.with("line", line);
    }
    if let Some(byte) = byte {
        problem = problem.with("byte", byte);
    }
    if let Some(pointer) = pointer {
        problem = problem.with("pointer", pointer);
    }
    if let (Cause::Unprocessable(Unprocessable::NoRow, _), Some(first)) =
        (&failure.cause, report.refused.first())
    {
        problem = problem.with("reason", &first.reason).with("hint", &first.hint);
    }
    problem
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl<'report> ImportView<'report> {
    fn of(
        batch: BatchId,
        supplier: &'report str,
        report: &'report ImportReport,
        rejects_url: String,
        rejects_missing: Option<&'report str>,
    ) -> Self {
        Self {
            batch,
            supplier,
            rows: report.rows_count,
            accepted: report.accepted_count,
            short_of_tags: (report.short_of_tags_count != 0).then_some(report.short_of_tags_count),
            refused: report.refused_count,
            allowed: report.allowed_count,
            not_to_ids: report.left_out_count(),
            changes: report.changes.map(ChangeCounts::of),
            committed_lines: report.committed_lines,
            cursor: None,
            rejects: rejects(report),
            rejects_url,
            rejects_missing,
            batch_missing: None,
        }
    }
}

#[cfg(test)]
mod tests;
