//! What an import that failed is told, by what is durable of it.

use sluice_ingest::ImportReport;

use super::{IntakeFailure, PARAMETERS_BYTES_MAX, kept_parameters, problem};
use crate::http::problem::Cause;

const BUSY: Cause = Cause::Busy { retry_after_seconds: 7 };

fn status(cause: Cause, report: &ImportReport) -> (u16, Option<u32>) {
    let problem = problem(&cause.into(), report);
    let told: Vec<_> = problem.members.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, ["rows", "accepted", "refused", "committed_lines"]);
    (problem.cause.status().as_u16(), problem.cause.retry_after_seconds())
}

/// Whoever is told 429 sends all of it again.
#[test]
fn an_import_that_has_committed_is_never_told_429() {
    let nothing = ImportReport::default();
    let report = ImportReport { rows_count: 2, accepted_count: 2, committed_lines: 3, ..nothing.clone() };
    assert_eq!(status(BUSY, &nothing), (429, Some(7)));
    assert_eq!(status(BUSY, &report), (503, Some(7)));
    assert_eq!(status(Cause::OutOfTime, &nothing).0, 429);
    assert_eq!(status(Cause::OutOfTime, &report), (503, Some(5)));
    assert_eq!(status(Cause::DiskFull, &report).0, 507);
    let failure = IntakeFailure { byte: Some(9), line: Some(4), ..BUSY.into() };
    let members = problem(&failure, &report).members;
    assert_eq!(
        members.iter().map(|(_, value)| value.as_u64().unwrap()).collect::<Vec<_>>(),
        [2, 2, 0, 3, 4, 9]
    );
}

#[test]
fn parameters_that_are_long_are_kept_by_their_digest() {
    let given = |value: &str| [("column".to_owned(), value.to_owned())].into();
    assert_eq!(&*kept_parameters(&given("a\"b")), r#"{"column":"a\"b"}"#);
    let [one, other] = ["x", "y"].map(|value| kept_parameters(&given(&value.repeat(PARAMETERS_BYTES_MAX))));
    assert!(one != other && one.len() < 100 && one.starts_with("{\"sha256\":\""), "{one}");
}
