//! Passwords: `Argon2id`, 19 MiB, two passes, one lane (about 33 ms a check).
//!
//! In: a password and a PHC string, or none. Out: whether they fit, at the same cost either way: an unknown user
//! is checked against a hash that nothing fits.
//!
//! CPU-bound on the calling thread; the daemon calls it on its password worker only.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::SaltString,
};
use rustls::crypto::ring;

#[cfg(test)]
mod tests;

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19_456;

/// Passes over the memory.
const PASSES: u32 = 2;

/// Longest password, in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// Hashing failed for a reason of ours: no randomness, or a hash on file that is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct PasswordError(String);

/// Fills an array from the operating system's randomness.
///
/// # Errors
///
/// When there is none.
pub(crate) fn random_bytes<const COUNT: usize>() -> Result<[u8; COUNT], PasswordError> {
    let mut bytes = [0; COUNT];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_unspecified| PasswordError("no randomness".to_owned()))?;
    Ok(bytes)
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| PasswordError(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params))
}

/// Hashes a password under a fresh salt, as a PHC string.
///
/// # Errors
///
/// When the operating system gives no randomness.
pub fn hash_password(password: &[u8]) -> Result<String, PasswordError> {
    let salt = SaltString::encode_b64(&random_bytes::<16>()?);
    let salt = salt.map_err(|error| PasswordError(error.to_string()))?;
    let hash = hasher()?.hash_password(password, &salt);
    Ok(hash.map_err(|error| PasswordError(error.to_string()))?.to_string())
}

/// Checks a password against a user's hash, or, at the same cost, against nothing.
///
/// # Errors
///
/// When the hash on file cannot be read.
pub(crate) fn verify_password(password: &[u8], hash: Option<&str>) -> Result<bool, PasswordError> {
    static NOBODY: OnceLock<Result<String, PasswordError>> = OnceLock::new();
    let nobody = NOBODY.get_or_init(|| hash_password(&random_bytes::<32>()?));
    let text = match (hash, nobody) {
        (Some(hash), _) => hash,
        (None, Ok(nobody)) => nobody.as_str(),
        (None, Err(error)) => return Err(error.clone()),
    };
    let parsed = PasswordHash::new(text).map_err(|error| PasswordError(error.to_string()))?;
    let fits = hasher()?.verify_password(password, &parsed).is_ok();
    Ok(fits && hash.is_some())
}
