//! Values are looked up, and plucked out of text before.

use expect_test::{Expect, expect};

use crate::setup::{Setup, said};

fn with_feed() -> Setup {
    let setup = Setup::start();
    let feed = concat!(
        "{\"indicator\":\"evil.example.com\",\"context\":{\"family\":\"ExampleBot\"}}\n",
        "{\"indicator\":\"198.51.100.0/28\"}\n"
    );
    let path = setup.write("feed.ndjson", feed);
    setup.push(&[&path], 0);
    setup
}

fn check(setup: &Setup, arguments: &[&str], input: &str, code: i32, expect: &Expect) {
    let (stdout, _) = said(setup.sluice(&[&["lookup"], arguments].concat()), input.as_bytes(), code);
    expect.assert_eq(&stdout);
}

#[test]
fn results_come_as_a_table_an_array_or_lines() {
    let setup = with_feed();
    let values = ["https://evil.example.com/a", "198.51.100.9", "203.0.113.1"];
    check(
        &setup,
        &values,
        "",
        0,
        &expect![[r#"
        VALUE                       RESULT        CATEGORY         INDICATOR         CONTEXT
        https://evil.example.com/a  detected      ExampleFeed_URL  evil.example.com  {"family":"ExampleBot"}
        198.51.100.9                detected      ExampleFeed_IP   198.51.100.0/28   {}
        203.0.113.1                 not detected
    "#]],
    );
    check(
        &setup,
        &[&["-o", "json"], &values[..]].concat(),
        "",
        0,
        &expect![[r#"
        [
          {"object":"https://evil.example.com/a","result":"detected","categories":[{"category":"ExampleFeed_URL","detected_indicator":"evil.example.com","context":{"family":"ExampleBot"}}]},
          {"object":"198.51.100.9","result":"detected","categories":[{"category":"ExampleFeed_IP","detected_indicator":"198.51.100.0/28","context":{}}]},
          {"object":"203.0.113.1","result":"not detected","categories":[]}
        ]
    "#]],
    );
    check(
        &setup,
        &[&["-o", "ndjson", "--detected"], &values[..]].concat(),
        "",
        0,
        &expect![[r#"
        {"object":"https://evil.example.com/a","result":"detected","categories":[{"category":"ExampleFeed_URL","detected_indicator":"evil.example.com","context":{"family":"ExampleBot"}}]}
        {"object":"198.51.100.9","result":"detected","categories":[{"category":"ExampleFeed_IP","detected_indicator":"198.51.100.0/28","context":{}}]}
    "#]],
    );
}

#[test]
fn nothing_detected_is_told_by_the_exit_code() {
    let setup = with_feed();
    check(
        &setup,
        &["203.0.113.1"],
        "",
        1,
        &expect![[r#"
        VALUE        RESULT        CATEGORY  INDICATOR  CONTEXT
        203.0.113.1  not detected
    "#]],
    );
    check(
        &setup,
        &["-o", "json", "--detected", "203.0.113.1"],
        "",
        1,
        &expect![[r#"
        []
    "#]],
    );
    check(
        &setup,
        &["--extract", "-"],
        "nothing to see here\n",
        1,
        &expect![[r#"
        VALUE  RESULT  CATEGORY  INDICATOR  CONTEXT
    "#]],
    );
}

#[test]
fn lines_of_a_log_are_searched_for_values() {
    let setup = with_feed();
    let log = "Jan 31 18:00:01 gw kernel: SRC=198.51.100.7 DST=203.0.113.5 PROTO=TCP\n\
               proxy: GET http://evil.example.com/a?b 200 src=198.51.100.7\n\
               report: hxxp://evil[.]example[.]com/c, again 198.51.100[.]7\n";
    check(
        &setup,
        &["--extract", "-"],
        log,
        0,
        &expect![[r#"
        VALUE                        RESULT        CATEGORY         INDICATOR         CONTEXT
        198.51.100.7                 detected      ExampleFeed_IP   198.51.100.0/28   {}
        203.0.113.5                  not detected
        http://evil.example.com/a?b  detected      ExampleFeed_URL  evil.example.com  {"family":"ExampleBot"}
        http://evil.example.com/c    detected      ExampleFeed_URL  evil.example.com  {"family":"ExampleBot"}
    "#]],
    );
    check(
        &setup,
        &["--extract", "seen at hxxps://evil[.]example[.]com."],
        "",
        0,
        &expect![[r#"
        VALUE                     RESULT    CATEGORY         INDICATOR         CONTEXT
        https://evil.example.com  detected  ExampleFeed_URL  evil.example.com  {"family":"ExampleBot"}
    "#]],
    );
    check(
        &setup,
        &["-", "-o", "ndjson"],
        "203.0.113.9\n\n198.51.100.1\n",
        0,
        &expect![[r#"
        {"object":"203.0.113.9","result":"not detected","categories":[]}
        {"object":"198.51.100.1","result":"detected","categories":[{"category":"ExampleFeed_IP","detected_indicator":"198.51.100.0/28","context":{}}]}
    "#]],
    );
}
