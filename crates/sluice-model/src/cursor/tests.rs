//! A cursor comes back, and nothing else is one.

use proptest::prelude::*;

use super::{Cursor, NotACursor};

const TEXT: &str = "c1.0123456789abcdef00000000000012d66b49d20004e7405b";

#[test]
fn it_has_one_text() {
    let cursor = Cursor { store: 0x0123_4567_89ab_cdef, commit: 4_822, judged_seconds: 1_800_000_000 };
    assert_eq!(cursor.to_string(), TEXT);
    assert_eq!(TEXT.parse(), Ok(cursor));
    for text in
        ["", "c1.", "4822", &TEXT.to_uppercase(), &TEXT.replace("c1", "c2"), &TEXT[1..], &format!("{TEXT}00")]
    {
        assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
    }
}

/// A digit that was lost or changed must not make a reader pass over something.
#[test]
fn every_changed_digit_is_noticed() {
    for place in 0..TEXT.len() {
        for digit in "0123456789abcdefF.".chars().filter(|digit| !TEXT[place..].starts_with(*digit)) {
            let mut text = TEXT.to_owned();
            text.replace_range(place..=place, &digit.to_string());
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn it_comes_back(store in any::<u64>(), commit in any::<u64>(), judged_seconds in any::<u32>()) {
        let cursor = Cursor { store, commit, judged_seconds };
        prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn any_text_is_one_or_none(text in any::<String>()) {
        let _whatever = text.parse::<Cursor>();
    }
}
