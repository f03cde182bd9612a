//! Decoded text, printed so that decoding the print gives the same text again.
//!
//! What stays an escape (lower-case) is what could not stand for itself: bytes that are not UTF-8, control
//! characters, `#`, and a `%` before two hexadecimal digits. So `a%20b` prints as `a b`, `a%2520b` as `a%2520b`
//! and `%2%35` as `%2525`, and no number of passes ever decodes twice.

use crate::percent;

/// Appends decoded bytes in readable form: lower-case, with what must stay an escape escaped.
///
/// The bytes hold no control character and no `#` that did not come out of an escape.
pub(super) fn append_readable(decoded: &[u8], key: &mut Vec<u8>) {
    for chunk in decoded.utf8_chunks() {
        append_characters(chunk.valid(), key);
        percent::append_escapes(chunk.invalid(), key);
    }
}

fn append_characters(text: &str, key: &mut Vec<u8>) {
    let mut buffer = [0_u8; 4];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' if percent::decode_pair(characters.as_str().as_bytes()).is_some() => {
                percent::append_escapes(b"%", key);
            }
            '#' => percent::append_escapes(b"#", key),
            _ if character.is_control() => {
                percent::append_escapes(character.encode_utf8(&mut buffer).as_bytes(), key);
            }
            _ if character.is_ascii() => {
                let lower = character.to_ascii_lowercase();
                key.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
            }
            // Character by character, so that the end of a word does not choose the form of a sigma.
            _ => {
                for lower in character.to_lowercase() {
                    key.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
                }
            }
        }
    }
}
