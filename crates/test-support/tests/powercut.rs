//! T2, quick form, and the proof that it would notice a store that forgets a sync.
#![expect(clippy::print_stdout, reason = "a summary, and the seed for whoever repeats it")]

use std::path::Path;

use test_support::powercut::{Plan, run};

const SEED: u64 = 1;

fn plan(small_images: u32, large_images: u32, deaf_to: Option<&'static str>) -> Plan<'static> {
    println!("seed {SEED}");
    let workload = Path::new(env!("CARGO_BIN_EXE_powercut-workload"));
    Plan { workload, small_images, large_images, seed: SEED, deaf_to }
}

#[test]
fn a_power_cut_loses_nothing_that_was_answered() {
    println!("{}", run(&plan(25, 10, None)).unwrap());
}

#[test]
fn a_log_that_is_not_synced_is_noticed() {
    println!("{}", run(&plan(100, 0, Some("data/log/"))).unwrap_err());
}

#[test]
fn trees_that_are_not_synced_are_noticed() {
    println!("{}", run(&plan(100, 0, Some("data/trees/db"))).unwrap_err());
}
