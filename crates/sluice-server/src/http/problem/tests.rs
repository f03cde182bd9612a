//! Every cause has its status, a reason and, where it should, a time to wait.

use std::fmt::Write as _;

use expect_test::expect;

use super::Cause;

#[test]
fn the_table_of_causes() {
    let causes = [
        Cause::BadRequest("what is wrong".into()),
        Cause::Unauthorized,
        Cause::Forbidden("who may"),
        Cause::NotFound("what is missing".into()),
        Cause::MethodNotAllowed { allow: "GET".to_owned() },
        Cause::NotAcceptable("what is taken"),
        Cause::Starting,
        Cause::Busy { retry_after_seconds: 7 },
        Cause::Busy { retry_after_seconds: 0 },
        Cause::OutOfTime,
        Cause::TooManyAttempts { retry_after_seconds: 60 },
        Cause::DiskFull,
        Cause::StoreFailed,
        Cause::Stopping,
        Cause::Unreadable("what is damaged".into()),
        Cause::Internal,
    ];
    let mut seen = String::new();
    for cause in causes {
        assert!(!cause.reason().is_empty());
        let wait = cause.retry_after_seconds();
        writeln!(seen, "{} {:?} {}", cause.status().as_u16(), wait, cause.reason()).unwrap();
    }
    expect![[r#"
        400 None what is wrong
        401 None Valid credentials are required
        403 None who may
        404 None what is missing
        405 None The method is not allowed for this request
        406 None what is taken
        425 Some(1) The service is initializing
        429 Some(7) The service cannot take the request now; nothing of it was processed
        429 Some(1) The service cannot take the request now; nothing of it was processed
        429 Some(5) The service is stopping before the body can arrive; nothing of it was processed
        429 Some(60) Too many failed attempts to log in
        507 Some(10) The disk is full or below its reserve; nothing was processed
        500 None The storage failed
        500 None The service is stopping
        500 None Internal error
        500 None Internal error
    "#]]
    .assert_eq(&seen);
}
