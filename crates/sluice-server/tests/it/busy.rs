//! When the service cannot: 425 while it starts, 429 without room, 507 without disk.

use std::{fs::File, sync::Arc};

use expect_test::expect;
use rustix::fs::{FlockOperation, flock};
use sluice_model::limits::{BODY_BYTES_MAX, MIB};
use sluice_server::Phase;

use crate::{
    client::Connection,
    daemon::{Running, as_user, check, request, wait_until},
    encodings::gzip,
};

#[test]
fn until_the_store_is_open_everything_is_too_early() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let first = Running::open(Arc::clone(&dir), &[]);
    first.wait_for(Phase::Ready);
    first.put("suppliers/InternalTI", r#"[{"indicator":"example.com"}]"#);
    drop(first);
    // The storage engine waits for its own lock, so the daemon cannot get on.
    let engine = File::open(dir.path().join("trees/db")).unwrap();
    flock(&engine, FlockOperation::LockExclusive).unwrap();
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
    drop(engine);
    second.wait_for(Phase::Ready);
    assert_eq!(second.ask_with("GET", "/readyz", "", b"").status, 200);
    assert_eq!(second.detections("", &["example.com"]), ["InternalTI_URL example.com {}"]);
}

const PATH: &str = "/api/1.0/suppliers/InternalTI/indicators";

/// Sends a head that expects to be told to go on; gives the status that it is told.
pub(crate) fn announce(daemon: &Running, method: &str, path: &str, headers: &str) -> (Connection, u16) {
    let mut connection = daemon.connect();
    let headers = format!("{}Expect: 100-continue\r\n{headers}", as_user("admin"));
    assert!(connection.send(&request(method, path, &headers, b"")));
    let status = connection.answer().status;
    (connection, status)
}

