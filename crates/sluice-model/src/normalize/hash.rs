//! Hashes: 32, 40 or 64 hexadecimal digits of any letter case, to their digests.

use crate::{
    indicator::IndicatorKind,
    key::{self, hex_character},
};

/// Bits that no value of a digit has.
const NO_DIGIT: u8 = 0xf0;

/// The values of all bytes as hexadecimal digits.
const DIGITS: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let lower = hex_character(value);
        #[expect(clippy::indexing_slicing, reason = "in bounds, or it would not compile")]
        {
            table[lower as usize] = value;
            table[lower.to_ascii_uppercase() as usize] = value;
        }
        value += 1;
    }
    table
};

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

/// Appends the key of a text that is a hash. `None` when it is none, and `key` is as before.
pub(super) fn append(text: &str, key: &mut Vec<u8>) -> Option<IndicatorKind> {
    let (kind_byte, kind) = match text.len() {
        32 => (key::MD5, IndicatorKind::Md5),
        40 => (key::SHA1, IndicatorKind::Sha1),
        64 => (key::SHA256, IndicatorKind::Sha256),
        _ => return None,
    };
    let mut digest = [0_u8; 32];
    let mut wrong = 0;
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        let (high, low) = (digit(*high), digit(*low));
        wrong |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    if wrong & NO_DIGIT != 0 {
        return None;
    }
    key.push(kind_byte);
    key.extend_from_slice(digest.get(..pairs.len())?);
    Some(kind)
}
