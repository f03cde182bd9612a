//! How an object of a snapshot is told from another: by its length and its SHA-256.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluice_model::hex;

/// Length and checksum of an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObjectDigest {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
}

/// Counts and hashes what is written.
pub(crate) struct DigestWriter {
    bytes: u64,
    hasher: Sha256,
}

impl DigestWriter {
    /// Of nothing yet.
    pub(crate) fn new() -> Self {
        Self { bytes: 0, hasher: Sha256::new() }
    }

    /// Of all that was written.
    pub(crate) fn finish(self) -> ObjectDigest {
        ObjectDigest { bytes: self.bytes, sha256: hex::encode(&self.hasher.finalize()) }
    }
}

impl Write for DigestWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
