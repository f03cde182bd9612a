//! Faults of texts that may go on. How whole bodies are blamed is tested with the pipeline.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use sluice_model::rejection::Flaw;

use super::{first_fault, first_flaw, visit_flaws};
use crate::error::Fault;

#[track_caller]
fn check(text: &str, want: Option<(usize, Fault)>) {
    assert_eq!(first_fault(text.as_bytes()), want, "{text}");
}

#[test]
fn a_beginning_is_no_fault() {
    for text in [
        "",
        " ",
        "[",
        "[{\"a",
        "[{\"a\\",
        "[{\"a\\ud8",
        "[\"\\ud83d",
        "[\"\\ud83d\\",
        "[tr",
        "[-",
        "[1.",
        "[1e+",
        "[12",
    ] {
        check(text, None);
    }
    assert_eq!(first_fault(b"[\"\xf0\x9f"), None);
}

#[test]
fn the_first_impossible_byte_is_named() {
    check("[]]", Some((2, Fault::Json)));
    check("[1 2]", Some((3, Fault::Json)));
    check("{\"a\"}", Some((4, Fault::Json)));
    check("{\"a\":1}", None);
    check("[+1]", Some((1, Fault::Json)));
    check("[\"\\uD83D\\uD83D\\uD8\"]", Some((14, Fault::Escape)));
    check("[\"\\uD83D\\x\"]", Some((8, Fault::Escape)));
    assert_eq!(first_fault(b"[tx\xff"), Some((2, Fault::Json)));
    assert_eq!(first_fault(b"[\"\xff\", tx]"), Some((2, Fault::Utf8)));
}

/// Each flaw of a text, and where the key begins in which it lies.
fn flaws(text: &str) -> Vec<(Flaw, &str, Option<usize>)> {
    let mut flaws = Vec::new();
    let fault = visit_flaws(text.as_bytes(), |flawed| {
        flaws.push((flawed.flaw, &text[flawed.from..flawed.to], flawed.key_from));
    });
    assert_eq!(fault, None, "{text}");
    flaws
}

#[test]
fn flaws_are_no_faults_and_each_is_shown() {
    let text = r#"{"a\ud800\udbff":"\udc00\ud83d\ude00\ud83d","b":[1e9999,-1e999,1e308],"\uDFFF":1e-999}"#;
    assert_eq!(
        flaws(text),
        [
            (Flaw::Unicode, "\\ud800", Some(2)),
            (Flaw::Unicode, "\\udbff", Some(2)),
            (Flaw::Unicode, "\\udc00", None),
            (Flaw::Unicode, "\\ud83d", None),
            (Flaw::NumberRange, "1e9999", None),
            (Flaw::NumberRange, "-1e999", None),
            (Flaw::Unicode, "\\uDFFF", Some(text.find("\\uDFFF").unwrap())),
        ]
    );
    assert_eq!(flaws(r#"["\ud83d\ude00","\uD83D\uDE00\uE000",1.7e308]"#), []);
    for (value, flaw) in [
        ("1e400", Some(Flaw::NumberRange)),
        ("-1e400", Some(Flaw::NumberRange)),
        ("1e300", None),
        ("true", None),
        ("null", None),
        ("\"1e400\"", None),
        ("\"\\ud800\"", Some(Flaw::Unicode)),
        ("[1e400,\"\\ud800\"]", Some(Flaw::NumberRange)),
    ] {
        assert_eq!(first_flaw(value.as_bytes()), flaw, "{value}");
    }
}

proptest! {
    #[test]
    fn text_without_a_fault_stays_so_when_cut(text in "[\\[\\]{}\",:a0-9.eE\\\\u \t-]{0,40}", cut in 0..40_usize) {
        if first_fault(text.as_bytes()).is_none() {
            prop_assert_eq!(first_fault(&text.as_bytes()[..cut.min(text.len())]), None);
        }
    }

    #[test]
    fn what_serde_json_accepts_has_no_fault(text in "[\\[\\]{}\",:a0-9.eE\\\\u \t-]{0,12}") {
        let text = format!("[{text}]");
        if serde_json::from_str::<IgnoredAny>(&text).is_ok() {
            prop_assert_eq!(first_fault(text.as_bytes()), None);
        } else {
            prop_assert!(first_fault(text.as_bytes()).is_some() || !is_closed(&text));
        }
    }
}

/// Whether a text without a fault is also at its end: white space can, and nothing else may, follow.
fn is_closed(text: &str) -> bool {
    first_fault(format!("{text}x").as_bytes()) == Some((text.len(), Fault::Json))
        && first_fault(format!("{text}]").as_bytes()) == Some((text.len(), Fault::Json))
        && first_fault(format!("{text}1").as_bytes()) == Some((text.len(), Fault::Json))
}
