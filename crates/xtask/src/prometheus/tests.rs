//! What is read of a dashboard and of expressions.

use super::{dashboard_queries, metric_names};

#[test]
fn variables_of_queries_are_filled_in() {
    let text =
        r#"{"panels":[{"type":"row"},{"targets":[{"expr":"rate(a{job=~\"$job\"}[$__rate_interval])"}]}]}"#;
    assert_eq!(dashboard_queries(text).unwrap(), ["rate(a{job=~\".*\"}[4s])"]);
    dashboard_queries(r#"{"panels":[{"targets":[{"expr":"a{b=~\"$c\"}"}]}]}"#).unwrap_err();
    dashboard_queries(r#"{"panels":[]}"#).unwrap_err();
}

#[test]
fn metrics_are_found_in_expressions() {
    let names: Vec<_> = metric_names("rate(sluice_a_total{x=\"y\"}[5m]) / up > sluice_b").collect();
    assert_eq!(names, ["sluice_a_total", "sluice_b"]);
}
