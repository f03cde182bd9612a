//! Splitting and decoding, with the spellings that trip routers.

use expect_test::{Expect, expect};

use super::{decode, split};

#[track_caller]
fn check(path: &str, want: &Expect) {
    let seen = match split(path) {
        None => "none".to_owned(),
        Some((version, segments)) => {
            let decoded: Vec<_> = segments.iter().map(|segment| decode(segment)).collect();
            format!("{version:?} {decoded:?}")
        }
    };
    want.assert_eq(&seen);
}

#[test]
fn a_path_is_split_before_it_is_decoded() {
    check(
        "/api/1.3/acme/suppliers/Feed",
        &expect![[r#"V1_3 [Some("acme"), Some("suppliers"), Some("Feed")]"#]],
    );
    check("/api/1.0/suppliers/a%2Fb", &expect![[r#"V1_0 [Some("suppliers"), Some("a/b")]"#]]);
    check("/api/1.0/suppliers/a%252Fb", &expect![[r#"V1_0 [Some("suppliers"), Some("a%2Fb")]"#]]);
    check("/api/1.0/suppliers/..", &expect![[r#"V1_0 [Some("suppliers"), Some("..")]"#]]);
}

#[test]
fn bad_escapes_and_bad_text_are_no_name() {
    check("/api/1.0/suppliers/%ff", &expect![[r#"V1_0 [Some("suppliers"), None]"#]]);
    check("/api/1.0/suppliers/%", &expect![[r#"V1_0 [Some("suppliers"), None]"#]]);
    check("/api/1.0/suppliers/%4", &expect![[r#"V1_0 [Some("suppliers"), None]"#]]);
    check("/api/1.0/suppliers/%zz", &expect![[r#"V1_0 [Some("suppliers"), None]"#]]);
}

#[test]
fn an_unknown_version_or_prefix_is_nothing() {
    for path in
        ["/api/8.0/lookup", "/api/1.4/lookup", "/api/1.0", "/Api/1.0/lookup", "/api//lookup", "/", "*", ""]
    {
        check(path, &expect!["none"]);
    }
}

#[test]
fn empty_and_surplus_segments_stay_visible() {
    check("/api/1.0/tags/", &expect![[r#"V1_0 [Some("tags"), Some("")]"#]]);
    check("/api/1.0/", &expect![[r#"V1_0 [Some("")]"#]]);
    check(
        "/api/1.0/a/b/c/d/e/f",
        &expect![[r#"V1_0 [Some("a"), Some("b"), Some("c"), Some("d"), Some("e/f")]"#]],
    );
}
