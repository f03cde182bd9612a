//! Values are looked up, and plucked out of text before.

use std::{fs, process::Stdio};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::{
    fake::Fake,
    setup::{Setup, end_of, said, sluice_in},
};

fn check(setup: &Setup, arguments: &[&str], input: &str, code: i32, expect: &Expect) {
    let (stdout, _) = said(setup.sluice(&[&["lookup"], arguments].concat()), input.as_bytes(), code);
    expect.assert_eq(&stdout);
}

#[test]
fn results_come_as_a_table_an_array_or_lines() {
    let setup = Setup::with_feed();
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
    let setup = Setup::with_feed();
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
    let setup = Setup::with_feed();
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

/// Answers requests until all values were asked for; gives those of each.
fn answer_lookups(fake: &Fake, count: usize) -> Vec<Vec<String>> {
    let mut asked: Vec<Vec<String>> = Vec::new();
    while asked.iter().map(Vec::len).sum::<usize>() < count {
        let request = fake.receive();
        let objects: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
        asked.push(objects.iter().map(|object| object["object"].as_str().unwrap().to_owned()).collect());
        let results =
            objects.iter().map(|object| json!({"object": object["object"], "result": "not detected"}));
        request.answer(200, "", &Value::Array(results.collect()).to_string());
    }
    asked
}

#[test]
fn a_line_with_many_values_is_more_than_one_request() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start();
    let addresses: Vec<_> = (0..12_000).map(|n| format!("203.0.{}.{}", n / 256, n % 256)).collect();
    let [text, told] = ["text", "told"].map(|name| dir.path().join(name));
    fs::write(&text, addresses.join(",")).unwrap();
    let look_up = |arguments: &[&str]| {
        let mut command = sluice_in(dir.path(), &fake.url());
        command.args([&["lookup", "-o", "ndjson"], arguments].concat());
        command.stdin(fs::File::open(&text).unwrap()).stdout(fs::File::create(&told).unwrap());
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let child = look_up(&["--extract", "-"]);
    let asked = answer_lookups(&fake, addresses.len());
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [5_000, 5_000, 2_000]);
    assert_eq!(asked.concat(), addresses);
    end_of(child, 1);
    assert_eq!(fs::read_to_string(&told).unwrap().lines().count(), addresses.len());
    // Arguments are short.
    let few = addresses[..6_000].join(",");
    let child = look_up(&["--extract", &few]);
    let asked = answer_lookups(&fake, 6_000);
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [5_000, 1_000]);
    end_of(child, 1);
}

#[test]
fn a_line_that_is_too_long_for_a_value_is_none() {
    let setup = Setup::with_feed();
    let line = "x".repeat(1 << 20);
    let (_, stderr) = said(setup.sluice(&["lookup", "-"]), line.as_bytes(), 6);
    assert!(stderr.contains("a line is over 1 MiB"), "{stderr}");
}
