//! JSON text as sent to JSON text as kept.
//!
//! In: text that the scanner or the parser has accepted. Out: the same value without white space outside its strings.
//! Strings and numbers are copied byte by byte, so an integer of forty digits, `1.0` and `\u00e9` stay what they were.
//!
//! On text that is not JSON the result is meaningless, but nothing panics. Pure.

use memchr::memchr2;

/// Keys of an object up to which comparing each with each is cheaper than hashing, and the object is ordinary.
pub(crate) const KEYS_COMPARED_MAX: usize = 16;

/// Tells the offset after the white space at `at`.
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Tells the offset after the string whose opening quote lies just before `at`.
pub(crate) fn skip_string(text: &[u8], mut at: usize) -> usize {
    while let Some(rest) = text.get(at..) {
        match memchr2(b'"', b'\\', rest) {
            None => break,
            Some(found) if rest.get(found) == Some(&b'"') => return at + found + 1,
            Some(found) => at += found + 2,
        }
    }
    text.len()
}

/// Tells the offset after the digits at `at`.
pub(crate) fn skip_digits(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

/// Tells the offset after the object that begins at `at`, by its brackets and strings alone, as the splitter does.
pub(crate) fn skip_element(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = skip_string(text, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    at
}

/// Appends the value that begins at `at` to `compact`, without white space; tells the offset after it.
pub(crate) fn append_compact(text: &[u8], at: usize, compact: &mut Vec<u8>) -> usize {
    let mut at = skip_space(text, at);
    let mut depth = 0_usize;
    // Everything from here to `at` is still to be copied.
    let mut from = at;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = skip_string(text, at + 1),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                compact.extend_from_slice(text.get(from..at).unwrap_or_default());
                at = skip_space(text, at);
                from = at;
                continue;
            }
            b',' | b':' => {
                at += 1;
                continue;
            }
            _ => at = skip_scalar(text, at),
        }
        if depth == 0 {
            break;
        }
    }
    compact.extend_from_slice(text.get(from..at).unwrap_or_default());
    at
}

fn skip_scalar(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b']' | b'}');
    at + rest.iter().position(is_end).unwrap_or(rest.len())
}
