//! Why a whole request fails.

use sluice_ingest::IngestError;
use sluice_store::WriteError;

use super::{cause_of, check_kept};
use crate::{
    batches::{
        Told,
        batch::TOO_MANY,
        id::BatchId,
        summary::{BULK_ACTION, BatchState, RowCounts, Summary},
        tests::asked,
    },
    http::{problem::Cause, problem_details},
};

#[test]
fn what_has_to_be_sent_in_parts_is_413_and_says_so() {
    for error in [IngestError::TooManyAnswerBytes, IngestError::OverMemory { bytes_max: 7 }] {
        let cause = cause_of(error);
        assert_eq!(problem_details::status(&cause), 413);
        assert!(cause.reason().ends_with("send it in parts"), "{cause:?}");
    }
    let busy = cause_of(IngestError::Write(WriteError::Busy { retry_after_seconds: 3 }));
    assert_eq!(busy, Cause::Busy { retry_after_seconds: 3 });
    let partly = cause_of(IngestError::Partly { retry_after_seconds: 3 });
    assert_eq!(problem_details::status(&partly), 503);
}

#[test]
fn what_is_not_kept_is_not_told_as_accepted() {
    let summary = Summary {
        id: BatchId::make(1),
        is_keyed: false,
        asked: asked("Feed", BULK_ACTION),
        state: BatchState::Done,
        began_ms: 1,
        updated_ms: 1,
        counts: RowCounts::default(),
        failure: None,
        rejects_missing: None,
    };
    let status = |is_recorded: bool, missing: Option<&str>| {
        let summary = Summary { rejects_missing: missing.map(Into::into), ..summary.clone() };
        let told = Told { summary, rejects_kept: 1, elapsed: None, is_recorded };
        check_kept(Some(told)).err().map(|cause| problem_details::status(&cause).as_u16())
    };
    assert_eq!(status(true, None), None);
    assert_eq!(status(true, Some(TOO_MANY)), Some(413));
    assert_eq!(status(true, Some("They could not be written: other error")), Some(503));
    assert_eq!(status(false, None), Some(503));
    assert_eq!(status(false, Some(TOO_MANY)), Some(503));
    assert!(matches!(check_kept(None), Err(Cause::Interrupted { .. })));
}
