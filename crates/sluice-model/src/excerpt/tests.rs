//! What of a client's text may be shown, and how.

use proptest::prelude::*;

use crate::limits;

use super::{beginning, excerpt};

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(&*excerpt(text), want);
}

#[test]
fn ordinary_text_is_shown_as_it_is() {
    check("", "");
    check("WIN-TROJAN", "WIN-TROJAN");
    check("тег \\ \"x\"", "тег \\ \"x\"");
}

#[test]
fn what_moves_the_cursor_or_turns_the_text_is_escaped() {
    check("a\nb\r\t\0", "a\\nb\\r\\t\\u{0}");
    check("\u{1b}[2J\u{7f}\u{85}", "\\u{1b}[2J\\u{7f}\\u{85}");
    check("a\u{202e}b\u{2028}c\u{2066}\u{200f}", "a\\u{202e}b\\u{2028}c\\u{2066}\\u{200f}");
}

#[test]
fn what_could_be_a_name_is_shown_whole_and_what_is_longer_is_marked() {
    for letter in ["a", "я", "\u{10348}"] {
        let longest = letter.repeat(limits::ECHO_CHARS_MAX);
        check(&longest, &longest);
        check(&format!("{longest}{letter}"), &format!("{longest}..."));
        check(&format!("{longest}\n"), &format!("{longest}..."));
    }
    let escaped = "\n".repeat(limits::ECHO_CHARS_MAX);
    check(&escaped, &"\\n".repeat(limits::ECHO_CHARS_MAX));
}

proptest! {
    #[test]
    fn a_beginning_has_the_same_excerpt(text in any::<String>(), repeats in 0..80_usize) {
        let text = text.repeat(repeats);
        prop_assert_eq!(excerpt(beginning(&text)), excerpt(&text));
        prop_assert!(beginning(&text).chars().count() <= limits::ECHO_CHARS_MAX + 1);
    }
}