/// A body too long to be small that adds one indicator.
pub(crate) fn long_body(name: &str) -> String {
    format!(r#"[{{"indicator":"{name}","object":"{name}","x":"{}"}}]"#, "x".repeat(2 * MIB))
}

#[test]
fn silent_bodies_hold_up_no_other_request() {
    let daemon = Running::start(&[]);
    let silent = (0..64).map(|number| {
        let length = format!("Content-Length: {BODY_BYTES_MAX}\r\n");
        let (connection, status) = match number % 3 {
            0 => announce(&daemon, "PUT", PATH, &length),
            1 => announce(&daemon, "PUT", PATH, "Transfer-Encoding: chunked\r\n"),
            _ => announce(&daemon, "PUT", PATH, &format!("{length}Content-Encoding: gzip\r\n")),
        };
        assert_eq!(status, 100);
        connection
    });
    let silent: Vec<_> = silent.collect();
    daemon.put("suppliers/InternalTI", r#"[{"indicator":"short.example.com"}]"#);
    daemon.put("suppliers/InternalTI", &long_body("long.example.com"));
    daemon.add_suppliers(&["Silent"], 1);
    assert_eq!(
        daemon.detections("", &["short.example.com", "long.example.com"]),
        ["InternalTI_URL short.example.com {}", "InternalTI_URL long.example.com {}"]
    );
    assert_eq!(daemon.ask("POST", "1.0/lookup", &long_body("long.example.com")).status, 200);
    drop(silent);
}

#[test]
fn many_short_bodies_of_unknown_length_are_taken_at_once() {
    let daemon = Running::start(&[("SLUICE_INGEST__BODY_BYTES_BUDGET", &BODY_BYTES_MAX.to_string())]);
    let body = gzip(br#"[{"indicator":"packed.example.com"}]"#);
    // All are admitted before the first of them ends.
    let headers = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len());
    let mut connections: Vec<_> = (0..64).map(|_| announce(&daemon, "PUT", PATH, &headers)).collect();
    for (connection, status) in &mut connections {
        assert_eq!(*status, 100);
        assert!(connection.send(&body));
    }
    for (connection, _) in &mut connections {
        assert_eq!(connection.answer().status, 201);
    }
}

/// One body has arrived in part. No other may take the memory that it needs to end; small requests have a reserve.
#[test]
fn without_room_for_a_body_it_is_refused_and_leaves_nothing() {
    // The body that holds the memory stays for as long as the test does.
    let daemon = Running::start(&[
        ("SLUICE_INGEST__BODY_BYTES_BUDGET", &BODY_BYTES_MAX.to_string()),
        ("SLUICE_HTTP__BODY_STALL_SECONDS", "600"),
    ]);
    let length = format!("Content-Length: {BODY_BYTES_MAX}\r\n");
    let (mut holder, status) = announce(&daemon, "PUT", PATH, &length);
    assert_eq!(status, 100);
    let part = long_body("holder.example.com");
    assert!(holder.send(part.strip_suffix(']').unwrap().as_bytes()));
    let length = format!("Content-Length: {}\r\n", 2 * MIB);
    wait_until("the body is counted", || announce(&daemon, "PUT", PATH, &length).1 == 429);
    let reason = "The service cannot take the request now; nothing of it was processed";
    for (method, path) in [("PUT", PATH), ("DELETE", PATH), ("POST", "/api/1.0/lookup")] {
        let body = long_body("busy.example.com");
        let answer = daemon.ask_with(method, path, &as_user("admin"), body.as_bytes());
        assert_eq!((answer.status, answer.reason().as_str()), (429, reason), "{method} {path}");
    }
    check(
        &daemon,
        &[
            r#"PUT 1.0/suppliers/InternalTI/indicators [{"indicator":"light.example.com"},{"indicator":"gone.example.com"}]"#,
            r#"DELETE 1.0/suppliers/InternalTI/indicators [{"indicator":"gone.example.com"}]"#,
            r#"POST 1.0/suppliers [{"name":"Light","confidence":1,"retention":1}]"#,
            r#"POST 1.0/lookup [{"object":"light.example.com"},{"object":"gone.example.com"},{"object":"busy.example.com"}]"#,
        ],
        &expect![[r#"
            PUT 1.0/suppliers/InternalTI/indicators [{"indicator":"light.example.com"},{"indicator":"gone.example.com"}]
              201 [{"status":"All indicators were successfully added to the database"}]
            DELETE 1.0/suppliers/InternalTI/indicators [{"indicator":"gone.example.com"}]
              200 [{"status":"All indicators were successfully deleted from the database"}]
            POST 1.0/suppliers [{"name":"Light","confidence":1,"retention":1}]
              201 [{"status":"Supplier successfully created"}]
            POST 1.0/lookup [{"object":"light.example.com"},{"object":"gone.example.com"},{"object":"busy.example.com"}]
              200 [{"object":"light.example.com","result":"detected","categories":[{"category":"InternalTI_URL","detected_indicator":"light.example.com","context":{}}]},{"object":"gone.example.com","result":"not detected","categories":[]},{"object":"busy.example.com","result":"not detected","categories":[]}]
        "#]],
    );
    // A body of unknown length is let in, and refused when it has outgrown the small ones and waited in vain.
    let (mut chunked, status) = announce(&daemon, "PUT", PATH, "Transfer-Encoding: chunked\r\n");
    assert_eq!(status, 100);
    assert!(chunked.send_chunk(long_body("chunked.example.com").as_bytes()));
    let answer = chunked.answer();
    assert_eq!((answer.status, answer.reason().as_str()), (429, reason), "{answer:?}");
    drop(holder);
    let body = long_body("after.example.com");
    wait_until("there is memory again", || {
        daemon.ask_with("PUT", PATH, &as_user("admin"), body.as_bytes()).status != 429
    });
    assert_eq!(
        daemon.detections("", &["after.example.com", "chunked.example.com", "holder.example.com"]),
        ["InternalTI_URL after.example.com {}", "", ""]
    );
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

/// A body that is sent slowly, while others push: the log stays within its bound, and the slow one comes through.
#[test]
fn a_dribbled_body_does_not_make_the_log_long() {
    const LOG_BYTES_MAX: u64 = 16 << 20;
    let settings = [("SLUICE_LOG_BYTES_MAX", "16777216"), ("SLUICE_HTTP__BODY_BYTES_PER_SECOND_MIN", "0")];
    let daemon = Running::start(&settings);
    let mut state = 1_u64;
    let mut element = |name: &str, bytes: usize| {
        let letter = |_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            char::from(b'a' + u8::try_from(state >> 60).unwrap())
        };
        let noise: String = (0..bytes).map(letter).collect();
        format!(r#"{{"indicator":"{name}","context":{{"noise":"{noise}"}}}}"#)
    };
    let log_bytes = || -> u64 {
        let segments = std::fs::read_dir(daemon.path().join("log")).unwrap();
        // One may be trimmed meanwhile.
        segments.filter_map(|segment| segment.unwrap().metadata().ok()).map(|found| found.len()).sum()
    };
    let (mut slow, status) = announce(&daemon, "PUT", PATH, "Transfer-Encoding: chunked\r\n");
    assert_eq!(status, 100);
    // Enough for some slices.
    assert!(slow.send_chunk(format!("[{}", element("slow.example.com", 100)).as_bytes()));
    for _ in 0..3 {
        assert!(slow.send_chunk(format!(",{}", element("slow-long.example.com", 1_000_000)).as_bytes()));
    }
    let mut pushed_bytes = 0;
    while pushed_bytes < 3 * LOG_BYTES_MAX {
        let body = format!("[{}]", element("other.example.com", 3_000_000));
        match daemon.ask("PUT", "1.0/suppliers/InternalTI/indicators", &body).status {
            // Four bits of noise in a byte.
            201 => pushed_bytes += body.len() as u64 / 2,
            status => assert_eq!(status, 429),
        }
        assert!(log_bytes() < LOG_BYTES_MAX + (1 << 20), "{} bytes of log", log_bytes());
        assert!(slow.send_chunk(b" "));
    }
    assert!(slow.send_chunk(br#",{"indicator":"slow-last.example.com"}]"#));
    assert!(slow.send_chunk(b""));
    assert_eq!(slow.answer().status, 201);
    let daemon = daemon.restart(&settings);
    let found =
        daemon.detections("", &["slow.example.com", "slow-long.example.com", "slow-last.example.com"]);
    assert!(found.iter().all(|found| found.starts_with("InternalTI_URL slow")));
}
