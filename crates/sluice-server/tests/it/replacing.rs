//! `mode=replace`, `plan` and `max_shrink` of imports: what they answer, and what is there afterwards.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use expect_test::expect;

use crate::{
    daemon::{Running, as_user, shared},
    disk,
    importing::{ask, import, told},
};

/// Imports one body after the other and tells the answers.
fn told_all(daemon: &Running, asked: &[(&str, &str)]) -> String {
    let mut seen = String::new();
    for (supplier, body) in asked {
        let answer = told(&import(daemon, supplier, "", body.as_bytes()));
        writeln!(seen, "{supplier} {body:?}\n  {answer}").unwrap();
    }
    seen
}

const FIRST: &str = "{\"indicator\":\"h1.replaced.example.com\",\"context\":{\"n\":1}}\n{\"indicator\":\"h2.replaced.example.com\",\"context\":{\"n\":2}}\n\
                     {\"indicator\":\"h3.replaced.example.com\"}\n";
const SECOND: &str = "[{\"indicator\":\"h1.replaced.example.com\",\"context\":{\"n\":1}},{\"indicator\":\"h2.replaced.example.com\"},\
                      {\"indicator\":\"h9.replaced.example.com\",\"context\":{\"n\":9}},{\"indicator\":\"bad\\\\name\"}]";

