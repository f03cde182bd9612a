//! Bundles of STIX and events of MISP, sent to `/v1/suppliers/{supplier}/indicators`.

use expect_test::expect;
use serde_json::Value;
use sluice_model::limits::MIB;

use crate::{
    batches::rejects,
    daemon::{as_user, shared},
    encodings::gzip,
    importing::{ask, import, told},
};

const BUNDLE: &str = r#"{"type":"bundle","id":"bundle--1","objects":[
{"type":"identity","id":"identity--1","name":"Example"},
{"type":"indicator","id":"indicator--1","pattern":"[domain-name:value = 'a.stix.example.com']","pattern_type":"stix","confidence":80,
 "object_marking_refs":["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"]},
{"type":"indicator","id":"indicator--2","pattern":"[url:value = 'http://b.stix.example.com/x' OR domain-name:value LIKE 'c%']","pattern_type":"stix"},
{"type":"indicator","id":"indicator--3","pattern":"[ipv4-addr:value IN ('198.51.100.1', 'bad\\\\')]"}]}"#;

const EVENT: &str = r#"{"Event":{"info":"Example","uuid":"00000000-0000-4000-8000-000000000001","Orgc":{"name":"Org"},"Attribute":[
{"type":"domain","value":"a.misp.example.com","to_ids":true,"Tag":[{"name":"tlp:green"},{"name":"misp-known"}]},
{"type":"domain","value":"b.misp.example.com","to_ids":false},
{"type":"comment","value":"x","to_ids":false},
{"type":"mutex","value":"m","to_ids":true}],
"Object":[{"name":"ip-port","Attribute":[{"type":"ip-dst|port","value":"198.51.100.2|443","to_ids":true}]}]}}"#;

