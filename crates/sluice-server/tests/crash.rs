//! T1, quick form: the daemon is killed sixteen times and loses nothing that it answered.
#![expect(clippy::print_stdout, reason = "a summary, with the seed for whoever repeats it")]

use std::path::Path;

use test_support::crash;

const CYCLES: u32 = 16;
const SEED: u64 = 1;

#[test]
fn a_killed_daemon_loses_nothing_that_it_answered() {
    let summary = crash::run(Path::new(env!("CARGO_BIN_EXE_sluiced")), CYCLES, SEED);
    println!("{summary}");
    assert_ne!(summary.resumed_behind_steps, 0, "no step was told before a kill");
}
