//! The judge on made-up daemons: it must notice each kind of broken promise.

use super::{End, Seen, judge};

const SYNC_FAILED: &str = "ok write log/0.log\nfail sync log/0.log\n";
const WRITE_FAILED: &str = "fail write log/0.log\n";
const REASON: &str =
    "sluiced: the store failed: the log could not be synced: Input/output error (os error 5)\n";

fn seen(trace: &'static str, end: End, said: &'static str) -> Seen<'static> {
    Seen { trace, end, said, acked_after_failed_sync: 0 }
}

#[track_caller]
fn check(seen: &Seen<'_>, want: Result<(), &str>) {
    assert_eq!(judge(seen).as_ref().map_err(String::as_str), want.as_ref().map_err(|text| *text));
}

#[test]
fn an_end_with_a_reason_is_good_order() {
    check(&seen(SYNC_FAILED, End::Code(1), REASON), Ok(()));
}

#[test]
fn a_daemon_that_can_go_on_may() {
    check(&seen(WRITE_FAILED, End::Code(0), ""), Ok(()));
}

#[test]
fn a_sync_that_failed_and_was_answered_as_success_is_noticed() {
    let lied = Seen { acked_after_failed_sync: 1, ..seen(SYNC_FAILED, End::Code(1), REASON) };
    check(&lied, Err("1 writes acknowledged after a failed sync"));
    check(&seen(SYNC_FAILED, End::Code(0), ""), Err("it ended as if all were well"));
}

#[test]
fn a_file_that_the_daemon_can_do_without_may_stay_unsynced() {
    for unsynced in
        ["fail sync known-logins.new\n", "fail sync batches\n", "fail sync batches/0000000002.batches\n"]
    {
        check(&seen(unsynced, End::Code(0), ""), Ok(()));
    }
}

#[test]
fn a_directory_that_is_not_synced_is_noticed_whatever_was_renamed_last() {
    for renamed in
        ["ok rename MANIFEST\nok rename known-logins\nfail sync \n", "ok rename MANIFEST\nfail sync \n"]
    {
        check(&seen(renamed, End::Code(0), ""), Err("it ended as if all were well"));
    }
}

#[test]
fn a_hang_is_noticed() {
    check(&seen(SYNC_FAILED, End::Hung, REASON), Err("it hangs"));
}

#[test]
fn an_end_without_a_reason_is_noticed() {
    check(&seen(SYNC_FAILED, End::Signal, REASON), Err("it was ended by a signal"));
    check(&seen(SYNC_FAILED, End::Code(101), REASON), Err("exit code 101"));
    check(&seen(SYNC_FAILED, End::Code(1), ""), Err("no reason in its last line: \"\""));
    let panic = "thread 'main' panicked at src/logger.rs:467: Input/output error (os error 5)";
    let want = format!("no reason in its last line: {panic:?}");
    check(&seen(SYNC_FAILED, End::Code(1), panic), Err(&want));
}
