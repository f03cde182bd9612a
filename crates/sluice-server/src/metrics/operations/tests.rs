//! What is told of reloads and snapshots, and what is not known.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use expect_test::{Expect, expect};
use test_support::exposition::parse;

use super::{Exposition, OperationMetrics};
use crate::metrics::exposition::Format;

#[track_caller]
fn check(metrics: &OperationMetrics, want: &Expect) {
    let mut all = Exposition::default();
    metrics.tell(&mut all);
    let mut told = String::new();
    for sample in
        parse(&all.write(Format::Prometheus).unwrap()).unwrap().iter().flat_map(|family| &family.samples)
    {
        // Only that it is there: it is now.
        let is_now = sample.name.contains("reload_success_timestamp");
        let value = if is_now { f64::from(u8::from(0.0 < sample.value)) } else { sample.value };
        writeln!(told, "{} {} {value}", sample.name, sample.label("outcome")).unwrap();
    }
    want.assert_eq(&told);
}

#[test]
fn outcomes_are_counted_and_the_last_one_told() {
    let metrics = OperationMetrics::begin();
    let at_the_start = expect![[r#"
        sluice_config_reloads_total done 0
        sluice_config_reloads_total refused 0
        sluice_config_last_reload_successful  1
        sluice_config_last_reload_success_timestamp_seconds  1
        sluice_scheduled_snapshots_total taken 0
        sluice_scheduled_snapshots_total failed 0
    "#]];
    check(&metrics, &at_the_start);
    metrics.reloaded();
    metrics.reload_refused();
    metrics.schedule_snapshots(Duration::from_hours(1));
    metrics.snapshot_taken();
    metrics.snapshot_failed();
    metrics.newest_snapshot(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    check(
        &metrics,
        &expect![[r#"
            sluice_config_reloads_total done 1
            sluice_config_reloads_total refused 1
            sluice_config_last_reload_successful  0
            sluice_config_last_reload_success_timestamp_seconds  1
            sluice_scheduled_snapshots_total taken 1
            sluice_scheduled_snapshots_total failed 1
            sluice_snapshot_newest_timestamp_seconds  1700000000
            sluice_snapshot_interval_seconds  3600
        "#]],
    );
    metrics.reloaded();
    let mut all = Exposition::default();
    metrics.tell(&mut all);
    assert!(all.write(Format::Prometheus).unwrap().contains("sluice_config_last_reload_successful 1\n"));
}
