//! Documents of the common schema, and the elements that they give.

use expect_test::{Expect, expect};
use sluice_store::catalogue::Catalogue;

use super::{Document, DocumentRefusal, doc_of_update};
use crate::fixture::Fixture;

fn elements(catalogue: &Catalogue, text: &str) -> String {
    let document = match Document::read(text) {
        Ok(document) => document,
        Err(fault) => return fault.as_str().to_owned(),
    };
    match document.elements(catalogue, text.len()) {
        Ok(elements) => {
            let lines = elements.iter().map(|(field, element)| {
                let field = field.as_str().trim_start_matches("threat.indicator.");
                format!("{field} {}", String::from_utf8_lossy(element))
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(DocumentRefusal::Value(field, rejection)) => format!("{}: {rejection}", field.as_str()),
        Err(DocumentRefusal::GivesTooMuch) => "too much".to_owned(),
    }
}

#[track_caller]
fn check(text: &str, want: &Expect) {
    want.assert_eq(&elements(&Catalogue::default(), text));
}

#[test]
fn flat_and_nested_fields_of_one_value_or_several() {
    check(r#"{"threat.indicator.ip":"192.0.2.1"}"#, &expect![[r#"ip {"indicator":"192.0.2.1"}"#]]);
    check(
        r#"{"threat":{"indicator":{"ip":["192.0.2.1","192.0.2.2"],"file":{"hash":{"md5":"a","sha1":"b","sha256":"c"}}}}}"#,
        &expect![[r#"
            ip {"indicator":"192.0.2.1"}
            ip {"indicator":"192.0.2.2"}
            file.hash.md5 {"indicator":"a"}
            file.hash.sha1 {"indicator":"b"}
            file.hash.sha256 {"indicator":"c"}"#]],
    );
    check(
        r#"{"threat":{"indicator.file.hash":{"md5":"a\"b\u00e9"}},"threat.indicator":{"ip":"192.0.2.1"}}"#,
        &expect![[r#"
            ip {"indicator":"192.0.2.1"}
            file.hash.md5 {"indicator":"a\"bé"}"#]],
    );
    // Of a repeated field the last one counts.
    check(
        r#"{"threat":{"indicator":{"ip":"192.0.2.1"}},"threat.indicator.ip":"192.0.2.2","threat.indicator.ip":"192.0.2.3"}"#,
        &expect![[r#"ip {"indicator":"192.0.2.1"}"#]],
    );
    check(
        r#"{"threat.indicator.ip":null,"threat.indicator.file.hash.md5":"a"}"#,
        &expect![[r#"file.hash.md5 {"indicator":"a"}"#]],
    );
}

#[test]
fn which_parts_of_a_url_count() {
    check(
        r#"{"threat.indicator.url":{"full":"http://a.example/x","original":"a.example/x","domain":"a.example"}}"#,
        &expect![[r#"url.full {"indicator":"http://a.example/x"}"#]],
    );
    check(
        r#"{"threat.indicator.url":{"original":"a.example/x","domain":"a.example"}}"#,
        &expect![[r#"url.original {"indicator":"a.example/x"}"#]],
    );
    check(
        r#"{"threat.indicator.url.domain":"a.example"}"#,
        &expect![[r#"url.domain {"indicator":"a.example"}"#]],
    );
    check(
        r#"{"threat.indicator":{"type":"domain-name","url":{"full":"http://a.example/x","domain":"a.example"}}}"#,
        &expect![[r#"
            url.full {"indicator":"http://a.example/x","context":{"type":"domain-name"}}
            url.domain {"indicator":"a.example","context":{"type":"domain-name"}}"#]],
    );
}

#[test]
fn what_goes_into_the_context() {
    check(
        r#"{"@timestamp":"2026-11-28T00:00:00Z","event":{"kind":"enrichment"},"threat":{"feed":{"name":"Feed","other":1},
            "indicator":{"ip":"192.0.2.1","type":"ipv4-addr","provider":"p","confidence":"High","first_seen":"t","last_seen":"u",
            "modified_at":"v","reference":"r","description":"a \"d\"","sightings":20,"marking":{"tlp":"GREEN"},"port":443,
            "name":"n","id":["i","j"],"scanner_stats":4}}}"#,
        &expect![[
            r#"ip {"indicator":"192.0.2.1","context":{"confidence":"High","description":"a \"d\"","feed":"Feed","first_seen":"t","id":["i","j"],"last_seen":"u","marking.tlp":"GREEN","modified_at":"v","name":"n","port":443,"provider":"p","reference":"r","sightings":20,"type":"ipv4-addr"}}"#
        ]],
    );
    check(
        r#"{"threat.indicator.ip":"192.0.2.1","threat.indicator.port":null}"#,
        &expect![[r#"ip {"indicator":"192.0.2.1"}"#]],
    );
}

#[test]
fn tags_that_there_are_and_others() {
    let fixture = Fixture::new();
    let catalogue = fixture.store.catalogue();
    let told =
        |tags: &str| elements(&catalogue, &format!(r#"{{"threat.indicator.ip":"192.0.2.1","tags":{tags}}}"#));
    expect![[r#"ip {"indicator":"192.0.2.1","context":{"tags":["forwarded"]},"tags":["good"]}"#]]
        .assert_eq(&told(r#"["good","forwarded"]"#));
    expect![[r#"ip {"indicator":"192.0.2.1","tags":["GOOD"]}"#]].assert_eq(&told(r#""GOOD""#));
    expect![[r#"ip {"indicator":"192.0.2.1","context":{"tags":["a\"b"]}}"#]].assert_eq(&told(r#"["a\"b"]"#));
    expect![[r#"ip {"indicator":"192.0.2.1"}"#]].assert_eq(&told("[]"));
}

#[test]
fn documents_without_an_indicator() {
    check(
        r#"{"threat.indicator.email.address":"a@example.com"}"#,
        &expect![
            "unsupported-type: e-mail addresses, registry keys and certificates are not taken as indicators"
        ],
    );
    check(
        r#"{"threat":{"indicator":{"registry":{"key":"k"}}}}"#,
        &expect![
            "unsupported-type: e-mail addresses, registry keys and certificates are not taken as indicators"
        ],
    );
    check(
        r#"{"threat.indicator.x509.serial_number":"1","message":"{}"}"#,
        &expect![
            "unsupported-type: e-mail addresses, registry keys and certificates are not taken as indicators"
        ],
    );
    check(
        r#"{"message":"{\"ioc\":\"192.0.2.1\"}"}"#,
        &expect![
            "The document has neither 'indicator' nor 'threat.indicator', only a 'message': its fields must be taken out of that before it is sent"
        ],
    );
    check(
        r#"{"threat":{"indicator":{"ip":[]}}}"#,
        &expect!["The document has neither 'indicator' nor a field of 'threat.indicator' that holds one"],
    );
    check(
        r#"{"threat":[{"indicator":{"ip":"192.0.2.1"}}]}"#,
        &expect!["The document has neither 'indicator' nor a field of 'threat.indicator' that holds one"],
    );
    check("{]", &expect!["The document is not valid JSON"]);
}

#[test]
fn values_that_no_field_can_have() {
    check(
        r#"{"threat.indicator.ip":5}"#,
        &expect!["threat.indicator.ip: Property 'indicator' has an invalid type"],
    );
    check(
        r#"{"threat.indicator.ip":["192.0.2.1",5]}"#,
        &expect!["threat.indicator.ip: Property 'indicator' has an invalid type"],
    );
    check(
        r#"{"threat.indicator.ip":"\ud800"}"#,
        &expect!["threat.indicator.ip: Property 'indicator' is not valid Unicode"],
    );
}

#[test]
fn a_document_gives_no_more_than_it_may() {
    let document = |values: usize, context_bytes: usize| {
        let values = vec![r#""192.0.2.1""#; values].join(",");
        let context = "d".repeat(context_bytes);
        format!(r#"{{"threat.indicator":{{"ip":[{values}],"description":"{context}"}}}}"#)
    };
    let told = |text: String| elements(&Catalogue::default(), &text);
    assert_eq!(told(document(100, 1_000)).lines().count(), 100);
    assert_eq!(told(document(3_000, 1_000)), "too much");
    assert_eq!(told(document(1_000, 100_000)), "too much");
}

#[test]
fn the_document_of_an_update() {
    let told = |text: &'static str| doc_of_update(text).unwrap_or_else(|fault| fault.as_str());
    assert_eq!(told(r#"{"doc": {"a":1},"doc_as_upsert":true}"#), r#"{"a":1}"#);
    for text in [r#"{"a":1}"#, r#"{"doc":5}"#, r#"{"script":{}}"#] {
        assert_eq!(told(text), "An update needs an object 'doc'");
    }
    assert_eq!(told("{]"), "The document is not valid JSON");
    assert_eq!(told("5"), "The document is not a JSON object");
    assert_eq!(told(""), "The document is not a JSON object");
}
