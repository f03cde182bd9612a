//! What `deploy` has for Prometheus goes by the metrics that there are, and each alert can be looked up.

use std::collections::BTreeSet;

use test_support::exposition::{Family, parse};

use super::ALL;
use crate::metrics::exposition::{Exposition, Format};

const ALERTS: &str = include_str!("../../../../../deploy/alerts.yml");
const ALERTS_TEST: &str = include_str!("../../../../../deploy/alerts_test.yml");
const DASHBOARD: &str = include_str!("../../../../../deploy/grafana.json");
const MANIFEST: &str = include_str!("../../../Cargo.toml");
const MONITORING: &str = include_str!("../../../../../docs/src/monitoring.md");
const RUNBOOK: &str = include_str!("../../../../../docs/src/runbook.md");

/// The names of all samples that can be told.
fn samples() -> BTreeSet<String> {
    let mut all = Exposition::default();
    for metric in ALL {
        all.add(*metric, []);
    }
    let families = parse(&all.write(Format::Prometheus).unwrap()).unwrap();
    let names = |Family { name, kind, .. }: Family| match kind.as_str() {
        "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")).to_vec(),
        _ => vec![name],
    };
    families.into_iter().flat_map(names).collect()
}

/// The names of ours in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    text.split(|character| !is_part(character)).filter(|word| word.starts_with("sluice_")).collect()
}

/// What follows `before` in lines that have it.
fn after(text: &'static str, before: &str) -> Vec<&'static str> {
    text.lines().filter_map(|line| Some(line.split_once(before)?.1.trim())).collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let samples = samples();
    for (file, text) in [
        ("alerts.yml", ALERTS),
        ("alerts_test.yml", ALERTS_TEST),
        ("grafana.json", DASHBOARD),
        ("runbook.md", RUNBOOK),
    ] {
        let named = named(text);
        assert!(5 < named.len(), "{file} names {named:?}");
        for name in named {
            // The runbook leaves the parts of histograms to whoever asks.
            let is_told =
                samples.contains(name) || file == "runbook.md" && samples.contains(&format!("{name}_sum"));
            assert!(is_told, "{file} names {name}, which no scrape tells");
        }
    }
}

#[test]
fn every_alert_has_an_entry_in_the_runbook_and_a_test_in_which_it_fires() {
    let alerts = after(ALERTS, "- alert: ");
    assert!(10 < alerts.len());
    let headings = after(RUNBOOK, "## ");
    assert_eq!(headings, alerts, "the runbook has the alerts in their order");
    // Where the package has it.
    let links: Vec<String> = alerts
        .iter()
        .map(|alert| format!("file:///usr/share/doc/sluice/book/runbook.md#{}", alert.to_lowercase()))
        .collect();
    assert_eq!(after(ALERTS, "runbook_url: "), links);
    for asset in [
        r#"["../../docs/src/*.md", "usr/share/doc/sluice/book/", "644"],"#,
        r#"["../../deploy/alerts.yml", "usr/share/doc/sluice/examples/", "644"],"#,
        r#"["../../deploy/alerts_test.yml", "usr/share/doc/sluice/examples/", "644"],"#,
    ] {
        assert!(MANIFEST.lines().any(|line| line.trim() == asset), "the package has no {asset}");
    }
    let severities = after(ALERTS, "severity: ");
    assert_eq!(severities.len(), alerts.len());
    let row = |(alert, severity): (&&str, &str)| {
        format!("{alert}](runbook.md#{}) | {severity} |", alert.to_lowercase())
    };
    let rows: Vec<String> = alerts.iter().zip(severities).map(row).collect();
    let listed = after(MONITORING, "| [Sluice");
    assert_eq!(listed.len(), rows.len());
    for (listed, row) in listed.iter().zip(rows) {
        assert!(format!("Sluice{listed}").starts_with(&row), "the page on monitoring has no {row}");
    }
    let told: Vec<&str> = ALERTS_TEST.split("- eval_time: ").collect();
    for alert in alerts {
        let fires =
            |case: &&str| case.contains(&format!("alertname: {alert}\n")) && case.contains("exp_labels");
        assert!(told.iter().any(fires), "no test has {alert} fire");
        let is_quiet =
            |case: &&str| case.contains(&format!("alertname: {alert}\n")) && case.contains("exp_alerts: []");
        assert!(told.iter().any(is_quiet), "no test has {alert} be quiet");
    }
}

#[test]
fn every_metric_is_on_the_dashboard_or_known_to_be_left_out() {
    /// They are labels, or say what others say.
    const LEFT_OUT: [&str; 3] =
        ["sluice_http_client_wait_seconds_total", "sluice_state", "sluice_http_connections_accepted_total"];
    const OF_RELOADS: &str = "sluice_config_last_reload_success_timestamp_seconds";
    let shown = named(DASHBOARD);
    let missing: Vec<String> = samples()
        .into_iter()
        .filter(|name| {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            let is_shown = |name: &str| shown.iter().any(|shown| shown.starts_with(name));
            !is_shown(family.unwrap_or(name)) && !LEFT_OUT.contains(&name.as_str()) && name != OF_RELOADS
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
