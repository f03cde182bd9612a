//! Values in text: addresses, networks, hashes, URLs and domains, also defanged, as lines of logs and reports have them.
//!
//! In: a text. Out: what in it could be looked up, refanged, in order. Hashes are found in names and URLs too, and URLs in URLs, escaped or
//! not. What only looks like a domain, such as the name of a file, is told by the list of public suffixes, and cannot be told where its
//! ending is one (`.zip`, `.py`). Time follows the length of the text, whatever it is: each part is looked at a few times at most.

use std::{ops::Range, sync::LazyLock};

use regex::{Captures, Regex};
use sluice_model::{Indicator, IndicatorKind, normalize::refang, percent};

/// What may be a value, by its form alone, in any letter case. The first that fits counts. None looks further ahead than it takes, but
/// for a few characters, so that what does not fit is not looked at again and again.
const FORMS: [&str; 3] = [
    // URLs, up to what ends one in text.
    r#"[a-z][a-z*+.-]{0,15}:(?://|\\\\)[^\s"'<>|`{}]+"#,
    // Whatever has only digits, points and colons: IPv6 addresses and networks, and much else.
    r"[0-9a-f.]*:[0-9a-f:.]*(?:/[0-9]{1,3}\b)?",
    // Words: names, IPv4 addresses and hashes.
    r"[\p{L}0-9_][\p{L}0-9_.-]*",
];
const HASHES: &str = r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b";
/// Addresses and networks.
const IPV4: &str = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?\b";
/// Where a URL begins in another one; the second form is escaped, and ends where the other goes on.
const NESTED: &str = r"(?:https?|ftp|h..ps?):(?://|\\\\)|(?:https?|ftp)%3a%2f%2f[^&#]+";

/// What ends the path of a name.
const PATH_ENDS: [char; 8] = ['"', '\'', '<', '>', '|', '`', '{', '}'];

/// What ends a sentence rather than a value.
const TRAILING: [char; 14] = [
    '.', ',', ';', ':', '!', '?', '*', '\\', '\u{2026}', '\u{2019}', '\u{201d}', '\u{bb}', '\u{3002}',
    '\u{ff0c}',
];

/// Brackets that hide a character, and what they hide.
const HIDING: &str = r"(?i)[\[({](\.|dot|:|://|/|@|at)[\])}]";

/// URLs in one another that are looked at.
const NESTED_MAX: usize = 8;

// Cannot fail: all are constants, and tests read with them.
static CANDIDATE: LazyLock<Option<Regex>> = LazyLock::new(|| any_of(&FORMS));
static HASH: LazyLock<Option<Regex>> = LazyLock::new(|| any_of(&[HASHES]));
static HASH_OR_IPV4: LazyLock<Option<Regex>> = LazyLock::new(|| any_of(&[HASHES, IPV4]));
static NESTED_URL: LazyLock<Option<Regex>> = LazyLock::new(|| any_of(&[NESTED]));
static HIDDEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(HIDING).ok());

fn any_of(forms: &[&str]) -> Option<Regex> {
    let forms: Vec<_> = forms.iter().map(|form| format!("(?:{form})")).collect();
    Regex::new(&format!("(?i){}", forms.join("|"))).ok()
}

/// The values in a text.
pub(super) fn values(text: &str) -> Vec<String> {
    let (Some(candidates), Some(hidden)) = (&*CANDIDATE, &*HIDDEN) else { return Vec::new() };
    let text = hidden.replace_all(text, |found: &Captures<'_>| shown(found).to_owned());
    let mut found = Found { text: &text, values: Vec::new(), end: 0, nested: 0 };
    let mut at = 0;
    while let Some(candidate) = candidates.find_at(&text, at) {
        let form = candidate.as_str();
        at = if form.contains("://") || form.contains(":\\\\") {
            found.take_url(candidate.range())
        } else if form.contains(':') {
            found.take_colons(candidate.range())
        } else {
            found.take_word(candidate.range())
        };
    }
    found.values
}

/// What was found in a text. Each of its functions takes what stands in a range of it, and returns where it is to be gone on.
struct Found<'text> {
    text: &'text str,
    values: Vec<String>,
    /// Where the last URL ended, and how many began in it.
    end: usize,
    nested: usize,
}

