//! Section 9 and 10: what a looked-up value matches, in which order, and how it is told.

use std::fmt::Write as _;

use expect_test::expect;

use crate::daemon::{Running, check, check_versions, shared};

#[test]
fn the_answers_in_every_version() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["ExampleSupplier"], 50);
    daemon.put("suppliers/ExampleSupplier", r#"[{"indicator":"example.com","context":{"threat_level":1}}]"#);
    let bodies = [
        r#"[{"object":"http://example.com"},{"object":"192.0.2.4"}]"#,
        r#"[ { "other" : 1, "object" : "first", "object" : "http:\/\/\u0065xample.com" } ]"#,
        r#"[{"object":""},{"object":"no kind at all"},{"object":"\u0000"}]"#,
        "[]",
        "",
        "[{}]",
        r#"[{"object":"example.com"},{"object":7}]"#,
        r#"{"object":"example.com"}"#,
        r#"[{"object":"example.com"},]"#,
    ];
    let requests = bodies.map(|body| format!("POST {{v}}/lookup {body}"));
    check_versions(
        &daemon,
        &["1.0", "1.1", "1.2", "1.3"],
        &requests.each_ref().map(String::as_str),
        &expect![[r#"
            POST lookup [{"object":"http://example.com"},{"object":"192.0.2.4"}]
              200 [{"object":"http://example.com","result":"detected","categories":[{"category":"ExampleSupplier_URL","detected_indicator":"example.com","context":{"threat_level":1}}]},{"object":"192.0.2.4","result":"not detected","categories":[]}]
            POST lookup [ { "other" : 1, "object" : "first", "object" : "http:\/\/\u0065xample.com" } ]
              200 [{"object":"http:\/\/\u0065xample.com","result":"detected","categories":[{"category":"ExampleSupplier_URL","detected_indicator":"example.com","context":{"threat_level":1}}]}]
            POST lookup [{"object":""},{"object":"no kind at all"},{"object":"\u0000"}]
              200 [{"object":"","result":"not detected","categories":[]},{"object":"no kind at all","result":"not detected","categories":[]},{"object":"\u0000","result":"not detected","categories":[]}]
            POST lookup []
              400 [{"status":"An error occurred while searching indicators","reason":"expected at least one object at byte 1"}]
            POST lookup 
              400 [{"status":"An error occurred while searching indicators","reason":"the body ends early at byte 0"}]
            POST lookup [{}]
              400 [{"status":"An error occurred while searching indicators","reason":"property 'object' of element 0 is missing, element at byte 1"}]
            POST lookup [{"object":"example.com"},{"object":7}]
              400 [{"status":"An error occurred while searching indicators","reason":"property 'object' of element 1 has an invalid type, element at byte 26"}]
            POST lookup {"object":"example.com"}
              400 [{"status":"An error occurred while searching indicators","reason":"expected a JSON array at byte 0"}]
            POST lookup [{"object":"example.com"},]
              400 [{"status":"An error occurred while searching indicators","reason":"expected an object as element of the array at byte 26"}]
        "#]],
    );
}

#[test]
fn every_kind_has_its_category() {
    let daemon = shared();
    daemon.add_suppliers(&["Kinds"], 50);
    let (md5, sha1, sha256) = ("0a".repeat(16), "1B".repeat(20), "2c".repeat(32));
    let body = format!(
        r#"[{{"indicator":"{md5}"}},{{"indicator":"{sha1}"}},{{"indicator":"{sha256}"}},{{"indicator":"203.0.113.1"}},{{"indicator":"2001:DB8::0:1"}},{{"indicator":"kinds.example.com/a"}}]"#
    );
    daemon.put("suppliers/Kinds", &body);
    let objects = [
        md5.to_uppercase(),
        sha1.to_lowercase(),
        sha256.clone(),
        "203.0.113.1".to_owned(),
        "2001:db8:0:0::1".to_owned(),
        "https://kinds.example.com/a/".to_owned(),
        sha256[1..].to_owned(),
    ];
    let seen = daemon.detections("", &objects.each_ref().map(String::as_str));
    expect![[r#"
        Kinds_Hash_MD5 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a {}
        Kinds_Hash_SHA1 1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b {}
        Kinds_Hash_SHA256 2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c {}
        Kinds_IP 203.0.113.1 {}
        Kinds_IP 2001:db8::1 {}
        Kinds_URL kinds.example.com/a {}
    "#]]
    .assert_eq(&seen.join("\n"));
}

#[test]
fn categories_come_by_confidence_then_by_name() {
    let daemon = shared();
    daemon.add_suppliers(&["OrderB", "OrderA"], 60);
    daemon.add_suppliers(&["OrderZ"], 90);
    daemon.add_suppliers(&["OrderLow"], 0);
    for supplier in ["OrderLow", "OrderB", "OrderZ", "OrderA"] {
        daemon.put(&format!("suppliers/{supplier}"), r#"[{"indicator":"order.example.com"}]"#);
    }
    let categories =
        || daemon.detections("", &["order.example.com"]).concat().replace("_URL order.example.com {}", "");
    assert_eq!(categories(), "OrderZ, OrderA, OrderB, OrderLow");
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/OrderLow", r#"[{"confidence":100}]"#).status, 200);
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/OrderA", r#"[{"status":"disabled"}]"#).status, 200);
    assert_eq!(categories(), "OrderLow, OrderZ, OrderB");
}

#[test]
fn false_positives_silence_everybody_but_internal_ti() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed"], 100);
    let body = r#"[{"indicator":"fp.example.com"},{"indicator":"192.0.2.77"}]"#;
    let detections = || daemon.detections("", &["http://fp.example.com", "192.0.2.77"]).join("; ");
    daemon.put("suppliers/Feed", body);
    assert_eq!(detections(), "Feed_URL fp.example.com {}; Feed_IP 192.0.2.77 {}");
    daemon.put("suppliers/FalsePositive", body);
    assert_eq!(detections(), "; ");
    daemon.put("suppliers/InternalTI", body);
    assert_eq!(detections(), "InternalTI_URL fp.example.com {}; InternalTI_IP 192.0.2.77 {}");
    // Each tenant has its own list.
    daemon.put("acme/suppliers/Feed", body);
    assert_eq!(daemon.detections("acme", &["fp.example.com"]), ["Feed_URL fp.example.com {}"]);
    assert_eq!(daemon.ask("DELETE", "1.2/suppliers/FalsePositive/indicators", body).status, 200);
    let both = daemon.detections("", &["192.0.2.77"]).concat();
    assert!(both.contains("Feed_IP") && both.contains("InternalTI_IP"), "{both}");
}

#[test]
fn a_false_positive_silences_its_own_value_and_not_what_lies_below_it() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed"], 50);
    daemon.put(
        "suppliers/Feed",
        r#"[{"indicator":"example.com"},{"indicator":"bad.example.org"},{"indicator":"example.net/bad"}]"#,
    );
    daemon.put(
        "suppliers/FalsePositive",
        r#"[{"indicator":"good.example.com"},{"indicator":"example.org"},{"indicator":"example.net"}]"#,
    );
    let objects = [
        "good.example.com",
        "other.example.com",
        "http://good.example.com/any?path",
        "bad.example.org",
        "http://example.net/bad",
    ];
    let seen: Vec<_> = objects
        .iter()
        .zip(daemon.detections("", &objects))
        .map(|(object, seen)| format!("{object}: {seen}"))
        .collect();
    expect![[r#"
        good.example.com: 
        other.example.com: Feed_URL example.com {}
        http://good.example.com/any?path: 
        bad.example.org: Feed_URL bad.example.org {}
        http://example.net/bad: "#]]
    .assert_eq(&seen.join("\n"));
}

#[test]
fn an_answer_that_would_be_too_large_is_refused() {
    let daemon = Running::start(&[]);
    let context = "x".repeat(1 << 20);
    daemon.put(
        "suppliers/InternalTI",
        &format!(r#"[{{"indicator":"example.com","context":{{"c":"{context}"}}}}]"#),
    );
    let body = format!("[{}]", vec![r#"{"object":"example.com"}"#; 257].join(","));
    let answer = daemon.ask("POST", "1.0/lookup", &body);
    assert_eq!(
        (answer.status, answer.reason().as_str()),
        (400, "The answer would be too large; look up fewer objects at once")
    );
    let body = format!("[{}]", vec![r#"{"object":"example.com"}"#; 20].join(","));
    assert_eq!(daemon.ask("POST", "1.0/lookup", &body).status, 200);
}

#[test]
fn a_url_is_tried_at_every_level_down_to_the_registrable_domain() {
    let daemon = shared();
    daemon.add_suppliers(&["Levels"], 50);
    daemon.put(
        "suppliers/Levels",
        r#"[{"indicator":"sub.levels-example.co.uk/path?q=1"},{"indicator":"sub.levels-example.co.uk/path"},
            {"indicator":"sub.levels-example.co.uk"},{"indicator":"levels-example.co.uk"},{"indicator":"co.uk"},
            {"indicator":"*.masked.example"},{"indicator":"198.51.100.80"},{"indicator":"198.51.100.81/x"}]"#,
    );
    let objects = [
        "http://sub.levels-example.co.uk/path?q=1",
        "http://sub.levels-example.co.uk/path?q=2",
        "http://sub.levels-example.co.uk/path/deeper",
        "http://a.b.levels-example.co.uk/",
        "other-example.co.uk",
        "co.uk",
        "masked.example",
        "a.masked.example",
        "a.b.masked.example/x?y",
        "http://198.51.100.80:8080/x?y",
        "http://3325256784/x",
        "198.51.100.81",
        "xlevels-example.co.uk",
    ];
    let seen: Vec<_> = objects
        .iter()
        .zip(daemon.detections("", &objects))
        .map(|(object, seen)| format!("{object}: {seen}"))
        .collect();
    expect![[r#"
        http://sub.levels-example.co.uk/path?q=1: Levels_URL sub.levels-example.co.uk/path?q=1 {}, Levels_URL sub.levels-example.co.uk/path {}, Levels_URL sub.levels-example.co.uk {}, Levels_URL levels-example.co.uk {}
        http://sub.levels-example.co.uk/path?q=2: Levels_URL sub.levels-example.co.uk/path {}, Levels_URL sub.levels-example.co.uk {}, Levels_URL levels-example.co.uk {}
        http://sub.levels-example.co.uk/path/deeper: Levels_URL sub.levels-example.co.uk {}, Levels_URL levels-example.co.uk {}
        http://a.b.levels-example.co.uk/: Levels_URL levels-example.co.uk {}
        other-example.co.uk: 
        co.uk: Levels_URL co.uk {}
        masked.example: 
        a.masked.example: Levels_URL *.masked.example {}
        a.b.masked.example/x?y: Levels_URL *.masked.example {}
        http://198.51.100.80:8080/x?y: Levels_IP 198.51.100.80 {}
        http://3325256784/x: Levels_IP 198.51.100.80 {}
        198.51.100.81: 
        xlevels-example.co.uk: "#]].assert_eq(&seen.join("\n"));
}

#[test]
fn masks_match_all_that_is_below_them_and_suppress_it() {
    let daemon = shared();
    daemon.add_suppliers(&["Masks"], 50);
    let held = [
        "*.masks-example.duckdns.org",
        "*.masks-example.com",
        "http://path.masks-example.org/*",
        "p.masks-example.org/dir/*",
        "http:/host.masks-example.org/a",
    ];
    let body = |values: &[&str]| {
        let elements = values.iter().map(|value| serde_json::json!({"indicator": value}));
        elements.collect::<serde_json::Value>().to_string()
    };
    daemon.put("suppliers/Masks", &body(&held));
    let objects = [
        "a.evil.masks-example.duckdns.org",
        "http://www.masks-example.com/x",
        "masks-example.com",
        "path.masks-example.org/x",
        "p.masks-example.org/dir/a/b?q",
        "p.masks-example.org/dirs",
        "host[.]masks-example[.]org/a",
        "\u{feff}https:\\\\host.masks-example.org\\a \n",
    ];
    let seen = || {
        let results = daemon.detections("", &objects);
        let lines = objects.iter().zip(results).map(|(object, seen)| format!("{object:?}: {seen}\n"));
        lines.collect::<Vec<_>>().concat()
    };
    expect![[r#"
        "a.evil.masks-example.duckdns.org": Masks_URL *.masks-example.duckdns.org {}
        "http://www.masks-example.com/x": Masks_URL *.masks-example.com {}
        "masks-example.com": 
        "path.masks-example.org/x": Masks_URL path.masks-example.org {}
        "p.masks-example.org/dir/a/b?q": Masks_URL p.masks-example.org/dir/* {}
        "p.masks-example.org/dirs": 
        "host[.]masks-example[.]org/a": Masks_URL host.masks-example.org/a {}
        "\u{feff}https:\\\\host.masks-example.org\\a \n": Masks_URL host.masks-example.org/a {}
    "#]]
    .assert_eq(&seen());
    daemon.put("suppliers/FalsePositive", &body(&held));
    assert!(!seen().contains("Masks_URL"));
}

#[test]
fn a_daemon_can_be_told_to_match_exactly() {
    let daemon = Running::start(&[("SLUICE_MATCH_SCOPE", "exact")]);
    daemon.put("suppliers/InternalTI", r#"[{"indicator":"example.com"},{"indicator":"example.com/a"}]"#);
    assert_eq!(
        daemon.detections(
            "",
            &["sub.example.com", "http://www.example.com:80", "example.com/a?b", "example.com/a/"]
        ),
        ["", "InternalTI_URL example.com {}", "", "InternalTI_URL example.com/a {}"]
    );
}

#[test]
fn spellings_of_one_indicator_are_one_indicator() {
    let daemon = shared();
    daemon.add_suppliers(&["Spellings"], 50);
    let groups: [&[&str]; 5] = [
        &[
            "https://www.spelt.example.com:443/?q=hello%20world#f",
            "spelt.example.com/?q=hello%20world",
            "HTTP://user:pw@SPELT.EXAMPLE.COM//?Q=HELLO%20WORLD",
            "spelt.example.com./?q=hello%20world",
        ],
        &[
            "http://spelt.example.net:80",
            "spelt.example.net",
            "..spelt..example.net.",
            "www.spelt.example.net/",
        ],
        &[
            "http://0xc0.0x0.0x2.0x63/",
            "192.0.2.99",
            "x@3221226083",
            "::ffff:192.0.2.99",
            "http://0300.0.02.0x63",
        ],
        &["\u{442}\u{435}\u{441}\u{442}.example", "xn--e1aybc.example", "XN--E1AYBC.EXAMPLE"],
        &[
            "spelt.example.org/a/../b/./c",
            r"spelt.example.org/b\c",
            "spelt.example.org//b//c/",
            "spelt.example.org/%62/c",
        ],
    ];
    let mut seen = String::new();
    for spellings in groups {
        let mut found = Vec::new();
        for stored in spellings {
            let body = serde_json::json!([{"indicator": stored}]).to_string();
            daemon.put("suppliers/Spellings", &body);
            found.extend(daemon.detections("", spellings));
            assert_eq!(daemon.ask("DELETE", "1.0/suppliers/Spellings/indicators", &body).status, 200);
        }
        assert_eq!(daemon.detections("", &spellings[..1]), [""]);
        assert!(found.iter().all(|one| *one == found[0]), "{spellings:?}: {found:?}");
        writeln!(seen, "{}", found[0]).unwrap();
    }
    expect![[r#"
        Spellings_URL spelt.example.com/?q=hello world {}
        Spellings_URL spelt.example.net {}
        Spellings_IP 192.0.2.99 {}
        Spellings_URL xn--e1aybc.example {}
        Spellings_URL spelt.example.org/b/c {}
    "#]]
    .assert_eq(&seen);
}

#[test]
fn an_object_comes_back_as_it_was_sent() {
    let daemon = shared();
    check(
        &daemon,
        &[
            r#"POST 1.0/lookup [{"object":"\u0041\/\"\\ \ud83d\ude00 é😀"}]"#,
            "POST 1.0/lookup [{\"object\" :\t\"a  b\"}]",
        ],
        &expect![[r#"
            POST 1.0/lookup [{"object":"\u0041\/\"\\ \ud83d\ude00 é😀"}]
              200 [{"object":"\u0041\/\"\\ \ud83d\ude00 é😀","result":"not detected","categories":[]}]
            POST 1.0/lookup [{"object" :	"a  b"}]
              200 [{"object":"a  b","result":"not detected","categories":[]}]
        "#]],
    );
}

/// In debug builds the renderer is stopped where it writes beyond the room that it has asked for.
#[test]
fn long_names_and_escapes_have_room() {
    let daemon = shared();
    let long_name = "N".repeat(128);
    daemon.add_suppliers(&[&long_name], 50);
    let escaped = format!("room.example.com/{}", "%22%5C%01%C3%BC".repeat(50));
    let held = ["0c".repeat(32), escaped, "192.0.2.200".to_owned()];
    let body: Vec<_> = held.iter().map(|indicator| serde_json::json!({"indicator": indicator})).collect();
    daemon.put(&format!("suppliers/{long_name}"), &serde_json::json!(body).to_string());
    for (object, suffix) in held.iter().zip(["Hash_SHA256", "URL", "IP"]) {
        let seen = daemon.detections("", &[object]);
        assert!(seen[0].starts_with(&format!("{long_name}_{suffix} ")), "{seen:?}");
    }
}
