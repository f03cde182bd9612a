//! Why a whole request fails.

use sluice_ingest::IngestError;
use sluice_store::WriteError;

use super::cause_of;
use crate::http::{problem::Cause, problem_details};

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
