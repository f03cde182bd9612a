//! Values in text: addresses, networks, hashes, URLs and domains, also defanged, as lines of logs and reports have them.
//!
//! In: a text. Out: what in it could be looked up, refanged, in order. What only looks like a domain, such as the name of a file,
//! is told by the list of public suffixes, and cannot be told where its ending is one (`.zip`, `.py`).

use std::sync::LazyLock;

use regex::{Captures, Match, Regex};
use sluice_model::{Indicator, IndicatorKind, normalize::refang};

/// What may be a value, by its form alone, in any letter case. The first that fits counts.
const FORMS: [&str; 5] = [
    // URLs, up to what ends one in text.
    r#"[a-z][a-z*+.-]*:(?://|\\\\)[^\s"'<>|`{}]+"#,
    // Names, with a path or not.
    r#"[\p{L}0-9_](?:[\p{L}0-9_-]*\.)+(?:xn--[a-z0-9-]+|\p{L}{2,})(?:/[^\s"'<>|`{}]*)?"#,
    // Hashes.
    r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b",
    // IPv6 addresses and networks.
    r"(?:[0-9a-f]{0,4}:){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{1,4})?(?:/[0-9]{1,3}\b)?",
    // IPv4 addresses and networks.
    r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?\b",
];

/// What ends a sentence rather than a value.
const TRAILING: [char; 7] = ['.', ',', ';', ':', '!', '?', '*'];

/// Brackets that hide a character, and what they hide.
const HIDING: &str = r"(?i)[\[({](\.|dot|:|://|/|@|at)[\])}]";

// Cannot fail: both are constants, and tests read with them.
static CANDIDATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("(?i){}", FORMS.map(|form| format!("(?:{form})")).join("|"))).ok());
static HIDDEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(HIDING).ok());

/// The values in a text.
pub(super) fn values(text: &str) -> Vec<String> {
    let (Some(candidates), Some(hidden)) = (&*CANDIDATE, &*HIDDEN) else { return Vec::new() };
    let text = hidden.replace_all(text, |found: &Captures<'_>| shown(found).to_owned());
    let (mut values, mut at) = (Vec::new(), 0);
    while let Some(candidate) = candidates.find_at(&text, at) {
        at = candidate.end();
        match value(&text, candidate) {
            Some(value) => values.push(value),
            // Colons also stand between words and times; what is behind them may be a value.
            None if is_colons(candidate.as_str()) => {
                at = candidate.start() + candidate.as_str().chars().next().map_or(1, char::len_utf8);
            }
            None => {}
        }
    }
    values
}

/// What brackets hide.
fn shown<'t>(found: &Captures<'t>) -> &'t str {
    let hidden = found.get(1).map_or("", |hidden| hidden.as_str());
    if hidden.eq_ignore_ascii_case("dot") {
        "."
    } else if hidden.eq_ignore_ascii_case("at") {
        "@"
    } else {
        hidden
    }
}

/// Whether a candidate has only the form of an IPv6 address.
fn is_colons(candidate: &str) -> bool {
    candidate.bytes().all(|byte| byte.is_ascii_hexdigit() || b":./".contains(&byte))
        && candidate.contains(':')
}

/// The value that a candidate is, if it is one.
fn value(text: &str, candidate: Match<'_>) -> Option<String> {
    let mut found = candidate.as_str();
    if is_colons(found) {
        let is_part = |character: char| character.is_alphanumeric() || character == ':';
        let before = text.get(..candidate.start())?.chars().next_back();
        let after = text.get(candidate.end()..)?.chars().next();
        if before.is_some_and(is_part)
            || after.is_some_and(is_part)
            || !found.contains(|c: char| c.is_alphanumeric())
        {
            return None;
        }
    }
    loop {
        let cut = found.trim_end_matches(TRAILING);
        let unbalanced = [('(', ')'), ('[', ']')].into_iter().find(|(open, close)| {
            cut.ends_with(*close) && cut.matches(*open).count() < cut.matches(*close).count()
        });
        let next = match unbalanced {
            Some((_, close)) => cut.strip_suffix(close)?,
            None => cut,
        };
        if next == found {
            break;
        }
        found = next;
    }
    let found = refang(found);
    let indicator = Indicator::parse(&found).ok()?;
    let is_plain_name = indicator.kind() == IndicatorKind::Url && !found.contains("://");
    (!is_plain_name || has_known_suffix(&found)).then(|| found.into_owned())
}

/// Whether a name ends as names on the Internet do.
fn has_known_suffix(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or(name).to_lowercase();
    psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

#[cfg(test)]
mod tests;
