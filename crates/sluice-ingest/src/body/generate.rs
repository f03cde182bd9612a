//! Bodies for property tests: mostly JSON, ordinary and not, with known properties in all shapes.

use proptest::{collection::vec, prelude::*, sample::select};

/// A string of JSON, sometimes with what may not stand in one.
fn string() -> impl Strategy<Value = String> {
    let pieces = ["a", "x y", "é", "\u{7f}", "{", "]", ",", ":", "\u{10348}", "abcdefghijklmnopq"];
    let escapes = ["\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\u0000", "\\ud834\\udd1e", "\\uDbFf\\uDFff"];
    let lone = ["\\ud834", "\\udd1e", "\\uDBFF", "\\ud834\\ud834\\udd1e", "\\udc00x", "xxxxxx"];
    let faults = ["\\x", "\\u12g4", "\\ud834\\u", "\\u00", "\n", "\0", "\u{1f}"];
    let piece = prop_oneof![
        40 => select(pieces.to_vec()),
        10 => select(escapes.to_vec()),
        2 => select(lone.to_vec()),
        1 => select(faults.to_vec()),
    ];
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
    let spelled = ["\\u0069ndicator", "a", "b", "\\u0061", "", "Tags", "\\ud800", "\\uD800", "xxxxxx"];
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

/// A body of some elements.
pub(crate) fn body() -> impl Strategy<Value = String> {
    vec(object(value()), 1..4).prop_map(|elements| joined('[', &elements, ']'))
}
