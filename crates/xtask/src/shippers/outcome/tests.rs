//! What is a loss, and what is not.

use expect_test::{Expect, expect};

use super::{Found, Told};

/// Of five documents, the last is bad; of the others, all but the first are stored.
fn found() -> Found {
    Found { count: 5, bad: [4].into(), stored: [1, 2, 3].into(), kept: [].into() }
}

#[track_caller]
fn check(found: &Found, told: &Told, want: &Expect) {
    let outcome = found.check(told, false);
    want.assert_eq(&outcome.unwrap_or_else(|error| error.to_string()));
}

#[test]
fn everything_is_there_or_was_said() {
    let told = Told { acknowledged: [1, 2].into(), refused: [4].into(), failed: [0, 3].into(), thrown: None };
    check(&found(), &told, &expect!["2 acknowledged, 1 refused, 2 given up"]);
    // What failed may be stored all the same.
    let thrown = Some("an error".to_owned());
    let told = Told { refused: [].into(), failed: [0, 3, 4].into(), thrown, ..told };
    check(&found(), &told, &expect!["2 acknowledged, 0 refused, 3 given up; threw an error"]);
    let given_up = found().check(&told, true).unwrap_err().to_string();
    assert_eq!(given_up, r#"given up without a reason: {0, 3, 4}, Some("an error")"#);
    let kept = Found { kept: [4].into(), stored: [0, 1, 2, 3].into(), ..found() };
    let told = Told { acknowledged: (0..5).collect(), ..Told::default() };
    check(&kept, &told, &expect!["5 acknowledged, 0 refused, 0 given up, 1 in batches"]);
}

#[test]
fn what_is_lost_or_unsaid_is_found() {
    let told = Told { acknowledged: [0, 1, 2, 3].into(), refused: [4].into(), ..Told::default() };
    check(&found(), &told, &expect!["acknowledged and not there: {0}"]);
    let told = Told { acknowledged: [1, 2, 3, 4].into(), failed: [0].into(), ..Told::default() };
    check(&found(), &told, &expect!["acknowledged and not there: {4}"]);
    let told = Told { acknowledged: [1, 2, 3].into(), refused: [4].into(), ..Told::default() };
    check(&found(), &told, &expect!["nothing was said of {0}"]);
    let told = Told { acknowledged: [1, 2].into(), refused: [3, 4].into(), failed: [0].into(), thrown: None };
    check(&found(), &told, &expect!["refused for no reason: {3}"]);
    let told = Told { acknowledged: [1, 2, 3].into(), failed: [0, 4].into(), ..Told::default() };
    let stored = Found { stored: [1, 2, 3, 4].into(), ..found() };
    check(&stored, &told, &expect!["stored and bad: {4}"]);
}
