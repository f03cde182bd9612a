//! Both forms of the text, to the byte, and who gets which.

use std::collections::BTreeSet;

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use expect_test::expect;
use sluice_store::Histogram;
use test_support::exposition;

use super::{Exposition, Format, Value};
use crate::metrics::{
    declared::{ALL, BUILD, CONNECTIONS, PROCESS_CPU, REQUEST_TIME, REQUESTS},
    exposition::PREFIX,
};

fn some() -> Exposition {
    let times = Histogram::new(&[500, 2_000_000]);
    for time in [500, 700, 3_000_000] {
        times.note(time);
    }
    let mut some = Exposition::default();
    some.add(BUILD, [(vec![("version", "1.0 \"x\"\\".into())], Value::Whole(1))]);
    some.add_one(CONNECTIONS, Value::Whole(u64::MAX));
    some.add_one(PROCESS_CPU, Value::Real(0.25));
    some.add(
        REQUESTS,
        [
            (vec![("route", "a".into()), ("status", "200".into())], Value::Whole(7)),
            (vec![("route", "b".into()), ("status", "500".into())], Value::Whole(0)),
        ],
    );
    some.add(REQUEST_TIME, [(vec![("route", "a".into())], Value::Histogram(times.read()))]);
    some
}

#[test]
fn the_text_of_prometheus() {
    let text = some().write(Format::Prometheus).unwrap();
    assert_eq!(exposition::parse(&text).unwrap().len(), 5);
    expect![[r#"
        # HELP sluice_build_info The version of the daemon, the commit that it is built from, and the day of that commit.
        # TYPE sluice_build_info gauge
        sluice_build_info{version="1.0 \"x\"\\"} 1
        # HELP sluice_http_connections Connections that are open.
        # TYPE sluice_http_connections gauge
        sluice_http_connections 18446744073709551615
        # HELP sluice_process_cpu_seconds_total Processor time that the daemon has used.
        # TYPE sluice_process_cpu_seconds_total counter
        sluice_process_cpu_seconds_total 0.25
        # HELP sluice_http_requests_total Requests that were answered, by route and status.
        # TYPE sluice_http_requests_total counter
        sluice_http_requests_total{route="a",status="200"} 7
        sluice_http_requests_total{route="b",status="500"} 0
        # HELP sluice_http_request_duration_seconds Time from the head of a request to its answer, without the time in which its client was waited for.
        # TYPE sluice_http_request_duration_seconds histogram
        sluice_http_request_duration_seconds_bucket{route="a",le="0.0005"} 1
        sluice_http_request_duration_seconds_bucket{route="a",le="2"} 2
        sluice_http_request_duration_seconds_bucket{route="a",le="+Inf"} 3
        sluice_http_request_duration_seconds_sum{route="a"} 3.0012
        sluice_http_request_duration_seconds_count{route="a"} 3
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_text_of_open_metrics() {
    let text = some().write(Format::OpenMetrics).unwrap();
    assert_eq!(exposition::parse_open_metrics(&text).unwrap().len(), 5);
    let lines: Vec<_> = text.lines().filter(|line| line.contains("cpu") || line.contains("_info")).collect();
    expect![[r#"
        sluice_build_info{version="1.0 \"x\"\\"} 1
        # HELP sluice_process_cpu_seconds Processor time that the daemon has used.
        # TYPE sluice_process_cpu_seconds counter
        # UNIT sluice_process_cpu_seconds seconds
        sluice_process_cpu_seconds_total 0.25
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
    assert!(text.contains("\n# TYPE sluice_build info\n"), "{text}");
}

#[test]
fn every_metric_keeps_the_conventions() {
    let mut all = Exposition::default();
    for metric in ALL {
        all.add(*metric, []);
    }
    let families = exposition::parse(&all.write(Format::Prometheus).unwrap()).unwrap();
    let names: BTreeSet<_> = families.iter().map(|family| &family.name).collect();
    assert_eq!(names.len(), ALL.len());
    for family in &families {
        let breaches = exposition::breaches(family, &format!("{PREFIX}_"));
        assert!(breaches.is_empty(), "{breaches:?}");
    }
}

#[test]
fn who_prefers_open_metrics_gets_it() {
    let format = |accept: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        Format::of(&headers)
    };
    for accept in [
        // What Prometheus 2.42 sends.
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text",
        "text/plain; q=0.4, APPLICATION/openmetrics-text; q=0.5",
    ] {
        assert_eq!(format(&[accept]), Format::OpenMetrics, "{accept}");
    }
    for accept in [
        "",
        "*/*",
        "text/plain",
        "text/*",
        "application/json",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=0.5, text/plain",
    ] {
        assert_eq!(format(&[accept]), Format::Prometheus, "{accept}");
    }
    assert_eq!(format(&["text/plain;q=0.1", "application/openmetrics-text;q=0.2"]), Format::OpenMetrics);
    assert_eq!(format(&[]), Format::Prometheus);
}