#[test]
fn a_bundle_is_taken_by_its_content_or_its_type() {
    let daemon = shared();
    daemon.add_suppliers(&["Stix"], 50);
    let answer = import(&daemon, "Stix", "", BUNDLE.as_bytes());
    expect![[r#"200 {"batch":"ID","supplier":"Stix","rows":4,"accepted":2,"refused":2,"committed_lines":4,"rejects":[{"line":3,"byte":323,"reason":"unsupported-pattern","value":"[url:value = 'http://b.stix.example.com/x' OR domain-name:value LIKE 'c%']","hint":"Comparisons are =, IN and ISSUBSET"},{"line":4,"byte":474,"reason":"invalid-indicator","value":"bad\\","hint":"Invalid indicator format"}],"rejects_url":"/v1/batches/ID/rejects"}"#]].assert_eq(&told(&answer));
    expect![[r#"
        Stix_URL a.stix.example.com {"confidence":80,"id":"indicator--1","tlp":"green"}
        Stix_IP 198.51.100.1 {"id":"indicator--3"}"#]]
    .assert_eq(&daemon.detections("", &["a.stix.example.com", "198.51.100.1"]).join("\n"));
    for (supplier, content_type) in [
        ("Stix", "application/json"),
        ("Stix", "application/stix+json;version=2.1"),
        ("Stix", "application/taxii+json;version=2.1"),
        ("Stix?format=stix", "text/csv"),
    ] {
        assert_eq!(
            told(&import(&daemon, supplier, content_type, BUNDLE.as_bytes())),
            told(&answer),
            "{content_type}"
        );
    }
    let headers = format!("{}Content-Encoding: gzip\r\n", as_user("admin"));
    let packed = ask(&daemon, "POST", "/v1/suppliers/Stix/indicators", &headers, &gzip(BUNDLE.as_bytes()));
    assert_eq!(told(&packed), told(&answer));
    // What its source takes back is gone, and so is what is deleted.
    let revoked = BUNDLE.replace("\"confidence\":80", "\"revoked\":true");
    assert_eq!(import(&daemon, "Stix", "", revoked.as_bytes()).status, 200);
    assert_eq!(daemon.detections("", &["a.stix.example.com"]), [""]);
    let deleted =
        ask(&daemon, "DELETE", "/v1/suppliers/Stix/indicators", &as_user("admin"), BUNDLE.as_bytes());
    assert_eq!((deleted.status, daemon.detections("", &["198.51.100.1"])), (200, vec![String::new()]));
}

#[test]
fn events_are_taken_as_they_are_in_feeds_and_searches() {
    let daemon = shared();
    daemon.add_suppliers(&["Misp"], 50);
    daemon.add_tags(&["MISP-KNOWN"]);
    let answer = import(&daemon, "Misp", "", EVENT.as_bytes());
    expect![[r#"200 {"batch":"ID","supplier":"Misp","rows":4,"accepted":2,"refused":2,"not_to_ids":1,"committed_lines":5,"rejects":[{"line":2,"byte":222,"reason":"not-to-ids","value":"b.misp.example.com","hint":"The attribute is not for detection: its to_ids is not true"},{"line":4,"byte":332,"reason":"unsupported-type","value":"m","hint":"Values of type 'mutex' are not taken"}],"rejects_url":"/v1/batches/ID/rejects"}"#]].assert_eq(&told(&answer));
    expect![[r#"
        Misp_URL a.misp.example.com {"event_info":"Example","event_org":"Org","event_uuid":"00000000-0000-4000-8000-000000000001","tags":["tlp:green"],"type":"domain"}
        Misp_IP 198.51.100.2 {"event_info":"Example","event_org":"Org","event_uuid":"00000000-0000-4000-8000-000000000001","port":443,"type":"ip-dst|port"}"#]].assert_eq(&daemon.detections("", &["a.misp.example.com", "198.51.100.2"]).join("\n"));
    for body in [
        format!("{{\"response\":[{EVENT}]}}"),
        format!("[{EVENT}]"),
        format!(
            "{{\"response\":{{\"Attribute\":{}}}}}",
            &EVENT[EVENT.find('[').unwrap()..=EVENT.find("],").unwrap()]
        ),
    ] {
        let wrapped = import(&daemon, "Misp", "application/json", body.as_bytes());
        assert!(wrapped.body.contains(r#""accepted":"#), "{wrapped:?}");
        assert!(wrapped.body.contains(r#""not_to_ids":1,"#), "{wrapped:?}");
    }
    assert_eq!(daemon.detections("", &["b.misp.example.com"]), [""]);
    let all = import(&daemon, "Misp?only_to_ids=false&format=misp", "", EVENT.as_bytes());
    assert!(
        told(&all).contains(r#""supplier":"Misp","rows":4,"accepted":3,"refused":1,"committed_lines":5,"#),
        "{all:?}"
    );
    assert_ne!(daemon.detections("", &["b.misp.example.com"]), [""]);
    let both = EVENT.replace("a.misp.example.com", "d.misp.example.com|203.0.113.9").replacen(
        "\"type\":\"domain\"",
        "\"type\":\"domain|ip\"",
        1,
    );
    for (parameters, accepted, is_there) in [("", 2, false), ("?domain_ips=true", 3, true)] {
        let answer = import(&daemon, &format!("Misp{parameters}"), "", both.as_bytes());
        assert!(answer.body.contains(&format!("\"accepted\":{accepted},")), "{answer:?}");
        let found = daemon.detections("", &["d.misp.example.com", "203.0.113.9"]);
        assert_eq!(found.iter().map(|found| !found.is_empty()).collect::<Vec<_>>(), [true, is_there]);
    }
}

#[test]
fn a_document_that_is_broken_is_a_problem_and_one_that_is_too_long_in_places_is_none() {
    let daemon = shared();
    daemon.add_suppliers(&["Broken"], 50);
    for (body, want) in [
        // Not one row can be read.
        (format!("{{\"type\":\"bundle\",\"objects\":[{{\"x\":\"{}\"}}]}}", "x".repeat(5 * MIB)), "422 {"),
        (format!("{{\"Event\":{{\"Attribute\":[{{\"value\":\"{}\"}}]}}}}", "x".repeat(5 * MIB)), "422 {"),
        // A row that is too long costs no other.
        (
            BUNDLE.replace(".stix.", ".long.").replacen(
                "\"objects\":[",
                &format!("\"objects\":[{{\"x\":\"{}\"}},", "x".repeat(5 * MIB)),
                1,
            ),
            "200 {",
        ),
        (
            BUNDLE.replace("[{\"type\":\"identity\"", "[,{\"type\":\"identity\"").replace("[\n", "[,\n"),
            "400 {",
        ),
        (BUNDLE[..BUNDLE.len() - 2].to_owned(), "400 {"),
        ("{\"type\":\"bundle\",\"objects\":[]}".to_owned(), "422 {"),
        // What leads to no row may be as long as it likes.
        (EVENT.replacen("\"info\"", &format!("\"x\":\"{}\",\"info\"", "x".repeat(5 * MIB)), 1), "200 {"),
    ] {
        let body = body
            .replace(".stix.", ".broken.")
            .replace(".misp.", ".broken.")
            .replace("198.51.100", "198.51.102");
        let answer = told(&import(&daemon, "Broken", "", body.as_bytes()));
        assert!(answer.starts_with(want), "{want} {answer}");
    }
    assert!(!daemon.detections("", &["a.broken.example.com"]).concat().contains("indicator--1"));
}

/// What a document does not give stands in the rejects as a row of ours, with its context, so it can be mended and sent again.
#[test]
fn what_is_refused_of_a_document_is_mended_and_sent_again() {
    let daemon = shared();
    daemon.add_suppliers(&["Mended"], 50);
    let mut rows = Vec::new();
    for body in [BUNDLE, EVENT] {
        let body = body
            .replace(".stix.", ".mended.")
            .replace(".misp.", ".mended.")
            .replace("198.51.100", "198.51.101");
        let answer = import(&daemon, "Mended", "", body.as_bytes());
        rows.extend(rejects(&daemon, &serde_json::from_str(&answer.body).unwrap()));
    }
    let shown: Vec<String> = rows.iter().map(Value::to_string).collect();
    expect![[r#"
        {"byte":325,"hint":"Comparisons are =, IN and ISSUBSET","line":3,"reason":"unsupported-pattern","row":{"context":{"id":"indicator--2"},"indicator":"[url:value = 'http://b.mended.example.com/x' OR domain-name:value LIKE 'c%']"},"value":"[url:value = 'http://b.mended.example.com/x' OR domain-name:value LIKE 'c%']"}
        {"byte":478,"hint":"Invalid indicator format","line":4,"reason":"invalid-indicator","row":{"context":{"id":"indicator--3"},"indicator":"bad\\"},"value":"bad\\"}
        {"byte":224,"hint":"The attribute is not for detection: its to_ids is not true","line":2,"reason":"not-to-ids","row":{"context":{"event_info":"Example","event_org":"Org","event_uuid":"00000000-0000-4000-8000-000000000001","type":"domain"},"indicator":"b.mended.example.com"},"value":"b.mended.example.com"}
        {"byte":336,"hint":"Values of type 'mutex' are not taken","line":4,"reason":"unsupported-type","row":{"context":{"event_info":"Example","event_org":"Org","event_uuid":"00000000-0000-4000-8000-000000000001","type":"mutex"},"indicator":"m"},"value":"m"}"#]].assert_eq(&shown.join("\n"));
    let mended: Vec<String> = rows
        .iter()
        .map(|reject| reject["row"].to_string().replace("bad\\\\", "mended.example.com"))
        .collect();
    let answer = import(&daemon, "Mended", "application/x-ndjson", mended.join("\n").as_bytes());
    assert!(answer.body.contains(r#""rows":4,"accepted":2,"#), "{answer:?}");
    expect![[r#"
        Mended_URL mended.example.com {"id":"indicator--3"}
        Mended_URL b.mended.example.com {"event_info":"Example","event_org":"Org","event_uuid":"00000000-0000-4000-8000-000000000001","type":"domain"}, Mended_URL mended.example.com {"id":"indicator--3"}"#]].assert_eq(&daemon.detections("", &["mended.example.com", "b.mended.example.com"]).join("\n"));
}
