//! The shared rules, at their edges, with the sentences that clients see.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::check_name;

#[track_caller]
fn check(text: &str, want: &Expect) {
    let seen = match check_name(text) {
        Ok(()) => "a name".to_owned(),
        Err(error) => error.to_string(),
    };
    want.assert_eq(&seen);
}

#[test]
fn letters_digits_hyphen_and_underscore_make_a_name() {
    check("azAZ09-_", &expect!["a name"]);
    check("-", &expect!["a name"]);
}

#[test]
fn a_name_has_1_to_128_characters() {
    check("", &expect!["a name must not be empty"]);
    check(&"a".repeat(128), &expect!["a name"]);
    check(&"a".repeat(129), &expect!["a name of 129 bytes is over the limit of 128"]);
}

#[test]
fn anything_else_is_refused_and_shown_escaped() {
    check("a b", &expect!["the name 'a b' has a character other than Latin letters, digits, '-' and '_'"]);
    check("../x", &expect!["the name '../x' has a character other than Latin letters, digits, '-' and '_'"]);
    check("имя", &expect!["the name 'имя' has a character other than Latin letters, digits, '-' and '_'"]);
    check(
        "a\n\u{202e}",
        &expect![[r"the name 'a\n\u{202e}' has a character other than Latin letters, digits, '-' and '_'"]],
    );
}

proptest! {
    #[test]
    fn a_name_has_no_other_character(text in any::<String>()) {
        let rule = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        prop_assert_eq!(check_name(&text).is_ok(), rule && (1..=128).contains(&text.len()));
    }
}
