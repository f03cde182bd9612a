//! Heads of imports: what each says, and what is refused.

use std::fmt::Write as _;

use actix_web::{
    dev::RequestHead,
    http::{Method, Uri, header},
};
use expect_test::{Expect, expect};
use sluice_ingest::ImportMode;

use super::{MissingTagsChoice, check_media, read};

fn head(query: &str, content_type: &str) -> RequestHead {
    let mut head = RequestHead::default();
    head.method = Method::POST;
    head.uri = format!("/v1/suppliers/Feed/indicators{query}").parse::<Uri>().unwrap();
    if !content_type.is_empty() {
        head.headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    }
    head
}

fn seen(query: &str, content_type: &str) -> String {
    let head = head(query, content_type);
    match check_media(&head).and_then(|()| read(&head)) {
        Ok(read) => {
            let mode = match read.mode {
                ImportMode::Steps => String::new(),
                mode => format!(" {mode:?}"),
            };
            format!("{:?} refang {:?} from {}{mode}", read.announced, read.refang, read.from_line)
        }
        Err(cause) => format!("{} {}", cause.status().as_u16(), cause.reason()),
    }
}

#[track_caller]
fn check(queries: &[&str], want: &Expect) {
    let mut told = String::new();
    for query in queries {
        writeln!(told, "{query}: {}", seen(query, "")).unwrap();
    }
    want.assert_eq(&told);
}

