//! T3, quick form: calls to the disk fail at some points of the daemon's life; and the proof that the test would notice a
//! daemon that takes no notice of a failed sync.
#![expect(clippy::print_stdout, reason = "a summary, with the seed for whoever repeats it")]

use std::path::Path;

use test_support::faults;

const POINTS: u32 = 26;
const SEED: u64 = 1;

fn daemon() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sluiced"))
}

#[test]
fn a_failing_disk_ends_the_daemon_in_good_order_and_loses_nothing() {
    match faults::run(daemon(), POINTS, SEED) {
        Ok(summary) => println!("{summary}"),
        Err(broken) => panic!("{broken}"),
    }
}

#[test]
fn a_failed_sync_that_is_answered_as_success_is_noticed() {
    let broken = faults::run_unnoticed(daemon(), SEED).unwrap_err();
    println!("{broken}");
    assert!(broken.contains("acknowledged after a failed sync"), "{broken}");
}
