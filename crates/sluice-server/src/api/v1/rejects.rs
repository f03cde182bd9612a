//! Refused rows as answers tell them: the first ones of an import that has ended, and of one whose answer is given again.
//!
//! In: a report, or a batch. Out: views. All refused rows of a batch are at `rejects_url`, see `batches`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sluice_ingest::{ImportReport, RefusedRow};
use utoipa::{ToSchema, openapi::Ref};

use super::batches::RejectsSource;
use crate::{api::openapi::forms::refers, batches::id::BatchId, life::state::State};

/// Refused rows that are told again.
const REJECTS_REPEATED_MAX: usize = 100;

/// Characters of their values.
const VALUE_LENGTH_MAX: usize = 512;

/// A refused row.
#[derive(Serialize, ToSchema)]
#[schema(as = Reject)]
pub(super) struct RejectView<'report> {
    /// From 1; of an array, the number of its element.
    line: u64,
    /// Where it begins in the decoded body.
    byte: u64,
    #[schema(schema_with = reason_form)]
    reason: &'report str,
    /// The value, or the beginning of the row.
    // Written already.
    #[schema(value_type = Option<String>)]
    value: Option<&'report RawValue>,
    /// The reason in plain English.
    hint: &'report str,
}

fn reason_form() -> Ref {
    refers("Reason")
}

/// Those that a report tells.
pub(super) fn rejects(report: &ImportReport) -> Vec<RejectView<'_>> {
    report.refused.iter().map(RejectView::of).collect()
}

impl<'report> RejectView<'report> {
    fn of(row: &'report RefusedRow) -> Self {
        let RefusedRow { line, byte, reason, value, hint } = row;
        Self { line: *line, byte: *byte, reason, value: serde_json::from_str(value).ok(), hint }
    }
}

/// A refused row as it is kept.
#[derive(Deserialize)]
pub(super) struct KeptReject {
    line: u64,
    byte: u64,
    reason: String,
    hint: String,
    value: String,
    /// The value, as it is told.
    #[serde(skip)]
    told: Option<Box<RawValue>>,
}

impl KeptReject {
    /// Reads a line.
    fn read(line: &str) -> Option<Self> {
        let kept: Self = serde_json::from_str(line).ok()?;
        let value: String = kept.value.chars().take(VALUE_LENGTH_MAX).collect();
        Some(Self { told: serde_json::value::to_raw_value(&value).ok(), ..kept })
    }

    pub(super) fn view(&self) -> RejectView<'_> {
        let Self { line, byte, reason, hint, told, .. } = self;
        RejectView { line: *line, byte: *byte, reason, value: told.as_deref(), hint }
    }
}

/// The first of the refused rows of a batch, as far as they can still be read.
pub(super) async fn first_rejects(state: &State, id: BatchId) -> Vec<KeptReject> {
    let (source, mut found) = (RejectsSource::of(state), Vec::new());
    for place in state.batches.frames(id) {
        let Ok(text) = source.read(place).await else { break };
        let text = String::from_utf8_lossy(&text);
        let room = REJECTS_REPEATED_MAX - found.len();
        found.extend(text.lines().filter_map(KeptReject::read).take(room));
        if REJECTS_REPEATED_MAX <= found.len() {
            break;
        }
    }
    found
}
