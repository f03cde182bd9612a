//! T2 of the daemon, quick form, and the proof that it would notice batches or a log that are not synced.
#![expect(clippy::print_stdout, reason = "a summary, and the seed for whoever repeats it")]

use std::path::Path;

use test_support::powercut::{PowercutSummary, served};

const SEED: u64 = 1;

fn run(images: u32, deaf_to: Option<&str>) -> Result<PowercutSummary, String> {
    println!("seed {SEED}");
    served::run(Path::new(env!("CARGO_BIN_EXE_sluiced")), images, SEED, deaf_to)
}

#[test]
fn a_power_cut_loses_nothing_that_the_daemon_answered() {
    println!("{}", run(15, None).unwrap());
}

#[test]
fn batches_that_are_not_synced_are_noticed() {
    println!("{}", run(60, Some("batches/")).unwrap_err());
}

#[test]
fn a_log_that_is_not_synced_is_noticed_by_clients_too() {
    println!("{}", run(60, Some("log/")).unwrap_err());
}
