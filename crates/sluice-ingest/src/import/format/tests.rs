//! Formats by what bodies begin with.

use super::{Announced, Format, sniff};
use crate::error::Fault;

#[track_caller]
fn check(begin: &str, announced: Announced, want: Option<Result<Format, (usize, Fault)>>) {
    assert_eq!(sniff(begin.as_bytes(), false, announced), want, "{begin:?}");
}

#[track_caller]
fn check_whole(text: &str, want: Result<Format, (usize, Fault)>) {
    assert_eq!(sniff(text.as_bytes(), true, Announced::Nothing), Some(want), "{text:?}");
}

#[test]
fn json_is_known_by_its_first_byte() {
    for announced in [Announced::Nothing, Announced::SomeJson] {
        check(" \r\n[", announced, None);
        check(" \r\n[ 5", announced, Some(Ok(Format::Json)));
        check("[]", announced, Some(Ok(Format::Json)));
        check("[{\"indicator\":1", announced, Some(Ok(Format::Json)));
        check("{\"indicator\":1}\n", announced, Some(Ok(Format::Ndjson)));
        check("{\"indic", announced, None);
        check(" \n ", announced, None);
    }
    check("example.com\n", Announced::SomeJson, Some(Err((0, Fault::Json))));
}

#[test]
fn what_is_said_exactly_counts() {
    for format in [Format::Ndjson, Format::Json, Format::Csv, Format::Lines, Format::Stix, Format::Misp] {
        check("", Announced::Exactly(format), Some(Ok(format)));
        check("[", Announced::Exactly(format), Some(Ok(format)));
    }
}

#[test]
fn documents_are_known_by_their_keys() {
    check_whole(r#"{ "type" : "bundle", "objects":[]}"#, Ok(Format::Stix));
    check_whole(" {\"objects\":[\n", Ok(Format::Stix));
    check_whole(r#"{"more":true,"next":"a,}{","x":{"objects":1},"objects" : ["#, Ok(Format::Stix));
    check_whole(r#"{"spec_version":"2.0","#, Ok(Format::Stix));
    check_whole(r#"{"objects":"a","indicator":"b"}"#, Ok(Format::Ndjson));
    check_whole(r#"{"indicator":"b","objects":[]}"#, Ok(Format::Ndjson));
    // A row may have members of any name.
    for member in [
        r#""objects":[1]"#,
        r#""spec_version":"2""#,
        r#""Event":{}"#,
        r#""response":[]"#,
        r#""type":"bundle""#,
    ] {
        check_whole(&format!(r#"{{{member},"context":{{}},"indicator":"b"}}"#), Ok(Format::Ndjson));
        check_whole(&format!(r#" [{{{member},"tags":[],"indicator":"b"}}]"#), Ok(Format::Json));
        check(&format!("{{{member},"), Announced::Nothing, None);
    }
    check_whole(r#"{"x":1}{"objects":[]}"#, Ok(Format::Ndjson));
    check_whole(r#"{"x" "objects":[]}"#, Ok(Format::Ndjson));
    check_whole(r#"{"Event":{}}"#, Ok(Format::Misp));
    check_whole(r#"{"response":[]}"#, Ok(Format::Misp));
    check_whole(r#" [ {"Event": {"#, Ok(Format::Misp));
    check_whole(r#"[{"objects":["#, Ok(Format::Stix));
    check_whole(r#"[{"Event":5}]"#, Ok(Format::Json));
    check_whole("[[{\"Event\":{", Ok(Format::Json));
    check_whole("[", Ok(Format::Json));
    check_whole("[{", Ok(Format::Json));
    check_whole(r#"{"type":"bundles"}"#, Ok(Format::Ndjson));
    // However few bytes of it have come.
    let bundle = "{\n  \"id\": \"bundle--1\",\n  \"type\": \"bundle\",\n";
    for length in 0..=bundle.len() {
        check(&bundle[..length], Announced::SomeJson, None);
    }
    check_whole(bundle, Ok(Format::Stix));
    check(&format!("{bundle}\"objects\":[]}}"), Announced::SomeJson, Some(Ok(Format::Stix)));
    let long = format!("{bundle}\"objects\":[{}", "{},".repeat(2_000));
    check(&long, Announced::SomeJson, Some(Ok(Format::Stix)));
    let long = format!("{{\"x\":\"{}", "y".repeat(5_000));
    check(&long, Announced::Nothing, Some(Ok(Format::Ndjson)));
}

#[test]
fn tables_are_known_by_their_names_or_quotes() {
    check_whole("indicator\na\n", Ok(Format::Csv));
    check_whole("first_seen;IP;port\n", Ok(Format::Csv));
    check_whole("\"id\",\"x\"\n", Ok(Format::Csv));
    check_whole("# made today\n\n# id,url,status\n1,example.com,online\n", Ok(Format::Csv));
    check_whole("\r\n \"a\"", Ok(Format::Csv));
    check_whole("ip\n192.0.2.1\n", Ok(Format::Lines));
    check_whole("example.com/a,b\n", Ok(Format::Lines));
    check_whole("# id,status\n192.0.2.1\n", Ok(Format::Lines));
    check_whole("", Ok(Format::Lines));
    check_whole("# nothing", Ok(Format::Lines));
    check("# id,url\n", Announced::Nothing, None);
    check("a,url", Announced::Nothing, None);
    check("a,url\n", Announced::Nothing, Some(Ok(Format::Csv)));
}
