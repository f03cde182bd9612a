//! `skip_allowed` of imports: rows that the supplier `FalsePositive` has are left out, counted and kept.

use expect_test::expect;
use serde_json::Value;

use crate::{
    batches::rejects,
    daemon::{Running, as_user, shared},
    importing::{ask, import, told},
};

const ROWS: &str = "good.allowing.example.com\nbad.allowing.example.com\nbad\\\n";

fn add_allowed(daemon: &Running) {
    daemon.put("suppliers/FalsePositive", r#"[{"indicator":"good.allowing.example.com"}]"#);
}

#[test]
fn rows_that_are_allowed_are_left_out_and_told() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Allowing"], 50);
    add_allowed(&daemon);
    let first = import(&daemon, "Allowing", "", ROWS.as_bytes());
    expect![[r#"200 {"batch":"ID","supplier":"Allowing","rows":3,"accepted":1,"refused":1,"allowed":1,"committed_lines":3,"rejects":[{"line":1,"byte":0,"reason":"allow-listed","value":"good.allowing.example.com","hint":"The supplier FalsePositive has it, or a name, mask or network that covers it"},{"line":3,"byte":51,"reason":"invalid-indicator","value":"bad\\","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}"#]]
        .assert_eq(&told(&first));
    let answer: Value = serde_json::from_str(&first.body).unwrap();
    let kept = rejects(&daemon, &answer);
    assert_eq!(kept[0]["row"]["indicator"], "good.allowing.example.com");
    assert_eq!(kept.len(), 2);
    let batch = ask(
        &daemon,
        "GET",
        &format!("/v1/batches/{}", answer["batch"].as_str().unwrap()),
        &as_user("admin"),
        b"",
    );
    assert!(batch.body.contains(r#""refused":1,"allowed":1,"#), "{batch:?}");
    // Asked for, it is stored, and detected as soon as it is allowed no more.
    let all = import(&daemon, "Allowing?skip_allowed=false", "", ROWS.as_bytes());
    assert!(all.body.contains(r#""rows":3,"accepted":2,"refused":1,"committed_lines":3"#), "{all:?}");
    assert_eq!(daemon.detections("", &["good.allowing.example.com"]), [""]);
    let path = "/v1/suppliers/FalsePositive/indicators";
    assert_eq!(ask(&daemon, "DELETE", path, &as_user("admin"), b"good.allowing.example.com\n").status, 200);
    assert_eq!(
        daemon.detections("", &["good.allowing.example.com"]),
        ["Allowing_URL good.allowing.example.com {}"]
    );
    let again = import(&daemon, "Allowing", "", ROWS.as_bytes());
    assert!(again.body.contains(r#""rows":3,"accepted":2,"refused":1,"committed_lines":3"#), "{again:?}");
}

/// A key that is sent again is answered as it was.
#[test]
fn a_repeated_import_tells_what_was_allowed() {
    let daemon = shared();
    daemon.add_suppliers(&["AllowingAgain"], 50);
    add_allowed(&daemon);
    let headers = format!("{}Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a8100\r\n", as_user("admin"));
    let path = "/v1/suppliers/AllowingAgain/indicators";
    let send = || ask(&daemon, "POST", path, &headers, b"good.allowing.example.com\n");
    let first = send();
    assert!(first.body.contains(r#""rows":1,"accepted":0,"refused":0,"allowed":1"#), "{first:?}");
    assert_eq!(send().body, first.body);
}
