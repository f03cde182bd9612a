//! Section 6: `PUT indicators`, its three answers, and what each property does.

use std::fmt::Write as _;

use expect_test::expect;

use crate::daemon::{check, check_versions, shared};

#[test]
fn the_three_answers_in_every_version() {
    let daemon = shared();
    daemon.add_suppliers(&["Answers"], 50);
    let bodies = [
        r#"[{"indicator":"answers.example.com"}]"#,
        "[]",
        " [ ] ",
        r#"[{"indicator":"bad\\.example.com"},{"indicator":"answers.example.com"},{"indicator":"\u0062ad name"}]"#,
        "[{}]",
        "",
        "{}",
        "[1]",
        r#"[{"indicator":"answers.example.com"}"#,
        r#"[{"indicator":"answers.example.com"}] x"#,
    ];
    let requests = bodies.map(|body| format!("PUT {{v}}/suppliers/Answers/indicators {body}"));
    check_versions(
        &daemon,
        &["1.0", "1.1", "1.2", "1.3"],
        &requests.each_ref().map(String::as_str),
        &expect![[r#"
            PUT suppliers/Answers/indicators [{"indicator":"answers.example.com"}]
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT suppliers/Answers/indicators []
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT suppliers/Answers/indicators  [ ] 
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT suppliers/Answers/indicators [{"indicator":"bad\\.example.com"},{"indicator":"answers.example.com"},{"indicator":"\u0062ad name"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"bad\\.example.com","reason":"Invalid indicator format"},{"indicator":"\u0062ad name","reason":"Invalid indicator format"}]}]
            PUT suppliers/Answers/indicators [{}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"","reason":"Property 'indicator' is missing"}]}]
            PUT suppliers/Answers/indicators 
              400 [{"status":"An error occurred while adding indicators to the database","reason":"the body ends early at byte 0"}]
            PUT suppliers/Answers/indicators {}
              400 [{"status":"An error occurred while adding indicators to the database","reason":"expected a JSON array at byte 0"}]
            PUT suppliers/Answers/indicators [1]
              400 [{"status":"An error occurred while adding indicators to the database","reason":"expected an object as element of the array at byte 1"}]
            PUT suppliers/Answers/indicators [{"indicator":"answers.example.com"}
              400 [{"status":"An error occurred while adding indicators to the database","reason":"the body ends early at byte 36"}]
            PUT suppliers/Answers/indicators [{"indicator":"answers.example.com"}] x
              400 [{"status":"An error occurred while adding indicators to the database","reason":"unexpected text after the array at byte 38"}]
        "#]],
    );
}

