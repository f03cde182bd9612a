//! What two fingerprints have in common.

use super::{keyed, of};

fn fingerprint(user: &str, hash: Option<&str>, password: &[u8]) -> [u8; 32] {
    of(&keyed(&[7; 32]), user, hash, password)
}

#[test]
fn only_the_same_credentials_have_the_same_fingerprint() {
    let first = fingerprint("admin", Some("hash"), b"secret");
    assert_eq!(first, fingerprint("admin", Some("hash"), b"secret"));
    assert_ne!(first, of(&keyed(&[8; 32]), "admin", Some("hash"), b"secret"));
    for (user, hash, password) in [
        ("admin", Some("new hash"), b"secret".as_slice()),
        ("admin", Some("hash"), b"Secret"),
        ("admi", Some("nhash"), b"secret"),
        ("admin", Some("hashs"), b"ecret"),
        ("admin", Some(""), b"secret"),
        ("admin", None, b"secret"),
    ] {
        assert_ne!(first, fingerprint(user, hash, password), "{user} {hash:?}");
    }
    assert_ne!(fingerprint("admin", Some(""), b""), fingerprint("admin", None, b""));
}
