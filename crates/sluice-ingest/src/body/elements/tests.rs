//! The short way against the parser's: whatever the text, both see the same.

use std::convert::Infallible;

use proptest::{collection::vec, prelude::*, sample::select};

use super::{Content, Element, KeptBuffers, Value, visit_elements};
use crate::{
    body::{
        parse,
        scan::{self, Known},
        split::{BodySlice, Splitter},
    },
    error::BodyError,
};

const ALL: [Known; 6] = [
    Known::Indicator,
    Known::Context,
    Known::Tags,
    Known::MarkDetections,
    Known::UnmarkDetections,
    Known::Object,
];

fn slice(body: &[u8]) -> Option<BodySlice> {
    let mut splitter = Splitter::new();
    let full = splitter.next_slice(&mut &*body).ok()?;
    full.or_else(|| splitter.finish().ok()?)
}

/// Tells all that can be asked about an element.
fn tell(element: Element<'_>) -> String {
    let tell_value = |value: Value<'_>| {
        let (mut compact, mut buffers) = (Vec::new(), KeptBuffers::default());
        value.append_compact(&mut compact);
        let kept = value.kept_object(&mut buffers).map(|kept| String::from_utf8(kept.to_vec()).unwrap());
        let strings = value.strings().map(|strings| strings.map(str::to_owned).collect::<Vec<_>>());
        let compact = String::from_utf8(compact).unwrap();
        format!(
            "{compact} {} {} {:?} {kept:?} {strings:?}",
            value.is_null(),
            value.is_boolean(),
            value.as_str()
        )
    };
    ALL.map(|known| format!("{known:?}: {:?}", element.get(known).map(tell_value))).join("\n")
}

fn told(slice: &BodySlice) -> Result<Vec<String>, BodyError> {
    let mut told = Vec::new();
    let Ok(()) = visit_elements(slice, |element| {
        assert_eq!(slice.text[element.offset], b'{');
        told.push(tell(element));
        Ok::<(), Infallible>(())
    })?;
    Ok(told)
}

fn told_by_parser(slice: &BodySlice) -> Result<Vec<String>, BodyError> {
    parse::with_elements(slice, |elements| {
        elements.map(|element| tell(Element { offset: 1, content: Content::Parsed(element) })).collect()
    })
}

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    if let Some(slice) = slice(body) {
        prop_assert_eq!(told(&slice), told_by_parser(&slice), "{:?}", String::from_utf8_lossy(body));
    }
    Ok(())
}

