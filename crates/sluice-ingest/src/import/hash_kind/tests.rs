//! Hashes by their names and digits.

use super::HashKind;

#[test]
fn a_kind_has_one_name_in_any_spelling() {
    for (name, kind) in [
        ("md5", Some(HashKind::Md5)),
        ("SHA-1", Some(HashKind::Sha1)),
        ("sha_256", Some(HashKind::Sha256)),
        ("sha512", None),
        ("sha", None),
        ("", None),
        ("sha2566", None),
    ] {
        assert_eq!(HashKind::of(name), kind, "{name}");
    }
}

#[test]
fn a_hash_is_known_by_its_digits() {
    assert!(HashKind::Md5.is_of(&"aB3".repeat(11)[..32]));
    assert!(!HashKind::Md5.is_of(&"a".repeat(33)));
    assert!(!HashKind::Md5.is_of(&"g".repeat(32)));
    assert!(HashKind::Sha1.is_of(&"0".repeat(40)) && HashKind::Sha256.is_of(&"0".repeat(64)));
    assert!(!HashKind::Sha256.is_of(&"0".repeat(40)));
}
