//! Every reason, on single elements, through a real store's catalogue.

use expect_test::{Expect, expect};
use sluice_model::TenantId;

use crate::{
    UploadAction, UploadRules,
    fixture::{Fixture, NOW_SECONDS, listed},
};

/// Puts one body by `rules` and shows what was refused.
#[track_caller]
fn check_with(fixture: &Fixture, rules: UploadRules, body: &str, want: &Expect) {
    want.assert_eq(&listed(fixture.upload(rules, body).unwrap()));
}

#[track_caller]
fn check(body: &str, want: &Expect) {
    let fixture = Fixture::new();
    check_with(&fixture, fixture.rules(TenantId::GENERAL, "Feed"), body, want);
}

#[test]
fn the_indicator_is_judged_first() {
    check(
        r#"[{"context":5},{"indicator":null,"tags":["NO"]},{"indicator":7},{"indicator":[ 1, {"a":"b c"} ]},
            {"indicator":"","tags":5},{"indicator":"bad\\.example.com"},{"indicator":"example.com\u0000"},
            {"indicator":"\u0062ad..\/ "},{"Indicator":"example.com"},{}]"#,
        &expect![[r#"
            [{"indicator":"","reason":"Property 'indicator' is missing"},
            {"indicator":"null","reason":"Property 'indicator' has an invalid type"},
            {"indicator":"7","reason":"Property 'indicator' has an invalid type"},
            {"indicator":"[1,{\"a\":\"b c\"}]","reason":"Property 'indicator' has an invalid type"},
            {"indicator":"","reason":"Invalid indicator format"},
            {"indicator":"bad\\.example.com","reason":"Invalid indicator format"},
            {"indicator":"example.com\u0000","reason":"Invalid indicator format"},
            {"indicator":"\u0062ad..\/ ","reason":"Invalid indicator format"},
            {"indicator":"","reason":"Property 'indicator' is missing"},
            {"indicator":"","reason":"Property 'indicator' is missing"}]"#]],
    );
}

#[test]
fn what_cannot_be_read_is_an_error_of_its_element() {
    check(
        r#"[{"indicator":"\ud800a.example"},{"indicator":1e400},{"indicator":["\udc00"],"context":5},
            {"indicator":"b.example","context":{"a":[{"b":"\ud83d\ud83d\ude00"}]}},
            {"indicator":"c.example","context":{"\ud800":1}},{"indicator":"d.example","context":{"a":-1E+999}},
            {"indicator":"e.example","tags":["good","\ud800"]},{"indicator":"f.example","tags":[1e400,"no"]},
            {"indicator":"g.example","mark_detections":"\udfff"},{"indicator":"h.example","mark_detections":1e309},
            {"indicator":"i j","context":{"a":1e400}},
            {"indicator":"l.example","context":{"\ud800":1,"\ufffd":2}},{"indicator":"m.example","context":{"\ud800":1,"xxxxxx":2}},
            {"indicator":"k.example","x":["\ud800",1e400],"\ud800":1}]"#,
        &expect![[r#"
            [{"indicator":"\ud800a.example","reason":"Property 'indicator' is not valid Unicode"},
            {"indicator":"1e400","reason":"Property 'indicator' has a number out of range"},
            {"indicator":"[\"\\udc00\"]","reason":"Property 'indicator' is not valid Unicode"},
            {"indicator":"b.example","reason":"Property 'context' is not valid Unicode"},
            {"indicator":"c.example","reason":"Property 'context' is not valid Unicode"},
            {"indicator":"d.example","reason":"Property 'context' has a number out of range"},
            {"indicator":"e.example","reason":"Property 'tags' is not valid Unicode"},
            {"indicator":"f.example","reason":"Property 'tags' has a number out of range"},
            {"indicator":"g.example","reason":"Property 'mark_detections' is not valid Unicode"},
            {"indicator":"h.example","reason":"Property 'mark_detections' has a number out of range"},
            {"indicator":"i j","reason":"Invalid indicator format"},
            {"indicator":"l.example","reason":"Property 'context' is not valid Unicode"},
            {"indicator":"m.example","reason":"Property 'context' is not valid Unicode"}]"#]],
    );
}

#[test]
fn what_cannot_be_read_and_does_not_count_is_ignored() {
    check(
        r#"[{"indicator":"\ud800","indicator":"a.example"},{"context":1e400,"indicator":"b.example","context":null},
            {"indicator":"c.example","context":{"a":1e400,"b":2,"a":3}},
            {"indicator":"f.example","context":{"a":[{"b":"\ud800"}],"\u0061":"\ud83d\ude00"},"unmark_detections":1e400}]"#,
        &expect!["[]"],
    );
    let fixture = Fixture::new();
    let rules = UploadRules {
        takes_marks: false,
        action: UploadAction::Delete,
        ..fixture.rules(TenantId::GENERAL, "Feed")
    };
    let body = r#"[{"indicator":"a.example","context":"\ud800","tags":1e400,"mark_detections":1e400,"unmark_detections":1e400},
        {"indicator":"\ud800"}]"#;
    check_with(
        &fixture,
        rules.clone(),
        body,
        &expect![[r#"[{"indicator":"\ud800","reason":"Property 'indicator' is not valid Unicode"}]"#]],
    );
    check_with(
        &fixture,
        UploadRules { takes_marks: true, ..rules },
        body,
        &expect![[r#"
        [{"indicator":"a.example","reason":"Property 'unmark_detections' has a number out of range"},
        {"indicator":"\ud800","reason":"Property 'indicator' is not valid Unicode"}]"#]],
    );
}

#[test]
fn contexts_are_objects_with_a_field() {
    check(
        r#"[{"indicator":"a.example","context":{}},{"indicator":"b.example","context":[]},
            {"indicator":"c.example","context":"x"},{"indicator":"d.example","context":null},
            {"indicator":"e.example","context":{"a":null}}]"#,
        &expect![[r#"
            [{"indicator":"a.example","reason":"Property 'context' has an invalid type"},
            {"indicator":"b.example","reason":"Property 'context' has an invalid type"},
            {"indicator":"c.example","reason":"Property 'context' has an invalid type"}]"#]],
    );
}

#[test]
fn tags_exist_and_are_strings() {
    check(
        r#"[{"indicator":"a.example","tags":["good","GOOD"]},{"indicator":"b.example","tags":["Good","n\"o\n"]},
            {"indicator":"c.example","tags":[5,"no"]},{"indicator":"d.example","tags":"GOOD"},
            {"indicator":"e.example","tags":null},{"indicator":"f.example","tags":[]},
            {"indicator":"g.example","tags":[["GOOD"]]},{"indicator":"h.example","tags":{}},
            {"indicator":"i.example","tags":["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]}]"#,
        &expect![[r#"
            [{"indicator":"b.example","reason":"Unknown tag: n\"o\\n"},
            {"indicator":"c.example","reason":"Property 'tags' has an invalid type"},
            {"indicator":"d.example","reason":"Property 'tags' has an invalid type"},
            {"indicator":"g.example","reason":"Property 'tags' has an invalid type"},
            {"indicator":"h.example","reason":"Property 'tags' has an invalid type"},
            {"indicator":"i.example","reason":"Unknown tag: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]"#]],
    );
}

#[test]
fn marks_are_booleans() {
    check(
        r#"[{"indicator":"a.example","mark_detections":true},{"indicator":"b.example","mark_detections":"yes"},
            {"indicator":"c.example","mark_detections":null,"tags":["no"]},{"indicator":"d.example","mark_detections":null}]"#,
        &expect![[r#"
            [{"indicator":"b.example","reason":"Property 'mark_detections' has an invalid type"},
            {"indicator":"c.example","reason":"Unknown tag: no"},
            {"indicator":"d.example","reason":"Property 'mark_detections' has an invalid type"}]"#]],
    );
}

#[test]
fn of_repeated_properties_the_last_counts() {
    check(
        r#"[{"indicator":"","indicator":"a.example"},{"indicator":"b.example","indicator":"c d"},
            {"indicator":"e.example","tags":["no"],"tags":[]},{"indicator":"f.example","context":5,"context":null}]"#,
        &expect![[r#"[{"indicator":"c d","reason":"Invalid indicator format"}]"#]],
    );
}

#[test]
fn older_versions_ignore_what_they_do_not_know() {
    let fixture = Fixture::new();
    let body = r#"[{"indicator":"a.example","tags":["no"],"mark_detections":"x"}]"#;
    let rules = fixture.rules(TenantId::GENERAL, "Feed");
    let without_tags =
        UploadAction::Put { is_false_positive: false, takes_tags: false, now_seconds: NOW_SECONDS };
    check_with(
        &fixture,
        UploadRules { action: without_tags, takes_marks: false, ..rules.clone() },
        body,
        &expect!["[]"],
    );
    check_with(
        &fixture,
        UploadRules { takes_marks: false, ..rules },
        &body.replace("no", "good"),
        &expect!["[]"],
    );
}

#[test]
fn false_positives_have_no_context() {
    let fixture = Fixture::new();
    check_with(
        &fixture,
        fixture.rules(TenantId::GENERAL, "FalsePositive"),
        r#"[{"indicator":"a.example","context":{"a":1}},{"indicator":"b.example","context":null,"mark_detections":true},
            {"indicator":"c d","context":{"a":1}}]"#,
        &expect![[r#"
            [{"indicator":"a.example","reason":"Context is not allowed for the FalsePositive supplier"},
            {"indicator":"c d","reason":"Invalid indicator format"}]"#]],
    );
}

#[test]
fn defanged_forms_are_refanged_on_request_only() {
    let fixture = Fixture::new();
    let body = r#"[{"indicator":"hxxp://a[.]example/x"}]"#;
    let rules = fixture.rules(TenantId::GENERAL, "Feed");
    check_with(
        &fixture,
        rules.clone(),
        body,
        &expect![[r#"[{"indicator":"hxxp://a[.]example/x","reason":"Invalid indicator format"}]"#]],
    );
    check_with(&fixture, UploadRules { refang: true, ..rules }, body, &expect!["[]"]);
    assert!(fixture.is_detected("a.example/x"));
}

#[test]
fn deletions_check_their_own_property() {
    let fixture = Fixture::new();
    let body = r#"[{"indicator":"a.example"},{"indicator":"b.example","unmark_detections":1},{"indicator":5},
        {"indicator":"c.example","unmark_detections":false,"tags":5,"context":{},"mark_detections":1},{"indicator":"x"}]"#;
    expect![[r#"
        [{"indicator":"b.example","reason":"Property 'unmark_detections' has an invalid type"},
        {"indicator":"5","reason":"Property 'indicator' has an invalid type"},
        {"indicator":"x","reason":"Invalid indicator format"}]"#]]
    .assert_eq(&listed(fixture.delete("Feed", body).unwrap()));
    let rules = UploadRules {
        takes_marks: false,
        action: UploadAction::Delete,
        ..fixture.rules(TenantId::GENERAL, "Feed")
    };
    expect![[r#"
        [{"indicator":"5","reason":"Property 'indicator' has an invalid type"},
        {"indicator":"x","reason":"Invalid indicator format"}]"#]]
    .assert_eq(&listed(fixture.upload(rules, body).unwrap()));
}
