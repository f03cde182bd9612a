//! Ranges and wildcards of addresses: `192.0.2.1-9`, `192.0.2.*`, `10.x.x.x`. They are many values, so they are refused;
//! as names they would be values that nobody can look up.

/// Characters that ranges and wildcards have beside digits and dots.
const WILD: [char; 10] = ['*', '?', 'x', 'X', '-', ',', '[', ']', '{', '}'];

/// What a wildcard or range has at least one of.
const WILDCARDS: [char; 6] = ['*', '?', 'x', 'X', '-', ','];

/// Parts of an IPv4 address.
const PARTS: usize = 4;

/// Returns true if a host, of which the dots around it do not count, stands for several IPv4 addresses: all its labels
/// are numbers, ranges or wildcards, with at least one number and one wildcard among them.
///
/// The domain `1.xxx` exists. So where `x` stands for digits it stands alone, or in one of four parts.
pub(super) fn is_ipv4_range(host: &str) -> bool {
    let labels = host.split('.').filter(|label| !label.is_empty());
    let (mut count, mut numbers, mut long_placeholders) = (0, 0, 0);
    for label in labels {
        count += 1;
        if label.bytes().all(|byte| byte.is_ascii_digit()) {
            numbers += 1;
        } else if !label.chars().all(|character| character.is_ascii_digit() || WILD.contains(&character)) {
            return false;
        } else if 1 < label.len() && label.contains(['x', 'X']) {
            long_placeholders += 1;
        }
    }
    0 < numbers && host.contains(WILDCARDS) && (long_placeholders == 0 || count == PARTS)
}

/// Returns true if a refused text is a range or wildcard of addresses, with anything around it that a URL has.
pub(super) fn is_address_range(text: &str) -> bool {
    let text: String =
        text.chars().filter(|character| !character.is_whitespace()).map(plain_hyphen).collect();
    let (host, ends): (&str, &[char]) = match text.split_once("://") {
        // Behind a scheme a question mark begins a query.
        Some((_scheme, after)) => (after, &['/', '\\', '#', '?']),
        None => (&text, &['/', '\\', '#']),
    };
    let host = host.split(ends).next().unwrap_or(host);
    let inside = host.strip_prefix('[').and_then(|host| host.split_once(']'));
    is_ipv6_range(inside.map_or(host, |(inside, _port)| inside))
        || is_ipv4_range(host.split(':').next().unwrap_or(host))
}

/// Returns true if a text without brackets around it stands for several IPv6 addresses.
pub(super) fn is_ipv6_range(host: &str) -> bool {
    let is_part = |character: char| {
        character.is_ascii_hexdigit() || matches!(character, ':' | '.') || WILD.contains(&character)
    };
    2 <= host.matches(':').count() && host.chars().all(is_part) && host.contains(WILDCARDS)
}

/// Dashes of documents are hyphens.
fn plain_hyphen(character: char) -> char {
    if matches!(character, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}') {
        '-'
    } else {
        character
    }
}

#[cfg(test)]
mod tests;
