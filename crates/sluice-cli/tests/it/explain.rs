//! Values are looked up, and why they are listed is told.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::setup::{Setup, said};

fn asked(setup: &Setup, arguments: &[&str], input: &str, code: i32) -> String {
    said(setup.sluice(&[&["lookup", "--explain"], arguments].concat()), input.as_bytes(), code).0
}

fn check(setup: &Setup, arguments: &[&str], input: &str, code: i32, expect: &Expect) {
    expect.assert_eq(&asked(setup, arguments, input, code));
}

#[test]
fn a_table_tells_by_what_and_whose() {
    let setup = Setup::with_feed();
    let values = ["https://evil.example.com/a", "198.51.100.9", "203.0.113.1", "192.168.001.010"];
    check(
        &setup,
        &values,
        "",
        0,
        &expect![[r#"
        VALUE                       VERDICT  BY    INDICATOR         SUPPLIER     CONFIDENCE  TAGS  WHY
        https://evil.example.com/a  listed   host  evil.example.com  ExampleFeed  50
        198.51.100.9                listed   cidr  198.51.100.0/28   ExampleFeed  50
        203.0.113.1                 unknown
        192.168.001.010             unknown                                                         Invalid indicator format: an IPv4 address has no leading zeros
    "#]],
    );
    check(
        &setup,
        &[&["--detected"], &values[..]].concat(),
        "",
        0,
        &expect![[r#"
        VALUE                       VERDICT  BY    INDICATOR         SUPPLIER     CONFIDENCE  TAGS  WHY
        https://evil.example.com/a  listed   host  evil.example.com  ExampleFeed  50
        198.51.100.9                listed   cidr  198.51.100.0/28   ExampleFeed  50
    "#]],
    );
    check(
        &setup,
        &["203.0.113.1"],
        "",
        1,
        &expect![[r#"
        VALUE        VERDICT  BY  INDICATOR  SUPPLIER  CONFIDENCE  TAGS  WHY
        203.0.113.1  unknown
    "#]],
    );
    check(
        &setup,
        &["--extract", "-"],
        "GET http://evil.example.com/a?b src=198.51.100.7\n",
        0,
        &expect![[r#"
        VALUE                        VERDICT  BY    INDICATOR         SUPPLIER     CONFIDENCE  TAGS  WHY
        http://evil.example.com/a?b  listed   host  evil.example.com  ExampleFeed  50
        198.51.100.7                 listed   cidr  198.51.100.0/28   ExampleFeed  50
    "#]],
    );
}

#[test]
fn lines_pass_through_as_the_daemon_wrote_them() {
    let setup = Setup::with_feed();
    let values = ["evil.example.com", "203.0.113.1", "nothing of the kind"];
    let lines = asked(&setup, &["-o", "ndjson", "-"], &values.join("\n"), 0);
    let members = r#"{"value":"evil.example.com","normal":"evil.example.com","kind":"domain","verdict":"listed","matches":[{"indicator":"evil.example.com","kind":"domain","by":"exact","supplier":"ExampleFeed","confidence":"#;
    assert!(lines.starts_with(members), "{lines}");
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told =
        |name: &str| all.iter().map(|line| line[name].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        (told("value"), told("verdict")),
        (values.map(str::to_owned).to_vec(), ["listed", "unknown", "unknown"].map(str::to_owned).to_vec())
    );
    let array = asked(&setup, &[&["-o", "json"], &values[..]].concat(), "", 0);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&array).unwrap(), all);
}