#[test]
fn parameters_say_what_is_done() {
    check(
        &[
            "",
            "?format=auto",
            "?format=csv&refang=true&from_line=7",
            "?format=ndjson&refang=false",
            "?mode=upsert&plan=false&skip_allowed=false&missing_tags=refuse&format=lines",
            "?format=json&column=indicator%3D2,tags%3D5",
            "?mode=replace",
            "?mode=replace&max_shrink=100",
            "?mode=replace&max_shrink=0&plan=true&from_line=1",
            "?plan=true",
            "?format=stix&only_to_ids=true",
            "?format=misp&only_to_ids=false",
        ],
        &expect![[r#"
            : Nothing refang None from 1
            ?format=auto: Nothing refang None from 1
            ?format=csv&refang=true&from_line=7: Exactly(Csv) refang Some(true) from 7
            ?format=ndjson&refang=false: Exactly(Ndjson) refang Some(false) from 1
            ?mode=upsert&plan=false&skip_allowed=false&missing_tags=refuse&format=lines: Exactly(Lines) refang None from 1
            ?format=json&column=indicator%3D2,tags%3D5: Exactly(Json) refang None from 1
            ?mode=replace: Nothing refang None from 1 Replace { shrink_percent_max: 50 }
            ?mode=replace&max_shrink=100: Nothing refang None from 1 Replace { shrink_percent_max: 100 }
            ?mode=replace&max_shrink=0&plan=true&from_line=1: Nothing refang None from 1 Plan(Replace)
            ?plan=true: Nothing refang None from 1 Plan(Upsert)
            ?format=stix&only_to_ids=true: Exactly(Stix) refang None from 1
            ?format=misp&only_to_ids=false: Exactly(Misp) refang None from 1
        "#]],
    );
}

#[test]
fn what_is_not_there_is_refused_and_not_passed_over() {
    check(
        &[
            "?mode=replace&from_line=2",
            "?plan=true&from_line=2",
            "?max_shrink=50",
            "?mode=replace&max_shrink=101",
            "?mode=replace&max_shrink=-1",
            "?skip_allowed=yes",
            "?only_to_ids=1",
            "?mode=x",
            "?plan=x",
            "?missing_tags=",
            "?format=xml",
            "?refang=1",
            "?from_line=0",
            "?from_line=x",
            "?column=2",
            "?Format=csv",
            "?x%0ay=1",
            "?refang=true&refang=true",
        ],
        &expect![[r#"
            ?mode=replace&from_line=2: 422 The parameter 'from_line' is neither for 'mode=replace' nor for 'plan=true'
            ?plan=true&from_line=2: 422 The parameter 'from_line' is neither for 'mode=replace' nor for 'plan=true'
            ?max_shrink=50: 422 The parameter 'max_shrink' is for 'mode=replace'
            ?mode=replace&max_shrink=101: 422 The parameter 'max_shrink' is a number of per cent, from 0 to 100
            ?mode=replace&max_shrink=-1: 422 The parameter 'max_shrink' is a number of per cent, from 0 to 100
            ?skip_allowed=yes: 422 The parameter 'skip_allowed' is 'true' or 'false'
            ?only_to_ids=1: 422 The parameter 'only_to_ids' is 'true' or 'false'
            ?mode=x: 422 The parameter 'mode' is 'upsert' or 'replace'
            ?plan=x: 422 The parameter 'plan' is 'true' or 'false'
            ?missing_tags=: 422 The parameter 'missing_tags' is 'refuse', 'drop' or 'create'
            ?format=xml: 422 The parameter 'format' is one of auto, ndjson, json, csv, lines, stix and misp
            ?refang=1: 422 The parameter 'refang' is 'true' or 'false'
            ?from_line=0: 422 The parameter 'from_line' is a number from 1 on
            ?from_line=x: 422 The parameter 'from_line' is a number from 1 on
            ?column=2: 422 The parameter 'column' is like 'indicator=2,tags=5', or has names of the header
            ?Format=csv: 422 There is no parameter 'Format' here
            ?x%0ay=1: 422 There is no parameter 'x\ny' here
            ?refang=true&refang=true: 422 The parameter 'refang' is given twice
        "#]],
    );
    let mut deletion = head("?mode=replace", "");
    deletion.method = Method::DELETE;
    assert_eq!(read(&deletion).unwrap_err().reason(), "The parameter 'mode' is for POST");
}

#[test]
fn tags_that_there_are_not_are_refused_unless_something_else_is_said() {
    for (query, want) in [
        ("", MissingTagsChoice::Refuse),
        ("?missing_tags=refuse", MissingTagsChoice::Refuse),
        ("?missing_tags=drop", MissingTagsChoice::Drop),
        ("?missing_tags=create", MissingTagsChoice::Create),
    ] {
        assert_eq!(read(&head(query, "")).unwrap().missing_tags, want, "{query}");
    }
}

#[test]
fn a_key_is_one_uuid() {
    let read_key = |keys: &[&str]| {
        let mut head = head("", "");
        for key in keys {
            head.headers.append("idempotency-key".parse().unwrap(), key.parse().unwrap());
        }
        match read(&head) {
            Ok(read) => format!("{:?}", read.key),
            Err(cause) => format!("{} {}", cause.status().as_u16(), cause.reason()),
        }
    };
    let key = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    assert_eq!(read_key(&[]), "None");
    assert_eq!(read_key(&[key]), format!("Some({key})"));
    assert_eq!(read_key(&[&format!("\"{key}\"")]), format!("Some({key})"));
    let refused = "422 The header 'Idempotency-Key' is a UUID";
    assert_eq!([read_key(&["x"]), read_key(&[""]), read_key(&[key, key])], [refused; 3]);
}

#[test]
fn media_types_say_the_format() {
    for (content_type, want) in [
        ("application/x-ndjson", "SomeJson"),
        ("Application/JSON; charset=UTF-8", "SomeJson"),
        ("text/csv;charset=us-ascii", "Exactly(Csv)"),
        ("text/plain", "Exactly(Lines)"),
        ("application/x-www-form-urlencoded", "415"),
        ("application/stix+json;version=2.1", "Exactly(Stix)"),
        ("application/taxii+json;version=2.1", "Exactly(Stix)"),
        ("application/vnd.oasis.stix+json; version=2.0", "Exactly(Stix)"),
        ("text/csv; charset=latin1", "415"),
    ] {
        let seen = seen("", content_type);
        assert!(seen.starts_with(want), "{content_type}: {seen}");
    }
    // What is asked for counts more than what is said.
    assert!(seen("?format=lines", "text/csv").starts_with("Exactly(Lines)"));
    assert!(seen("?format=auto", "text/csv").starts_with("Exactly(Csv)"));
    let mut brotli = head("", "");
    brotli.headers.insert(header::CONTENT_ENCODING, "br".parse().unwrap());
    assert_eq!(check_media(&brotli).unwrap_err().status().as_u16(), 415);
}
