//! Percent-escapes: `%` and two hexadecimal digits for a byte. Decoded once: `%2541` is `%41`, not `A`.

use crate::hex;

/// Decodes every escape of `text`; a `%` that begins none stands for itself.
pub fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, after @ ..] = bytes {
        if let (b'%', Some((byte, beyond))) = (first, decode_pair(after)) {
            decoded.push(byte);
            bytes = beyond;
        } else {
            decoded.push(*first);
            bytes = after;
        }
    }
    decoded
}

/// Decodes every escape of `text`; `None` when a `%` begins none.
pub fn decode_strictly(text: &str) -> Option<Vec<u8>> {
    // A digit is never a `%`, so each of them begins an escape of its own or is a fault.
    for after in text.as_bytes().split(|byte| *byte == b'%').skip(1) {
        decode_pair(after)?;
    }
    Some(decode(text))
}

/// Appends an escape for each byte, in lower case.
pub(crate) fn append_escapes(bytes: &[u8], text: &mut Vec<u8>) {
    for byte in bytes {
        text.extend_from_slice(&[b'%', hex::digit(byte >> 4), hex::digit(byte & 0xf)]);
    }
}

/// Reads the two digits after a `%`, and returns the bytes that follow them as well.
pub(crate) fn decode_pair(after: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, beyond @ ..] = after else {
        return None;
    };
    Some((hex::value(*high)? << 4 | hex::value(*low)?, beyond))
}

#[cfg(test)]
mod tests;
