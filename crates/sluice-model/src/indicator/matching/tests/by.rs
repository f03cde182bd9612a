//! By what each candidate of a value matches it.

use expect_test::{Expect, expect};

use super::{MatchScope, MatchedBy, candidates_of, printed};

/// Lists by what each candidate of `text` would match, where there are prefix masks.
#[track_caller]
fn check_by(text: &str, want: &Expect) {
    let (_, candidates) = candidates_of(text, MatchScope::Levels, true).unwrap();
    let by = candidates.keys.iter().map(|(_, by)| by.as_str());
    let lines = by.zip(printed(&candidates)).map(|(by, key)| format!("{by} {key}\n"));
    want.assert_eq(&lines.collect::<String>());
}

#[test]
fn each_candidate_tells_by_what_it_matches() {
    check_by(
        "https://a.example.com/x/y?q=1",
        &expect![[r#"
            exact a.example.com/x/y?q=1
            without-query a.example.com/x/y
            prefix-mask a.example.com/x/y/*
            prefix-mask a.example.com/x/*
            host a.example.com
            mask *.example.com/x/y?q=1
            mask *.example.com/x/y
            mask *.example.com/x/y/*
            mask *.example.com/x/*
            mask *.example.com
            parent-domain example.com
        "#]],
    );
    check_by(
        "a.example.com",
        &expect![[r#"
        exact a.example.com
        mask *.example.com
        parent-domain example.com
    "#]],
    );
    check_by(
        "http://192.0.2.1/x",
        &expect![[r#"
        exact 192.0.2.1/x
        prefix-mask 192.0.2.1/x/*
        host 192.0.2.1
    "#]],
    );
    check_by(
        "*.example.com/x/*",
        &expect![[r#"
        exact *.example.com/x/*
        prefix-mask *.example.com/x/*/*
        host *.example.com
        parent-domain example.com
    "#]],
    );
    check_by(
        "example.com/x/*?q=1",
        &expect![[r#"
        exact example.com/x/*?q=1
        prefix-mask example.com/x/*
        prefix-mask example.com/x/*/*
        host example.com
    "#]],
    );
    check_by(
        "www.example.com/x",
        &expect![[r#"
        exact example.com/x
        prefix-mask example.com/x/*
        host example.com
        mask *.example.com/x
        mask *.example.com/x/*
        mask *.example.com
    "#]],
    );
    check_by(
        "d41d8cd98f00b204e9800998ecf8427e",
        &expect![[r#"
        exact d41d8cd98f00b204e9800998ecf8427e
    "#]],
    );
    check_by(
        "192.0.2.0/24",
        &expect![[r#"
        exact 192.0.2.0/24
    "#]],
    );
    // Only parent domains name something else than the value.
    let others = MatchedBy::ALL.into_iter().filter(|by| !by.names_value());
    assert_eq!(others.collect::<Vec<_>>(), [MatchedBy::ParentDomain]);
}
