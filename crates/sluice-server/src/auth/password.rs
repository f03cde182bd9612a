//! Passwords: `Argon2id`, 19 MiB, two passes, one lane (about 33 ms a check).
//!
//! In: a password and a PHC string, or none. Out: whether they fit, at the same cost either way: an unknown user is
//! checked against the hash of random bytes.
//!
//! CPU-bound on the calling thread; the daemon calls it on its password worker only.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::SaltString,
};
use rustls::crypto::ring;
use sluice_model::limits::PASSWORD_HASH_KIB;

use super::error::AuthError;

#[cfg(test)]
mod tests;

/// Passes over the memory.
const PASSES: u32 = 2;

/// Longest password, in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// Fills an array from the operating system's randomness.
///
/// # Errors
///
/// When there is none.
pub fn random_bytes<const COUNT: usize>() -> Result<[u8; COUNT], AuthError> {
    let mut bytes = [0; COUNT];
    match ring::default_provider().secure_random.fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_unspecified) => Err(AuthError::hash("no randomness")),
    }
}

fn hasher() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(PASSWORD_HASH_KIB, PASSES, 1, None).map_err(AuthError::hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params))
}

/// Hashes a password under a fresh salt, as a PHC string.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn hash_password(password: &[u8]) -> Result<String, AuthError> {
    let salt = SaltString::encode_b64(&random_bytes::<16>()?).map_err(AuthError::hash)?;
    let hash = hasher()?.hash_password(password, &salt).map_err(AuthError::hash)?;
    Ok(hash.to_string())
}

/// Checks a password against a user's hash, or, at the same cost, against nothing.
///
/// # Errors
///
/// When the hash on file cannot be read.
pub(crate) fn verify_password(password: &[u8], hash: Option<&str>) -> Result<bool, AuthError> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    // Made by the first check of all, known user or not, so that its time tells nothing of users.
    if NOBODY.get().is_none() {
        let made = hash_password(&random_bytes::<32>()?)?;
        // Another thread may have been faster.
        drop(NOBODY.set(made));
    }
    let Some(text) = hash.or(NOBODY.get().map(String::as_str)) else { return Ok(false) };
    let parsed = PasswordHash::new(text).map_err(AuthError::hash)?;
    let fits = hasher()?.verify_password(password, &parsed).is_ok();
    Ok(fits && hash.is_some())
}
