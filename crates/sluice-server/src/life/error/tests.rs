//! Who has to mend it.

use serde::de::Error as _;

use super::{AuthError, ServeError};

/// A service manager that tries again would have the same answer.
#[test]
fn accounts_and_passwords_that_cannot_be_used_are_for_a_person_to_mend() {
    let source = serde_json::Error::custom("no object");
    let path = || "accounts.json".into();
    for error in [
        AuthError::Malformed { path: path(), source },
        AuthError::TooLong { path: path(), bytes_max: 1 },
        AuthError::BadPassword { bytes_max: 1 },
    ] {
        assert!(ServeError::Auth(error).is_misconfigured());
    }
    assert!(!ServeError::Auth(AuthError::NotFound("admin".to_owned())).is_misconfigured());
}