#[test]
fn each_reason_of_a_refused_element() {
    let daemon = shared();
    daemon.add_suppliers(&["Reasons"], 50);
    daemon.add_tags(&["REASONS"]);
    let path = "1.3/suppliers/Reasons/indicators";
    check(
        &daemon,
        &[
            &format!(
                r#"PUT {path} [{{"indicator":""}},{{"indicator":"a b"}},{{"indicator":"300.1.1.1.1"}}]"#
            ),
            &format!(
                r#"PUT {path} [{{"indicator":7}},{{"indicator":null}},{{"indicator": [ 1, "x y" ] }},{{"Indicator":"x"}}]"#
            ),
            &format!(
                r#"PUT {path} [{{"indicator":"reasons.example.com","context":{{}}}},{{"indicator":"reasons.example.com","context":"x"}}]"#
            ),
            &format!(r#"PUT {path} [{{"indicator":"reasons.example.com","context":null,"tags":null}}]"#),
            &format!(
                r#"PUT {path} [{{"indicator":"reasons.example.com","tags":"reasons"}},{{"indicator":"reasons.example.com","tags":["reasons",1]}}]"#
            ),
            &format!(
                r#"PUT {path} [{{"indicator":"reasons.example.com","tags":["Reasons","un\u006bnown\u0007","x"]}}]"#
            ),
            &format!(
                r#"PUT {path} [{{"indicator":"reasons.example.com","mark_detections":1}},{{"indicator":"reasons.example.com","mark_detections":true}}]"#
            ),
            // Before 1.2 there are no marks, so the property is an unknown one.
            r#"PUT 1.1/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","mark_detections":1}]"#,
            r#"PUT 1.3/suppliers/FalsePositive/indicators [{"indicator":"reasons.example.net","context":{"a":1}}]"#,
            r#"PUT 1.3/suppliers/FalsePositive/indicators [{"indicator":"reasons.example.net","mark_detections":true}]"#,
            r#"PUT 1.3/suppliers/NoSuchSupplier/indicators [{"indicator":"reasons.example.com"}]"#,
        ],
        &expect![[r#"
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":""},{"indicator":"a b"},{"indicator":"300.1.1.1.1"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"","reason":"Invalid indicator format"},{"indicator":"a b","reason":"Invalid indicator format"},{"indicator":"300.1.1.1.1","reason":"Invalid indicator format"}]}]
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":7},{"indicator":null},{"indicator": [ 1, "x y" ] },{"Indicator":"x"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"7","reason":"Property 'indicator' has an invalid type"},{"indicator":"null","reason":"Property 'indicator' has an invalid type"},{"indicator":"[1,\"x y\"]","reason":"Property 'indicator' has an invalid type"},{"indicator":"","reason":"Property 'indicator' is missing"}]}]
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","context":{}},{"indicator":"reasons.example.com","context":"x"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"reasons.example.com","reason":"Property 'context' has an invalid type"},{"indicator":"reasons.example.com","reason":"Property 'context' has an invalid type"}]}]
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","context":null,"tags":null}]
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","tags":"reasons"},{"indicator":"reasons.example.com","tags":["reasons",1]}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"reasons.example.com","reason":"Property 'tags' has an invalid type"},{"indicator":"reasons.example.com","reason":"Property 'tags' has an invalid type"}]}]
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","tags":["Reasons","un\u006bnown\u0007","x"]}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"reasons.example.com","reason":"Unknown tag: unknown\\u{7}"}]}]
            PUT 1.3/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","mark_detections":1},{"indicator":"reasons.example.com","mark_detections":true}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"reasons.example.com","reason":"Property 'mark_detections' has an invalid type"}]}]
            PUT 1.1/suppliers/Reasons/indicators [{"indicator":"reasons.example.com","mark_detections":1}]
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT 1.3/suppliers/FalsePositive/indicators [{"indicator":"reasons.example.net","context":{"a":1}}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"reasons.example.net","reason":"Context is not allowed for the FalsePositive supplier"}]}]
            PUT 1.3/suppliers/FalsePositive/indicators [{"indicator":"reasons.example.net","mark_detections":true}]
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT 1.3/suppliers/NoSuchSupplier/indicators [{"indicator":"reasons.example.com"}]
              404 [{"status":"An error occurred while adding indicators to the database","reason":"Supplier doesn't exist"}]
        "#]],
    );
}

