//! When the service cannot: 425 while it starts, 429 without room, 507 without disk.

use std::sync::Arc;

use expect_test::expect;
use sluice_model::limits::BODY_BYTES_MAX;
use sluice_server::Phase;

use crate::daemon::{Running, as_user, check, request};

#[test]
fn until_the_store_is_open_everything_is_too_early() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let first = Running::open(Arc::clone(&dir), &[]);
    first.wait_for(Phase::Ready);
    first.put("suppliers/InternalTI", r#"[{"indicator":"example.com"}]"#);
    // The first daemon holds the directory, so the second cannot get on.
    let second = Running::open(dir, &[]);
    check(
        &second,
        &[
            "GET 1.0/suppliers",
            "GET 1.1/tags/x",
            r#"POST 1.0/lookup [{"object":"example.com"}]"#,
            "PUT 1.0/suppliers/InternalTI/indicators []",
            "DELETE 1.1/tags/x",
            "POST 1.0/login",
            "GET 1.0/lookup",
        ],
        &expect![[r#"
            GET 1.0/suppliers
              425 [{"status":"An error occurred while getting a list of suppliers","reason":"The service is initializing"}]
            GET 1.1/tags/x
              425 [{"status":"An error occurred while getting tag","reason":"The service is initializing"}]
            POST 1.0/lookup [{"object":"example.com"}]
              425 [{"status":"An error occurred while searching indicators","reason":"The service is initializing"}]
            PUT 1.0/suppliers/InternalTI/indicators []
              425 [{"status":"An error occurred while adding indicators to the database","reason":"The service is initializing"}]
            DELETE 1.1/tags/x
              425 [{"status":"An error occurred while removing tag","reason":"The service is initializing"}]
            POST 1.0/login
              404 [{"status":"An error occurred while processing the request","reason":"There is no such request"}]
            GET 1.0/lookup
              405 [{"status":"An error occurred while searching indicators","reason":"The method is not allowed for this request"}]
        "#]],
    );
    let health = |path| second.ask_with("GET", path, "", b"").status;
    assert_eq!((health("/healthz"), health("/readyz")), (200, 425));
    assert_eq!(second.ask_with("GET", "/api/1.0/suppliers", "", b"").status, 401);
    assert_eq!(second.ask_with("POST", "/api/1.0/suppliers", &as_user("ann"), b"").status, 403);
    drop(first);
    second.wait_for(Phase::Ready);
    assert_eq!(second.ask_with("GET", "/readyz", "", b"").status, 200);
    assert_eq!(second.detections("", &["example.com"]), ["InternalTI_URL example.com {}"]);
}

#[test]
fn without_room_for_a_body_it_is_refused_and_leaves_nothing() {
    let daemon = Running::start(&[("SLUICE_INGEST__BODY_BYTES_BUDGET", &BODY_BYTES_MAX.to_string())]);
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    let mut holder = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\nContent-Length: {BODY_BYTES_MAX}\r\n", as_user("admin"));
    assert!(holder.send(&request("PUT", path, &headers, b"")));
    assert_eq!(holder.answer().status, 100);
    check(
        &daemon,
        &[
            r#"PUT 1.0/suppliers/InternalTI/indicators [{"indicator":"busy.example.com"}]"#,
            r#"DELETE 1.0/suppliers/InternalTI/indicators [{"indicator":"busy.example.com"}]"#,
            r#"POST 1.0/lookup [{"object":"busy.example.com"}]"#,
            r#"POST 1.0/suppliers [{"name":"Busy","confidence":1,"retention":1}]"#,
            "GET 1.0/suppliers/InternalTI",
        ],
        &expect![[r#"
            PUT 1.0/suppliers/InternalTI/indicators [{"indicator":"busy.example.com"}]
              429 [{"status":"An error occurred while adding indicators to the database","reason":"The service cannot take the request now; nothing of it was processed"}]
            DELETE 1.0/suppliers/InternalTI/indicators [{"indicator":"busy.example.com"}]
              429 [{"status":"An error occurred while deleting indicators from the database","reason":"The service cannot take the request now; nothing of it was processed"}]
            POST 1.0/lookup [{"object":"busy.example.com"}]
              429 [{"status":"An error occurred while searching indicators","reason":"The service cannot take the request now; nothing of it was processed"}]
            POST 1.0/suppliers [{"name":"Busy","confidence":1,"retention":1}]
              429 [{"status":"An error occurred while creating supplier","reason":"The service cannot take the request now; nothing of it was processed"}]
            GET 1.0/suppliers/InternalTI
              200 [{"name":"InternalTI","status":"enabled","confidence":100,"retention":5256000,"vendor":""}]
        "#]],
    );
    // A compressed or chunked body may become as long as the limit.
    drop(holder);
    let started = std::time::Instant::now();
    while daemon.ask("POST", "1.0/lookup", r#"[{"object":"busy.example.com"}]"#).status == 429 {
        assert!(started.elapsed().as_secs() < 20);
    }
    assert_eq!(daemon.detections("", &["busy.example.com"]), [""]);
    assert_eq!(daemon.ask("GET", "1.0/suppliers/Busy", "").status, 404);
    daemon.put("suppliers/InternalTI", r#"[{"indicator":"busy.example.com"}]"#);
}

#[test]
fn below_the_reserve_of_the_disk_reads_go_on_and_writes_are_refused() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed"], 50);
    daemon.add_tags(&["T"]);
    daemon.put("suppliers/Feed", r#"[{"indicator":"before.example.com"}]"#);
    let daemon = daemon.restart(&[("SLUICE_DISK_RESERVE_BYTES", "9000000000000000000")]);
    check(
        &daemon,
        &[
            r#"PUT 1.0/suppliers/Feed/indicators [{"indicator":"full.example.com"}]"#,
            r#"DELETE 1.0/suppliers/Feed/indicators [{"indicator":"before.example.com"}]"#,
            r#"POST 1.0/suppliers [{"name":"Full","confidence":1,"retention":1}]"#,
            r#"PUT 1.0/suppliers/Feed [{"confidence":1}]"#,
            "DELETE 1.0/suppliers/Feed",
            r#"POST 1.1/tags [{"name":"FULL","weight":1}]"#,
            "DELETE 1.1/tags/T",
            "GET 1.0/suppliers/Feed",
            "GET 1.1/tags",
            r#"POST 1.0/lookup [{"object":"before.example.com"},{"object":"full.example.com"}]"#,
        ],
        &expect![[r#"
            PUT 1.0/suppliers/Feed/indicators [{"indicator":"full.example.com"}]
              507 [{"status":"An error occurred while adding indicators to the database","reason":"The disk is full or below its reserve; nothing was processed"}]
            DELETE 1.0/suppliers/Feed/indicators [{"indicator":"before.example.com"}]
              507 [{"status":"An error occurred while deleting indicators from the database","reason":"The disk is full or below its reserve; nothing was processed"}]
            POST 1.0/suppliers [{"name":"Full","confidence":1,"retention":1}]
              507 [{"status":"An error occurred while creating supplier","reason":"The disk is full or below its reserve; nothing was processed"}]
            PUT 1.0/suppliers/Feed [{"confidence":1}]
              507 [{"status":"An error occurred while updating supplier","reason":"The disk is full or below its reserve; nothing was processed"}]
            DELETE 1.0/suppliers/Feed
              507 [{"status":"An error occurred while removing the supplier","reason":"The disk is full or below its reserve; nothing was processed"}]
            POST 1.1/tags [{"name":"FULL","weight":1}]
              507 [{"status":"An error occurred while creating tag","reason":"The disk is full or below its reserve; nothing was processed"}]
            DELETE 1.1/tags/T
              507 [{"status":"An error occurred while removing tag","reason":"The disk is full or below its reserve; nothing was processed"}]
            GET 1.0/suppliers/Feed
              200 [{"name":"Feed","status":"enabled","confidence":50,"retention":5256000,"vendor":""}]
            GET 1.1/tags
              200 [{"name":"T","weight":1}]
            POST 1.0/lookup [{"object":"before.example.com"},{"object":"full.example.com"}]
              200 [{"object":"before.example.com","result":"detected","categories":[{"category":"Feed_URL","detected_indicator":"before.example.com","context":{}}]},{"object":"full.example.com","result":"not detected","categories":[]}]
        "#]],
    );
    let health = |path| daemon.ask_with("GET", path, "", b"").status;
    assert_eq!((health("/healthz"), health("/readyz")), (200, 507));
    let daemon = daemon.restart(&[]);
    daemon.put("suppliers/Feed", r#"[{"indicator":"after.example.com"}]"#);
    assert_eq!(
        daemon.detections("", &["before.example.com", "full.example.com", "after.example.com"]),
        ["Feed_URL before.example.com {}", "", "Feed_URL after.example.com {}"]
    );
}
