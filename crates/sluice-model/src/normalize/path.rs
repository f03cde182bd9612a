//! Path and query: what follows the host, to the form that keys have.
//!
//! In: nothing, or a text that begins with `/` or `?`, without fragment. Out: nothing, or a text that begins with
//! `/`. Escapes are decoded once over the whole, so a `?` may come out of one; the first `?` then begins the query.
//! In the path `\` is `/`, and dot segments and empty segments are removed. Letters are lower-case.
//!
//! Where the contract is silent: without a query a trailing slash is removed; with one the path keeps its slash and
//! is at least `/`, so that `example.com?q=1` is `example.com/?q=1`.

use crate::percent;

use super::escape;

/// Appends the normal form of path and query; cannot fail.
pub(super) fn append(rest: &str, key: &mut Vec<u8>) {
    if rest.is_empty() {
        return;
    }
    if is_plain(rest) {
        append_plain(rest.as_bytes(), key);
    } else {
        append_decoded(&percent::decode(rest), key);
    }
}

/// Tells whether nothing but letter case, a trailing slash and an empty query can be wrong with the text.
fn is_plain(rest: &str) -> bool {
    // Without branches, so that many bytes are looked at in one instruction.
    let special =
        rest.bytes().fold(0_u8, |found, byte| found | u8::from(byte == b'%') | u8::from(byte == b'\\'));
    let (path, _) = split_query(rest.as_bytes());
    special == 0 && rest.is_ascii() && !begins_odd_segment(path)
}

/// Appends the normal form of bytes that may be anything; `None`, and nothing appended, if they are not plain, or
/// have a control character, white space or `#`.
pub(super) fn append_if_plain(rest: &[u8], key: &mut Vec<u8>) -> Option<()> {
    if rest.len() > 1 {
        let special = rest.iter().fold(0_u8, |found, byte| {
            found
                | u8::from(byte.wrapping_sub(b'!') > b'~' - b'!')
                | u8::from(*byte == b'%')
                | u8::from(*byte == b'\\')
                | u8::from(*byte == b'#')
        });
        if special != 0 || begins_odd_segment(split_query(rest).0) {
            return None;
        }
        append_plain(rest, key);
    }
    Some(())
}

/// Tells whether a `/` is followed by another or by a dot.
fn begins_odd_segment(path: &[u8]) -> bool {
    let firsts_and_seconds = path.iter().zip(path.get(1..).unwrap_or_default());
    let odd = firsts_and_seconds.fold(0_u8, |found, (first, second)| {
        found | (u8::from(*first == b'/') & (u8::from(*second == b'/') | u8::from(*second == b'.')))
    });
    odd != 0
}

fn append_plain(rest: &[u8], key: &mut Vec<u8>) {
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
    let path = key.get(path_start..).unwrap_or_default();
    if let Some(segment_start) = path.iter().rposition(|byte| *byte == b'/') {
        key.truncate(path_start + segment_start);
    }
}

/// Splits at the first `?`; no query is an empty query.
fn split_query(rest: &[u8]) -> (&[u8], &[u8]) {
    let path_bytes = rest.iter().position(|byte| *byte == b'?').unwrap_or(rest.len());
    let (path, query) = rest.split_at_checked(path_bytes).unwrap_or((rest, &[]));
    (path, query.get(1..).unwrap_or_default())
}