impl<'text> Found<'text> {
    fn part(&self, range: Range<usize>) -> &'text str {
        self.text.get(range).unwrap_or("")
    }

    /// A URL, or a name with or without a path, and what is in it.
    fn take_url(&mut self, range: Range<usize>) -> usize {
        self.values.extend(value(self.part(range.clone())));
        if self.end <= range.start {
            (self.end, self.nested) = (range.end, 0);
            let hidden = hidden_in(self.part(range.clone()));
            self.values.extend(hidden);
        }
        self.nested += 1;
        self.next_url(range.clone()).filter(|_| self.nested < NESTED_MAX).unwrap_or(range.end)
    }

    /// Where the next URL begins in one, behind its own beginning.
    fn next_url(&self, range: Range<usize>) -> Option<usize> {
        let inner = self.text.get(..range.end)?;
        let mut from = range.start + self.part(range).find([':', '/'])? + 1;
        while let Some(url) = NESTED_URL.as_ref()?.find_at(inner, from) {
            if !url.as_str().contains('%') {
                return Some(url.start());
            }
            from = url.end();
        }
        None
    }

    /// The address that stands among colons, behind a word or not, or else the words between them.
    fn take_colons(&mut self, range: Range<usize>) -> usize {
        let is_alphanumeric = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let is_in_word = is_alphanumeric(self.part(0..range.start).chars().next_back());
        let goes_on = is_alphanumeric(self.part(range.end..self.text.len()).chars().next());
        let found = self.part(range.clone());
        let behind_word = found.split_once(':').map(|(_, rest)| rest);
        let tries = [(!is_in_word).then_some(found), behind_word];
        let mut tries = tries.into_iter().flatten().filter(|_| !goes_on);
        let address =
            tries.find_map(|found| ipv6(found).or_else(|| ipv6(found.trim_end_matches(['.', ':']))));
        if let Some(address) = address.map(str::to_owned) {
            self.values.push(address);
            return range.end;
        }
        // What is behind the last colon may be the beginning of something else.
        let last = range.start + found.rfind(':').unwrap_or(0) + 1;
        let mut start = range.start;
        while let Some(length) = self.part(start..last).find(':') {
            if !(is_in_word && start == range.start) {
                self.take_word(start..start + length);
            }
            start += length + 1;
        }
        last
    }

    /// A name, or the addresses and hashes in what is none.
    fn take_word(&mut self, range: Range<usize>) -> usize {
        let word = self.part(range.clone());
        if let Some(length) = name_in(word).filter(|length| word.get(..*length).is_some_and(has_known_suffix))
        {
            let is_followed = length == word.len();
            let rest = self.part(range.start + length..self.text.len());
            let ends_path = |character: char| character.is_whitespace() || PATH_ENDS.contains(&character);
            let path = if is_followed && rest.starts_with('/') {
                rest.find(ends_path).unwrap_or(rest.len())
            } else {
                0
            };
            return self.take_url(range.start..range.start + length + path);
        }
        let end = range.end + prefix_length(self.part(range.end..self.text.len()));
        let (Some(forms), Some(before)) = (&*HASH_OR_IPV4, self.text.get(..end)) else { return range.end };
        let mut from = range.start;
        while let Some(part) = forms.find_at(before, from) {
            self.values.extend(value(part.as_str()));
            from = part.end();
        }
        range.end.max(from)
    }
}

/// Bytes of the length of a prefix behind an address.
fn prefix_length(rest: &str) -> usize {
    let Some(digits) = rest.strip_prefix('/') else { return 0 };
    let length = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let goes_on =
        digits.get(length..).and_then(|after| after.chars().next()).is_some_and(char::is_alphabetic);
    if matches!(length, 1 | 2) && !goes_on { length + 1 } else { 0 }
}

/// The length of the name that a word begins with: labels, the last of which is of letters.
fn name_in(word: &str) -> Option<usize> {
    let mut end = word.len();
    loop {
        let start = word.get(..end)?.rfind('.')? + 1;
        let last = word.get(start..end)?;
        let is_encoded = last.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"));
        let is_in_it = |character: char| {
            if is_encoded {
                character.is_ascii_alphanumeric() || character == '-'
            } else {
                character.is_alphabetic()
            }
        };
        let length = last.find(|character| !is_in_it(character)).unwrap_or(last.len());
        let characters_min = if is_encoded { 5 } else { 2 };
        if last.get(..length).is_some_and(|label| characters_min <= label.chars().count()) {
            return Some(start + length);
        }
        end = start - 1;
    }
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

/// The same text, if it is an IPv6 address or network.
fn ipv6(found: &str) -> Option<&str> {
    let is_one = found.matches(':').nth(1).is_some()
        && found.contains(|character: char| character.is_ascii_hexdigit())
        && Indicator::parse(found).is_ok_and(|indicator| indicator.kind() != IndicatorKind::Url);
    is_one.then_some(found)
}

/// What a name or URL has in it without the form of it: hashes, and URLs that are escaped.
fn hidden_in(found: &str) -> Vec<String> {
    let hashes = HASH.iter().flat_map(|form| form.find_iter(found));
    let mut values: Vec<_> = hashes.map(|hash| hash.as_str().to_owned()).collect();
    let escaped = NESTED_URL.iter().flat_map(|form| form.find_iter(found));
    for url in escaped.filter(|url| url.as_str().contains('%')).take(NESTED_MAX) {
        let url = percent::decode_strictly(url.as_str()).and_then(|bytes| String::from_utf8(bytes).ok());
        values.extend(url.and_then(|url| value(&url)));
    }
    values
}

/// The value that a candidate is, if it is one.
fn value(found: &str) -> Option<String> {
    let found = refang(without_trailing(found));
    Indicator::parse(&found).is_ok().then(|| found.into_owned())
}

/// Without what belongs to the text around: punctuation, and brackets that do not begin in it.
fn without_trailing(found: &str) -> &str {
    let surplus = |open: char, close: char| {
        let closing = found.matches(close).count();
        closing.saturating_sub(found.matches(open).count())
    };
    let (mut round, mut square) = (surplus('(', ')'), surplus('[', ']'));
    found.trim_end_matches(|character| {
        let count = match character {
            ')' => &mut round,
            ']' => &mut square,
            other => return TRAILING.contains(&other),
        };
        let is_surplus = *count != 0;
        *count = count.saturating_sub(1);
        is_surplus
    })
}

/// Whether a name ends as names on the Internet do.
fn has_known_suffix(name: &str) -> bool {
    psl::suffix(name.to_lowercase().as_bytes()).is_some_and(|suffix| suffix.is_known())
}

#[cfg(test)]
mod tests;