/// A string of JSON, sometimes with what may not stand in one.
fn string() -> impl Strategy<Value = String> {
    let pieces = ["a", "x y", "é", "\u{7f}", "{", "]", ",", ":", "\u{10348}", "abcdefghijklmnopq"];
    let escapes = ["\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\u0000", "\\ud834\\udd1e", "\\uDbFf\\uDFff"];
    let faults = ["\\x", "\\u12g4", "\\ud834", "\\udd1e", "\\u00", "\n", "\0", "\u{1f}"];
    let piece = prop_oneof![40 => select(pieces.to_vec()), 10 => select(escapes.to_vec()), 1 => select(faults.to_vec())];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn scalar() -> impl Strategy<Value = String> {
    let words = ["true", "false", "null", "tru", "nulls", "True", "{}", "[]", "[{}]", "-", "+1", ".5", "5."];
    prop_oneof![
        8 => string(),
        2 => select(words.to_vec()).prop_map(str::to_owned),
        2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        1 => "(0\\.0{0,30}|1)?[0-9]{1,40}([eE][+-]?(29[0-9]|30[0-9]|32[0-9]))?",
        1 => "[-0-9.eE]{1,5}",
    ]
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![9 => Just(String::new()), 2 => "[ \\t\\r\\n]{1,3}", 1 => "[ \\x0b\\x00]"]
}

fn key() -> impl Strategy<Value = String> {
    let known = ["indicator", "context", "tags", "mark_detections", "object", "unmark_detections"];
    let spelled = ["\\u0069ndicator", "a", "b", "\\u0061", "", "Tags"];
    prop_oneof![
        6 => select(known.to_vec()).prop_map(|key| format!("\"{key}\"")),
        2 => select(spelled.to_vec()).prop_map(|key| format!("\"{key}\"")),
        1 => string(),
    ]
}

fn joined(open: char, items: &[String], close: char) -> String {
    format!("{open}{}{close}", items.join(","))
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), key(), space(), space(), value, space())
        .prop_map(|(one, key, two, three, value, four)| format!("{one}{key}{two}:{three}{value}{four}"));
    vec(member, 0..6).prop_map(|members| joined('{', &members, '}'))
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 24, 5, |inner| {
        let items = vec((space(), inner.clone(), space()).prop_map(|(a, b, c)| a + &b + &c), 0..4);
        prop_oneof![
            items.prop_map(|items| joined('[', &items, ']')),
            vec(string(), 0..4).prop_map(|items| joined('[', &items, ']')),
            object(inner),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    vec(object(value()), 1..4).prop_map(|elements| joined('[', &elements, ']'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn both_ways_see_the_same(body in body()) {
        check(body.as_bytes())?;
    }

    #[test]
    fn both_ways_see_the_same_fault(body in body(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = body.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&bytes)?;
        bytes.remove(at);
        check(&bytes)?;
        bytes.truncate(at);
        bytes.extend_from_slice(b"}]");
        check(&bytes)?;
    }
}

#[test]
fn ordinary_elements_are_not_parsed() {
    for element in [
        r#"{"indicator":"192.0.2.1"}"#,
        r#"{ "indicator" : "example.com", "context" : { "a" : -1.50, "b" : [ "\u00e9\/", { } ] }, "tags" : [ ] }"#,
        r#"{"indicator":"é.example","context":{"a":{"a":null}},"tags":["A","B"],"mark_detections":true,"x":{}}"#,
        r#"{"context":{"a":1e5,"b":123456789012345678901234567890,"c":-0.0E-999}}"#,
        "{\n}",
    ] {
        let (_, end) = scan::scan(element.as_bytes(), 0).unwrap();
        assert_eq!(end, element.len());
        check(format!("[{element},{element}]").as_bytes()).unwrap();
    }
}

/// Numbers about the ends of a double's range, where parsers may differ.
#[test]
fn both_ways_know_the_same_range() {
    for number in ["1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "2e308"] {
        check(format!("[{{\"context\":{{\"a\":{number}}}}}]").as_bytes()).unwrap();
    }
    for digits in 290..330 {
        for number in ["1", "17976931348623157", "17976931348623159", "9"] {
            let number = format!("{number:0<digits$}");
            check(format!("[{{\"context\":{{\"a\":{number},\"b\":-{number}.0}}}}]").as_bytes()).unwrap();
            check(format!("[{{\"context\":{{\"a\":0.{number}e-{digits},\"b\":{number}e-2}}}}]").as_bytes())
                .unwrap();
        }
    }
}

#[test]
fn what_needs_decoding_is_parsed() {
    let many_keys = (0..100).map(|number| format!("\"k{number}\":1")).collect::<Vec<_>>().join(",");
    for element in [
        r#"{"indicator":"example.com\/a"}"#,
        r#"{"tags":["A","\u0042"]}"#,
        r#"{"\u0069ndicator":"192.0.2.1"}"#,
        r#"{"context":{"a":1,"b":2,"a":3}}"#,
        r#"{"context":{"a":"\ud834\udd1e"}}"#,
        &format!("{{\"context\":{{{many_keys}}}}}"),
    ] {
        assert_eq!(scan::scan(element.as_bytes(), 0), None, "{element}");
        check(format!("[{{}},{element},{element}]").as_bytes()).unwrap();
    }
}

#[test]
fn after_an_error_nothing_is_shown_and_a_later_fault_wins() {
    let visits = |body: &str| {
        let mut visits = 0;
        let outcome = visit_elements(&slice(body.as_bytes()).unwrap(), |_element| {
            visits += 1;
            Err(visits)
        });
        (visits, outcome)
    };
    assert_eq!(visits("[{},{\"\\u0061\":1},{}]"), (1, Ok(Err(1))));
    assert!(matches!(visits("[{},{\"a\":01}]"), (1, Err(BodyError::Syntax { byte: 10, .. }))));
}
