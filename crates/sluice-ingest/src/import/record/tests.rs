//! Records as the library for CSV reads them, wherever the text is cut; and what wrong quotes cost.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{RECORD_LINES_MAX, Record, RecordScan};

/// The records of a text that comes in pieces.
fn scan(pieces: &[&str]) -> Vec<(String, bool)> {
    let (mut text, mut scan, mut found) = (String::new(), RecordScan::new(b',', 0), Vec::new());
    let mut add = |text: &str, record: Record| {
        found.push((text[record.from..record.to].to_owned(), record.is_broken));
        // Records follow one another.
        assert!(record.from < record.to);
        record.to
    };
    let mut at = 0;
    for piece in pieces {
        text.push_str(piece);
        while let Some(record) = scan.next(text.as_bytes(), false) {
            assert_eq!(record.from, at);
            at = add(&text, record);
        }
        // What has been found need not stay.
        scan.forget(at);
        text.drain(..at);
        at = 0;
    }
    while let Some(record) = scan.next(text.as_bytes(), true) {
        assert_eq!(record.from, at);
        at = add(&text, record);
    }
    assert_eq!(at, text.len());
    found
}

#[track_caller]
fn check(text: &str, want: &[(&str, bool)]) {
    let want: Vec<(String, bool)> =
        want.iter().map(|(record, is_broken)| ((*record).to_owned(), *is_broken)).collect();
    assert_eq!(scan(&[text]), want);
    let bytes: Vec<&str> = text.split_inclusive(|_| true).collect();
    assert_eq!(scan(&bytes), want, "byte by byte");
}

#[test]
fn a_record_ends_with_a_line_break_outside_of_quotes() {
    check("a,b\nc\n", &[("a,b\n", false), ("c\n", false)]);
    check("a,\"b\nc\",d\r\ne", &[("a,\"b\nc\",d\r\n", false), ("e", false)]);
    check("\"a\"\"\n\",b\n", &[("\"a\"\"\n\",b\n", false)]);
    check("\"a\"\r\nb,\"c\"", &[("\"a\"\r\n", false), ("b,\"c\"", false)]);
    check("\n\n", &[("\n", false), ("\n", false)]);
}

#[test]
fn a_quote_within_a_field_and_in_a_comment_is_a_character() {
    check("a\"b,c\"\nd\n", &[("a\"b,c\"\n", false), ("d\n", false)]);
    check("# say \"a\nb\n", &[("# say \"a\n", false), ("b\n", false)]);
}

#[test]
fn wrong_quotes_cost_their_line_alone() {
    check("a,\"b\"c\nd\n", &[("a,\"b\"c\n", true), ("d\n", false)]);
    check("a,\"b\nc\nd\n", &[("a,\"b\n", true), ("c\n", false), ("d\n", false)]);
    check("\"a\nb\n\"c\",d\ne\n", &[("\"a\n", true), ("b\n", false), ("\"c\",d\n", false), ("e\n", false)]);
    check("a,\"b", &[("a,\"b", true)]);
    check("a,\"b\"\rc\nd\n", &[("a,\"b\"\rc\n", true), ("d\n", false)]);
}

#[test]
fn a_record_has_few_lines() {
    let lines = |count: u32| (0..count).map(|line| format!("l{line}\n")).collect::<Vec<_>>().concat();
    let longest = format!("\"{}\",x\n", lines(RECORD_LINES_MAX - 1));
    check(&longest, &[(&longest, false)]);
    let longer = format!("\"{}\",x\n", lines(RECORD_LINES_MAX));
    let found = scan(&[&longer]);
    assert_eq!(found[0], ("\"l0\n".to_owned(), true));
    assert_eq!(found[1], ("l1\n".to_owned(), false));
    assert_eq!(found.len(), RECORD_LINES_MAX as usize + 1);
}

/// A text in which every line opens quotes, from wherever it is read, is looked at twice at most.
#[test]
fn after_a_broken_record_lines_stand_alone_for_a_while() {
    let text = "x\",\"y\n".repeat(500);
    let found = scan(&[&text]);
    assert_eq!(found.len(), 500);
    assert!(found.iter().all(|(record, is_broken)| record == "x\",\"y\n" && *is_broken));
    check("a,\"b\"c\n\"d\ne\",f\n", &[("a,\"b\"c\n", true), ("\"d\n", true), ("e\",f\n", false)]);
    let mut scan = RecordScan::new(b',', 3);
    // The second and the third line are still strict, the fourth is not.
    let text = b"a\nb\n\"c\nd\"\n";
    let broken: Vec<bool> =
        std::iter::from_fn(|| scan.next(text, true)).map(|record| record.is_broken).collect();
    assert_eq!(broken, [false, false, true, false]);
}

fn table() -> impl Strategy<Value = String> {
    let pieces = ["a", ",", "\n", "\r\n", "\"", "\"\"", "\"a\"", "#", "é", "\"b\nc\"", ",\"", "\","];
    vec(select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Fuzzed: any text, cut anywhere.
    #[test]
    fn where_a_text_is_cut_makes_no_difference(text in table(), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
        let mut offsets: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        offsets.extend([0, text.len()]);
        offsets.retain(|offset| text.is_char_boundary(*offset));
        offsets.sort_unstable();
        let pieces: Vec<&str> = offsets.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let whole = scan(&[&text]);
        prop_assert_eq!(&scan(&pieces), &whole);
        let joined: String = whole.iter().map(|(record, _)| record.as_str()).collect();
        prop_assert_eq!(joined, text);
    }

    /// A table that was written by the rules is read as it was meant.
    #[test]
    fn what_is_well_quoted_is_not_broken(rows in vec(vec("[ab\",\n\r é]{0,5}", 1..4), 0..12)) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let lines: Vec<String> =
            rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n").collect();
        let found = scan(&[&lines.concat()]);
        let want: Vec<(String, bool)> = lines.into_iter().map(|line| (line, false)).collect();
        prop_assert_eq!(found, want);
    }
}
