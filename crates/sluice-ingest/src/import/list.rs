//! Plain lists: the value in a line.
//!
//! In: a line. Out: its first word, if it is no comment: `#`, `;` and `//` at the beginning of a word begin one. A line of
//! a hosts file stands for its names, and is read in a list that is refanged alone: its address is no value. There, a rule
//! `||name^` of an ad blocker stands for the name in it. Pure.

use std::net::IpAddr;

use super::unread::Unread;

/// The values of a line.
///
/// # Errors
///
/// [`Unread::HostsLine`] in a list that is not refanged.
pub(crate) fn values(line: &str, is_refanged: bool) -> Result<impl Iterator<Item = &str>, Unread> {
    let mut words = line.trim().split_ascii_whitespace().take_while(|word| !begins_comment(word));
    let (first, second) = (words.next(), words.next());
    let is_hosts_line = second.is_some() && first.is_some_and(is_nowhere);
    if is_hosts_line && !is_refanged {
        return Err(Unread::HostsLine);
    }
    let (value, names_max) = match first {
        Some(_) if is_hosts_line => (second, usize::MAX),
        Some(rule) if is_refanged => (Some(name_of_rule(rule)), 0),
        first => (first, 0),
    };
    Ok(value.into_iter().chain(words.take(names_max)))
}

fn begins_comment(word: &str) -> bool {
    ["#", ";", "//"].iter().any(|comment| word.starts_with(comment))
}

/// Whether a word is an address that says nothing of the names behind it.
fn is_nowhere(word: &str) -> bool {
    word.parse().is_ok_and(|address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_loopback() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_loopback() || v6.is_multicast(),
    })
}

fn name_of_rule(rule: &str) -> &str {
    let parts = rule.strip_prefix("||").and_then(|rule| rule.split_once('^'));
    parts.map_or(rule, |(name, _options)| name)
}

#[cfg(test)]
mod tests;
