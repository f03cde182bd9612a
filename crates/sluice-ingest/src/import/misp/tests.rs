//! Attributes of events: what they become, with which context and tags.

use expect_test::{Expect, expect};

use super::MispRules;
use crate::import::document_rows::{DocumentFormat, tests::rows};

/// Attributes, each for detection unless it says otherwise, of an event without notes.
fn told(attributes: &[&str], only_to_ids: bool) -> String {
    let attributes: Vec<String> =
        attributes.iter().map(|attribute| attribute.replacen("{A", "{\"to_ids\":true", 1)).collect();
    let body = format!("{{\"Event\":{{\"Attribute\":[{}]}}}}", attributes.join(","));
    told_with(MispRules { only_to_ids, takes_domain_ips: false }, &body)
}

fn told_with(rules: MispRules, body: &str) -> String {
    rows(DocumentFormat::Misp(rules), body.as_bytes(), 1, true)
}

#[track_caller]
fn check(attributes: &[&str], want: &Expect) {
    want.assert_eq(&told(attributes, true));
}

#[test]
fn each_type_gives_what_it_names() {
    let (md5, sha1, sha256) = ("a".repeat(32), "b".repeat(40), "c".repeat(64));
    let attributes = [
        ("md5", md5.clone()),
        ("sha1", sha1.clone()),
        ("sha256", sha256.clone()),
        ("filename|md5", format!("a|b.exe|{md5}")),
        ("filename|sha1", format!("x|{sha1}")),
        ("filename|sha256", format!("|{sha256}")),
        ("malware-sample", format!("x.exe|{md5}")),
        ("domain", "example.com".to_owned()),
        ("domain", "192.0.2.1".to_owned()),
        ("hostname", "www.example.com".to_owned()),
        ("ip-src", "192.0.2.1".to_owned()),
        ("ip-dst", "192.0.2.0/24".to_owned()),
        ("ip-dst|port", "192.0.2.1|443".to_owned()),
        ("ip-src|port", "2001:db8::1|x".to_owned()),
        ("ip-src|port", "192.0.2.1".to_owned()),
        ("ip-src|port", "192.0.2.1|0443".to_owned()),
        ("domain|ip", "example.com|192.0.2.2".to_owned()),
        ("hostname|port", "www.example.com|8080".to_owned()),
        ("url", " http://example.com/a|b\\r\\n".to_owned()),
        ("uri", "example.com/a".to_owned()),
    ]
    .map(|(name, value)| format!("{{A,\"type\":\"{name}\",\"value\":\"{value}\"}}"));
    check(
        &attributes.each_ref().map(String::as_str),
        &expect![[r#"
        1: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {"type":"md5"}
        2: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" {"type":"sha1"}
        3: "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" {"type":"sha256"}
        4: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {"type":"filename|md5","file_name":"a|b.exe"}
        5: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" {"type":"filename|sha1","file_name":"x"}
        6: "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" {"type":"filename|sha256","file_name":""}
        7: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {"type":"malware-sample","file_name":"x.exe"}
        8: "example.com" {"type":"domain"}
        9: "192.0.2.1" {"type":"domain"}
        10: "www.example.com" {"type":"hostname"}
        11: "192.0.2.1" {"type":"ip-src"}
        12: "192.0.2.0/24" {"type":"ip-dst"}
        13: "192.0.2.1" {"type":"ip-dst|port","port":443}
        14: "2001:db8::1" {"type":"ip-src|port","port":"x"}
        15: "192.0.2.1" {"type":"ip-src|port"}
        16: "192.0.2.1" {"type":"ip-src|port","port":"0443"}
        17: "example.com" {"type":"domain|ip","ip":"192.0.2.2"}
        18: "www.example.com" {"type":"hostname|port","port":8080}
        19: " http://example.com/a|b\r\n" {"type":"url"}
        20: "example.com/a" {"type":"uri"}
    "#]],
    );
}

#[test]
fn types_without_indicators_are_told_and_those_for_people_are_not() {
    let attributes = [
        "email-src",
        "email-dst",
        "link",
        "AS",
        "regkey",
        "mutex",
        "yara",
        "sha224",
        "sha384",
        "sha512",
        "imphash",
        "ssdeep",
        "ja3-fingerprint-md5",
        "x509-fingerprint-sha1",
        "filename",
        "filename|sha512",
        "no\\u001bsuch",
        "text",
        "comment",
        "datetime",
        "port",
    ]
    .map(|name| format!("{{A,\"type\":\"{name}\",\"value\":\"v\"}}"));
    check(
        &attributes.each_ref().map(String::as_str),
        &expect![[r#"
            1: (unsupported-type: Values of type 'email-src' are not taken) "v" {"type":"email-src"}
            2: (unsupported-type: Values of type 'email-dst' are not taken) "v" {"type":"email-dst"}
            3: (unsupported-type: Values of type 'link' are not taken) "v" {"type":"link"}
            4: (unsupported-type: Values of type 'AS' are not taken) "v" {"type":"AS"}
            5: (unsupported-type: Values of type 'regkey' are not taken) "v" {"type":"regkey"}
            6: (unsupported-type: Values of type 'mutex' are not taken) "v" {"type":"mutex"}
            7: (unsupported-type: Values of type 'yara' are not taken) "v" {"type":"yara"}
            8: (unsupported-type: Values of type 'sha224' are not taken) "v" {"type":"sha224"}
            9: (unsupported-type: Values of type 'sha384' are not taken) "v" {"type":"sha384"}
            10: (unsupported-type: Values of type 'sha512' are not taken) "v" {"type":"sha512"}
            11: (unsupported-type: Values of type 'imphash' are not taken) "v" {"type":"imphash"}
            12: (unsupported-type: Values of type 'ssdeep' are not taken) "v" {"type":"ssdeep"}
            13: (unsupported-type: Values of type 'ja3-fingerprint-md5' are not taken) "v" {"type":"ja3-fingerprint-md5"}
            14: (unsupported-type: Values of type 'x509-fingerprint-sha1' are not taken) "v" {"type":"x509-fingerprint-sha1"}
            15: (unsupported-type: Values of type 'filename' are not taken) "v" {"type":"filename"}
            16: (unsupported-type: Values of type 'filename|sha512' are not taken) "v" {"type":"filename|sha512"}
            17: (unsupported-type: Values of type 'no\u{1b}such' are not taken) "v" {"type":"no\u001bsuch"}
        "#]],
    );
}

#[test]
fn the_address_of_a_name_is_an_indicator_if_that_is_asked_for() {
    let body = r#"{"Event":{"info":"i","Attribute":[
        {"type":"domain|ip","value":"a.example.com|192.0.2.1","to_ids":true,"Tag":[{"name":"GOOD"}]},
        {"type":"domain|ip","value":"b.example.com|192.0.2.2","to_ids":true,"deleted":true},
        {"type":"domain|ip","value":"c.example.com|192.0.2.3","to_ids":false},
        {"type":"domain|ip","value":"d.example.com","to_ids":true},
        {"type":"domain|ip","to_ids":true},
        {"type":"ip-dst|port","value":"192.0.2.4|443","to_ids":true},
        {"type":"filename|md5","value":"192.0.2.5|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","to_ids":true}]}}"#;
    expect![[r#"
        1: "a.example.com" {"event_info":"i","type":"domain|ip","ip":"192.0.2.1"} ["GOOD"]
        1: "192.0.2.1" {"event_info":"i","type":"domain|ip","domain":"a.example.com"} ["GOOD"]
        2: withdrawn "b.example.com" {"event_info":"i","type":"domain|ip","ip":"192.0.2.2"}
        2: withdrawn "192.0.2.2" {"event_info":"i","type":"domain|ip","domain":"b.example.com"}
        3: (not-to-ids: The attribute is not for detection: its to_ids is not true) "c.example.com" {"event_info":"i","type":"domain|ip","ip":"192.0.2.3"}
        4: "d.example.com" {"event_info":"i","type":"domain|ip"}
        5: (Property 'indicator' is missing) {"event_info":"i","type":"domain|ip"}
        6: "192.0.2.4" {"event_info":"i","type":"ip-dst|port","port":443}
        7: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {"event_info":"i","type":"filename|md5","file_name":"192.0.2.5"}
    "#]]
    .assert_eq(&told_with(MispRules { only_to_ids: true, takes_domain_ips: true }, body));
}

#[test]
fn a_hash_must_be_one_of_its_type() {
    let (md5, sha1) = ("a".repeat(32), "b".repeat(40));
    let attributes = [
        ("md5", sha1.as_str()),
        ("md5", "example.com"),
        ("sha256", ""),
        ("filename|sha1", &md5),
        ("filename|sha1", &sha1),
        ("sha1", &format!("\\t{sha1} ")),
    ]
    .map(|(name, value)| format!("{{A,\"type\":\"{name}\",\"value\":\"{value}\"}}"));
    check(
        &attributes.each_ref().map(String::as_str),
        &expect![[r#"
            1: (Invalid indicator format) "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" {"type":"md5"}
            2: (Invalid indicator format) "example.com" {"type":"md5"}
            3: (Invalid indicator format) {"type":"sha256"}
            4: (Invalid indicator format) "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {"type":"filename|sha1"}
            5: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" {"type":"filename|sha1"}
            6: "\tbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb " {"type":"sha1"}
        "#]],
    );
}

#[test]
fn what_is_not_for_detection_is_left_out_and_told() {
    let attributes = [
        r#"{"to_ids":true,"type":"domain","value":"a.example.com"}"#,
        r#"{"to_ids":"1","type":"domain","value":"b.example.com"}"#,
        r#"{"to_ids":1,"type":"domain","value":"c.example.com"}"#,
        r#"{"to_ids":false,"type":"domain","value":"d.example.com"}"#,
        r#"{"to_ids":"0","type":"domain","value":"e.example.com"}"#,
        r#"{"to_ids":false,"type":"link","value":"http://example.com/report"}"#,
        r#"{"to_ids":false,"type":"comment","value":"x"}"#,
        r#"{"type":"domain","value":"f.example.com","deleted":true}"#,
    ];
    check(
        &attributes,
        &expect![[r#"
            1: "a.example.com" {"type":"domain"}
            2: "b.example.com" {"type":"domain"}
            3: "c.example.com" {"type":"domain"}
            4: (not-to-ids: The attribute is not for detection: its to_ids is not true) "d.example.com" {"type":"domain"}
            5: (not-to-ids: The attribute is not for detection: its to_ids is not true) "e.example.com" {"type":"domain"}
            6: (not-to-ids: The attribute is not for detection: its to_ids is not true) "http://example.com/report" {"type":"link"}
            8: (not-to-ids: The attribute is not for detection: its to_ids is not true) "f.example.com" {"type":"domain"}
        "#]],
    );
    expect![[r#"
        1: "a.example.com" {"type":"domain"}
        2: "b.example.com" {"type":"domain"}
        3: "c.example.com" {"type":"domain"}
        4: "d.example.com" {"type":"domain"}
        5: "e.example.com" {"type":"domain"}
        6: (unsupported-type: Values of type 'link' are not taken) "http://example.com/report" {"type":"link"}
        8: withdrawn "f.example.com" {"type":"domain"}
    "#]]
    .assert_eq(&told(&attributes, false));
}

#[test]
fn what_is_deleted_is_withdrawn() {
    check(
        &[
            r#"{A,"deleted":true,"type":"domain","value":"a.example.com"}"#,
            r#"{A,"deleted":"1","type":"domain","value":"b.example.com"}"#,
            r#"{A,"deleted":false,"type":"domain","value":"c.example.com"}"#,
            r#"{A,"deleted":"0","type":"domain","value":"d.example.com"}"#,
        ],
        &expect![[r#"
            1: withdrawn "a.example.com" {"type":"domain"}
            2: withdrawn "b.example.com" {"type":"domain"}
            3: "c.example.com" {"type":"domain"}
            4: "d.example.com" {"type":"domain"}
        "#]],
    );
}

#[test]
fn the_context_has_the_attribute_and_its_event() {
    let body = r#"{"response":[{"Event":{"info":"i","uuid":"u","date":"2026-11-01","Orgc":{"name":"Org"},"Attribute":[
        {"type":"domain","value":"a.example.com","to_ids":true,"category":"Network activity","comment":"say \"x\"",
         "timestamp":"1700000000","first_seen":"2026-11-01T00:00:00+00:00","uuid":"no","id":"no","distribution":"5"},
        {"type":"domain","value":"b.example.com","to_ids":true,"category":null,"comment":"","first_seen":null}],
        "Object":[{"name":"file","comment":"of the object","Attribute":[{"type":"domain","value":"c.example.com","to_ids":true}]}]}},
        {"Event":{"uuid":"v","Attribute":[{"type":"domain","value":"d.example.com","to_ids":true}]}}]}"#;
    expect![[r#"
        1: "a.example.com" {"event_uuid":"u","event_info":"i","event_org":"Org","event_date":"2026-11-01","type":"domain","category":"Network activity","comment":"say \"x\"","timestamp":"1700000000","first_seen":"2026-11-01T00:00:00+00:00"}
        2: "b.example.com" {"event_uuid":"u","event_info":"i","event_org":"Org","event_date":"2026-11-01","type":"domain"}
        3: "c.example.com" {"event_uuid":"u","event_info":"i","event_org":"Org","event_date":"2026-11-01","type":"domain"}
        4: "d.example.com" {"event_uuid":"v","type":"domain"}
    "#]].assert_eq(&told_with(MispRules { only_to_ids: true, takes_domain_ips: false }, body));
}

#[test]
fn tags_that_exist_are_set_and_others_stand_in_the_context() {
    check(
        &[
            r#"{A,"type":"domain","value":"a.example.com","Tag":[{"name":"tlp:green","colour":"x"}, {"name":"GOOD"} ,{"name":"misp-galaxy:x=\"y\""}]}"#,
            r#"{A,"type":"domain","value":"b.example.com","Tag":[{"name":"GOOD"},{"name":"GOOD"}]}"#,
            r#"{A,"type":"domain","value":"c.example.com","Tag":[]}"#,
            r#"{A,"type":"domain","value":"d.example.com","Tag":[5,"GOOD",{"name":5},{},[{"name":"GOOD"}],{"name":"x"}]}"#,
            r#"{A,"type":"domain","value":"e.example.com","Tag":{"name":"GOOD"}}"#,
        ],
        &expect![[r#"
            1: "a.example.com" {"type":"domain","tags":["tlp:green","misp-galaxy:x=\"y\""]} ["GOOD"]
            2: "b.example.com" {"type":"domain"} ["GOOD","GOOD"]
            3: "c.example.com" {"type":"domain"}
            4: "d.example.com" {"type":"domain","tags":["x"]}
            5: "e.example.com" {"type":"domain"}
        "#]],
    );
}

#[test]
fn an_attribute_without_value_or_type_is_refused() {
    check(
        &[
            r#"{A,"type":"domain"}"#,
            r#"{A,"type":"domain","value":5}"#,
            r#"{A,"value":"a.example.com"}"#,
            r#"{A,"type":5,"value":"a.example.com"}"#,
            r#"{A,"type":"domain","value":"last.example.com"}"#,
        ],
        &expect![[r#"
            1: (Property 'indicator' is missing) {"type":"domain"}
            2: (Property 'indicator' is missing) {"type":"domain"}
            3: (unsupported-type: Values of type '' are not taken) "a.example.com" {"type":""}
            4: (unsupported-type: Values of type '' are not taken) "a.example.com" {"type":""}
            5: "last.example.com" {"type":"domain"}
        "#]],
    );
}
