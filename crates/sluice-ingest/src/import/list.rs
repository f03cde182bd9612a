//! Plain lists: the value in a line.
//!
//! In: a line. Out: its first word, if it is no comment: `#`, `;` and `//` begin one, and ` #` ends what counts. In a
//! list that is refanged, a line of a hosts file stands for its name, and a rule `||name^` of an ad blocker for the
//! name in it. Pure.

/// Addresses before a name in a hosts file that say nothing of it.
const NOWHERE: [&str; 4] = ["0.0.0.0", "127.0.0.1", "::", "::1"];

/// The value of a line, if it has one.
pub(crate) fn value(line: &str, is_refanged: bool) -> Option<&str> {
    let line = line.trim();
    if ["#", ";", "//"].iter().any(|comment| line.starts_with(comment)) {
        return None;
    }
    let mut words = line.split_ascii_whitespace();
    let first = words.next()?;
    if !is_refanged {
        return Some(first);
    }
    if NOWHERE.contains(&first)
        && let Some(name) = words.next()
        && !name.starts_with('#')
    {
        return Some(name);
    }
    let rule = first.strip_prefix("||").and_then(|rule| rule.split_once('^'));
    Some(rule.map_or(first, |(name, _options)| name))
}

#[cfg(test)]
mod tests;
