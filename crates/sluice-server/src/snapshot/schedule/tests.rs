//! How long a snapshot may take, and what is told of one.

use std::{process::Command, time::Duration};

use test_support::exposition::parse;

use super::{NEWEST, OperationMetrics, TAKEN, child, tell, time_max};
use crate::metrics::exposition::{Exposition, Format};

#[test]
fn a_snapshot_has_two_intervals_and_an_hour_at_least() {
    let hours = |hours| Duration::from_hours(hours);
    assert_eq!(time_max(Duration::from_secs(1)), hours(1));
    assert_eq!(time_max(Duration::from_mins(31)), Duration::from_mins(62));
    assert_eq!(time_max(hours(24)), hours(48));
}

/// Snapshots taken and failed, and the newest one, after a command has run.
#[track_caller]
fn check(script: &str, allowed: Duration, want: [f64; 3]) {
    let metrics = OperationMetrics::begin();
    tell(child::run(Command::new("sh").args(["-c", script]), allowed), allowed, &metrics);
    let mut all = Exposition::default();
    metrics.tell(&mut all);
    let families = parse(&all.write(Format::Prometheus).unwrap()).unwrap();
    let value = |name: &str, outcome: &str| {
        let mut samples = families.iter().flat_map(|family| &family.samples);
        let found = samples.find(|sample| sample.name == name && sample.label("outcome") == outcome);
        found.map_or(0.0, |sample| sample.value)
    };
    let seen = [
        value("sluice_scheduled_snapshots_total", "taken"),
        value("sluice_scheduled_snapshots_total", "failed"),
        value("sluice_snapshot_newest_timestamp_seconds", ""),
    ];
    assert_eq!(seen.map(f64::to_bits), want.map(f64::to_bits), "{seen:?}");
}

#[test]
fn each_outcome_counts_as_what_it_is() {
    let hour = Duration::from_hours(1);
    let name = "20260131T180102Z-00000000000000000007";
    let newest = 1_769_882_462.0;
    check(&format!("echo 'snapshot {name}{TAKEN}commit 7'; echo '{NEWEST}{name}'"), hour, [1.0, 0.0, newest]);
    // None was due.
    check(&format!("echo; echo '{NEWEST}{name}'"), hour, [0.0, 0.0, newest]);
    check("echo 'sluiced: no place' >&2; exit 1", hour, [0.0, 1.0, 0.0]);
    // Old ones could not be removed.
    let taken = format!("echo 'snapshot {name}{TAKEN}commit 7'; echo '{NEWEST}{name}'; exit 1");
    check(&taken, hour, [1.0, 0.0, newest]);
}

/// One that hung once stopped all that were to follow, and nobody was told.
#[test]
fn a_snapshot_that_hangs_counts_as_failed() {
    check("exec sleep 1000000", Duration::from_millis(100), [0.0, 1.0, 0.0]);
}
