//! Headers as clients send them, and as they should not.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use expect_test::{Expect, expect};

use super::{Claim, read_claim};

#[track_caller]
fn check(header: &str, want: &Expect) {
    let seen = match read_claim(header.as_bytes()) {
        Claim::Password { user, password } => format!("{user:?} {:?}", String::from_utf8_lossy(&password)),
        Claim::Token(token) => format!("token {:?}", token.as_str()),
        Claim::Malformed => "malformed".to_owned(),
    };
    want.assert_eq(&seen);
}

#[test]
fn well_formed_claims() {
    check(&format!("Basic {}", STANDARD.encode("admin:secret")), &expect![[r#""admin" "secret""#]]);
    check(&format!("bAsIc   {}", STANDARD.encode("admin:a:b")), &expect![[r#""admin" "a:b""#]]);
    check(&format!("Basic {}", STANDARD.encode(":")), &expect![[r#""" """#]]);
    check("Bearer abc", &expect![[r#"token "abc""#]]);
}

#[test]
fn malformed_claims() {
    for header in ["", "Basic", "Basic ", "Basic !!!", "Basic YQ==", "Digest abc", "YWRtaW46c2VjcmV0"] {
        check(header, &expect!["malformed"]);
    }
    check(&format!("Basic {}", STANDARD.encode(b"\xff:x")), &expect!["malformed"]);
    check(&format!("Basic {}", "A".repeat(4_000)), &expect!["malformed"]);
}
