//! Spellings: what a sent text says beyond the normal form that was made of it.
//!
//! In: a text and its key. Out: nothing if the key says enough, else bytes which, together with the key, give scheme, port, path,
//! query and fragment as they were sent. The text says more with a scheme other than `http` and `https`, with a port that is not the
//! scheme's own, and with a path, query or fragment that reads otherwise: in letter case, escapes, slashes, dot segments. How
//! the host and the scheme are spelled says nothing, nor do `http`, `https`, user-info, a lone slash behind the host, one left out
//! before a query, or a fragment with something blank in it.
//!
//! Encoding: a byte of flags. Two bits are the scheme (none, `http`, `https`, another one: its length and its name follow). Then, if
//! flagged, the port as a varint. Then, if flagged, `varint(bytes shared with the beginning of path and query in normal form)
//! varint(bytes shared with their end)` and what stands between, to the end; if not, to the end, a bit for each ASCII letter of
//! path and query in normal form, lowest first, set for capital letters, without zero bytes at the end. Further flags: `www.`
//! before the host, a slash at the end. `http://example.com:8080/aB` is `09 90 3f 02`.
//!
//! What stands between is at most half as long as the key, so that no row grows by much: it is left out where it is longer.
//!
//! Pure. Most texts never get here: the short way to a key tells, at no cost, that it says enough.

use crate::varint::{push_varint, take, take_varint};

use super::{
    super::{ends, key},
    url::{self, Url},
};

/// The flags that are the scheme.
const SCHEME: u8 = 0b11;
const HTTP: u8 = 1;
const HTTPS: u8 = 2;
/// Its name follows.
const OTHER: u8 = 3;
const WWW: u8 = 4;
const PORT: u8 = 8;
const SLASH: u8 = 16;
/// What differs of path, query and fragment follows.
const TAIL: u8 = 32;
const KNOWN: u8 = SCHEME | WWW | PORT | SLASH | TAIL;

/// Bytes of the name of a scheme that is kept.
const SCHEME_BYTES_MAX: usize = 32;

/// Appends the spelling of a URL with this key to `spelling`: nothing when the key says enough. `normal` is a buffer.
pub(super) fn append(text: &str, key: &[u8], normal: &mut String, spelling: &mut Vec<u8>) {
    let Ok(url) = Url::split(ends::cut(text)) else { return };
    normal.clear();
    key::write_normal_form(key, normal);
    let (host, rest) = split_host(normal);
    let scheme = scheme_of(url);
    let port = url.port.parse::<u16>().ok().filter(|port| Some(*port) != own_port(scheme));
    let fragment_at = url.rest.len();
    let is_cut = url.tail.get(fragment_at..).is_some_and(ends::has_blank);
    let tail = if is_cut { url.rest } else { url.tail };
    let is_same_tail = match tail {
        // A mask of all paths of a host is the host.
        "/" | "/*" if rest.is_empty() => true,
        query if query.starts_with('?') => rest.strip_prefix('/') == Some(query),
        tail => tail == rest,
    };
    let is_other = scheme == OTHER;
    if is_same_tail && port.is_none() && !is_other {
        return;
    }
    let place = spelling.len();
    spelling.push(scheme);
    if is_other {
        let name = url.scheme.trim_end_matches(url::SLASHES).trim_end_matches(':').to_ascii_lowercase();
        if SCHEME_BYTES_MAX < name.len() {
            spelling.truncate(place);
            return;
        }
        push_varint(spelling, name.len() as u64);
        spelling.extend_from_slice(name.as_bytes());
    }
    if let Some(port) = port {
        push_varint(spelling, port.into());
    }
    let tail_flags = append_tail(tail, rest, key.len() / 2, spelling);
    // Without its tail it would have the normal form's, in which escapes are blank characters.
    if tail_flags.is_none() && (port.is_none() && !is_other || ends::has_blank(rest)) {
        spelling.truncate(place);
        return;
    }
    let mut flags = tail_flags.unwrap_or(0) | if port.is_some() { PORT } else { 0 };
    let has_www = url.host.get(..4).is_some_and(|first| first.eq_ignore_ascii_case("www."));
    if has_www && !host.starts_with("www.") {
        flags |= WWW;
    }
    if let Some(first) = spelling.get_mut(place) {
        *first |= flags;
    }
}

