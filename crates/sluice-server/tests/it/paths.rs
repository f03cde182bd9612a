//! Paths that try to be something else: escapes, dots, slashes, lengths.

use crate::daemon::shared;

#[track_caller]
fn check(cases: &[(&str, u16)]) {
    let daemon = shared();
    for (path, want) in cases {
        let answer = daemon.ask("GET", path, "");
        assert_eq!(answer.status, *want, "{path}: {answer:?}");
    }
}

#[test]
fn an_escape_is_decoded_once_and_never_splits() {
    check(&[
        ("1.0/suppliers/InternalTI", 200),
        ("1.0/suppliers/%49nternal%54%49", 200),
        ("1.0/suppliers/%2549nternalTI", 404),
        ("1.0/suppliers%2FInternalTI", 404),
        ("1.0/suppliers/InternalTI%2F", 404),
        ("1.0/suppliers/x%2F..%2FInternalTI", 404),
        ("1.0/%73uppliers", 404),
        ("1%2e0/suppliers", 404),
        ("1.3/ac%6de/suppliers/InternalTI", 200),
        ("1.3/acme%2Fsuppliers/InternalTI", 404),
    ]);
}

#[test]
fn names_that_are_no_text_are_no_names() {
    check(&[
        ("1.0/suppliers/%ff", 404),
        ("1.0/suppliers/%fe", 404),
        ("1.0/suppliers/%00", 404),
        ("1.0/suppliers/InternalTI%00", 404),
        ("1.0/suppliers/%", 404),
        ("1.0/suppliers/%4", 404),
        ("1.0/suppliers/%zz", 404),
        ("1.0/suppliers/%ef%bf%bd", 404),
        ("1.1/tags/%ff", 404),
        ("1.3/%ff/suppliers/InternalTI", 404),
        ("1.0/suppliers/Internal+TI", 404),
    ]);
}

#[test]
fn nothing_is_normalized() {
    check(&[
        ("1.0/suppliers/..", 404),
        ("1.0/suppliers/../suppliers", 404),
        ("1.0/suppliers/%2e%2e", 404),
        ("1.0/suppliers/.", 404),
        ("1.0/./suppliers", 404),
        ("1.0//suppliers", 404),
        ("1.0/suppliers/", 404),
        ("1.0/suppliers//", 404),
        ("1.0/suppliers/InternalTI/", 404),
        ("1.0/suppliers//indicators", 404),
        ("1.3//suppliers/InternalTI", 404),
        ("1.3/suppliers/suppliers/InternalTI", 404),
        ("1.3/tags/suppliers/InternalTI", 404),
        ("1.3/lookup/suppliers/InternalTI", 404),
        ("1.0/suppliers;x/InternalTI", 404),
    ]);
    let daemon = shared();
    for path in
        ["/../api/1.0/suppliers", "//api/1.0/suppliers", "/api/../api/1.0/suppliers", "/./api/1.0/suppliers"]
    {
        let answer = daemon.ask_with("GET", path, &crate::daemon::as_user("admin"), b"");
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn long_names_are_looked_up_like_others() {
    check(&[
        (&format!("1.0/suppliers/{}", "n".repeat(10_000)), 404),
        (&format!("1.1/tags/{}", "%41".repeat(4_000)), 404),
        (&format!("1.3/{}/suppliers/InternalTI", "t".repeat(10_000)), 404),
        (&format!("1.3/{}", "a/".repeat(5_000)), 404),
    ]);
}

#[test]
fn a_path_is_no_way_to_create_anything() {
    let daemon = shared();
    for path in ["1.0/suppliers/%2e%2e", "1.0/suppliers/a%20b", "1.0/suppliers/NeverCreated"] {
        let answer = daemon.ask("PUT", path, r#"[{"confidence":1,"retention":1}]"#);
        assert_eq!(answer.status, 404, "{path}");
        let answer = daemon.ask("PUT", &format!("{path}/indicators"), r#"[{"indicator":"example.com"}]"#);
        assert_eq!(answer.status, 404, "{path}");
    }
}
