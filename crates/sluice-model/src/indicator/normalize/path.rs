//! Path and query: what follows the host, to the form that keys have.
//!
//! In: nothing, or a text that begins with `/` or `?`, without fragment. Out: nothing, or a text that begins with
//! `/`. Escapes are decoded once over the whole, so a `?` may come out of one; the first `?` then begins the query.
//! In the path `\` is `/`, and dot segments and empty segments are removed. Letters are lower-case.
//!
//! Where the contract is silent: without a query a trailing slash is removed; with one the path keeps its slash and
//! is at least `/`, so that `example.com?q=1` is `example.com/?q=1`; what would be cut off the end of a printed value
//! stays an escape there, and before the `/*` of a prefix mask.

use crate::percent;

use super::{
    super::ends::{self, PREFIX_MASK_END},
    escape,
};

/// Appends the normal form of path and query; cannot fail.
pub(super) fn append(rest: &str, key: &mut Vec<u8>) {
    if rest.is_empty() {
        return;
    }
    let start = key.len();
    if is_free_of_escapes(rest) {
        append_lower(rest.as_bytes(), key);
    } else {
        append_decoded(&percent::decode(rest), key);
    }
    escape_last_blank(start, key);
}

/// Returns true if a rest in normal form is the path of a prefix mask, or of all there is on a host.
pub(super) fn is_prefix_mask(rest: &[u8]) -> bool {
    rest.ends_with(PREFIX_MASK_END.as_bytes()) && !rest.contains(&b'?')
}

/// Escapes a blank character where the path or query that begins at `start` ends.
fn escape_last_blank(start: usize, key: &mut Vec<u8>) {
    let rest = key.get(start..).unwrap_or_default();
    let shown = rest.strip_suffix(PREFIX_MASK_END.as_bytes()).unwrap_or(rest);
    // Most end in a plain character.
    let is_plain = |bytes: &[u8]| bytes.last().is_none_or(u8::is_ascii_graphic);
    if is_plain(rest) && is_plain(shown) {
        return;
    }
    if let Ok(rest) = String::from_utf8(key.split_off(start)) {
        if rest.contains('?') { ends::append_end(&rest, key) } else { ends::append_path(&rest, key) }
    }
}

/// The short way of [`append`], for bytes that may be anything; `None`, perhaps with bytes left behind, if they have an escape,
/// an odd segment, a control character, white space, `#`, are not ASCII, or may be a prefix mask.
pub(super) fn append_plain(rest: &[u8], key: &mut Vec<u8>) -> Option<()> {
    if rest.len() > 1 {
        // Without branches, so that many bytes are looked at in one instruction.
        let mut special = 0_u8;
        for byte in rest {
            special |= u8::from(byte.wrapping_sub(b'!') > b'~' - b'!')
                | u8::from(*byte == b'%')
                | u8::from(*byte == b'\\')
                | u8::from(*byte == b'#');
        }
        if special != 0 || begins_odd_segment(split_query(rest).0) {
            return None;
        }
        append_lower(rest, key);
        if key.ends_with(PREFIX_MASK_END.as_bytes()) {
            return None;
        }
    }
    Some(())
}

/// Returns true if nothing but letter case, a trailing slash and an empty query can be wrong with the text.
fn is_free_of_escapes(rest: &str) -> bool {
    let mut special = 0_u8;
    for byte in rest.bytes() {
        special |= u8::from(byte == b'%') | u8::from(byte == b'\\');
    }
    special == 0 && rest.is_ascii() && !begins_odd_segment(split_query(rest.as_bytes()).0)
}

/// Returns true if a `/` is followed by another or by a dot.
fn begins_odd_segment(path: &[u8]) -> bool {
    let Some((_, seconds)) = path.split_first() else { return false };
    let mut odd = 0_u8;
    for (first, second) in path.iter().zip(seconds) {
        odd |= u8::from(*first == b'/') & (u8::from(*second == b'/') | u8::from(*second == b'.'));
    }
    odd != 0
}

/// Appends what has no escapes and no odd segments: `/A/B/` as `/a/b`, `?Q` as `/?q`.
#[inline]
fn append_lower(rest: &[u8], key: &mut Vec<u8>) {
    let (path, query) = split_query(rest);
    if query.is_empty() {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        key.extend(path.iter().map(u8::to_ascii_lowercase));
        return;
    }
    if path.is_empty() {
        key.push(b'/');
    }
    key.extend(path.iter().map(u8::to_ascii_lowercase));
    key.push(b'?');
    key.extend(query.iter().map(u8::to_ascii_lowercase));
}

/// Appends decoded bytes, segment by segment: `/a/./b//../c/` as `/a/c`.
fn append_decoded(rest: &[u8], key: &mut Vec<u8>) {
    let (path, query) = split_query(rest);
    let path_start = key.len();
    let mut is_directory = true;
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        is_directory = true;
        match segment {
            b"" | b"." => {}
            b".." => remove_last_segment(path_start, key),
            name => {
                key.push(b'/');
                escape::append_readable(name, key);
                is_directory = false;
            }
        }
    }
    if query.is_empty() {
        return;
    }
    if is_directory {
        key.push(b'/');
    }
    key.push(b'?');
    escape::append_readable(query, key);
}

fn remove_last_segment(path_start: usize, key: &mut Vec<u8>) {
    if let Some(path) = key.get(path_start..)
        && let Some(segment_start) = path.iter().rposition(|byte| *byte == b'/')
    {
        key.truncate(path_start + segment_start);
    }
}

/// Splits at the first `?`; no query is an empty query.
fn split_query(rest: &[u8]) -> (&[u8], &[u8]) {
    let path_bytes = rest.iter().position(|byte| *byte == b'?').unwrap_or(rest.len());
    let (path, query) = rest.split_at(path_bytes);
    (path, query.strip_prefix(b"?").unwrap_or(query))
}
