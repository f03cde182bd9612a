//! Action lines as clients write them, and lines that are none.

use expect_test::{Expect, expect};

use super::{operation_of, read};

#[track_caller]
fn check(line: &str, want: &Expect) {
    let seen = match read(line) {
        Some(action) => format!("{:?} {:?} {:?}", action.operation, action.index, action.id),
        None => "none".to_owned(),
    };
    want.assert_eq(&seen);
}

#[test]
fn of_the_metadata_index_and_id_count() {
    check(r#"{"index":{"_index":"feed"}}"#, &expect![[r#"Index Some("feed") None"#]]);
    check(r#" { "create" : { "_index":"a" , "_id":"b" } } "#, &expect![[r#"Create Some("a") Some("b")"#]]);
    check(
        r#"{"update":{"_index":"feed","_id":"1","retry_on_conflict":3,"_type":{"odd":[1]}}}"#,
        &expect![[r#"Update Some("feed") Some("1")"#]],
    );
    check(
        r#"{"delete":{"_id":"http:\/\/a.example\/\"x\""}}"#,
        &expect![[r#"Delete None Some("http://a.example/\"x\"")"#]],
    );
    check(r#"{"index":{}}"#, &expect!["Index None None"]);
    check(r#"{"index":{"_index":null,"_id":5}}"#, &expect!["Index None None"]);
    // It is not the index in the path.
    check(r#"{"index":{"_index":5}}"#, &expect![[r#"Index Some("5") None"#]]);
    check(r#"{"index":{"_index":{"a": "b"}}}"#, &expect![[r#"Index Some("{\"a\": \"b\"}") None"#]]);
    // The last one counts, as everywhere.
    check(r#"{"index":{"_index":"a","_index":"b"}}"#, &expect![[r#"Index Some("b") None"#]]);
}

#[test]
fn what_is_no_action() {
    for line in [
        "",
        "{}",
        "[]",
        "index",
        r#"{"indexes":{}}"#,
        r#"{"INDEX":{}}"#,
        r#"{"\u0069ndex":{}}"#,
        r#"{"indicator":"192.0.2.1"}"#,
    ] {
        assert!(operation_of(line.as_bytes()).is_none() && read(line).is_none(), "{line}");
    }
    for line in [
        r#"{"index":"#,
        r#"{"index":[]}"#,
        r#"{"index":null}"#,
        r#"{"index":{}} x"#,
        r#"{"index":{},"index":{}}"#,
        r#"{"index":{"_index":}}"#,
    ] {
        assert!(operation_of(line.as_bytes()).is_some() && read(line).is_none(), "{line}");
    }
    let deep = format!(r#"{{"index":{{"a":{}{}}}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert!(read(&deep).is_none());
}
