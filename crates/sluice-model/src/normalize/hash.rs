//! Hashes: 32, 40 or 64 hexadecimal digits of any letter case, to their digests.

use crate::{indicator::IndicatorKind, key};

use super::escape::hex_value;

/// Appends the key of a text that is a hash; `None` and `key` as before when it is none.
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Option<IndicatorKind> {
    let (kind_byte, kind) = match text.len() {
        32 => (key::MD5, IndicatorKind::Md5),
        40 => (key::SHA1, IndicatorKind::Sha1),
        64 => (key::SHA256, IndicatorKind::Sha256),
        _ => return None,
    };
    let start = key.len();
    key.push(kind_byte);
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for [high, low] in pairs {
        let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low)) else {
            key.truncate(start);
            return None;
        };
        key.push(high << 4 | low);
    }
    Some(kind)
}
