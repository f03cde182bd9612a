//! Every cause has a type, and every type a page and a cause.

use std::collections::BTreeSet;

use actix_web::http::header::{HeaderMap, RETRY_AFTER};

use super::{TYPES, answer, name, of_name, status};
use crate::http::{
    problem::{AccountFault, BatchConflict, Cause, Problem, Unprocessable},
    request_id::RequestId,
};

fn causes() -> Vec<Cause> {
    let text = || "x".into();
    let unprocessable = [
        Unprocessable::UnknownParameter,
        Unprocessable::InvalidParameter,
        Unprocessable::NoRow,
        Unprocessable::ShrinkGuard,
        Unprocessable::InvalidList,
    ];
    let mut causes = vec![
        Cause::BadRequest(text()),
        Cause::Unauthorized,
        Cause::Forbidden("x"),
        Cause::NotFound(text()),
        Cause::Gone("x"),
        Cause::MethodNotAllowed { allow: "GET".to_owned() },
        Cause::NotAcceptable("x"),
        Cause::UnsupportedMedia("x"),
        Cause::BodyTooLong(text()),
        Cause::BodyTooSlow("x"),
        Cause::Interrupted { retry_after_seconds: 1 },
        Cause::Starting,
        Cause::Busy { retry_after_seconds: 1 },
        Cause::OutOfTime,
        Cause::TooManyAttempts { retry_after_seconds: 1 },
        Cause::ListNotBuilt(text()),
        Cause::Unsatisfiable { bytes: 9 },
        Cause::DiskFull,
        Cause::StoreFailed,
        Cause::Stopping,
        Cause::Unreadable("x".into()),
        Cause::Internal,
    ];
    let conflicts =
        [BatchConflict::Running, BatchConflict::Other, BatchConflict::Ended, BatchConflict::Cancelled];
    causes.extend(conflicts.map(|what| Cause::BatchConflict(what, text())));
    let accounts = [AccountFault::Invalid, AccountFault::Exists, AccountFault::LastAdministrator];
    causes.extend(accounts.map(|what| Cause::Account(what, text())));
    causes.extend(unprocessable.map(|what| Cause::Unprocessable(what, text())));
    causes
}

#[test]
fn each_cause_has_a_type_whose_page_begins_with_its_status() {
    let mut named = BTreeSet::new();
    for cause in causes() {
        let name = name(&cause);
        let known = of_name(name).unwrap_or_else(|| panic!("{name} has no type"));
        let page_status = if cause == Cause::StoreFailed { 500 } else { status(&cause).as_u16() };
        assert!(known.page.starts_with(&format!("{page_status}. ")), "{name}: {}", known.page);
        assert!(!known.title.is_empty());
        named.insert(name);
    }
    assert_eq!(named.len(), TYPES.len());
}

#[test]
fn whoever_may_come_again_is_told_when() {
    for cause in causes() {
        let status = status(&cause).as_u16();
        let response = answer(&Problem::new("", cause.clone()), &RequestId::of(&HeaderMap::new()));
        let has_time = response.headers().contains_key(RETRY_AFTER);
        assert_eq!(has_time, matches!(status, 429 | 503 | 507), "{status} {cause:?}");
    }
    // The 500 that it is elsewhere stays as it was.
    let elsewhere = answer::problem(&Problem::new("", Cause::Stopping));
    assert_eq!((elsewhere.status().as_u16(), elsewhere.headers().contains_key(RETRY_AFTER)), (500, false));
}
