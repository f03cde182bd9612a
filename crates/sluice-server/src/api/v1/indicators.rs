//! `POST` and `DELETE` of a supplier's indicators: rows in any format, of any number, in; counts out.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    dev::{Payload, RequestHead},
    http::StatusCode,
};
use serde::Serialize;
use serde_json::value::RawValue;
use sluice_ingest::{
    BodyError, Fault, Import, ImportReport, ImportRules, IngestError, Ingestor, RefusedRow, Told,
    UploadAction, UploadRules,
};
use sluice_store::catalogue::Supplier;

use crate::{
    api::request::{ImportRequest, Importing},
    http::{
        answer,
        body::{BodyReader, Pace},
        problem::{Cause, Problem, Unprocessable},
        record::RequestRecord,
    },
    life::{request_log::Author, state::State},
    metrics::suppliers::IndicatorAction,
};

/// What became of the rows of a body.
#[derive(Serialize)]
struct ImportView<'report> {
    supplier: &'report str,
    rows: u64,
    accepted: u64,
    refused: u64,
    committed_lines: u64,
    rejects: Vec<RejectView<'report>>,
}

#[derive(Serialize)]
struct RejectView<'report> {
    line: u64,
    byte: u64,
    reason: &'static str,
    /// Written already.
    value: Option<&'report RawValue>,
    hint: &'report str,
}

/// Takes the rows of a body in, and answers once all are durable.
///
/// # Errors
///
/// The problem to answer. What was committed before it stays, and is told.
pub(crate) async fn import(
    state: &State,
    head: &RequestHead,
    payload: &mut Payload,
    ingestor: &Ingestor,
    request: ImportRequest,
    record: &RequestRecord,
) -> Result<HttpResponse, Problem> {
    let ImportRequest { importing, parameters, permit } = request;
    let (supplier, action, counted, told): (_, _, _, Told) = match importing {
        Importing::Add(supplier) => {
            let is_false_positive = supplier.is_false_positive();
            let action = UploadAction::Put { is_false_positive, takes_tags: true, now_seconds: 0 };
            (supplier, action, IndicatorAction::Add, Arc::new(|_count| {}))
        }
        Importing::Delete(supplier) => {
            let author = Author::of(record);
            let told = move |count| author.changed(&format!("{count} indicators deleted"));
            (supplier, UploadAction::Delete, IndicatorAction::Delete, Arc::new(told))
        }
    };
    let refang = parameters.refang.unwrap_or(supplier.settings.refang);
    let upload = UploadRules { supplier: supplier.id, refang, takes_marks: false, action };
    let (announced, columns, from_line) = (parameters.announced, parameters.columns, parameters.from_line);
    let rules = ImportRules { upload, announced, columns, from_line, told };
    // A body may take as long as it likes, as long as it comes.
    let pace = Pace { deadline: Duration::MAX, ..state.rules().pace };
    let mut reader = BodyReader::new(&head.headers, payload, usize::MAX, pace, &state.stopping)
        .map_err(|cause| problem(cause, None, &ImportReport::default()))?;
    let mut import = ingestor.import(permit, rules);
    let outcome = take_in(&mut reader, &mut import).await;
    record.note_body(reader.received_bytes(), reader.waited());
    let (report, failure) = match outcome {
        Ok(report) => (report, None),
        Err(failure) => (import.fail().await, Some(failure)),
    };
    state.metrics.suppliers.note_import(supplier.id, counted, &report);
    record.accepted_count.set(report.accepted_count);
    record.refused_count.set(report.refused_count);
    if let Some((cause, byte)) = failure {
        return Err(problem(cause, byte, &report));
    }
    // Whoever begins after the last line has nothing to send any more.
    let is_resumed = from_line != 1 && report.rows_count == 0;
    if report.rows_count == report.unread_count && !is_resumed {
        let detail = "Not one row could be read";
        let cause = Cause::Unprocessable(Unprocessable::NoRow, detail.into());
        return Err(problem(cause, None, &report).with("rejects", &rejects(&report)));
    }
    answer(&supplier, &report).map_err(|cause| problem(cause, None, &report))
}

async fn take_in(
    reader: &mut BodyReader<'_>,
    import: &mut Import,
) -> Result<ImportReport, (Cause, Option<u64>)> {
    while let Some(piece) = reader.next().await.map_err(|cause| (cause, None))? {
        import.feed(&piece).await.map_err(cause_of)?;
    }
    import.finish().await.map_err(cause_of)
}

/// Why an import failed, and at which byte of its body.
fn cause_of(error: IngestError) -> (Cause, Option<u64>) {
    let IngestError::Body(error) = error else { return (error.into(), None) };
    let byte = error.byte();
    let detail = error.to_string();
    let BodyError::Syntax { fault, .. } = error else { return (Cause::bad_request(detail), Some(byte)) };
    let unprocessable = |what| Cause::Unprocessable(what, detail.clone().into());
    let cause = match fault {
        Fault::ElementTooLong => Cause::TooLarge(detail.into()),
        Fault::Stix | Fault::Misp => unprocessable(Unprocessable::NotAvailable),
        Fault::NoColumn => unprocessable(Unprocessable::InvalidParameter),
        _ => Cause::bad_request(detail),
    };
    (cause, Some(byte))
}

/// The problem of an import, with what is durable all the same.
fn problem(cause: Cause, byte: Option<u64>, report: &ImportReport) -> Problem {
    let has_committed = report.rows_count != 0;
    // Who has something in the store is not told to send all of it again.
    let cause = match (cause.retry_after_seconds(), cause) {
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
    if let Some(byte) = byte {
        problem = problem.with("byte", &byte);
    }
    problem
}

fn answer(supplier: &Supplier, report: &ImportReport) -> Result<HttpResponse, Cause> {
    let view = ImportView {
        supplier: supplier.name.as_str(),
        rows: report.rows_count,
        accepted: report.accepted_count,
        refused: report.refused_count,
        committed_lines: report.committed_lines,
        rejects: rejects(report),
    };
    answer::json(StatusCode::OK, &view)
}

fn rejects(report: &ImportReport) -> Vec<RejectView<'_>> {
    report.refused.iter().map(RejectView::of).collect()
}

impl<'report> RejectView<'report> {
    fn of(row: &'report RefusedRow) -> Self {
        let RefusedRow { line, byte, reason, value, hint } = row;
        Self { line: *line, byte: *byte, reason, value: serde_json::from_str(value).ok(), hint }
    }
}

#[cfg(test)]
mod tests;
