//! JSON text, byte by byte: where its parts end, and the same value without white space.
//!
//! In: text that the scanner or the parser has accepted, or at least the splitter. Out: offsets; and values without the
//! white space outside their strings. Strings and numbers are copied byte by byte, so an integer of forty digits, `1.0`
//! and `\u00e9` stay what they were.
//!
//! On text that is not JSON the result is meaningless, but nothing panics. Pure.

use memchr::memchr2;
use sluice_model::ranges::bytes_at;

/// The offset after the white space at `at`.
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The offset after the string whose opening quote lies just before `at`.
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

/// The offset after the digits at `at`.
pub(crate) fn skip_digits(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

/// The offset after the value that begins at `at`; of objects and arrays, by brackets and strings alone, as the
/// splitter finds it.
pub(crate) fn skip_value(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'"' => skip_string(text, at + 1),
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ if depth == 0 => skip_scalar(text, at),
            _ => at + 1,
        };
        if depth == 0 {
            break;
        }
    }
    at
}

/// How many levels of objects and arrays lie in one another in a value, by brackets and strings alone.
pub(crate) fn nesting_levels(text: &[u8]) -> usize {
    let (mut at, mut depth, mut levels) = (0, 0_usize, 0);
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'"' => skip_string(text, at + 1),
            _ => at + 1,
        };
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        levels = levels.max(depth);
    }
    levels
}

fn skip_scalar(text: &[u8], mut at: usize) -> usize {
    while !matches!(text.get(at), None | Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b']' | b'}')) {
        at += 1;
    }
    at
}

/// Returns true if a number is within the range of a double.
pub(crate) fn is_double(number: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(number) else { return false };
    matches!(text.parse::<f64>(), Ok(number) if number.is_finite())
}

/// Appends a value to `compact`, without white space outside its strings.
pub(crate) fn append_compact(value: &[u8], compact: &mut Vec<u8>) {
    // Everything from `from` to `at` is still to be copied.
    let (mut from, mut at) = (0, 0);
    while let Some(&byte) = value.get(at) {
        at = match byte {
            b'"' => skip_string(value, at + 1),
            b' ' | b'\t' | b'\n' | b'\r' => {
                compact.extend_from_slice(bytes_at(value, from..at));
                from = skip_space(value, at);
                from
            }
            _ => at + 1,
        };
    }
    compact.extend_from_slice(bytes_at(value, from..));
}
