//! The oracle, quick form: twenty thousand lookups and more in feeds of all kinds are answered as the contract reads.
#![expect(clippy::print_stdout, reason = "a summary, with the seed for whoever repeats it")]

use std::path::Path;

use test_support::oracle;

const LOOKUPS: u64 = 20_000;
const SEED: u64 = 1;

#[test]
fn lookups_and_refusals_are_those_of_the_contract() {
    let summary = oracle::run(Path::new(env!("CARGO_BIN_EXE_sluiced")), LOOKUPS, SEED);
    println!("{summary}");
    assert_eq!(summary.differences, 0, "{summary}");
    assert!(summary.explained == summary.lookups && 0 < summary.passed_over, "{summary}");
}
