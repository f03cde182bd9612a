//! Rows of every format, in slices cut anywhere; and that a row which cannot be read costs no other.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*, sample::select};
use sluice_model::limits;

use super::{RowFormat, visit_rows};
use crate::{
    body::{generate, reference::Loose, scan::KnownProperty},
    import::{
        array::ArrayScan,
        csv::{ColumnChoice, read_header},
        cut::{Cutter, RowEnds, RowsSlice},
        record::RecordScan,
    },
};

/// The rows of a body, a line each: its place, and its indicator or why it is none.
fn rows(name: &str, body: &[u8], chunk_bytes: usize, from_line: u64) -> String {
    let (mut first_line, mut first_byte) = (1, 0);
    let (ends, format) = match name {
        "ndjson" => (RowEnds::Lines, RowFormat::Ndjson),
        "json" => (RowEnds::Elements(ArrayScan::new()), RowFormat::Json),
        "lines" => (RowEnds::Lines, RowFormat::Lines(false)),
        _ => {
            let header = read_header(body, true, &ColumnChoice::default()).unwrap().unwrap();
            (first_line, first_byte) = (header.lines + 1, header.bytes as u64);
            let scan = RecordScan::new(header.columns.delimiter, 0);
            (RowEnds::Records(scan), RowFormat::Csv(header.columns))
        }
    };
    let mut cutter = Cutter::new(ends, first_line, first_byte, 0);
    let mut told = String::new();
    let mut tell = |slice: RowsSlice| {
        visit_rows(&slice, &format, from_line, |place, row, read| {
            let (line, byte) = (place.line, usize::try_from(place.byte).unwrap());
            assert!(body[byte..].starts_with(row));
            match read {
                Ok(element) => {
                    let indicator = element.get(KnownProperty::Indicator).and_then(|value| value.as_str());
                    writeln!(told, "{line} at {byte}: {indicator:?}").unwrap();
                }
                Err(unread) => writeln!(told, "{line} at {byte}: {unread:?}").unwrap(),
            }
            Ok(())
        })
        .unwrap();
    };
    for mut chunk in body[usize::try_from(first_byte).unwrap()..].chunks(chunk_bytes) {
        while let Some(slice) = cutter.next_slice(&mut chunk).unwrap() {
            tell(slice);
        }
        if let Some(slice) = cutter.flush() {
            tell(slice);
        }
    }
    while let Some(slice) = cutter.finish().unwrap() {
        tell(slice);
    }
    told
}

#[track_caller]
fn check(name: &str, body: &[u8], want: &Expect) {
    want.assert_eq(&rows(name, body, usize::MAX, 1));
    assert_eq!(rows(name, body, 3, 1), rows(name, body, usize::MAX, 1), "cut");
}

