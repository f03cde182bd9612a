//! Rows of documents, each as what it becomes; and that one which is nothing costs no other.

use std::{
    fmt::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use expect_test::expect;
use sluice_model::limits;

use super::{DocumentFormat, DocumentRules, visit_documents};
use crate::{
    body::scan::KnownProperty,
    import::{document::DocumentCutter, finding::Fate},
};

/// Bundles, at a time in 2027.
pub(crate) fn stix() -> DocumentFormat {
    DocumentFormat::Stix(UNIX_EPOCH + Duration::from_hours(500_000))
}

/// The rows of a body, a line each: its number, and what it gives.
pub(crate) fn rows(format: DocumentFormat, body: &[u8], from_line: u64, takes_contexts: bool) -> String {
    let (mut cutter, mut told) = (DocumentCutter::new(format.layout(), 0), String::new());
    let mut chunk = body;
    assert!(cutter.next_slice(&mut chunk).unwrap().is_none());
    let Some(slice) = cutter.finish().unwrap() else { return told };
    let rules = DocumentRules { from_line, takes_contexts, is_tag: &|name| name == "GOOD" };
    visit_documents(&slice, format, rules, |place, row, read| {
        assert!(body[usize::try_from(place.byte).unwrap()..].starts_with(row));
        write!(told, "{}: ", place.line).unwrap();
        let (element, fate) = match read {
            Ok(read) => read,
            Err(unread) => {
                writeln!(told, "{unread:?}").unwrap();
                return Ok(());
            }
        };
        match fate {
            Fate::AsAsked => {}
            Fate::Withdrawn => write!(told, "withdrawn ").unwrap(),
            Fate::Refused(why) => write!(told, "({why}) ").unwrap(),
            Fate::Unsupported(why) => write!(told, "({}: {why}) ", why.word()).unwrap(),
        }
        let text = |known| {
            let mut text = Vec::new();
            let value = element.get(known)?;
            value.append_compact(&mut text);
            String::from_utf8(text).ok()
        };
        let parts = [KnownProperty::Indicator, KnownProperty::Context, KnownProperty::Tags].map(text);
        writeln!(told, "{}", parts.into_iter().flatten().collect::<Vec<_>>().join(" ")).unwrap();
        Ok(())
    })
    .unwrap();
    told
}

#[test]
fn one_row_costs_no_other() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let (deepest, deep) = (nested(limits::NESTING_LEVELS_MAX - 2), nested(limits::NESTING_LEVELS_MAX - 1));
    let bottomless = nested(200_000);
    let good = |name: &str| {
        format!(
            r#"{{"type":"indicator","pattern":"[domain-name:value='{name}.example.com']","confidence":5}}"#
        )
    };
    let mut body = format!("{{\"objects\":[{},5,\"x\",[],null,{{\"a\" 1}},", good("a")).into_bytes();
    body.extend_from_slice(b"{\"type\":\"\xff\"},");
    body.extend_from_slice(format!("{deepest},{deep},{bottomless},{{}},{}]}}", good("b")).as_bytes());
    let want = expect![[r#"
        1: "a.example.com" {"confidence":5}
        2: NotAnObject
        3: NotAnObject
        4: NotAnObject
        5: NotAnObject
        6: NotJson
        7: NotUtf8
        9: TooDeep
        10: TooDeep
        12: "b.example.com" {"confidence":5}
    "#]];
    want.assert_eq(&rows(stix(), &body, 1, true));
    assert_eq!(rows(stix(), &body, 12, false), "12: \"b.example.com\"\n", "from a line, without contexts");
}

/// Whatever has to be escaped in it, an indicator is judged as its document has it.
#[test]
fn values_keep_their_characters() {
    let body = r#"{"objects":[
        {"type":"indicator","pattern":"[url:value='http://example.com/a\"b\\\\c\u00e9']"},
        {"type":"indicator","labels":["\u00e9 \"x\""],"id":"i\ndicator","pattern":"[domain-name:value='a.example.com']"},
        {"type":"indicator","labels":["\ud800"],"pattern":"[domain-name:value='b.example.com']"}]}"#;
    expect![[r#"
        1: "http://example.com/a\"b\\cé"
        2: "a.example.com" {"id":"i\ndicator","labels":["\u00e9 \"x\""]}
        3: "b.example.com" {"labels":["\ud800"]}
    "#]]
    .assert_eq(&rows(stix(), body.as_bytes(), 1, true));
}
