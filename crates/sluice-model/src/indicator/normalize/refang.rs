//! Refanging: values that were made unclickable for readers, made values again.
//!
//! In: a value of a feed whose supplier asks for it, or a looked-up one that is nothing as it stands. Out: the same with
//! `hxxp://` and its like as a scheme, and with bracketed dots, colons, slashes and at signs (`[.]`, `(.)`, `{.}`, `[dot]`,
//! `[:]`, `[://]`) as plain ones. One pass, nothing else is touched: whether the result is an indicator is judged as ever.
//!
//! Whoever defangs a URL begins with its scheme or its host. Where both are whole, brackets in the path are the URL's own.

use std::borrow::Cow;

use super::super::ends;

/// Defanged schemes, lower-case, and what they stand for.
const SCHEMES: [(&str, &str); 14] = [
    ("hxxp", "http"),
    ("hxxps", "https"),
    ("hxtp", "http"),
    ("hxtps", "https"),
    ("htxp", "http"),
    ("htxps", "https"),
    ("hxxxp", "http"),
    ("hxxxps", "https"),
    ("h**p", "http"),
    ("h**ps", "https"),
    ("fxp", "ftp"),
    ("fxps", "ftps"),
    ("meow", "http"),
    ("meows", "https"),
];

/// What brackets hide, lower-case, and what it stands for.
const HIDDEN: [(&str, &str); 7] =
    [(".", "."), ("dot", "."), (":", ":"), ("://", "://"), ("/", "/"), ("@", "@"), ("at", "@")];

/// Pairs of brackets that hide.
const BRACKETS: [(char, char); 3] = [('[', ']'), ('(', ')'), ('{', '}')];

/// Undoes defanging; borrows when there is nothing to undo. What is blank around the text may be cut off.
pub fn refang(text: &str) -> Cow<'_, str> {
    let text = ends::cut(text);
    if is_whole(text) {
        return Cow::Borrowed(text);
    }
    let text = refang_brackets(text);
    match split_scheme(&text) {
        Some((scheme, after)) => match real_scheme(scheme) {
            Some(real) => Cow::Owned(format!("{real}:{after}")),
            None => text,
        },
        None => text,
    }
}

/// Returns true if neither scheme nor host is defanged.
fn is_whole(text: &str) -> bool {
    let after = match split_scheme(text) {
        Some((scheme, _)) if real_scheme(scheme).is_some() => return false,
        Some((_, after)) => after,
        None => text,
    };
    let host = after.trim_start_matches(['/', '\\']);
    for (index, found) in host.match_indices(['[', '(', '{', '/', '\\', '?', '#']) {
        let is_bracket = matches!(found, "[" | "(" | "{");
        if !is_bracket || hidden_at_start(host.split_at(index).1).is_some() {
            return !is_bracket;
        }
    }
    true
}

/// Splits a text at the colon behind a scheme, defanged or not; `None` when it has none.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, after) = text.split_once(':')?;
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.*".contains(&byte));
    // `example.com:/a` is a host with a port that is left out.
    let has_slashes = after.starts_with("//") || after.starts_with(['/', '\\']) && !scheme.contains('.');
    if is_scheme && has_slashes { Some((scheme, after)) } else { None }
}

/// What a defanged scheme, in any letter case, stands for; `None` for a scheme that is not defanged.
pub(super) fn real_scheme(scheme: &str) -> Option<&'static str> {
    SCHEMES.iter().find(|(defanged, _)| scheme.eq_ignore_ascii_case(defanged)).map(|(_, real)| *real)
}

fn refang_brackets(text: &str) -> Cow<'_, str> {
    let mut refanged = String::new();
    let mut copied_to = 0;
    for (index, _) in text.match_indices(['[', '(', '{']) {
        let (before, after) = text.split_at(index);
        if let Some((shown, hiding_bytes)) = hidden_at_start(after) {
            let (_copied, between) = before.split_at(copied_to);
            refanged.push_str(between);
            refanged.push_str(shown);
            copied_to = index + hiding_bytes;
        }
    }
    if copied_to == 0 {
        return Cow::Borrowed(text);
    }
    let (_copied, after) = text.split_at(copied_to);
    refanged.push_str(after);
    Cow::Owned(refanged)
}

/// What a text that begins with a bracket hides in it, and how many bytes the hiding takes.
fn hidden_at_start(text: &str) -> Option<(&'static str, usize)> {
    let (_, close) = BRACKETS.iter().find(|(open, _)| text.starts_with(*open))?;
    let inside = text.get(1..)?;
    for (hidden, shown) in HIDDEN {
        if let Some((start, after)) = inside.split_at_checked(hidden.len())
            && start.eq_ignore_ascii_case(hidden)
            && after.starts_with(*close)
        {
            return Some((shown, hidden.len() + 2));
        }
    }
    None
}

#[cfg(test)]
mod tests;
