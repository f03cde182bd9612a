//! Commands that end, that say a lot, and that never end.

use std::{process::Command, time::Duration};

use super::{Ended, KEPT_BYTES_MAX, run};

/// Longer than any test.
const LONG: Duration = Duration::from_hours(1);

fn shell(script: &str, time_max: Duration) -> Ended {
    run(Command::new("sh").args(["-c", script]), time_max).unwrap()
}

#[test]
fn a_command_that_ends_is_heard_to_the_end() {
    let ended = shell("echo one; echo two >&2; echo three; exit 7", LONG);
    assert_eq!(ended.status.unwrap().code(), Some(7));
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("one\nthree\n", "two\n"));
    // Its streams may be closed long before it ends.
    let ended = shell("exec >&- 2>&-; sleep 0.3; exit 3", LONG);
    assert_eq!(ended.status.unwrap().code(), Some(3));
}

/// A pipe holds 64 KiB; whoever writes more waits for a reader.
#[test]
fn a_command_that_says_a_lot_does_not_wait_for_us() {
    let ended = shell("head -c 1000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2", LONG);
    assert!(ended.status.unwrap().success());
    assert_eq!((ended.stdout.len(), ended.stderr.len()), (KEPT_BYTES_MAX, KEPT_BYTES_MAX));
    assert!(ended.stdout.bytes().all(|byte| byte == b'x'));
}

#[test]
fn a_command_that_hangs_is_killed_and_what_it_said_is_kept() {
    let ended = shell("echo $$; exec sleep 1000000", Duration::from_secs(3));
    assert!(ended.status.is_none());
    let number: i32 = ended.stdout.trim().parse().unwrap();
    let number = rustix::process::Pid::from_raw(number).unwrap();
    assert_eq!(rustix::process::test_kill_process(number), Err(rustix::io::Errno::SRCH));
}
