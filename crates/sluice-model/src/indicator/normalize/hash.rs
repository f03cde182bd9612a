//! Hashes: 32, 40 or 64 hexadecimal digits of any letter case, to their digests.

use crate::hex;

use super::super::{key, kind::IndicatorKind};

/// Appends the key of a text that is a hash. `None` when it is not one, and `key` is as before.
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Option<IndicatorKind> {
    let (kind_byte, kind) = match text.len() {
        32 => (key::MD5, IndicatorKind::Md5),
        40 => (key::SHA1, IndicatorKind::Sha1),
        64 => (key::SHA256, IndicatorKind::Sha256),
        _ => return None,
    };
    let mut digest = [0_u8; 32];
    if !hex::decode_into(text.as_bytes(), &mut digest) {
        return None;
    }
    key.push(kind_byte);
    key.extend_from_slice(digest.get(..text.len() / 2)?);
    Some(kind)
}
