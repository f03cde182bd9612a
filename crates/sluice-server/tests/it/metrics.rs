//! `/metrics`: who may read it, what it tells, and that it does so whatever the daemon is at.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    sync::Arc,
};

use expect_test::{Expect, expect};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::fs::{FlockOperation, flock};
use sluice_model::limits::{BODY_BYTES_MAX, MIB};
use sluice_server::{
    Ending, Phase,
    config::{self, Flags},
};
use test_support::exposition::{Family, Sample, breaches, parse, parse_open_metrics};

use crate::{
    busy::{announce, long_body},
    client::{Answer, Connection},
    commands::sluiced,
    daemon::{Running, as_token, as_user, request, shared, wait_until, with_password},
};

const INDICATORS: &str = "/api/1.0/suppliers/InternalTI/indicators";

/// Metrics that only a daemon has that serves TLS, or whose snapshots are scheduled.
const UNTOLD: [&str; 3] =
    [CERTIFICATE_END, "sluice_snapshot_newest_timestamp_seconds", "sluice_snapshot_interval_seconds"];

const CERTIFICATE_END: &str = "sluice_certificate_expiry_timestamp_seconds";

/// A setting that has metrics served on a listener of their own.
const LISTENER: (&str, &str) = ("SLUICE_METRICS_LISTEN", "127.0.0.1:0");

/// Asks the listener that serves metrics alone.
#[track_caller]
fn ask_listener(daemon: &Running, method: &str, path: &str, headers: &str) -> Answer {
    let mut connection = Connection::open(daemon.daemon().metrics_address().unwrap());
    assert!(connection.send(&request(method, path, headers, b"")));
    connection.receive_text().unwrap()
}

/// Scrapes with a token for that.
#[track_caller]
fn scrape(daemon: &Running) -> Vec<Family> {
    let mut connection = daemon.connect();
    assert!(connection.send(&request("GET", "/metrics", &as_token("scraper"), b"")));
    read(&connection.receive_text().unwrap())
}

/// Scrapes the listener that serves metrics alone.
#[track_caller]
fn scrape_listener(daemon: &Running) -> Vec<Family> {
    read(&ask_listener(daemon, "GET", "/metrics", ""))
}

#[track_caller]
fn read(answer: &Answer) -> Vec<Family> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    parse(&answer.body).unwrap()
}

/// The sum of the samples of a metric that have these labels.
#[track_caller]
fn value(families: &[Family], name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = families.iter().find(|family| family.name == name);
    let samples = &family.unwrap_or_else(|| panic!("there is no {name}")).samples;
    let is_meant = |label: &(&str, &str), of: &Sample| of.label(label.0) == label.1;
    samples.iter().filter(|of| labels.iter().all(|label| is_meant(label, of))).map(|of| of.value).sum()
}

#[track_caller]
fn check_value(families: &[Family], name: &str, labels: &[(&str, &str)], want: f64) {
    let value = value(families, name, labels);
    assert!((value - want).abs() < 1e-9, "{name} {labels:?} is {value}, not {want}");
}