#[test]
fn one_row_of_ndjson_costs_no_other() {
    let body = b"{\"indicator\":\"a\"}\r\n\n  {\"indicator\" : \"b\\u0063\" } \n{\"indicator\":\n5\n{} {}\n{\"indicator\":\"\xff\"}\n[]\n{\"indicator\":\"d\"}";
    check(
        "ndjson",
        body,
        &expect![[r#"
            1 at 0: Some("a")
            3 at 22: Some("bc")
            4 at 50: NotJson
            5 at 64: NotAnObject
            6 at 66: Trailing
            7 at 72: NotUtf8
            8 at 90: NotAnObject
            9 at 93: Some("d")
        "#]],
    );
}

#[test]
fn one_element_of_an_array_costs_no_other() {
    let body = b" [ {\"indicator\":\"a\"} , 5,\"x]\",[{}],{\"indicator\" \"b\"},{\"indicator\":\"\xff\"},nul:l,{\"indicator\":\"c\"}]";
    check(
        "json",
        body,
        &expect![[r#"
            1 at 3: Some("a")
            2 at 23: NotAnObject
            3 at 25: NotAnObject
            4 at 30: NotAnObject
            5 at 35: NotJson
            6 at 53: NotUtf8
            7 at 71: NotAnObject
            8 at 77: Some("c")
        "#]],
    );
}

#[test]
fn one_record_of_a_table_costs_no_other() {
    let body =
        b"# made\nip,note\n192.0.2.1,\"two\nlines\"\n\n192.0.2.2,\"x\"y\n# c\n192.0.2.3,\"open\n192.0.2.4,\xff\n,no\n192.0.2.5\n";
    check(
        "csv",
        body,
        &expect![[r#"
            3 at 15: Some("192.0.2.1")
            6 at 38: Quotes
            8 at 57: Quotes
            9 at 73: NotUtf8
            10 at 85: None
            11 at 89: Some("192.0.2.5")
        "#]],
    );
}

#[test]
fn one_line_of_a_list_costs_no_other() {
    let body = b"# made\n192.0.2.1\r\n\n  example.com # why\n\xff\na\"b\\c\nlast";
    check(
        "lines",
        body,
        &expect![[r#"
            2 at 7: Some("192.0.2.1")
            4 at 19: Some("example.com")
            5 at 39: NotUtf8
            6 at 41: Some("a\"b\\c")
            7 at 47: Some("last")
        "#]],
    );
}

#[test]
fn rows_before_the_first_wanted_line_are_not_shown() {
    let body = "{\"indicator\":\"a\"}\nx\n{\"indicator\":\"b\"}\n";
    for chunk_bytes in [5, usize::MAX] {
        assert_eq!(rows("ndjson", body.as_bytes(), chunk_bytes, 3), "3 at 20: Some(\"b\")\n");
        assert_eq!(rows("lines", b"a\n\xff\nb\n", chunk_bytes, 3), "3 at 4: Some(\"b\")\n");
        assert_eq!(
            rows("csv", b"ip\na\n\"b\nc\"\nd\n\"e\"f\n", chunk_bytes, 5),
            "5 at 11: Some(\"d\")\n6 at 13: Quotes\n"
        );
        assert_eq!(rows("json", b"[1,{\"indicator\":\"b\"}]", chunk_bytes, 2), "2 at 3: Some(\"b\")\n");
    }
}

/// A row alone is no deeper than an element of an array may be, and however deep it is, it costs no stack.
#[test]
fn a_row_is_as_deep_as_an_element_may_be() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let deepest = limits::NESTING_LEVELS_MAX - 1;
    assert_eq!(rows("ndjson", nested(deepest).as_bytes(), 64, 1), "1 at 0: None\n");
    assert_eq!(rows("ndjson", nested(deepest + 1).as_bytes(), 64, 1), "1 at 0: TooDeep\n");
    assert_eq!(rows("ndjson", nested(500_000).as_bytes(), 65_536, 1), "1 at 0: TooDeep\n");
    assert_eq!(rows("json", format!("[{}]", nested(deepest + 1)).as_bytes(), 64, 1), "1 at 1: TooDeep\n");
}

proptest! {
    /// NDJSON is read as an array of the same objects is: each that is JSON by itself, and no other.
    #[test]
    fn rows_are_those_that_are_json_by_themselves(bodies in vec(generate::body(), 1..4), chunk_bytes in 1_usize..40) {
        let rows_in: Vec<String> = bodies
            .iter()
            .map(|body| body[1..body.len() - 1].replace(['\n', '\r'], " "))
            .collect();
        let body = rows_in.join("\n");
        let told = rows("ndjson", body.as_bytes(), chunk_bytes, 1);
        for (number, row) in rows_in.iter().enumerate() {
            let line = told.lines().find(|line| line.starts_with(&format!("{} at ", number + 1)));
            let is_object = row.trim().starts_with('{') && Loose::read(row.as_bytes()).is_some();
            match line {
                Some(line) => {
                    let is_read = line.ends_with("None") || line.contains("Some(");
                    prop_assert_eq!(is_read, is_object, "{} {}", row, line);
                }
                None => prop_assert!(row.trim_ascii().is_empty()),
            }
        }
        prop_assert_eq!(rows("ndjson", body.as_bytes(), usize::MAX, 1), told);
    }

    /// Fuzzed: any table, cut anywhere, is read as a whole one is.
    #[test]
    fn where_a_table_is_cut_makes_no_difference(
        pieces in vec(select(vec!["a", ",", "\n", "\"", "\"\"", "\"a\"", "#", ",\"", "\",", "x\",\"y\n"]), 0..40),
        chunk_bytes in 1_usize..9,
    ) {
        let body = format!("ip,url\n{}", pieces.concat());
        let whole = rows("csv", body.as_bytes(), usize::MAX, 1);
        prop_assert_eq!(rows("csv", body.as_bytes(), chunk_bytes, 1), whole);
    }
}
