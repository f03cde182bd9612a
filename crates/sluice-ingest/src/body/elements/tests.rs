//! The short way against the parser's: whatever the text, both see the same.

use proptest::prelude::*;

use super::{Element, Value, strings, visit_elements, visit_parsed};
use crate::{
    body::{
        generate::body,
        reference::{Loose, LooseKind},
        scan::{self, KnownProperty},
        split::{BodySlice, Splitter},
        text::append_compact,
    },
    error::{BodyError, Fault, IngestError},
};

const ALL: [KnownProperty; 8] = [
    KnownProperty::Indicator,
    KnownProperty::Context,
    KnownProperty::Tags,
    KnownProperty::MarkDetections,
    KnownProperty::UnmarkDetections,
    KnownProperty::Object,
    KnownProperty::Value,
    KnownProperty::Url,
];

fn slice(body: &[u8]) -> Option<BodySlice> {
    let mut splitter = Splitter::new();
    let full = splitter.next_slice(&mut &*body).ok()?;
    full.or_else(|| splitter.finish().ok()?)
}

/// Shows all that can be asked about an element.
fn tell(element: Element<'_>) -> String {
    let tell_value = |value: Value<'_>| {
        let (mut compact, mut buffer) = (Vec::new(), Vec::new());
        value.append_compact(&mut compact);
        let kept = value.kept_object(&mut buffer).map(|kept| String::from_utf8(kept.to_vec()).unwrap());
        let strings = value.texts().map(|texts| strings(texts).map(String::from).collect::<Vec<_>>());
        let compact = String::from_utf8(compact).unwrap();
        format!(
            "{compact} {:?} {} {} {:?} {kept:?} {strings:?}",
            value.flaw(),
            value.is_null(),
            value.is_boolean(),
            value.as_str()
        )
    };
    ALL.map(|known| format!("{known:?}: {:?}", element.get(known).map(tell_value))).join("\n")
}

