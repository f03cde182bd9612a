//! API tokens: random, shown once, kept as a digest.
//!
//! In: a presented token. Out: its digest, to compare with what is kept. A token has 256 random bits, so a fast digest
//! is enough, and wrong ones need not be counted.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use sluice_model::hex;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// What every token begins with, so that scanners for leaked secrets can find it.
const PREFIX: &str = "sluice_";

/// Writes a token from its random bytes.
pub(crate) fn print(random: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
}

/// Returns true for what has the form of a token, wherever it stands.
pub(crate) fn is_like_one(text: &str) -> bool {
    text.contains(PREFIX)
}

/// The digest under which a token is kept, in hex.
pub(crate) fn digest(token: &str) -> String {
    hex::encode(&Sha256::digest(token.as_bytes()))
}

/// Compares two digests without telling by time where they differ.
pub(crate) fn same_digest(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
