//! Paths as producers write them.

use super::{Meaning, length, meaning};
use crate::import::hash_kind::HashKind;

#[test]
fn keys_of_hashes_are_taken_in_every_spelling() {
    for (key, kind) in [
        ("MD5", HashKind::Md5),
        ("md5", HashKind::Md5),
        ("'SHA-1'", HashKind::Sha1),
        ("SHA1", HashKind::Sha1),
        ("'SHA-256'", HashKind::Sha256),
        ("SHA-256", HashKind::Sha256),
        ("SHA_256", HashKind::Sha256),
        ("sha256", HashKind::Sha256),
    ] {
        let path = format!("file:hashes.{key}");
        assert_eq!(meaning(&path), ("file", Meaning::Hash(kind)), "{path}");
        assert_eq!(length(&path), Some(path.len()));
    }
    for path in [
        "file:hashes.'SHA-512'",
        "file:hashes.ssdeep",
        "file:hashes",
        "file:hashes.",
        "file:sha256",
        "app:cert.sha1",
    ] {
        assert_eq!(meaning(path).1, Meaning::Unknown, "{path}");
    }
}

#[test]
fn a_path_is_as_long_as_its_grammar_goes() {
    for (text, want) in [
        ("domain-name:value = 'x'", Some(17)),
        ("domain-name:resolves_to_refs[*].value='x'", Some(37)),
        ("file:x[12][*].'a b'.c ", Some(21)),
        ("file: x", None),
        ("file", None),
        (":value", None),
        ("file:hashes.", None),
        ("file:hashes.''", None),
        ("file:hashes.'SHA", None),
        ("file:hashes.\"SHA-256\"", None),
        ("file:x[a]", None),
        ("file:x[]", None),
        ("file:x[1", None),
        ("", None),
    ] {
        assert_eq!(length(text), want, "{text}");
    }
}
