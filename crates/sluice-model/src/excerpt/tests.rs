//! What of a client's text may be shown, and how.

use crate::limits;

use super::excerpt;

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
fn sixty_four_bytes_are_shown_and_no_more() {
    check(&"a".repeat(64), &"a".repeat(64));
    check(&"a".repeat(65), &"a".repeat(limits::ECHO_BYTES_MAX));
}

#[test]
fn a_character_is_never_cut() {
    check(&format!("{}яя", "a".repeat(63)), &"a".repeat(63));
}