type Visit<'v> = &'v mut dyn FnMut(Element<'_>) -> Result<(), IngestError>;

fn told(
    slice: &BodySlice,
    visit_all: impl Fn(&BodySlice, Visit<'_>) -> Result<(), IngestError>,
) -> Result<Vec<String>, BodyError> {
    let mut told = Vec::new();
    let visited = visit_all(slice, &mut |element| {
        assert_eq!(slice.text[element.offset], b'{');
        told.push(tell(element));
        Ok(())
    });
    match visited {
        Ok(()) => Ok(told),
        Err(IngestError::Body(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn check(body: &[u8]) -> Result<(), TestCaseError> {
    if let Some(slice) = slice(body) {
        let scanned = told(&slice, |slice, visit| visit_elements(slice, visit));
        let parsed = told(&slice, |slice, visit| visit_parsed(slice, visit));
        prop_assert_eq!(&scanned, &parsed, "{:?}", String::from_utf8_lossy(body));
        prop_assert_eq!(scanned.ok(), reference(&slice.text), "{:?}", String::from_utf8_lossy(body));
    }
    Ok(())
}

/// What should be told of each element, according to `serde_json`.
fn reference(body: &[u8]) -> Option<Vec<String>> {
    let LooseKind::Array(elements) = Loose::read(body)?.kind else { return None };
    elements.iter().map(tell_loose).collect()
}

/// The same as [`tell`]; `None` for anything but an object.
fn tell_loose(element: &Loose) -> Option<String> {
    let LooseKind::Object(members) = &element.kind else { return None };
    let tell_value = |value: &Loose| {
        let flaw = value.flaw();
        let (mut compact, mut kept, mut strings, mut text) = (Vec::new(), None, None, None);
        append_compact(value.sent.as_bytes(), &mut compact);
        match &value.kind {
            _ if flaw.is_some() => {}
            LooseKind::Text(bytes) => text = Some(str::from_utf8(bytes).unwrap()),
            LooseKind::Object(members) if !members.is_empty() => kept = Some(value.kept()),
            LooseKind::Array(items) => {
                let text = |item: &Loose| match &item.kind {
                    LooseKind::Text(bytes) => Some(String::from_utf8(bytes.clone()).unwrap()),
                    _ => None,
                };
                strings = items.iter().map(text).collect::<Option<Vec<_>>>();
            }
            _ => {}
        }
        let (is_null, is_boolean) = (value.sent == "null", matches!(&*value.sent, "true" | "false"));
        let compact = String::from_utf8(compact).unwrap();
        format!("{compact} {flaw:?} {is_null} {is_boolean} {text:?} {kept:?} {strings:?}")
    };
    let tell_known = |known: KnownProperty| {
        let member = members.iter().find(|member| KnownProperty::of(&member.key) == Some(known));
        format!("{known:?}: {:?}", member.map(|member| tell_value(&member.value)))
    };
    Some(ALL.map(tell_known).join("\n"))
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
        r#"{"mark_detections":["\n"]}"#,
        r#"{"\u0069ndicator":"192.0.2.1"}"#,
        r#"{"context":{"a":1,"b":2,"a":3}}"#,
        r#"{"context":{"a":"\ud834\udd1e"}}"#,
        &format!("{{\"context\":{{{many_keys}}}}}"),
    ] {
        assert_eq!(scan::scan(element.as_bytes(), 0), None, "{element}");
        check(format!("[{{}},{element},{element}]").as_bytes()).unwrap();
    }
}

/// Keys with the same lone surrogate are two keys, so the first of them stands before the number.
#[test]
fn both_ways_see_the_same_flaw_first() {
    for value in [
        r#"{"\ud800":"","a":1e999,"\ud800":""}"#,
        r#"{"a":1e999,"\ud800":"","\ud800":""}"#,
        r#"{"a":1e999,"\ud800":"","a":1}"#,
        r#"[{"\ud800":1,"\ud800":1e999}]"#,
    ] {
        check(format!("[{{\"context\":{value}}}]").as_bytes()).unwrap();
    }
}

/// The strings of the last list of tags, as they are read.
fn tags(body: &str) -> Vec<String> {
    let mut tags = Vec::new();
    visit_elements(&slice(body.as_bytes()).unwrap(), |element| {
        let texts = element.get(KnownProperty::Tags).unwrap().texts().unwrap().to_owned();
        tags = strings(&texts).map(String::from).collect();
        Ok(())
    })
    .unwrap();
    tags
}

#[test]
fn strings_of_lists_read_as_they_are_meant() {
    assert_eq!(tags(r#"[{"tags":[]}]"#), [""; 0]);
    assert_eq!(tags(r#"[{"tags":["", "b c" ,"é"]}]"#), ["", "b c", "é"]);
    assert_eq!(
        tags(r#"[{"\u0074ags":["\"","\\","a\"\\\",\"b","\u005c\u0022","\n"]}]"#),
        ["\"", "\\", "a\"\\\",\"b", "\\\"", "\n"]
    );
    assert_eq!(tags(r#"[{"tags":["\\"]},{"tags":["\\\\","\"a\"", "b"]}]"#), ["\\\\", "\"a\"", "b"]);
}

/// The value of `object` of each element, as sent, whichever way the element is read.
fn objects(body: &str) -> Vec<String> {
    let mut objects = Vec::new();
    visit_parsed(&slice(body.as_bytes()).unwrap(), |element| {
        let mut text = Vec::new();
        element.get(KnownProperty::Object).unwrap().append_compact(&mut text);
        objects.push(String::from_utf8(text).unwrap());
        Ok(())
    })
    .unwrap();
    objects
}

#[test]
fn a_value_is_found_in_its_own_spelling() {
    assert_eq!(objects(r#"[{"object":"\u0041\/"},{"object" : [ 1.0 ]}]"#), [r#""\u0041\/""#, "[1.0]"]);
    assert_eq!(objects(r#"[{"w":"\"object\":1","object":2,"x":3}]"#), ["2"]);
    assert_eq!(objects(r#"[{"\u006fbject" :"","":"","object":""}]"#), ["\"\""]);
}

/// A long string before the value, escapes within it, so that unescaping moves more than a register.
#[test]
fn unescaping_moves_nothing_else() {
    let long = "\\n\\u00e9x".repeat(1_000);
    let body = format!(r#"[{{"{long}":"{long}","object":"{long}"}}]"#);
    assert_eq!(objects(&body), [format!("\"{long}\"")]);
}

#[test]
fn after_an_error_nothing_is_shown_and_a_later_fault_wins() {
    let visits = |body: &str| {
        let mut visits = 0;
        let outcome = visit_elements(&slice(body.as_bytes()).unwrap(), |_element| {
            visits += 1;
            Err(IngestError::Internal)
        });
        (visits, outcome)
    };
    assert!(matches!(visits("[{},{\"\\u0061\":1},{}]"), (1, Err(IngestError::Internal))));
    let (visits, Err(IngestError::Body(error))) = visits("[{},{\"a\":01}]") else { panic!("accepted") };
    assert_eq!((visits, error), (1, BodyError::Syntax { fault: Fault::Number, byte: 10 }));
}
