//! Rows of documents, cut anywhere: the same rows as a parser of the whole finds, each in its place.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use sluice_model::limits;

use super::{DocumentCutter, Layout, NOTE_BYTES_MAX};
use crate::{
    error::{BodyError, Fault},
    import::cut::{RowsSlice, SLICE_LINES_MAX},
};

fn cut(layout: Layout, body: &[u8], chunk_bytes: usize) -> Result<Vec<RowsSlice>, BodyError> {
    let (mut cutter, mut slices) = (DocumentCutter::new(layout, 0), Vec::new());
    for mut chunk in body.chunks(chunk_bytes) {
        while let Some(slice) = cutter.next_slice(&mut chunk)? {
            slices.push(slice);
        }
        assert!(chunk.is_empty());
    }
    while let Some(slice) = cutter.finish()? {
        slices.push(slice);
    }
    Ok(slices)
}

/// Rows of a body, each with its number, its place and what it is given.
fn rows(layout: Layout, body: &[u8], chunk_bytes: usize) -> String {
    let mut told = String::new();
    for slice in cut(layout, body, chunk_bytes).unwrap() {
        assert_eq!(slice.lines, slice.picked.rows.len() as u64);
        for (line, picked) in (slice.first_line..).zip(&slice.picked.rows) {
            let row = &slice.text[picked.from..picked.to];
            assert!(body[usize::try_from(picked.byte).unwrap()..].starts_with(row));
            let notes = String::from_utf8_lossy(&slice.picked.notes[picked.notes]);
            let space = if notes.is_empty() { "" } else { " " };
            writeln!(told, "{line} at {}: {}{space}{notes}", picked.byte, String::from_utf8_lossy(row))
                .unwrap();
        }
    }
    told
}

#[track_caller]
fn check(layout: Layout, body: &str, want: &Expect) {
    let whole = rows(layout, body.as_bytes(), usize::MAX);
    want.assert_eq(&whole);
    for chunk_bytes in 1..body.len() {
        assert_eq!(rows(layout, body.as_bytes(), chunk_bytes), whole, "in chunks of {chunk_bytes}");
    }
}

fn fault(layout: Layout, body: &str) -> Option<(Fault, u64)> {
    let faults = [1, 7, 65_536].map(|chunk_bytes| match cut(layout, body.as_bytes(), chunk_bytes) {
        Err(BodyError::Syntax { fault, byte }) => Some((fault, byte)),
        _ => None,
    });
    assert!(faults.iter().all(|fault| *fault == faults[0]), "{body} {faults:?}");
    faults[0]
}

