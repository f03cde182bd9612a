//! Percent-escapes: decoded once, and printed so that reading the print decodes to the same.
//!
//! What stays an escape (lower-case) is what could not stand for itself: bytes that are no UTF-8, control
//! characters, `#`, and a `%` before two hexadecimal digits. So `a%20b` prints as `a b`, `a%2520b` as `a%2520b`
//! and `%2%35` as `%2525`, and no number of passes ever decodes twice.

use crate::key::hex_character;

/// The value of a hexadecimal digit.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Decodes every escape of `text` once; a `%` that begins none stands for itself.
pub(super) fn decode(text: &str) -> Vec<u8> {
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

/// Appends decoded bytes in readable form: lower-case, with what must stay an escape escaped.
///
/// The bytes hold no control character and no `#` that did not come out of an escape.
pub(super) fn append_readable(decoded: &[u8], key: &mut Vec<u8>) {
    for chunk in decoded.utf8_chunks() {
        append_characters(chunk.valid(), key);
        append_escapes(chunk.invalid(), key);
    }
}

fn append_characters(text: &str, key: &mut Vec<u8>) {
    let mut buffer = [0_u8; 4];
    for (index, character) in text.char_indices() {
        match character {
            '%' => {
                let after = text.as_bytes().get(index + 1..).unwrap_or_default();
                key.extend_from_slice(if decode_pair(after).is_some() { b"%25" } else { b"%" });
            }
            '#' => append_escapes(b"#", key),
            _ if character.is_control() => {
                append_escapes(character.encode_utf8(&mut buffer).as_bytes(), key);
            }
            _ if character.is_ascii() => key.extend(text.as_bytes().get(index).map(u8::to_ascii_lowercase)),
            // Character by character, so that the end of a word does not choose the form of a sigma.
            _ => {
                for lower in character.to_lowercase() {
                    key.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
                }
            }
        }
    }
}

fn append_escapes(bytes: &[u8], key: &mut Vec<u8>) {
    for byte in bytes {
        key.extend_from_slice(&[b'%', hex_character(byte >> 4), hex_character(byte & 0xf)]);
    }
}

/// Reads the two digits after a `%` and tells what follows them.
fn decode_pair(after: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, beyond @ ..] = after else {
        return None;
    };
    Some((hex_value(*high)? << 4 | hex_value(*low)?, beyond))
}
