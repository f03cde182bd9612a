//! Definitions that are taken, with what is left out of them, and those that are not.

use super::ListDefinition;

fn refused(text: &str) -> String {
    ListDefinition::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn members_that_are_left_out_have_their_defaults() {
    let all = ListDefinition::parse(b"{}").unwrap();
    assert_eq!(all, ListDefinition::default());
    assert_eq!(serde_json::to_value(&all).unwrap()["kinds"].as_array().unwrap().len(), 8);
    assert!(all.names_all_suppliers() && all.formats_named().next().is_none());
    // What is told is what is taken.
    assert_eq!(ListDefinition::parse(&serde_json::to_vec(&all).unwrap()).unwrap(), all);
}

#[test]
fn false_positives_are_allowed_whatever_else_is() {
    let list = ListDefinition::parse(br#"{"allow":["corp-nets"]}"#).unwrap();
    assert_eq!(list.allow, ["FalsePositive", "corp-nets"]);
    let list = ListDefinition::parse(br#"{"allow":["a","FalsePositive"]}"#).unwrap();
    assert_eq!(list.allow, ["a", "FalsePositive"]);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (text, names) in [
        ("[]", "no object"),
        ("{", "EOF"),
        (r#"{"kind":["ipv4"]}"#, "kind"),
        (r#"{"kinds":[]}"#, "kinds"),
        (r#"{"kinds":["ip"]}"#, "\"ip\""),
        (r#"{"suppliers":[]}"#, "suppliers"),
        (r#"{"min_confidence":101}"#, "min_confidence"),
        (r#"{"max_entries":0}"#, "max_entries"),
        (r#"{"max_entries":10000001}"#, "max_entries"),
        (r#"{"refresh_seconds":0}"#, "refresh_seconds"),
        (r#"{"refresh_seconds":86401}"#, "refresh_seconds"),
        (r#"{"order":"random"}"#, "random"),
        (r#"{"formats":{"txt":{}}}"#, "txt"),
        (r#"{"formats":{"rpz":{"action":"sinkhole"}}}"#, "sinkhole"),
        (r#"{"formats":{"rpz":{"origin":"rpz.example"}}}"#, "origin"),
        (r#"{"formats":{"rpz":{"origin":"."}}}"#, "origin"),
        (r#"{"formats":{"rpz":{"origin":"a b."}}}"#, "origin"),
    ] {
        assert!(refused(text).contains(names), "{text}: {}", refused(text));
    }
    let many: Vec<String> = (0..101).map(|number| format!("s{number}")).collect();
    assert!(refused(&serde_json::json!({ "suppliers": many }).to_string()).contains("suppliers"));
}
