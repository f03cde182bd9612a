//! The listed elements, their length and their size.

use expect_test::{Expect, expect};
use sluice_model::{
    NotAnIndicator, Rejection,
    rejection::{Flaw, Property},
};

use super::{Receipt, SliceRejections};

fn json(receipt: Receipt) -> String {
    let length = receipt.json_bytes();
    let chunks: Vec<_> = receipt.into_json_chunks().collect();
    let text = String::from_utf8(chunks.concat()).unwrap();
    assert_eq!(text.len() as u64, length);
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    text
}

#[track_caller]
fn check(slices: &[&[(&str, Rejection)]], want: &Expect) {
    let slices = slices.iter().map(|entries| {
        let mut slice = SliceRejections::new();
        for (indicator, rejection) in *entries {
            slice.push(indicator.as_bytes(), rejection);
        }
        slice
    });
    let receipt = Receipt::new(100, slices.collect(), None);
    assert_eq!(receipt.accepted_count + receipt.rejected_count, 100);
    want.assert_eq(&json(receipt).replace("},{", "},\n{"));
}

#[test]
fn what_was_refused_is_counted_by_reason_over_all_slices() {
    let (mut first, mut second) = (SliceRejections::new(), SliceRejections::new());
    first.push(b"1", &Rejection::InvalidType(Property::Indicator));
    first.push(b"", &Rejection::IndicatorMissing);
    second.push(b"2", &Rejection::InvalidType(Property::Tags));
    let receipt = Receipt::new(9, vec![first, second], None);
    let told: Vec<_> = Rejection::REASONS.into_iter().zip(receipt.rejected_by_reason).collect();
    let told: Vec<_> = told.into_iter().filter(|(_, count)| *count != 0).collect();
    assert_eq!(told, [("indicator_missing", 1), ("invalid_type", 2)]);
}

#[test]
fn nothing_is_an_empty_array() {
    check(&[], &expect!["[]"]);
    check(&[&[], &[]], &expect!["[]"]);
}

#[test]
fn every_reason_is_told_in_order() {
    let type_of = Rejection::InvalidType;
    check(
        &[
            &[("\"a\"", Rejection::InvalidFormat(NotAnIndicator::Format)), ("", Rejection::IndicatorMissing)],
            &[],
            &[
                ("\"b\\\"\"", Rejection::unknown_tag("X\"\\\n")),
                ("\"c\"", Rejection::ContextNotAllowed),
                ("{\"x\":[1]}", type_of(Property::Indicator)),
            ],
            &[
                ("\"d\"", type_of(Property::Context)),
                ("\"d\"", type_of(Property::Tags)),
                ("\"d\"", type_of(Property::MarkDetections)),
                ("\"d\"", type_of(Property::UnmarkDetections)),
            ],
        ],
        &expect![[r#"
            [{"indicator":"a","reason":"Invalid indicator format"},
            {"indicator":"","reason":"Property 'indicator' is missing"},
            {"indicator":"b\"","reason":"Unknown tag: X\"\\\\n"},
            {"indicator":"c","reason":"Context is not allowed for the FalsePositive supplier"},
            {"indicator":"{\"x\":[1]}","reason":"Property 'indicator' has an invalid type"},
            {"indicator":"d","reason":"Property 'context' has an invalid type"},
            {"indicator":"d","reason":"Property 'tags' has an invalid type"},
            {"indicator":"d","reason":"Property 'mark_detections' has an invalid type"},
            {"indicator":"d","reason":"Property 'unmark_detections' has an invalid type"}]"#]],
    );
}

#[test]
fn what_was_no_string_is_told_as_one_and_cut() {
    let refused = Rejection::InvalidType(Property::Indicator);
    for sent in ["7", "null", "true", "1e400", "-0", "[1,\"a\\u00e9b\",\"é\"]", "{\"a\":{}}", "[\"\\ud800\"]"]
    {
        let mut slice = SliceRejections::new();
        slice.push(sent.as_bytes(), &refused);
        let told: serde_json::Value =
            serde_json::from_str(&json(Receipt::new(1, vec![slice], None))).unwrap();
        assert_eq!(told[0]["indicator"], sent);
    }
    for filler in ["x", "é", "\u{10348}"] {
        let sent = format!("[\"{}\"]", filler.repeat(3 * 4_096));
        let mut slice = SliceRejections::new();
        slice.push(sent.as_bytes(), &refused);
        assert!(slice.bytes.len() <= 4_096 + 3);
        let told: serde_json::Value =
            serde_json::from_str(&json(Receipt::new(1, vec![slice], None))).unwrap();
        let told = told[0]["indicator"].as_str().unwrap();
        assert!(sent.starts_with(told) && (4_093..=4_096).contains(&told.len()), "{}", told.len());
    }
}

#[test]
fn every_reason_has_a_number_of_its_own() {
    for property in Property::ALL {
        for rejection in [Rejection::InvalidType(property)]
            .into_iter()
            .chain(Flaw::ALL.map(|flaw| Rejection::Unreadable(property, flaw)))
        {
            let mut slice = SliceRejections::new();
            slice.push(b"\"a\"", &rejection);
            let told = json(Receipt::new(1, vec![slice], None));
            assert_eq!(told, format!(r#"[{{"indicator":"a","reason":"{rejection}"}}]"#));
        }
    }
}

#[test]
fn the_name_of_an_unknown_tag_is_kept_as_it_was_sent() {
    for (name, told) in [("\u{7f}", "\\\\u{7f}"), ("\"", "\\\""), ("\\", "\\\\"), ("я", "я")] {
        let name = name.repeat(300);
        let mut slice = SliceRejections::new();
        slice.push(b"\"a\"", &Rejection::unknown_tag(&name));
        assert!(slice.bytes.len() <= name.len());
        assert_eq!(
            json(Receipt::new(1, vec![slice], None)),
            format!(r#"[{{"indicator":"a","reason":"Unknown tag: {}..."}}]"#, told.repeat(128))
        );
    }
}

#[test]
fn a_million_cost_little_and_come_in_chunks() {
    let mut slice = SliceRejections::new();
    for _ in 0..1_000_000 {
        slice.push(b"", &Rejection::IndicatorMissing);
    }
    assert_eq!(slice.bytes.len(), 1_000_000);
    let receipt = Receipt::new(1_000_000, vec![slice], None);
    assert_eq!((receipt.accepted_count, receipt.rejected_count), (0, 1_000_000));
    let length = receipt.json_bytes();
    let (mut total, mut longest) = (0, 0);
    for chunk in receipt.into_json_chunks() {
        total += chunk.len() as u64;
        longest = longest.max(chunk.len());
    }
    assert_eq!(total, length);
    assert!(longest < 66_000, "{longest}");
}

#[test]
fn every_reason_of_a_format_is_told_as_it_is() {
    for reason in NotAnIndicator::ALL {
        let mut slice = SliceRejections::new();
        slice.push(b"\"a\"", &Rejection::InvalidFormat(reason));
        let told = json(Receipt::new(1, vec![slice], None));
        assert_eq!(told, format!(r#"[{{"indicator":"a","reason":"{reason}"}}]"#));
    }
}
