//! The ends of values: white space and invisible characters there are noise, and no value ends in them.
//!
//! Feeds bring them along from tables and documents. In: a text. Out: the text without them. A normal form that would
//! end in one has its escape there, so that cutting the ends of a printed value never makes another value of it.

use crate::percent;

/// Returns true for white space and for the characters that nobody sees.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Cuts blank characters off both ends.
pub(super) fn cut(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Returns true if a kept part of a text has a blank character.
pub(super) fn has_blank(text: &str) -> bool {
    // Without branches, so that many bytes are looked at in one instruction.
    let mut found = 0_u8;
    for byte in text.bytes() {
        found |= u8::from(byte <= b' ');
    }
    found != 0 || !text.is_ascii() && text.contains(is_blank)
}

/// The text with each blank character escaped, as a path or a query can be sent.
pub fn escape_blanks(text: &str) -> String {
    let mut escaped = Vec::with_capacity(text.len());
    for character in text.chars() {
        let mut bytes = [0; 4];
        let bytes = character.encode_utf8(&mut bytes).as_bytes();
        if is_blank(character) {
            percent::append_escapes(bytes, &mut escaped);
        } else {
            escaped.extend_from_slice(bytes);
        }
    }
    String::from_utf8_lossy(&escaped).into_owned()
}

/// What the path of a prefix mask ends in.
pub(super) const PREFIX_MASK_END: &str = "/*";

/// Appends a path after which nothing follows: a blank character at its end, or before the `/*` of a prefix mask, is
/// escaped.
pub(super) fn append_path(path: &str, key: &mut Vec<u8>) {
    match path.strip_suffix(PREFIX_MASK_END) {
        Some(prefix) => append_prefix_mask(prefix, key),
        None => append_end(path, key),
    }
}

/// Appends the path of the prefix mask of a path.
pub(super) fn append_prefix_mask(prefix: &str, key: &mut Vec<u8>) {
    append_end(prefix, key);
    key.extend_from_slice(PREFIX_MASK_END.as_bytes());
}

/// Appends the path of the prefix mask of a whole path in normal form. If that is a prefix mask itself, a blank character
/// before its `/*` no longer stands there: `/a%20/*` and its mask are `/a /*/*`.
pub(super) fn append_prefix_mask_of(path: &str, key: &mut Vec<u8>) {
    let Some(prefix) = path.strip_suffix(PREFIX_MASK_END) else { return append_prefix_mask(path, key) };
    // One to three bytes are a blank character. A `%` of the path itself is `%25`, so its escapes are none of ours.
    let escaped = (1..=3).find_map(|bytes| {
        let (shown, escapes) = prefix.split_at_checked(prefix.len().checked_sub(3 * bytes)?)?;
        let last = String::from_utf8(percent::decode_strictly(escapes)?).ok()?;
        if escapes.starts_with('%') && is_single_blank(&last) { Some((shown, last)) } else { None }
    });
    match escaped {
        Some((shown, last)) => {
            key.extend_from_slice(shown.as_bytes());
            key.extend_from_slice(last.as_bytes());
        }
        None => key.extend_from_slice(prefix.as_bytes()),
    }
    key.extend_from_slice(PREFIX_MASK_END.as_bytes());
    key.extend_from_slice(PREFIX_MASK_END.as_bytes());
}

/// Returns true for a blank character that is escaped for standing at an end. A control character has its escape wherever
/// it stands.
fn is_single_blank(text: &str) -> bool {
    let mut characters = text.chars();
    let is_first = characters.next().is_some_and(|first| is_blank(first) && !first.is_control());
    is_first && characters.next().is_none()
}

/// Appends a text with a blank character at its end escaped.
pub(super) fn append_end(text: &str, key: &mut Vec<u8>) {
    // Most end in a plain character.
    if text.as_bytes().last().is_none_or(u8::is_ascii_graphic) {
        key.extend_from_slice(text.as_bytes());
        return;
    }
    let shown = text.strip_suffix(is_blank).unwrap_or(text);
    let (shown, last) = text.split_at(shown.len());
    key.extend_from_slice(shown.as_bytes());
    percent::append_escapes(last.as_bytes(), key);
}
