//! Why an import failed, by the fault of its body.

use sluice_ingest::{BodyError, Fault, IngestError};
use sluice_store::WriteError;

use super::cause_of;
use crate::http::problem::Cause;

#[test]
fn each_fault_of_a_body_has_its_status_and_place() {
    for (fault, want) in [
        (Fault::Unfinished, 400),
        (Fault::ElementTooLong, 413),
        (Fault::Stix, 422),
        (Fault::NoColumn, 422),
        (Fault::HeaderTooLong, 400),
    ] {
        let (cause, byte) = cause_of(IngestError::Body(BodyError::Syntax { fault, byte: 5 }));
        assert_eq!((cause.status().as_u16(), byte), (want, Some(5)), "{fault}");
    }
    assert_eq!(cause_of(IngestError::Write(WriteError::DiskFull)), (Cause::DiskFull, None));
}
