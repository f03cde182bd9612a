//! Faults of texts that may go on. How whole bodies are blamed is tested with the pipeline.

use proptest::prelude::*;

use super::first_fault;
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
    check("[1e9999]", Some((1, Fault::NumberRange)));
    check("[+1]", Some((1, Fault::Json)));
    check("[\"\\uD83D\\uD83D\"]", Some((2, Fault::Escape)));
    check("[\"\\uD83D\\uDE00\\uDE00\"]", Some((14, Fault::Escape)));
    assert_eq!(first_fault(b"[tx\xff"), Some((2, Fault::Json)));
    assert_eq!(first_fault(b"[\"\xff\", tx]"), Some((2, Fault::Utf8)));
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
        if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
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