#[test]
fn an_element_with_an_error_changes_nothing_and_the_rest_is_stored() {
    let daemon = shared();
    daemon.add_suppliers(&["Partly"], 50);
    daemon.put("suppliers/Partly", r#"[{"indicator":"kept.example.com","context":{"v":1}}]"#);
    let body = r#"[{"indicator":"kept.example.com","context":{"v":2},"tags":["none"]},{"indicator":"stored.example.com"}]"#;
    assert_eq!(daemon.ask("PUT", "1.1/suppliers/Partly/indicators", body).status, 202);
    assert_eq!(
        daemon.detections("", &["kept.example.com", "stored.example.com"]),
        [r#"Partly_URL kept.example.com {"v":1}"#, "Partly_URL stored.example.com {}"]
    );
}

#[test]
fn a_context_is_replaced_when_given_and_stays_when_absent() {
    let daemon = shared();
    daemon.add_suppliers(&["Contexts", "OtherContexts"], 50);
    let mut seen = String::new();
    for element in [
        r#"{"indicator":"context.example.com"}"#,
        r#"{"indicator":"context.example.com","context":{"b":1,"a":[1.50,1e2,12345678901234567890123,null,{"k":"\u00e9\/"}]}}"#,
        r#"{"indicator":"context.example.com"}"#,
        r#"{"indicator":"context.example.com","context":null}"#,
        r#"{"indicator":"context.example.com","context":{"c":true}}"#,
        r#"{"indicator":"context.example.com","context":{"c":1,"d":2,"c":3}}"#,
    ] {
        daemon.put("suppliers/Contexts", &format!("[{element}]"));
        let answer = daemon.ask("POST", "1.0/lookup", r#"[{"object":"context.example.com"}]"#);
        writeln!(seen, "{element}\n  {}", answer.body).unwrap();
    }
    expect![[r#"
        {"indicator":"context.example.com"}
          [{"object":"context.example.com","result":"detected","categories":[{"category":"Contexts_URL","detected_indicator":"context.example.com","context":{}}]}]
        {"indicator":"context.example.com","context":{"b":1,"a":[1.50,1e2,12345678901234567890123,null,{"k":"\u00e9\/"}]}}
          [{"object":"context.example.com","result":"detected","categories":[{"category":"Contexts_URL","detected_indicator":"context.example.com","context":{"b":1,"a":[1.50,1e2,12345678901234567890123,null,{"k":"\u00e9\/"}]}}]}]
        {"indicator":"context.example.com"}
          [{"object":"context.example.com","result":"detected","categories":[{"category":"Contexts_URL","detected_indicator":"context.example.com","context":{"b":1,"a":[1.50,1e2,12345678901234567890123,null,{"k":"\u00e9\/"}]}}]}]
        {"indicator":"context.example.com","context":null}
          [{"object":"context.example.com","result":"detected","categories":[{"category":"Contexts_URL","detected_indicator":"context.example.com","context":{"b":1,"a":[1.50,1e2,12345678901234567890123,null,{"k":"\u00e9\/"}]}}]}]
        {"indicator":"context.example.com","context":{"c":true}}
          [{"object":"context.example.com","result":"detected","categories":[{"category":"Contexts_URL","detected_indicator":"context.example.com","context":{"c":true}}]}]
        {"indicator":"context.example.com","context":{"c":1,"d":2,"c":3}}
          [{"object":"context.example.com","result":"detected","categories":[{"category":"Contexts_URL","detected_indicator":"context.example.com","context":{"d":2,"c":3}}]}]
    "#]].assert_eq(&seen);
    // A context belongs to its supplier.
    daemon.put("suppliers/OtherContexts", r#"[{"indicator":"context.example.com"}]"#);
    assert_eq!(
        daemon.detections("", &["context.example.com"]),
        [r#"Contexts_URL context.example.com {"c":3,"d":2}, OtherContexts_URL context.example.com {}"#]
    );
}

#[test]
fn of_the_same_value_in_one_body_the_later_wins_however_it_is_spelled() {
    let daemon = shared();
    daemon.add_suppliers(&["LaterWins"], 50);
    // Several slices, so that they are worked on in parallel.
    let filler = "x".repeat(3_000);
    let elements = (0..1_500).map(|number| {
        let spelling =
            ["later.example.com", "HTTP://www.later.example.com:80/", "later.example.com#f"][number % 3];
        format!(r#"{{"indicator":"{spelling}","context":{{"n":{number}}},"filler":"{filler}"}}"#)
    });
    let body = format!("[{}]", elements.collect::<Vec<_>>().join(","));
    assert!(body.len() > 4 << 20);
    daemon.put("suppliers/LaterWins", &body);
    assert_eq!(
        daemon.detections("", &["later.example.com"]),
        [r#"LaterWins_URL later.example.com {"n":1499}"#]
    );
}

#[test]
fn a_value_that_could_be_another_is_refused_with_its_reason() {
    let daemon = shared();
    daemon.add_suppliers(&["Doubtful"], 50);
    check(
        &daemon,
        &[
            r#"PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"192.168.001.010"},{"indicator":"443"}]"#,
            r#"PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"192.0.2.1-9"},{"indicator":"192.0.2.*"}]"#,
            r#"PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"user@doubtful.example.com"},{"indicator":"*.co.uk"}]"#,
            r#"PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"http://192.0.2.010/"},{"indicator":"\t192.0.2.9 "}]"#,
        ],
        &expect![[r#"
            PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"192.168.001.010"},{"indicator":"443"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"192.168.001.010","reason":"Invalid indicator format: an IPv4 address has no leading zeros"},{"indicator":"443","reason":"Invalid indicator format: a bare number is no IP address"}]}]
            PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"192.0.2.1-9"},{"indicator":"192.0.2.*"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"192.0.2.1-9","reason":"Invalid indicator format: ranges and wildcards of IP addresses are not taken"},{"indicator":"192.0.2.*","reason":"Invalid indicator format: ranges and wildcards of IP addresses are not taken"}]}]
            PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"user@doubtful.example.com"},{"indicator":"*.co.uk"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"user@doubtful.example.com","reason":"Invalid indicator format: an e-mail address is no URL"},{"indicator":"*.co.uk","reason":"Invalid indicator format: a mask of a public suffix is too wide"}]}]
            PUT 1.0/suppliers/Doubtful/indicators [{"indicator":"http://192.0.2.010/"},{"indicator":"\t192.0.2.9 "}]
              201 [{"status":"All indicators were successfully added to the database"}]
        "#]],
    );
}

#[test]
fn a_disabled_supplier_takes_indicators_and_matches_nothing() {
    let daemon = shared();
    daemon.add_suppliers(&["Disabled"], 50);
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Disabled", r#"[{"status":"disabled"}]"#).status, 200);
    daemon.put("suppliers/Disabled", r#"[{"indicator":"disabled.example.com"}]"#);
    assert_eq!(daemon.detections("", &["disabled.example.com"]), [""]);
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Disabled", r#"[{"status":"enabled"}]"#).status, 200);
    assert_eq!(daemon.detections("", &["disabled.example.com"]), ["Disabled_URL disabled.example.com {}"]);
}
