//! URLs as lines.
//!
//! Normal forms have no escapes but those that they need, and no scheme. Devices take ASCII, and some read a `#` as a comment: so everything else is
//! escaped here.

use super::{
    super::format::ListFormat,
    lines::{Fit, append},
};

/// Bytes of a URL that PAN-OS takes: what is longer, its vendor's own exporter cuts off.
const PAN_URL_BYTES_MAX: usize = 254;

/// Bytes of a line that Squid reads as one, with its end: what is behind would be a pattern of its own.
const SQUID_LINE_BYTES_MAX: usize = 2_046;

/// Bytes that part the words of a URL for PAN-OS: a star is one of them, or means nothing.
const PAN_SEPARATORS: &[u8] = b"./?&=;+";

/// A URL as devices take it; `None` if they do not. Only some read stars as masks are meant.
pub(super) fn escaped(url: &str, format: ListFormat) -> Option<String> {
    let mut escaped = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            append(&mut escaped, format_args!("%{byte:02x}"));
        }
    }
    let is_taken = match format {
        ListFormat::Pan => escaped.len() <= PAN_URL_BYTES_MAX && has_whole_stars(&escaped),
        ListFormat::Forti | ListFormat::Cisco | ListFormat::Zeek => !escaped.contains('*'),
        _ => true,
    };
    is_taken.then_some(escaped)
}

/// Whether each star of a URL stands between separators.
fn has_whole_stars(url: &str) -> bool {
    let words = url.as_bytes().split(|byte| PAN_SEPARATORS.contains(byte));
    words.into_iter().all(|word| word == b"*" || !word.contains(&b'*'))
}

/// Appends the pattern of a URL for Squid, to be compared without case: any scheme and port, with `www` before it, a pattern itself, and without a query in the
/// URL with any.
pub(super) fn append_pattern((host, www): (&str, &str), url: &str, rest: &str, text: &mut String) -> Fit {
    // Masks would need patterns of their own.
    if host.ends_with("*.") || rest.ends_with("/*") {
        return Fit::Dropped;
    }
    let shown = url.strip_suffix(rest).unwrap_or(url);
    let Some(escaped) = escaped(rest, ListFormat::SquidUrls) else { return Fit::Dropped };
    let start = text.len();
    text.push_str("^https?://");
    if !shown.ends_with(|last: char| last.is_ascii_digit() || last == ']') {
        text.push_str(www);
    }
    append_quoted(shown, text);
    text.push_str("(:[0-9]+)?");
    append_quoted(escaped.strip_suffix('/').unwrap_or(&escaped), text);
    text.push_str(if rest.contains('?') { "$\n" } else { "/?(\\?.*)?$\n" });
    if SQUID_LINE_BYTES_MAX < text.len() - start {
        text.truncate(start);
        return Fit::Dropped;
    }
    Fit::Written
}

/// Appends a text so that a regular expression means it as it is.
fn append_quoted(plain: &str, pattern: &mut String) {
    for character in plain.chars() {
        if ".[]{}()*+?^$|\\".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
}
