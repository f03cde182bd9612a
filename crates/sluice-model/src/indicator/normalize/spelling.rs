//! Spellings: what a sent text says beyond the normal form that was made of it.
//!
//! In: a text and its key. Out: nothing if the key says enough, else bytes from which, together with the key, the text
//! comes back to the byte, but for what is blank around it. It says more with a scheme other than `http` and `https`, with
//! a port that is not the scheme's own, with user-info, and with a path, query or fragment that reads otherwise: in letter
//! case, escapes, slashes, dot segments. How the host is spelled says nothing, nor do `http`, `https`, a lone slash behind the
//! host, or one left out before a query.
//!
//! Encoding: a byte of flags. Two bits are the scheme (none, `http://`, `https://`); if both are set, the text itself
//! follows. Otherwise: the port as a varint if flagged; then, to the end, a bit for each ASCII letter of path and query in
//! normal form, lowest first, set for capital letters, without zero bytes at the end. Further flags: `www.` before the host,
//! a slash at the end. `http://example.com:8080/aB` is `09 90 3f 02`.
//!
//! Pure. Most texts never get here: the short way to a key tells, at no cost, that it says enough.

use crate::varint::{push_varint, take_varint};

use super::{
    super::{ends, key},
    url::{self, Url},
};

/// The flags that are the scheme.
const SCHEME: u8 = 0b11;
const HTTP: u8 = 1;
const HTTPS: u8 = 2;
/// The text itself follows.
const WHOLE: u8 = 3;
const WWW: u8 = 4;
const PORT: u8 = 8;
const SLASH: u8 = 16;
const KNOWN: u8 = SCHEME | WWW | PORT | SLASH;

/// Appends the spelling of a URL with this key to `spelling`: nothing when the key says enough. `normal` is a buffer.
pub(super) fn append(text: &str, key: &[u8], normal: &mut String, spelling: &mut Vec<u8>) {
    let text = ends::cut(text);
    let Ok(url) = Url::split(text) else { return };
    normal.clear();
    key::write_normal_form(key, normal);
    let (host, rest) = split_host(normal);
    if !says_more(url, rest) {
        return;
    }
    let start = spelling.len();
    if append_difference(text, url, (host, rest), spelling).is_none() {
        spelling.truncate(start);
        spelling.push(WHOLE);
        spelling.extend_from_slice(text.as_bytes());
    }
}

/// Appends the text that was sent for a key with a spelling; `None`, with `sent` perhaps longer, for bytes that are no
/// spelling of the key.
pub fn write_sent(key: &[u8], spelling: &[u8], sent: &mut String) -> Option<()> {
    let (flags, mut bytes) = spelling.split_first()?;
    if flags & SCHEME == WHOLE {
        sent.push_str(str::from_utf8(bytes).ok()?);
        return (*flags == WHOLE).then_some(());
    }
    if flags & !KNOWN != 0 {
        return None;
    }
    let mut normal = String::new();
    key::write_normal_form(key, &mut normal)?;
    let (host, rest) = split_host(&normal);
    sent.push_str(match flags & SCHEME {
        HTTP => "http://",
        HTTPS => "https://",
        _ => "",
    });
    if flags & WWW != 0 {
        sent.push_str("www.");
    }
    sent.push_str(host);
    if flags & PORT != 0 {
        sent.push(':');
        sent.push_str(&u16::try_from(take_varint(&mut bytes)?).ok()?.to_string());
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

/// Returns true if a URL says more than a normal form with this rest.
fn says_more(url: Url<'_>, rest: &str) -> bool {
    let scheme = url.scheme.trim_end_matches(url::SLASHES).trim_end_matches(':');
    let own_port = match scheme {
        "" => "",
        scheme if scheme.eq_ignore_ascii_case("http") => "80",
        scheme if scheme.eq_ignore_ascii_case("https") => "443",
        _ => return true,
    };
    let is_same_rest = match url.tail {
        // A mask of all paths of a host is the host.
        "/" | "/*" if rest.is_empty() => true,
        query if query.starts_with('?') => rest.strip_prefix('/') == Some(query),
        tail => tail == rest,
    };
    !(is_same_rest && url.user_info.is_none() && (url.port.is_empty() || url.port == own_port))
}

/// Appends what makes the text of the normal form; `None`, perhaps with bytes left behind, when there is more to it.
fn append_difference(
    text: &str,
    url: Url<'_>,
    (host, rest): (&str, &str),
    spelling: &mut Vec<u8>,
) -> Option<()> {
    let mut flags = match url.scheme {
        "" => 0,
        "http://" => HTTP,
        "https://" => HTTPS,
        _ => return None,
    };
    if url.host != host {
        url.host.strip_prefix("www.").filter(|sent| *sent == host)?;
        flags |= WWW;
    }
    let mut tail = url.tail;
    if tail.len() == rest.len() + 1 {
        tail = tail.strip_suffix('/')?;
        flags |= SLASH;
    }
    if !tail.eq_ignore_ascii_case(rest) {
        return None;
    }
    let mut told_bytes = url.scheme.len() + url.host.len() + url.tail.len();
    let place = spelling.len();
    spelling.push(flags);
    if !url.port.is_empty() {
        if url.port.starts_with('0') {
            return None;
        }
        told_bytes += 1 + url.port.len();
        push_varint(spelling, url.port.parse::<u16>().ok()?.into());
        *spelling.get_mut(place)? |= PORT;
    }
    append_capitals(tail, spelling);
    // What else there is, such as the colon of an empty port, is in none of these parts.
    (told_bytes == text.len()).then_some(())
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