#[test]
fn rows_of_a_bundle_are_its_objects() {
    check(
        Layout::Stix,
        r#" { "type" : "bundle", "x":{"objects":[9]}, "objects" : [ {"a":"]}\""} ,5,"t",[{}], null,{"b":{"c":[]}} ], "y":[1,{}] } "#,
        &expect![[r#"
            1 at 57: {"a":"]}\""}
            2 at 71: 5
            3 at 73: "t"
            4 at 77: [{}]
            5 at 83: null
            6 at 88: {"b":{"c":[]}}
        "#]],
    );
}

#[test]
fn rows_of_events_are_attributes_with_notes_of_what_came_before_them() {
    check(
        Layout::Misp,
        r#"{"Event":{"id":"7","info":"say \"x\"","Attribute":[{"n":1}],"uuid":"u1","Orgc":{"id":"1","name":"Org"},
        "Object":[{"name":"file","Attribute":[{"n":2},{"n":3}],"ObjectReference":[{"Attribute":[{}]}]},5,{"Attribute":[]}],
        "RelatedEvent":[{"Event":{"Attribute":[{"n":8}]}}],"date":"2026-11-01","Attribute":[{"n":4}]}}"#,
        &expect![[r#"
            1 at 51: {"n":1} "event_info":"say \"x\"",
            2 at 150: {"n":2} "event_uuid":"u1","event_info":"say \"x\"","event_org":"Org",
            3 at 158: {"n":3} "event_uuid":"u1","event_info":"say \"x\"","event_org":"Org",
            4 at 320: {"n":4} "event_uuid":"u1","event_info":"say \"x\"","event_org":"Org","event_date":"2026-11-01",
        "#]],
    );
}

#[test]
fn events_come_in_searches_in_arrays_and_one_after_the_other() {
    check(
        Layout::Misp,
        "{\"response\":[{\"Event\":{\"uuid\":\"a\",\"Attribute\":[1]}},{\"Event\":{\"Attribute\":[2]}}]}\n\
         [{\"Event\":{\"uuid\":\"b\",\"Attribute\":[3]}}]{\"Event\":{\"Attribute\":[4]}}\n\
         {\"response\":{\"Attribute\":[5]}} [[6]]",
        &expect![[r#"
            1 at 47: 1 "event_uuid":"a",
            2 at 75: 2
            3 at 117: 3 "event_uuid":"b",
            4 at 145: 4
            5 at 176: 5
            6 at 182: [6]
        "#]],
    );
}

/// What is no string, or too long, is left out; it costs no row.
#[test]
fn notes_are_strings_of_some_length() {
    let long = "x".repeat(NOTE_BYTES_MAX - 1);
    let body = format!(
        r#"{{"Event":{{"info":"{long}","uuid":5,"date":"bad \q","Orgc":{{"name":"Org\u0021"}},"Attribute":[1]}}}}"#
    );
    check(
        Layout::Misp,
        &body,
        &expect![[r#"
            1 at 1109: 1 "event_org":"Org!",
        "#]],
    );
    let fits = body.replace("xxx", "xx").replace("xx\"", "\"");
    assert!(rows(Layout::Misp, fits.as_bytes(), 64).contains("event_info"));
}

#[test]
fn the_grammar_must_hold_on_the_way_to_rows() {
    for (body, want) in [
        ("{", Some((Fault::Unfinished, 1))),
        ("{\"objects\":[{}", Some((Fault::Unfinished, 14))),
        ("{\"objects\":[{}]", Some((Fault::Unfinished, 15))),
        ("x", Some((Fault::Json, 0))),
        ("{\"objects\":[{}]}]", Some((Fault::Json, 16))),
        ("{\"objects\":[{}}", Some((Fault::Json, 14))),
        ("{\"objects\":[{},]}", Some((Fault::Json, 15))),
        ("{\"objects\":[,]}", Some((Fault::Json, 12))),
        ("{\"objects\" [", Some((Fault::Json, 11))),
        ("{\"a\":1,}", Some((Fault::Json, 7))),
        ("{\"a\":}", Some((Fault::Json, 5))),
        ("{a:1}", Some((Fault::Json, 1))),
        ("{} {}\n[]", None),
        ("", None),
    ] {
        assert_eq!(fault(Layout::Stix, body), want, "{body}");
    }
    let deep = "{\"response\":[".repeat(limits::NESTING_LEVELS_MAX);
    assert_eq!(fault(Layout::Misp, &deep).map(|(fault, _)| fault), Some(Fault::TooDeep));
}

#[test]
fn a_key_leads_to_rows_however_much_stands_before_it_but_only_as_it_is_spelled() {
    let long = "k".repeat(100_000);
    let body = format!(
        r#"{{"{long}":1,"objects{long}":[1],"o\"bjects":[2],"object\u0073":[3],"Objects":[4],"objects":{{"a":5}},"objects":[6]}}"#
    );
    assert!(rows(Layout::Stix, body.as_bytes(), 777).ends_with(": 6\n"));
    assert_eq!(rows(Layout::Stix, body.as_bytes(), 777).lines().count(), 1);
}

/// It costs no other, and takes no more memory than the longest that is taken.
#[test]
fn of_a_row_that_is_too_long_the_beginning_is_kept() {
    let long = "x".repeat(limits::ELEMENT_BYTES_MAX);
    let body = format!("{{\"objects\":[1,{{\"a\":\"{long}{long}\"}},{{\"a\":\"{long}\"}},2]}}");
    for chunk_bytes in [4_096, 65_536] {
        let slices = cut(Layout::Stix, body.as_bytes(), chunk_bytes).unwrap();
        let rows: Vec<_> = slices.iter().flat_map(|slice| &slice.picked.rows).collect();
        let told: Vec<_> = rows.iter().map(|row| (row.to - row.from, row.is_too_long)).collect();
        let kept = super::TOO_LONG_BYTES_KEPT;
        assert_eq!(told, [(1, false), (kept, true), (kept, true), (1, false)]);
        let last = slices.last().unwrap();
        assert!(last.text.ends_with(b"2") && last.text.capacity() <= limits::ELEMENT_BYTES_MAX + 65_536);
    }
}

/// Whatever stands beside the rows, and however long a row of them is, no more than a slice and a row is kept.
#[test]
fn what_leads_to_no_row_is_not_gathered() {
    let filler = "y".repeat(3 * limits::MIB);
    let row = format!("{{\"n\":\"{}\"}}", "z".repeat(1_000));
    let many = vec![row; 3_000].join(",");
    let body = format!(
        "{{\"a\":\"{filler}\",\"b\":[\"{filler}\"],\"objects\":[{many}],\"c\":{{\"d\":\"{filler}\"}}}}"
    );
    let mut cutter = DocumentCutter::new(Layout::Stix, 0);
    let (mut count, mut slices) = (0, 0);
    for mut chunk in body.as_bytes().chunks(65_536) {
        while let Some(slice) = cutter.next_slice(&mut chunk).unwrap() {
            count += slice.lines;
            slices += 1;
            assert!(slice.text.len() <= limits::SLICE_BYTES + 2_000);
        }
        assert!(cutter.kept_bytes() <= limits::SLICE_BYTES + 200_000);
    }
    count += cutter.finish().unwrap().map_or(0, |slice| slice.lines);
    assert_eq!((count, slices), (3_000, 2));
    assert!(cutter.finish().unwrap().is_none());
}

/// Short rows close a slice by their number, and rows that are given much by what they are given.
#[test]
fn a_slice_is_closed_by_what_its_rows_take() {
    let ones = vec!["1"; 150_000].join(",");
    let body = format!("{{\"objects\":[{ones}]}}");
    let slices = cut(Layout::Stix, body.as_bytes(), 65_536).unwrap();
    assert_eq!(slices.iter().map(|slice| slice.lines).max(), Some(SLICE_LINES_MAX));
    let info = "i".repeat(1_000);
    let body = format!("{{\"Event\":{{\"info\":\"{info}\",\"Attribute\":[{ones}]}}}}");
    for slice in cut(Layout::Misp, body.as_bytes(), 65_536).unwrap() {
        assert!(slice.picked.given_bytes <= limits::SLICE_BYTES + 2_000);
        assert_eq!(slice.picked.notes.len(), 1);
    }
}

/// Rows that a parser of the whole document finds.
fn expected(layout: Layout, document: &Value, rows: &mut Vec<Value>) {
    if let Value::Array(documents) = document {
        for document in documents {
            if document.is_object() { expected(layout, document, rows) } else { rows.push(document.clone()) }
        }
        return;
    }
    let arrays = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    // The keys of a generated object are in order, and each once.
    for (key, value) in document.as_object().unwrap() {
        match (layout, key.as_str(), value) {
            (Layout::Stix, "objects", Value::Array(objects)) => rows.extend_from_slice(objects),
            (Layout::Misp, "response", Value::Array(_)) => expected(layout, value, rows),
            (Layout::Misp, "Event" | "response", Value::Object(event)) => {
                for (key, value) in event {
                    match (key.as_str(), value) {
                        ("Attribute", Value::Array(attributes)) => rows.extend_from_slice(attributes),
                        ("Object", Value::Array(objects)) => {
                            rows.extend(objects.iter().flat_map(|object| arrays(object, "Attribute")));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn some_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        select(vec!["", "a", "\"", "\\", "]}", "é"]).prop_map(Value::from),
    ];
    let keys =
        ["Attribute", "Event", "Object", "Orgc", "info", "name", "objects", "response", "x\"y", "uuid"];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(select(keys.to_vec()), inner, 0..5).prop_map(|members| {
                Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn rows_are_those_of_the_whole_wherever_it_is_cut(
        documents in vec(some_json(), 1..4),
        is_pretty in any::<bool>(),
        chunk_bytes in 1_usize..40,
        is_misp in any::<bool>(),
    ) {
        let layout = if is_misp { Layout::Misp } else { Layout::Stix };
        let documents: Vec<Value> = documents.into_iter().filter(|one| one.is_object() || one.is_array()).collect();
        let (mut body, mut want) = (String::new(), Vec::new());
        for document in &documents {
            body += &if is_pretty { serde_json::to_string_pretty(document).unwrap() } else { document.to_string() };
            expected(layout, document, &mut want);
        }
        let mut seen = Vec::new();
        for slice in cut(layout, body.as_bytes(), chunk_bytes).unwrap() {
            for row in &slice.picked.rows {
                let text = &slice.text[row.from..row.to];
                prop_assert!(body.as_bytes()[usize::try_from(row.byte).unwrap()..].starts_with(text));
                seen.push(serde_json::from_slice::<Value>(text).unwrap());
            }
        }
        prop_assert_eq!(seen, want, "{}", body);
    }

    /// Fuzzed: whatever the bytes and wherever they are cut, the end is the same.
    #[test]
    fn where_a_document_is_cut_makes_no_difference(
        pieces in vec(select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "\"objects\":[", "1", " ", "\"a\":", "é"]), 0..30),
        chunk_bytes in 1_usize..9,
    ) {
        let body = format!("{{\"objects\":[{}", pieces.concat());
        let whole = cut(Layout::Stix, body.as_bytes(), usize::MAX);
        let seen = cut(Layout::Stix, body.as_bytes(), chunk_bytes);
        prop_assert_eq!(whole, seen, "{}", body);
    }
}
