//! A full disk at start: the daemon starts all the same, answers lookups, and goes on once there is room.
#![expect(clippy::print_stdout, reason = "a summary, with the seed for whoever repeats it")]

use std::path::Path;

use test_support::full_disk;

const STARTS: u32 = 6;
const SEED: u64 = 1;

#[test]
fn a_daemon_starts_on_a_full_disk_however_often_it_is_killed() {
    match full_disk::run(Path::new(env!("CARGO_BIN_EXE_sluiced")), STARTS, SEED) {
        Some(summary) => {
            println!("{summary}");
            assert!(0 < summary.acked && 0 < summary.refused && 0 < summary.compared, "{summary}");
        }
        None => println!("not tried: neither user namespaces nor mounts are allowed here"),
    }
}
