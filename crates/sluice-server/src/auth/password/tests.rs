//! Hashes and their checks.

use super::{hash_password, verify_password};

#[test]
fn the_right_password_fits_and_no_other() {
    let hash = hash_password(b"secret").unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(verify_password(b"secret", Some(&hash)).unwrap());
    assert!(!verify_password(b"Secret", Some(&hash)).unwrap());
    assert!(!verify_password(b"secret", None).unwrap());
    assert!(verify_password(b"secret", Some("no hash")).is_err());
}

#[test]
fn two_hashes_of_one_password_differ() {
    assert_ne!(hash_password(b"secret").unwrap(), hash_password(b"secret").unwrap());
}
