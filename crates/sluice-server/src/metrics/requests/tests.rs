//! What counts where, and that no client makes up a label.

use std::{fmt::Write as _, time::Duration};

use actix_web::http::{Method, StatusCode};
use expect_test::expect;
use test_support::exposition::{Family, parse};

use super::{Answered, Exposition, METHODS, RequestMetrics, STATUSES};
use crate::metrics::exposition::Format;

fn told(metrics: &RequestMetrics) -> Vec<Family> {
    let mut all = Exposition::default();
    metrics.tell(&mut all);
    parse(&all.write(Format::Prometheus).unwrap()).unwrap()
}

fn answered(route: Option<usize>, method: &Method, status: u16) -> Answered<'_> {
    Answered {
        route,
        method,
        status: StatusCode::from_u16(status).unwrap(),
        elapsed: Duration::from_millis(300),
        waited: Duration::from_millis(299),
        received_bytes: 10,
        sent_bytes: 3,
    }
}

#[test]
fn a_request_counts_under_its_route_and_status() {
    let metrics = RequestMetrics::new(&[["GET", "/a/{b}"], ["PUT", "/a/{b}"]]);
    metrics.answered(answered(Some(1), &Method::PUT, 201));
    metrics.answered(answered(Some(1), &Method::PUT, 201));
    metrics.answered(answered(Some(1), &Method::PUT, 429));
    metrics.answered(answered(Some(0), &Method::GET, 409));
    metrics.answered(answered(None, &Method::PATCH, 404));
    let mut seen = String::new();
    for family in told(&metrics) {
        for sample in &family.samples {
            // Of the times, the bound that divides them.
            let is_shown = !sample.name.ends_with("_bucket") || sample.label("le") == "0.001";
            if sample.value != 0.0 && is_shown {
                let labels: Vec<_> = sample.labels.values().map(String::as_str).collect();
                writeln!(seen, "{} {} {}", sample.name, labels.join(" "), sample.value).unwrap();
            }
        }
    }
    expect![[r#"
        sluice_http_requests_total GET /a/{b} 409 1
        sluice_http_requests_total PUT /a/{b} 201 2
        sluice_http_requests_total PUT /a/{b} 429 1
        sluice_http_requests_total PATCH other 404 1
        sluice_http_request_duration_seconds_bucket 0.001 GET /a/{b} 1
        sluice_http_request_duration_seconds_sum GET /a/{b} 0.001
        sluice_http_request_duration_seconds_count GET /a/{b} 1
        sluice_http_request_duration_seconds_bucket 0.001 PUT /a/{b} 3
        sluice_http_request_duration_seconds_sum PUT /a/{b} 0.003
        sluice_http_request_duration_seconds_count PUT /a/{b} 3
        sluice_http_request_duration_seconds_bucket 0.001 PATCH other 1
        sluice_http_request_duration_seconds_sum PATCH other 0.001
        sluice_http_request_duration_seconds_count PATCH other 1
        sluice_http_client_wait_seconds_total GET /a/{b} 0.299
        sluice_http_client_wait_seconds_total PUT /a/{b} 0.897
        sluice_http_client_wait_seconds_total PATCH other 0.299
        sluice_http_request_body_bytes_total GET /a/{b} 10
        sluice_http_request_body_bytes_total PUT /a/{b} 30
        sluice_http_request_body_bytes_total PATCH other 10
        sluice_http_response_body_bytes_total GET /a/{b} 3
        sluice_http_response_body_bytes_total PUT /a/{b} 9
        sluice_http_response_body_bytes_total PATCH other 3
    "#]]
    .assert_eq(&seen);
}

#[test]
fn no_method_and_no_status_makes_a_label() {
    let metrics = RequestMetrics::new(&[["GET", "/a"]]);
    for number in 0..1_000_u16 {
        let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
        metrics.answered(answered(None, &method, 100 + number % 900));
        // A number that no route has changes nothing.
        metrics.answered(answered(Some(5_000), &method, 200));
    }
    let families = told(&metrics);
    let requests: f64 = families[0].samples.iter().map(|sample| sample.value).sum();
    assert_eq!(requests.to_bits(), 1_000.0_f64.to_bits());
    assert!(families[0].samples.len() <= (1 + METHODS.len() + 1) * (STATUSES.len() + 1));
    let is_known = |label: &str| label == "other" || label == "GET";
    assert!(
        families.iter().flat_map(|family| &family.samples).all(|sample| is_known(sample.label("method")))
    );
}

#[test]
fn alerts_see_the_first_of_what_they_go_by() {
    let families = told(&RequestMetrics::new(&[["GET", "/a"]]));
    let statuses: Vec<_> = families[0].samples.iter().map(|sample| sample.label("status")).collect();
    assert_eq!(statuses, ["429", "500", "503", "507"]);
}