#[test]
fn a_feed_replaces_what_its_supplier_holds_and_a_plan_tells_it_before() {
    let daemon = shared();
    daemon.add_suppliers(&["Replaced", "Beside"], 50);
    daemon.put("suppliers/Beside", r#"[{"indicator":"h3.replaced.example.com","context":{"of":"beside"}}]"#);
    expect![[r#"
        Replaced?mode=replace "{\"indicator\":\"h1.replaced.example.com\",\"context\":{\"n\":1}}\n{\"indicator\":\"h2.replaced.example.com\",\"context\":{\"n\":2}}\n{\"indicator\":\"h3.replaced.example.com\"}\n"
          200 {"batch":"ID","supplier":"Replaced","rows":3,"accepted":3,"refused":0,"added":3,"changed":0,"unchanged":0,"removed":0,"committed_lines":3,"rejects":[],"rejects_url":"/v1/batches/ID/rejects"}
        Replaced?mode=replace&plan=true&max_shrink=0 "[{\"indicator\":\"h1.replaced.example.com\",\"context\":{\"n\":1}},{\"indicator\":\"h2.replaced.example.com\"},{\"indicator\":\"h9.replaced.example.com\",\"context\":{\"n\":9}},{\"indicator\":\"bad\\\\name\"}]"
          200 {"batch":"ID","supplier":"Replaced","rows":4,"accepted":3,"refused":1,"added":1,"changed":1,"unchanged":1,"removed":1,"committed_lines":0,"rejects":[{"line":4,"byte":157,"reason":"invalid-indicator","value":"bad\\name","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}
        Replaced?plan=true "[{\"indicator\":\"h1.replaced.example.com\",\"context\":{\"n\":1}},{\"indicator\":\"h2.replaced.example.com\"},{\"indicator\":\"h9.replaced.example.com\",\"context\":{\"n\":9}},{\"indicator\":\"bad\\\\name\"}]"
          200 {"batch":"ID","supplier":"Replaced","rows":4,"accepted":3,"refused":1,"added":1,"changed":0,"unchanged":2,"removed":0,"committed_lines":0,"rejects":[{"line":4,"byte":157,"reason":"invalid-indicator","value":"bad\\name","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}
    "#]]
    .assert_eq(&told_all(&daemon, &[
        ("Replaced?mode=replace", FIRST),
        ("Replaced?mode=replace&plan=true&max_shrink=0", SECOND),
        ("Replaced?plan=true", SECOND),
    ]));
    let looked_up = [
        "h1.replaced.example.com",
        "h2.replaced.example.com",
        "h3.replaced.example.com",
        "h9.replaced.example.com",
    ];
    let before = daemon.detections("", &looked_up);
    assert_eq!(
        before,
        [
            "Replaced_URL h1.replaced.example.com {\"n\":1}",
            "Replaced_URL h2.replaced.example.com {\"n\":2}",
            "Beside_URL h3.replaced.example.com {\"of\":\"beside\"}, Replaced_URL h3.replaced.example.com {}",
            "",
        ]
    );
    expect![[r#"
        Replaced?mode=replace "[{\"indicator\":\"h1.replaced.example.com\",\"context\":{\"n\":1}},{\"indicator\":\"h2.replaced.example.com\"},{\"indicator\":\"h9.replaced.example.com\",\"context\":{\"n\":9}},{\"indicator\":\"bad\\\\name\"}]"
          200 {"batch":"ID","supplier":"Replaced","rows":4,"accepted":3,"refused":1,"added":1,"changed":1,"unchanged":1,"removed":1,"committed_lines":4,"rejects":[{"line":4,"byte":157,"reason":"invalid-indicator","value":"bad\\name","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}
    "#]]
    .assert_eq(&told_all(&daemon, &[("Replaced?mode=replace", SECOND)]));
    assert_eq!(
        daemon.detections("", &looked_up),
        [
            "Replaced_URL h1.replaced.example.com {\"n\":1}",
            "Replaced_URL h2.replaced.example.com {}",
            "Beside_URL h3.replaced.example.com {\"of\":\"beside\"}",
            "Replaced_URL h9.replaced.example.com {\"n\":9}",
        ]
    );
}

#[test]
fn a_feed_that_shrinks_too_much_changes_nothing() {
    let daemon = shared();
    daemon.add_suppliers(&["Shrunk"], 50);
    let rows = |count: u32| {
        (0..count).fold(String::new(), |rows, number| format!("{rows}h{number}.shrunk.example.com\n"))
    };
    assert_eq!(import(&daemon, "Shrunk", "text/plain", rows(10).as_bytes()).status, 200);
    let looked_up = ["h0.shrunk.example.com", "h9.shrunk.example.com"];
    let mut seen = String::new();
    for (parameters, count) in [
        ("mode=replace", 4),
        ("mode=replace&plan=true", 4),
        ("mode=replace", 0),
        ("mode=replace&plan=true", 0),
        ("mode=replace&max_shrink=0", 9),
    ] {
        let answer = import(&daemon, &format!("Shrunk?{parameters}"), "text/plain", rows(count).as_bytes());
        writeln!(seen, "{parameters} {count}: {}", told(&answer)).unwrap();
        assert!(daemon.detections("", &looked_up).iter().all(|found| !found.is_empty()));
    }
    expect![[r#"
        mode=replace 4: 422 {"accepted":0,"added":0,"batch":"ID","changed":0,"committed_lines":0,"detail":"It would remove 6 of 10 indicators, which is more than max_shrink allows","refused":0,"rejects":[],"removed":6,"rows":0,"status":422,"title":"The replacement would remove too much","type":"/problems/shrink-guard","unchanged":4}
        mode=replace&plan=true 4: 200 {"batch":"ID","supplier":"Shrunk","rows":4,"accepted":4,"refused":0,"added":0,"changed":0,"unchanged":4,"removed":6,"committed_lines":0,"rejects":[],"rejects_url":"/v1/batches/ID/rejects"}
        mode=replace 0: 422 {"accepted":0,"batch":"ID","committed_lines":0,"detail":"Not one row could be read","refused":0,"rejects":[],"rows":0,"status":422,"title":"Not one row could be read","type":"/problems/no-usable-row"}
        mode=replace&plan=true 0: 200 {"batch":"ID","supplier":"Shrunk","rows":0,"accepted":0,"refused":0,"added":0,"changed":0,"unchanged":0,"removed":10,"committed_lines":0,"rejects":[],"rejects_url":"/v1/batches/ID/rejects"}
        mode=replace&max_shrink=0 9: 422 {"accepted":0,"added":0,"batch":"ID","changed":0,"committed_lines":0,"detail":"It would remove 1 of 10 indicators, which is more than max_shrink allows","refused":0,"rejects":[],"removed":1,"rows":0,"status":422,"title":"The replacement would remove too much","type":"/problems/shrink-guard","unchanged":9}
    "#]]
    .assert_eq(&seen);
    let answer = import(&daemon, "Shrunk?mode=replace&max_shrink=60", "text/plain", rows(4).as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(daemon.detections("", &looked_up), ["Shrunk_URL h0.shrunk.example.com {}", ""]);
}

/// A body that breaks off is no feed: what it does not have would be removed.
#[test]
fn a_body_that_breaks_off_replaces_nothing() {
    let daemon = shared();
    daemon.add_suppliers(&["BrokenOff"], 50);
    assert_eq!(
        import(&daemon, "BrokenOff", "", b"h1.broken.example.com\nh2.broken.example.com\n").status,
        200
    );
    let cut_off = b"[{\"indicator\":\"h1.broken.example.com\"},{\"indicator\":";
    let answer = import(&daemon, "BrokenOff?mode=replace&max_shrink=100", "application/json", cut_off);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.body.contains("\"committed_lines\":0"), "{answer:?}");
    assert_eq!(daemon.detections("", &["h2.broken.example.com"]), ["BrokenOff_URL h2.broken.example.com {}"]);
}

/// What has not changed is not written, and lives on; what had expired before does not come back.
#[test]
fn a_replacement_renews_what_it_leaves_as_it_is() {
    let daemon = Running::start(&[]);
    let hour = r#"[{"name":"Hour","confidence":40,"retention":60}]"#;
    assert_eq!(daemon.ask("POST", "1.0/suppliers", hour).status, 201);
    let dir = daemon.stop();
    let now = u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    // Minutes on either side of the hour, so that the time which the test takes is of no matter.
    let (fresh, stale) = (now - 3_600 + 600, now - 3_600 - 1);
    let indicators = [("192.0.2.1", fresh), ("192.0.2.2", stale), ("192.0.2.3", stale)];
    disk::add_updated_at(dir.path(), "Hour", &indicators);
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(sluice_server::Phase::Ready);
    let looked_up = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    assert_eq!(daemon.detections("", &looked_up), ["Hour_IP 192.0.2.1 {}", "", ""]);
    expect![[r#"
        Hour?mode=replace "192.0.2.1\n192.0.2.2\n"
          200 {"batch":"ID","supplier":"Hour","rows":2,"accepted":2,"refused":0,"added":1,"changed":0,"unchanged":1,"removed":0,"committed_lines":2,"rejects":[],"rejects_url":"/v1/batches/ID/rejects"}
    "#]]
    .assert_eq(&told_all(&daemon, &[("Hour?mode=replace", "192.0.2.1\n192.0.2.2\n")]));
    assert_eq!(daemon.detections("", &looked_up), ["Hour_IP 192.0.2.1 {}", "Hour_IP 192.0.2.2 {}", ""]);
    // Its own update lies fifty minutes back.
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Hour", r#"[{"retention":30}]"#).status, 200);
    let dir = daemon.stop();
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(sluice_server::Phase::Ready);
    assert_eq!(daemon.detections("", &looked_up), ["Hour_IP 192.0.2.1 {}", "Hour_IP 192.0.2.2 {}", ""]);
}

#[test]
fn a_batch_keeps_what_a_replacement_has_changed() {
    let daemon = shared();
    daemon.add_suppliers(&["Repeated"], 50);
    let key = "Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a8099\r\n";
    let headers = format!("{}{key}", as_user("admin"));
    let path = "/v1/suppliers/Repeated/indicators?mode=replace";
    let first = ask(&daemon, "POST", path, &headers, b"h1.repeated.example.com\nh2.repeated.example.com\n");
    assert!(first.body.contains(r#""added":2,"changed":0,"unchanged":0,"removed":0"#), "{first:?}");
    // It is not done again: nothing would be added.
    assert_eq!(
        ask(&daemon, "POST", path, &headers, b"h1.repeated.example.com\nh2.repeated.example.com\n").body,
        first.body
    );
    let batch = "/v1/batches/01890a5d-ac96-774b-bcce-b302099a8099";
    let batch = ask(&daemon, "GET", batch, &as_user("admin"), b"");
    assert!(batch.body.contains(r#""added":2,"changed":0,"unchanged":0,"removed":0"#), "{batch:?}");
    let guarded = import(&daemon, "Repeated?mode=replace&max_shrink=0", "", b"h1.repeated.example.com\n");
    let id = serde_json::from_str::<serde_json::Value>(&guarded.body).unwrap()["batch"].clone();
    let batch = ask(&daemon, "GET", &format!("/v1/batches/{}", id.as_str().unwrap()), &as_user("admin"), b"");
    for part in [r#""state":"failed""#, "shrink-guard", r#""unchanged":1,"removed":1,"committed_lines":0"#] {
        assert!(batch.body.contains(part), "{part}: {batch:?}");
    }
}