#[test]
fn an_administrator_or_a_token_for_it_may_scrape() {
    let daemon = Running::start(&[]);
    let mut statuses = Vec::new();
    for caller in [
        as_user("admin"),
        as_token("root"),
        as_token("scraper"),
        as_user("ann"),
        as_user("tom"),
        as_token("reader"),
        as_token("writer"),
        as_token("expired"),
        as_token("nobody"),
        String::new(),
    ] {
        let mut connection = daemon.connect();
        assert!(connection.send(&request("GET", "/metrics", &caller, b"")));
        statuses.push(connection.receive_text().unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 200, 403, 403, 403, 403, 401, 401, 401]);
    let refused = daemon.ask_with("GET", "/metrics", &as_user("ann"), b"");
    expect![[r#"[{"status":"An error occurred while processing the request","reason":"The user has no right to this operation"}]"#]]
        .assert_eq(&refused.body);
    let posted = daemon.ask_with("POST", "/metrics", &as_token("scraper"), b"");
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
    // A body that is announced is not waited for.
    let (mut announced, status) = announce(&daemon, "GET", "/metrics", "Content-Length: 10\r\n");
    assert_eq!(status, 100);
    assert_eq!(announced.receive_text().unwrap().status, 200);
    assert_eq!(daemon.daemon().metrics_address(), None);
}

/// They were once counted when they began.
#[test]
fn answers_that_are_given_while_they_are_made_count_when_they_have_ended() {
    const PATH: &str = "/v1/suppliers/InternalTI/indicators";
    const ROUTE: (&str, &str) = ("route", "/v1/suppliers/{supplier}/indicators");
    const REQUESTS: &str = "sluice_http_requests_total";
    let daemon = Running::start(&[]);
    let wait_until_counted = |method, status| {
        let labels = [ROUTE, ("method", method), ("status", status)];
        wait_until("it is counted", || 0.0 < value(&scrape(&daemon), REQUESTS, &labels));
    };
    let headers = format!("{}Accept: application/x-ndjson\r\n", as_user("admin"));
    let mut import = daemon.connect();
    let chunked = format!("{headers}Transfer-Encoding: chunked\r\n");
    assert!(import.send(&request("POST", PATH, &chunked, b"")) && import.send_chunk(b"a.example.com\n"));
    assert!(import.receive_head().unwrap().starts_with("HTTP/1.1 200 "));
    check_value(&scrape(&daemon), REQUESTS, &[ROUTE], 0.0);
    assert!(import.send_chunk(b""));
    let mut lines = String::new();
    while let Some(line) = import.receive_chunk() {
        lines += &line;
    }
    wait_until_counted("POST", "200");
    // Its last line is a problem.
    let mut bad = daemon.connect();
    assert!(bad.send(&request("POST", &format!("{PATH}?format=json"), &headers, b"[x")));
    let bad = bad.receive_text().unwrap();
    assert_eq!(bad.status, 200);
    wait_until_counted("POST", "400");
    let mut export = daemon.connect();
    assert!(export.send(&request("GET", PATH, &as_user("admin"), b"")));
    let export = export.receive_text().unwrap();
    wait_until_counted("GET", "200");
    let families = scrape(&daemon);
    for (name, method, text_bytes) in [
        ("sluice_http_request_body_bytes_total", "POST", "a.example.com\n[x".len()),
        ("sluice_http_response_body_bytes_total", "POST", lines.len() + bad.body.len()),
        ("sluice_http_response_body_bytes_total", "GET", export.body.len()),
    ] {
        let want = f64::from(u32::try_from(text_bytes).unwrap());
        check_value(&families, name, &[ROUTE, ("method", method)], want);
    }
}

#[test]
fn a_listener_of_its_own_serves_metrics_to_anybody_and_nothing_else() {
    let daemon = Running::start(&[LISTENER]);
    let ask = |method, path| ask_listener(&daemon, method, path, "");
    let families = read(&ask("GET", "/metrics"));
    check_value(&families, "sluice_build_info", &[], 1.0);
    for path in ["/", "/healthz", "/readyz", "/api/1.3/suppliers", "/metrics/", "/Metrics", "/%6Detrics"] {
        let answer = ask_listener(&daemon, "GET", path, &as_user("admin"));
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (404, "There are metrics here and nothing else")
        );
    }
    assert_eq!(ask("PUT", INDICATORS).status, 404);
    assert_eq!(ask("POST", "/metrics").status, 405);
    assert_eq!(ask("GET", "/metrics?name[]=x").status, 200);
    let mut connection = Connection::open(daemon.daemon().metrics_address().unwrap());
    // Two on one connection, the first of them without a body.
    assert!(connection.send(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(connection.receive_head().unwrap().starts_with("HTTP/1.1 200"));
    assert!(connection.send(&request("GET", "/metrics", "", b"")));
    let families = read(&connection.receive_text().unwrap());
    check_value(&families, "sluice_http_requests_total", &[("method", "HEAD"), ("route", "/metrics")], 1.0);
    assert_eq!(daemon.ask_with("GET", "/metrics", "", b"").status, 401);
}

#[test]
fn who_wants_open_metrics_gets_it() {
    let daemon = Running::start(&[LISTENER]);
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    let answer = ask_listener(&daemon, "GET", "/metrics", accept);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
    let families = parse_open_metrics(&answer.body).unwrap();
    assert_eq!(families.len(), scrape_listener(&daemon).len());
}

/// Requests of all sorts, so that there is something to tell.
fn make_requests(daemon: &Running) {
    daemon.add_suppliers(&["Feed"], 50);
    let put = daemon.ask(
        "PUT",
        "1.3/acme/suppliers/Feed/indicators",
        r#"[
        {"indicator":"a.example.com"}, {"indicator":"192.0.2.1"}, {"indicator":"bad\\"}, {"indicator":1},
        {"indicator":"443"}, {"indicator":"b.example.com","tags":["None"]}]"#,
    );
    assert_eq!(put.status, 202);
    let delete = r#"[{"indicator":"a.example.com"}]"#;
    assert_eq!(daemon.ask("DELETE", "1.3/acme/suppliers/Feed/indicators", delete).status, 200);
    let lookup = r#"[{"object":"a.example.com"},{"object":"192.0.2.1"}]"#;
    assert_eq!(daemon.ask("POST", "1.3/acme/lookup", lookup).status, 200);
    assert_eq!(daemon.ask("GET", "1.3/suppliers/None", "").status, 404);
    assert_eq!(daemon.ask("GET", "1.3/nothing", "").status, 404);
    assert_eq!(daemon.ask_with("GET", "/healthz", "", b"").status, 200);
    assert_eq!(daemon.ask_with("GET", "/api/1.3/suppliers", &as_token("nobody"), b"").status, 401);
}

/// Whoever sees a version on a dashboard can look the commit up, and so can who has the binary.
#[test]
fn the_version_of_the_binary_and_of_the_metrics_are_the_same() {
    let families = scrape(&shared());
    let family = families.iter().find(|family| family.name == "sluice_build_info").unwrap();
    let [version, commit, date] = ["version", "commit", "date"].map(|name| family.samples[0].label(name));
    assert!(!commit.is_empty() && !date.is_empty(), "{family:?}");
    let output = sluiced().arg("--version").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, format!("sluiced {version} (commit {commit} of {date})\n"));
}

/// The name, type and labels of each family, a line each. Each keeps to the conventions, and tells something.
fn declarations(families: &[Family]) -> String {
    let mut told = String::new();
    for family in families {
        let is_told = !family.samples.is_empty();
        assert!(is_told || UNTOLD.contains(&family.name.as_str()), "{} has no sample", family.name);
        assert_eq!(breaches(family, "sluice_"), [""; 0]);
        let labels: BTreeSet<&str> =
            family.samples.iter().flat_map(|sample| sample.labels.keys()).map(String::as_str).collect();
        let labels: Vec<&str> = labels.into_iter().filter(|label| *label != "le").collect();
        let line = format!("{} {} {}", family.name, family.kind, labels.join(","));
        writeln!(told, "{}", line.trim_end()).unwrap();
    }
    told
}

/// A new metric is to be seen here, and one that is renamed: alerts and dashboards of others go by these names.
fn told_metrics() -> Expect {
    expect![[r#"
        sluice_build_info gauge commit,date,version
        sluice_process_start_time_seconds gauge
        sluice_process_cpu_seconds_total counter
        sluice_process_resident_memory_bytes gauge
        sluice_process_open_fds gauge
        sluice_process_max_fds gauge
        sluice_ready gauge
        sluice_state gauge state
        sluice_certificate_expiry_timestamp_seconds gauge
        sluice_http_connections gauge
        sluice_http_connections_accepted_total counter
        sluice_http_requests_total counter method,route,status
        sluice_http_request_duration_seconds histogram method,route
        sluice_http_client_wait_seconds_total counter method,route
        sluice_http_request_body_bytes_total counter method,route
        sluice_http_response_body_bytes_total counter method,route
        sluice_logins_refused_total counter reason
        sluice_indicators_accepted_total counter action,supplier,tenant
        sluice_indicators_refused_total counter reason,supplier,tenant
        sluice_batches_ended_total counter state
        sluice_batches_running gauge
        sluice_batches_kept gauge
        sluice_batches_size_bytes gauge
        sluice_lists gauge
        sluice_lists_stale gauge
        sluice_list_builds_total counter outcome
        sluice_lookup_objects_total counter
        sluice_damaged_reads_total counter
        sluice_config_reloads_total counter outcome
        sluice_config_last_reload_successful gauge
        sluice_config_last_reload_success_timestamp_seconds gauge
        sluice_scheduled_snapshots_total counter outcome
        sluice_snapshot_newest_timestamp_seconds gauge
        sluice_snapshot_interval_seconds gauge
        sluice_permits_held_bytes gauge
        sluice_permits_max_bytes gauge
        sluice_permits_waiting gauge
        sluice_permit_wait_seconds histogram
        sluice_queue_in_flight_bytes gauge pool
        sluice_queue_slot_wait_seconds histogram pool
        sluice_queue_thread_wait_seconds histogram pool
        sluice_log_size_bytes gauge
        sluice_log_size_max_bytes gauge
        sluice_log_queued_requests gauge
        sluice_store_thread_silence_seconds gauge thread
        sluice_memtable_bytes gauge
        sluice_memtable_max_bytes gauge
        sluice_memtable_rows gauge
        sluice_runs gauge
        sluice_run_parts gauge
        sluice_filters_bytes gauge
        sluice_run_rows gauge
        sluice_run_blocks_bytes gauge
        sluice_merge_debt_bytes gauge
        sluice_merge_debt_age_seconds gauge
        sluice_filter_checks_total counter result
        sluice_block_cache_hits_total counter kind
        sluice_block_cache_misses_total counter kind
        sluice_block_cache_bytes gauge
        sluice_block_cache_max_bytes gauge
        sluice_trees_bytes gauge
        sluice_disk_size_bytes gauge
        sluice_disk_free_bytes gauge
        sluice_disk_reserve_bytes gauge
        sluice_log_sync_duration_seconds histogram
        sluice_log_sync_group_size histogram
        sluice_flush_duration_seconds histogram
        sluice_merge_step_duration_seconds histogram
    "#]]
}

#[test]
fn what_a_scrape_tells() {
    let daemon = Running::start(&[]);
    make_requests(&daemon);
    wait_until("the disk was asked", || value(&scrape(&daemon), "sluice_trees_bytes", &[]) != 0.0);
    told_metrics().assert_eq(&declarations(&scrape(&daemon)));
}

#[test]
fn requests_and_indicators_are_counted() {
    let daemon = Running::start(&[]);
    make_requests(&daemon);
    let families = scrape(&daemon);
    let check = |name: &str, labels: &[(&str, &str)], want: f64| check_value(&families, name, labels, want);
    let indicators = "/api/{version}/suppliers/{supplier}/indicators";
    for (method, route, status) in [
        ("PUT", indicators, "202"),
        ("DELETE", indicators, "200"),
        ("POST", "/api/{version}/lookup", "200"),
        ("POST", "/api/{version}/suppliers", "201"),
        ("GET", "/api/{version}/suppliers/{supplier}", "404"),
        ("GET", "/api/{version}/suppliers", "401"),
        ("GET", "other", "404"),
        ("GET", "/healthz", "200"),
    ] {
        let labels = [("method", method), ("route", route), ("status", status)];
        check("sluice_http_requests_total", &labels, 1.0);
    }
    check("sluice_http_requests_total", &[], 8.0);
    let feed = [("tenant", "acme"), ("supplier", "Feed")];
    let of_feed = |label| [feed[0], feed[1], label];
    check("sluice_indicators_accepted_total", &of_feed(("action", "add")), 2.0);
    check("sluice_indicators_accepted_total", &of_feed(("action", "delete")), 1.0);
    for (reason, want) in
        [("invalid_format", 1.0), ("invalid_type", 1.0), ("bare_number", 1.0), ("unknown_tag", 1.0)]
    {
        check("sluice_indicators_refused_total", &of_feed(("reason", reason)), want);
    }
    check("sluice_indicators_refused_total", &[], 4.0);
    check("sluice_lookup_objects_total", &[], 2.0);
    check("sluice_logins_refused_total", &[("reason", "unknown_token")], 1.0);
    check("sluice_logins_refused_total", &[], 1.0);
    let lookup = [("route", "/api/{version}/lookup")];
    check("sluice_http_request_body_bytes_total", &lookup, 51.0);
    assert!(100.0 < value(&families, "sluice_http_response_body_bytes_total", &lookup));
    assert!(1.0 <= value(&families, "sluice_http_connections", &[]));
    let opened = value(&families, "sluice_http_connections_accepted_total", &[]);
    // Each request has come on a connection of its own, the scrape too.
    assert!((opened - 9.0).abs() < 1e-9, "{opened}");
    wait_until("other connections are closed", || {
        value(&scrape(&daemon), "sluice_http_connections", &[]) < 2.0
    });
    assert_eq!(daemon.ask("DELETE", "1.3/suppliers/Feed", "").status, 201);
    let families = scrape(&daemon);
    check_value(&families, "sluice_indicators_accepted_total", &feed, 0.0);
    // Nor under another name.
    check_value(&families, "sluice_indicators_accepted_total", &[], 0.0);
}

#[test]
fn refused_logins_are_counted_by_what_was_wrong() {
    let daemon = Running::start(&[]);
    for caller in [
        String::new(),
        "Authorization: Basic ?\r\n".to_owned(),
        with_password("nobody", "secret"),
        with_password("ann", "wrong"),
        as_token("nothing"),
        as_token("expired"),
    ] {
        assert_eq!(daemon.ask_with("GET", "/api/1.3/suppliers", &caller, b"").status, 401);
    }
    let families = scrape(&daemon);
    for reason in
        ["no_credentials", "malformed", "unknown_user", "wrong_password", "unknown_token", "expired_token"]
    {
        check_value(&families, "sluice_logins_refused_total", &[("reason", reason)], 1.0);
    }
    check_value(&families, "sluice_logins_refused_total", &[], 6.0);
}

#[test]
fn nothing_that_clients_send_makes_a_label() {
    let daemon = Running::start(&[]);
    let names: Vec<String> = (0..120).map(|number| format!("Feed{number}")).collect();
    daemon.add_suppliers(&names.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    for name in &names {
        daemon.put(&format!("suppliers/{name}"), r#"[{"indicator":"a.example.com"}]"#);
    }
    wait_until("the disk was asked", || value(&scrape(&daemon), "sluice_trees_bytes", &[]) != 0.0);
    let series = || scrape(&daemon).iter().map(|family| family.samples.len()).sum::<usize>();
    for method in ["GET", "PUT", "BREW"] {
        assert_eq!(daemon.ask(method, "1.3/no/such/path", "").status, 404);
    }
    scrape(&daemon);
    let before = series();
    for number in 0..100 {
        let path = format!("/api/1.3/evil{number}/suppliers/{number}%22%7D/indicators?x={number}");
        let (method, user) = (format!("BREW{number}"), format!("user{number}"));
        assert_eq!(daemon.ask_with(&method, &path, &as_user("admin"), b"").status, 405);
        assert_eq!(daemon.ask_with("GET", &format!("/{number}"), &as_token(&user), b"").status, 401);
    }
    let families = scrape(&daemon);
    // The routes `other` of these statuses.
    assert!(series() <= before + 2, "{before} series became {}", series());
    let suppliers: BTreeSet<&str> = families
        .iter()
        .filter(|family| family.name == "sluice_indicators_accepted_total")
        .flat_map(|family| family.samples.iter().map(|sample| sample.label("supplier")))
        .collect();
    assert_eq!(suppliers.len(), 101);
    check_value(&families, "sluice_indicators_accepted_total", &[("supplier", "other")], 20.0);
    check_value(&families, "sluice_indicators_accepted_total", &[("action", "add")], 120.0);
}

#[test]
fn a_scrape_needs_no_store() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    Running::open(Arc::clone(&dir), &[]).wait_for(Phase::Ready);
    // The storage engine waits for its own lock, so the daemon cannot get on.
    let engine = File::open(dir.path().join("trees/db")).unwrap();
    flock(&engine, FlockOperation::LockExclusive).unwrap();
    let daemon = Running::open(dir, &[LISTENER]);
    assert_eq!(daemon.ask_with("GET", "/readyz", "", b"").status, 425);
    for families in [scrape(&daemon), scrape_listener(&daemon)] {
        check_value(&families, "sluice_ready", &[], 0.0);
        check_value(&families, "sluice_state", &[("state", "starting")], 1.0);
    }
    drop(engine);
    daemon.wait_for(Phase::Ready);
    let families = scrape(&daemon);
    check_value(&families, "sluice_ready", &[], 1.0);
    check_value(&families, "sluice_state", &[("state", "writable")], 1.0);
    check_value(&families, "sluice_state", &[], 1.0);
}

#[test]
fn a_disk_below_its_reserve_is_told() {
    let daemon = Running::start(&[("SLUICE_DISK_RESERVE_BYTES", "9000000000000000000")]);
    wait_until("the disk was asked", || {
        let families = scrape(&daemon);
        0.0 < value(&families, "sluice_state", &[("state", "disk_full")])
            && value(&families, "sluice_ready", &[]) == 0.0
    });
    let families = scrape(&daemon);
    check_value(&families, "sluice_disk_reserve_bytes", &[], 9e18);
    let (size, free) =
        (value(&families, "sluice_disk_size_bytes", &[]), value(&families, "sluice_disk_free_bytes", &[]));
    assert!(0.0 < free && free <= size, "{free} of {size}");
}

#[test]
fn a_scrape_waits_for_no_memory() {
    let daemon = Running::start(&[
        LISTENER,
        ("SLUICE_INGEST__BODY_BYTES_BUDGET", &BODY_BYTES_MAX.to_string()),
        ("SLUICE_HTTP__BODY_STALL_SECONDS", "600"),
    ]);
    let (mut holder, status) =
        announce(&daemon, "PUT", INDICATORS, &format!("Content-Length: {BODY_BYTES_MAX}\r\n"));
    assert_eq!(status, 100);
    assert!(holder.send(long_body("holder.example.com").strip_suffix(']').unwrap().as_bytes()));
    let length = format!("Content-Length: {}\r\n", 2 * MIB);
    wait_until("there is no memory", || announce(&daemon, "PUT", INDICATORS, &length).1 == 429);
    let busy = [("method", "PUT"), ("status", "429")];
    for families in [scrape(&daemon), scrape_listener(&daemon)] {
        assert!(1.0 <= value(&families, "sluice_http_requests_total", &busy));
        assert!(2e6 < value(&families, "sluice_permits_held_bytes", &[]));
    }
    drop(holder);
}

#[test]
fn a_scrape_goes_on_while_the_daemon_stops() {
    let daemon = Running::start(&[LISTENER]);
    // While this is in flight, the daemon does not end.
    let (mut holder, status) = announce(&daemon, "PUT", INDICATORS, "Content-Length: 3\r\n");
    assert_eq!(status, 100);
    let mut scraper = Connection::open(daemon.daemon().metrics_address().unwrap());
    daemon.daemon().stop();
    daemon.wait_for(Phase::Stopping);
    assert!(scraper.send(&request("GET", "/metrics", "", b"")));
    read(&scraper.receive_text().unwrap());
    let stopping = [("state", "stopping")];
    wait_until("it stops", || 0.0 < value(&scrape_listener(&daemon), "sluice_state", &stopping));
    for families in [scrape_listener(&daemon), scrape(&daemon)] {
        check_value(&families, "sluice_ready", &[], 0.0);
        check_value(&families, "sluice_state", &[("state", "stopping")], 1.0);
    }
    assert!(holder.send(b"[ ]"));
    assert_eq!(holder.answer().status, 201);
}

#[test]
fn a_scrape_tells_that_the_store_has_failed() {
    let mut daemon = Running::start(&[LISTENER]);
    // Nothing but a 500 can come of it, and the daemon ends within some seconds; until then it can be asked.
    let (holder, status) = announce(&daemon, "PUT", INDICATORS, "Content-Length: 3\r\n");
    assert_eq!(status, 100);
    daemon.daemon().fail("as the test wants it");
    let families = scrape_listener(&daemon);
    check_value(&families, "sluice_ready", &[], 0.0);
    check_value(&families, "sluice_state", &[("state", "failed")], 1.0);
    assert!(0.0 < value(&families, "sluice_memtable_max_bytes", &[]));
    drop(holder);
    let ending = daemon.end();
    assert!(matches!(ending, Ending::StoreFailed(_)), "{ending:?}");
}

/// Writes a certificate that ends on this day of January 2030, and its key.
fn write_certificate(dir: &Path, day: u8) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2030, 1, day);
    let key = KeyPair::generate().unwrap();
    fs::write(dir.join("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
}

#[test]
fn the_end_of_the_certificate_in_use_is_told() {
    let dir = tempfile::tempdir().unwrap();
    write_certificate(dir.path(), 1);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let settings =
        [LISTENER, ("SLUICE_TLS__CERTIFICATE", certificate.as_str()), ("SLUICE_TLS__KEY", key.as_str())];
    let daemon = Running::start(&settings);
    check_value(&scrape_listener(&daemon), CERTIFICATE_END, &[], 1_893_456_000.0);
    write_certificate(dir.path(), 2);
    // Nothing has read it yet.
    check_value(&scrape_listener(&daemon), CERTIFICATE_END, &[], 1_893_456_000.0);
    let variables = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter();
    daemon.daemon().reload(&config::load(None, variables, Flags::default()).unwrap()).unwrap();
    check_value(&scrape_listener(&daemon), CERTIFICATE_END, &[], 1_893_542_400.0);
}

#[test]
fn what_the_store_does_is_told() {
    let daemon = Running::start(&[]);
    daemon.put("suppliers/InternalTI", r#"[{"indicator":"a.example.com"},{"indicator":"b.example.com"}]"#);
    let families = scrape(&daemon);
    check_value(&families, "sluice_memtable_rows", &[], 2.0);
    let of = |families: &[Family], name: &str, suffix: &str| {
        let family = families.iter().find(|family| family.name == name).unwrap();
        let is_meant = |sample: &&Sample| sample.name == format!("{name}{suffix}");
        family.samples.iter().filter(is_meant).map(|sample| sample.value).sum::<f64>()
    };
    assert!(1.0 <= of(&families, "sluice_log_sync_duration_seconds", "_count"));
    assert!(1.0 <= of(&families, "sluice_log_sync_group_size", "_sum"));
    assert!(1.0 <= of(&families, "sluice_queue_thread_wait_seconds", "_count"));
    check_value(&families, "sluice_config_reloads_total", &[], 0.0);
    daemon.daemon().note_refused_reload();
    check_value(&scrape(&daemon), "sluice_config_reloads_total", &[("outcome", "refused")], 1.0);
}
