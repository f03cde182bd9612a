//! Objects of bundles: what they become, with which context.

use expect_test::{Expect, expect};
use sluice_model::limits;

use crate::import::document_rows::tests::{rows, stix};

/// Objects with the members of an indicator that all have.
#[track_caller]
fn check(objects: &[&str], want: &Expect) {
    let objects: Vec<String> =
        objects.iter().map(|object| object.replacen("{I", "{\"type\":\"indicator\"", 1)).collect();
    let body = format!("{{\"type\":\"bundle\",\"objects\":[{}]}}", objects.join(","));
    want.assert_eq(&rows(stix(), body.as_bytes(), 1, true));
}

#[test]
fn the_context_has_where_it_comes_from_and_what_it_is_worth() {
    check(
        &[
            r#"{I, "spec_version":"2.1", "id":"indicator--1", "created":"2026-01-01T00:00:00.000Z",
                "modified":"2026-01-02T00:00:00.000Z", "name":"n", "description":"d", "pattern":"[domain-name:value='a.example.com']",
                "pattern_type":"stix", "valid_from":"2026-01-01T00:00:00Z", "valid_until":"2030-01-01T00:00:00Z", "confidence":80,
                "labels":["a", "b"], "indicator_types":["malicious-activity"],
                "kill_chain_phases":[{"kill_chain_name":"k", "phase_name":"p"}], "external_references":[{"source_name":"s"}]}"#,
            r#"{I,"pattern":"[domain-name:value='b.example.com']","confidence":null}"#,
            r#"{"type":"x","confidence":1,"type":"indicator","pattern":"[domain-name:value='c.example.com']","confidence":2}"#,
        ],
        &expect![[r#"
            1: "a.example.com" {"id":"indicator--1","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-02T00:00:00.000Z","valid_from":"2026-01-01T00:00:00Z","confidence":80,"labels":["a","b"],"indicator_types":["malicious-activity"],"kill_chain_phases":[{"kill_chain_name":"k","phase_name":"p"}],"external_references":[{"source_name":"s"}]}
            2: "b.example.com"
            3: "c.example.com" {"confidence":2}
        "#]],
    );
}

#[test]
fn markings_of_the_traffic_light_protocol_are_named_and_others_stay_ids() {
    let marked = |refs: &str| {
        format!(r#"{{I,"pattern":"[domain-name:value='a.example.com']","object_marking_refs":[{refs}]}}"#)
    };
    let ids = |numbers: &[usize]| {
        numbers.iter().map(|number| format!("\"{}\"", super::TLP[*number].1)).collect::<Vec<_>>().join(",")
    };
    let all: Vec<String> = (0..super::TLP.len()).map(|number| marked(&ids(&[number]))).collect();
    let mut objects: Vec<&str> = all.iter().map(String::as_str).collect();
    let (strictest, other, none) = (
        marked(&ids(&[7, 2, 4])),
        marked(&format!("\"marking-definition--1\",{},\"x\"", ids(&[2]))),
        marked("5"),
    );
    objects.extend([strictest.as_str(), &other, &none]);
    check(
        &objects,
        &expect![[r#"
        1: "a.example.com" {"tlp":"white"}
        2: "a.example.com" {"tlp":"clear"}
        3: "a.example.com" {"tlp":"green"}
        4: "a.example.com" {"tlp":"green"}
        5: "a.example.com" {"tlp":"amber"}
        6: "a.example.com" {"tlp":"amber"}
        7: "a.example.com" {"tlp":"amber+strict"}
        8: "a.example.com" {"tlp":"red"}
        9: "a.example.com" {"tlp":"red"}
        10: "a.example.com" {"tlp":"red"}
        11: "a.example.com" {"tlp":"green","object_marking_refs":["marking-definition--1","x"]}
        12: "a.example.com"
    "#]],
    );
}

#[test]
fn what_is_revoked_or_out_of_date_is_withdrawn() {
    let until = |member: &str| format!(r#"{{I,"pattern":"[domain-name:value='a.example.com']",{member}}}"#);
    let objects = [
        r#""revoked":true"#,
        r#""revoked":false"#,
        r#""revoked":"true""#,
        r#""valid_until":"2026-12-31T23:59:59.999Z""#,
        r#""valid_until":"2027-01-15T08:00:00Z""#,
        r#""valid_until":"2027-01-15T08:00:01Z""#,
        r#""valid_until":"soon""#,
    ]
    .map(until);
    check(
        &objects.each_ref().map(String::as_str),
        &expect![[r#"
        1: withdrawn "a.example.com"
        2: "a.example.com"
        3: "a.example.com"
        4: withdrawn "a.example.com"
        5: withdrawn "a.example.com"
        6: "a.example.com"
        7: "a.example.com"
    "#]],
    );
}

#[test]
fn objects_of_other_types_are_no_rows() {
    check(
        &[
            r#"{"type":"malware","name":"x"}"#,
            r#"{"type":"observed-data","objects":{"0":{"type":"ipv4-addr","value":"192.0.2.1"}}}"#,
            r#"{"type":"marking-definition","id":"marking-definition--1"}"#,
            r#"{"pattern":"[domain-name:value='a.example.com']"}"#,
            r#"{"type":5,"pattern":"[domain-name:value='a.example.com']"}"#,
            r#"{I,"pattern":"[domain-name:value='last.example.com']"}"#,
        ],
        &expect![[r#"
            6: "last.example.com"
        "#]],
    );
}

#[test]
fn one_object_may_give_several_values_and_each_is_judged_alone() {
    let (md5, sha256) = ("a".repeat(32), "b".repeat(64));
    let pattern = |pattern: &str| format!(r#"{{I,"pattern":"{pattern}","id":"i"}}"#);
    let objects = [
        format!("[file:name = 'n' AND file:hashes.MD5 = '{md5}' AND file:hashes.'SHA-256' = '{sha256}' AND file:size = 5]"),
        format!("[file:hashes.MD5 = '{sha256}' OR file:hashes.MD5 = ' {md5} ' OR process:name = 'x' OR domain-name:value='192.0.2.1']"),
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.2' AND network-traffic:dst_port = 443]".to_owned(),
        "[domain-name:value = 'a.example.com' AND domain-name:resolves_to_refs[*].value = '192.0.2.3' AND domain-name:resolves_to_refs[*].value = '192.0.2.4']".to_owned(),
        "[ipv4-addr:value = '192.0.2.0/24']".to_owned(),
        "[app:id = 'com.example']".to_owned(),
        "[network-traffic:dst_ref.type = 'ipv4-addr']".to_owned(),
        "[file:hashes.MD5 = 'a' AND network-traffic:dst_port = 05]".to_owned(),
        "[domain-name:value LIKE 'x']".to_owned(),
    ]
    .map(|text| pattern(&text));
    check(
        &objects.each_ref().map(String::as_str),
        &expect![[r#"
            1: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {"id":"i","file:size":5,"file_name":"n"}
            1: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" {"id":"i","file:size":5,"file_name":"n"}
            2: (Invalid indicator format) "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" {"id":"i"}
            2: " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa " {"id":"i"}
            2: (unsupported-type: Values of type 'process:name' are not taken) "x" {"id":"i","process:name":"x"}
            2: "192.0.2.1" {"id":"i"}
            3: "192.0.2.2" {"id":"i","port":443}
            4: "a.example.com" {"id":"i","resolves_to":["192.0.2.3","192.0.2.4"]}
            5: "192.0.2.0/24" {"id":"i"}
            6: (unsupported-type: Values of type 'app:id' are not taken) "com.example" {"id":"i","app:id":"com.example"}
            7: (unsupported-type: Values of type 'network-traffic:dst_ref.type' are not taken) "ipv4-addr" {"id":"i"}
            8: (unsupported-pattern: AND of different objects is not taken) "[file:hashes.MD5 = 'a' AND network-traffic:dst_port = 05]" {"id":"i"}
            9: (unsupported-pattern: Comparisons are =, IN and ISSUBSET) "[domain-name:value LIKE 'x']" {"id":"i"}
        "#]],
    );
}

#[test]
fn patterns_of_another_language_are_refused() {
    check(
        &[
            r#"{I,"pattern":"rule x {}","pattern_type":"yara"}"#,
            r#"{I,"pattern":"[domain-name:value='a.example.com']","pattern_type":null}"#,
            r#"{I}"#,
            r#"{I,"pattern":5}"#,
        ],
        &expect![[r#"
            1: (unsupported-pattern: Patterns are taken in the language of STIX alone) "rule x {}"
            2: (unsupported-pattern: Patterns are taken in the language of STIX alone) "[domain-name:value='a.example.com']"
            3: (unsupported-pattern: The indicator has no pattern) 
            4: (unsupported-pattern: The indicator has no pattern) 
        "#]],
    );
}

/// Each value is given the whole context, so many values with a long one are more than an object may be.
#[test]
fn what_an_object_gives_is_no_longer_than_an_element() {
    let object = |count: usize, label_bytes: usize| {
        let values = vec!["'192.0.2.1'"; count].join(",");
        format!(
            r#"{{I,"pattern":"[ipv4-addr:value IN ({values})]","labels":["{}"]}}"#,
            "x".repeat(label_bytes)
        )
    };
    let lines = |object: &str| {
        let body = format!("{{\"objects\":[{}]}}", object.replacen("{I", "{\"type\":\"indicator\"", 1));
        let told = rows(stix(), body.as_bytes(), 1, true);
        (told.lines().count(), told.contains("unsupported-pattern"))
    };
    let each = limits::ELEMENT_BYTES_MAX / 1_000;
    assert_eq!(lines(&object(1_000, each - 100)), (1_000, false));
    assert_eq!(lines(&object(1_000, each)), (1, true));
    // What names no indicator is told with the same context.
    let without_values = |count: usize| {
        let pattern = vec!["a:b=1"; count].join(" OR ");
        format!(r#"{{I,"pattern":"[{pattern}]","labels":["{}"]}}"#, "x".repeat(each))
    };
    assert_eq!(lines(&without_values(900)).0, 900);
    assert_eq!(lines(&without_values(1_001)), (1, true));
}

/// Contexts that are alike are stored once; these differ.
#[test]
fn notes_of_values_do_not_multiply_an_object() {
    let object = |count: usize, label_bytes: usize| {
        let group = |number: usize| format!("(file:name = '{number}' AND file:hashes.MD5 = '{number:032x}')");
        let pattern = (0..count).map(group).collect::<Vec<_>>().join(" OR ");
        format!(
            r#"{{"objects":[{{"type":"indicator","pattern":"[{pattern}]","labels":["{}"]}}]}}"#,
            "x".repeat(label_bytes)
        )
    };
    let told = |count, label_bytes| rows(stix(), object(count, label_bytes).as_bytes(), 1, true);
    assert_eq!(told(5, 500).lines().count(), 5);
    let many = told(245, 17_000);
    assert!(many.contains("unsupported-pattern") && many.lines().count() == 1, "{many}");
}
