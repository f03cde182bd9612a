//! The `Authorization` header: what is claimed, not whether it is true.
//!
//! In: the header's bytes. Out: a user and a password, a token, or the finding that it is malformed. A malformed
//! header is a claim too: it costs the same check as a wrong password, so that time tells nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// Longest header that is looked at, in bytes.
const HEADER_BYTES_MAX: usize = 2_048;

/// What a request claims to be.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// A user with a password.
    Password {
        /// Name of the user.
        user: String,
        /// The password.
        password: Zeroizing<Vec<u8>>,
    },
    /// An API token.
    Token(Zeroizing<String>),
    /// Something that is neither.
    Malformed,
}

/// Reads one `Authorization` header.
pub(crate) fn read_claim(header: &[u8]) -> Claim {
    try_read(header).unwrap_or(Claim::Malformed)
}

fn try_read(header: &[u8]) -> Option<Claim> {
    if HEADER_BYTES_MAX < header.len() {
        return None;
    }
    let (scheme, credentials) = std::str::from_utf8(header).ok()?.trim().split_once(' ')?;
    let credentials = credentials.trim_start();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Claim::Token(Zeroizing::new(credentials.to_owned())));
    }
    let is_api_key = scheme.eq_ignore_ascii_case("apikey");
    if !is_api_key && !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = Zeroizing::new(STANDARD.decode(credentials).ok()?);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (user, password) = (pair.get(..colon)?, pair.get(colon + 1..)?);
    if is_api_key {
        // What stands before the colon is the client's name for it.
        return Some(Claim::Token(Zeroizing::new(std::str::from_utf8(password).ok()?.to_owned())));
    }
    Some(Claim::Password {
        user: std::str::from_utf8(user).ok()?.to_owned(),
        password: Zeroizing::new(password.to_vec()),
    })
}