/// Appends scheme, host, port, path, query and fragment as they were sent for a key with a spelling; `None`, with `sent` perhaps
/// longer, for bytes that are no spelling of the key.
pub fn write_sent(key: &[u8], spelling: &[u8], sent: &mut String) -> Option<()> {
    let (flags, mut bytes) = spelling.split_first()?;
    if flags & !KNOWN != 0 {
        return None;
    }
    let mut normal = String::new();
    key::write_normal_form(key, &mut normal)?;
    let (host, rest) = split_host(&normal);
    match flags & SCHEME {
        HTTP => sent.push_str("http://"),
        HTTPS => sent.push_str("https://"),
        OTHER => {
            let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
            sent.push_str(str::from_utf8(take(&mut bytes, length)?).ok()?);
            sent.push_str("://");
        }
        _ => {}
    }
    if flags & WWW != 0 {
        sent.push_str("www.");
    }
    let is_bare = key.first() == Some(&key::IPV6);
    sent.push_str(if is_bare { "[" } else { "" });
    sent.push_str(host);
    sent.push_str(if is_bare { "]" } else { "" });
    if flags & PORT != 0 {
        sent.push(':');
        sent.push_str(&u16::try_from(take_varint(&mut bytes)?).ok()?.to_string());
    }
    if flags & TAIL != 0 {
        return write_tail(rest.as_bytes(), bytes, sent);
    }
    let mut letters = 0;
    sent.extend(rest.chars().map(|character| {
        if !character.is_ascii_alphabetic() {
            return character;
        }
        let is_capital = bytes.get(letters / 8).is_some_and(|byte| byte >> (letters % 8) & 1 != 0);
        letters += 1;
        if is_capital { character.to_ascii_uppercase() } else { character }
    }));
    if flags & SLASH != 0 {
        sent.push('/');
    }
    Some(())
}

/// Splits a normal form of one of the kinds that are sent as URLs.
fn split_host(normal: &str) -> (&str, &str) {
    normal.split_at(normal.find('/').unwrap_or(normal.len()))
}

/// The flags of the scheme of a URL.
fn scheme_of(url: Url<'_>) -> u8 {
    match url.scheme.trim_end_matches(url::SLASHES).trim_end_matches(':') {
        "" => 0,
        scheme if scheme.eq_ignore_ascii_case("http") => HTTP,
        scheme if scheme.eq_ignore_ascii_case("https") => HTTPS,
        _ => OTHER,
    }
}

fn own_port(scheme: u8) -> Option<u16> {
    match scheme {
        HTTP => Some(80),
        HTTPS => Some(443),
        _ => None,
    }
}

/// Appends what makes a tail of the rest of the normal form, and gives its flags; `None`, and nothing appended, when what
/// stands between is over `bytes_max`.
fn append_tail(tail: &str, rest: &str, bytes_max: usize, spelling: &mut Vec<u8>) -> Option<u8> {
    let (shown, slash) = match tail.strip_suffix('/') {
        Some(shown) if shown.len() == rest.len() => (shown, SLASH),
        _ => (tail, 0),
    };
    if shown.eq_ignore_ascii_case(rest) {
        append_capitals(shown, spelling);
        return Some(slash);
    }
    let (tail, rest) = (tail.as_bytes(), rest.as_bytes());
    let before = tail.iter().zip(rest).take_while(|(one, other)| one == other).count();
    let (own, others) = (tail.get(before..)?, rest.get(before..)?);
    let after = own.iter().rev().zip(others.iter().rev()).take_while(|(one, other)| one == other).count();
    let between = own.get(..own.len() - after)?;
    if bytes_max < between.len() {
        return None;
    }
    push_varint(spelling, before as u64);
    push_varint(spelling, after as u64);
    spelling.extend_from_slice(between);
    Some(TAIL)
}

/// Appends the tail of which this is the difference to the rest of the normal form.
fn write_tail(rest: &[u8], mut between: &[u8], sent: &mut String) -> Option<()> {
    let before = usize::try_from(take_varint(&mut between)?).ok()?;
    let after = usize::try_from(take_varint(&mut between)?).ok()?;
    let end = rest.get(rest.len().checked_sub(after)?..)?;
    let tail = [rest.get(..before)?, between, end].concat();
    sent.push_str(str::from_utf8(&tail).ok()?);
    Some(())
}

/// Appends a bit for each ASCII letter, set for capital ones, up to the last byte that has one.
fn append_capitals(tail: &str, spelling: &mut Vec<u8>) {
    let mut needed_bytes = spelling.len();
    let (mut bits, mut letters) = (0_u8, 0_usize);
    for letter in tail.bytes().filter(u8::is_ascii_alphabetic) {
        bits |= u8::from(letter.is_ascii_uppercase()) << (letters % 8);
        letters += 1;
        if letters.is_multiple_of(8) {
            spelling.push(bits);
            if bits != 0 {
                needed_bytes = spelling.len();
            }
            bits = 0;
        }
    }
    if bits == 0 {
        spelling.truncate(needed_bytes);
    } else {
        spelling.push(bits);
    }
}

#[cfg(test)]
mod tests;
