//! What stands for a password in memory, so that no password is kept there.
//!
//! In: a user, the hash on file and the password sent. Out: their MAC under a key of this process. Since the hash is
//! part of it, a changed password has another fingerprint from that instant on, and whatever was remembered of the
//! old one no longer applies; a change of one user costs the others nothing.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

#[cfg(test)]
mod tests;

/// A MAC under a random key.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // A key of the length of a block is taken as it is, and 32 bytes are padded to one. Neither can fail.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block.into())
}

/// The fingerprint of a password sent for `user`, whose hash on file is `hash`; `None` for an unknown user.
pub(crate) fn of(keyed: &Hmac<Sha256>, user: &str, hash: Option<&str>, password: &[u8]) -> [u8; 32] {
    let mut mac = keyed.clone();
    mac.update(&[u8::from(hash.is_some())]);
    // The lengths first, so that no two parts run together: user `ab` with hash `c` differs from `a` with `bc`.
    for part in [user, hash.unwrap_or("")] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.update(password);
    mac.finalize().into_bytes().into()
}

/// What stands for an account until its password changes, where it is kept across restarts.
pub(crate) fn of_account(user: &str, hash: &str) -> [u8; 32] {
    // A hash on file has a random salt, so that no key is needed to hide the name.
    of(&keyed(&[0; 32]), user, Some(hash), b"")
}
