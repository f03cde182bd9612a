//! Cursors in the answers of imports: of which data directory and commit they are, over restarts, and in no other one.

use serde_json::Value;
use sluice_model::cursor::Cursor;

use crate::{
    client::Answer,
    daemon::{Running, as_user},
    importing::ask,
};

/// Imports a row as administrator and returns the cursor of the answer.
#[track_caller]
fn import(daemon: &Running, supplier: &str, row: &str, headers: &str) -> Cursor {
    let headers = format!("{}{headers}", as_user("admin"));
    let answer =
        ask(daemon, "POST", &format!("/v1/suppliers/{supplier}/indicators"), &headers, row.as_bytes());
    cursor(&answer)
}

/// The cursor of an answer.
#[track_caller]
fn cursor(answer: &Answer) -> Cursor {
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    told["cursor"].as_str().unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap()
}

#[test]
fn an_import_is_told_a_commit_that_has_its_rows() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Commits"], 50);
    let before = import(&daemon, "Commits", "192.0.2.1\n", "");
    let after = import(&daemon, "Commits", "192.0.2.2\n", "");
    assert_eq!((after.store, after.commit), (before.store, before.commit + 1));
    assert!(before.judged_seconds <= after.judged_seconds && 0 < before.judged_seconds);
    // What changes nothing leaves everything as of the commit before, and so does a plan.
    for (query, row) in [("", "bad\\\n"), ("?mode=replace&plan=true", "192.0.2.1\n")] {
        let path = format!("/v1/suppliers/Commits/indicators{query}");
        let cursor = cursor(&ask(&daemon, "POST", &path, &as_user("admin"), row.as_bytes()));
        assert_eq!((cursor.store, cursor.commit), (after.store, after.commit), "{path}");
    }
}

#[test]
fn a_data_directory_has_cursors_of_its_own() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Named"], 50);
    let key = "Idempotency-Key: 01890a5d-ac96-774b-bcce-b302099a8059\r\n";
    let first = import(&daemon, "Named", "192.0.2.1\n", key);
    let daemon = daemon.restart(&[]);
    // The same request is told the same, the next one goes on in the same directory.
    assert_eq!(import(&daemon, "Named", "192.0.2.1\n", key), first);
    let next = import(&daemon, "Named", "192.0.2.2\n", "");
    assert_eq!(next.store, first.store);
    assert!(first.commit < next.commit, "{first:?} {next:?}");
    let other = Running::start(&[]);
    other.add_suppliers(&["Named"], 50);
    let elsewhere = import(&other, "Named", "192.0.2.1\n", "");
    assert_ne!(elsewhere.store, first.store);
}
