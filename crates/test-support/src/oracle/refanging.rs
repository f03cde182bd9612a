//! Defanged text made whole again.
//!
//! In: a text. Out: the same with `hxxp`, `[.]`, `(.)` and `[:]` as what they stand for.

use super::value::is_blank;

/// The forms of the contract, and one of its examples.
const FORMS: [(&str, &str); 7] =
    [("[.]", "."), ("(.)", "."), ("[:]", ":"), ("{at}", "@"), ("{AT}", "@"), ("{At}", "@"), ("{aT}", "@")];

/// Schemes that are defanged, with the colon behind them.
const SCHEMES: [&str; 4] = ["hxxp:", "hxxps:", "hxxp[:]", "hxxps[:]"];

/// Whether it is open with which reason a text is refused: it is defanged, or has a blank or a control character inside, and
/// may break another rule beside; the contract does not say which comes first.
pub(crate) fn has_open_reason(text: &str) -> bool {
    let is_defanged = has_defanged_scheme(text) || FORMS.iter().any(|(form, _)| text.contains(form));
    is_defanged || text.trim_matches(is_blank).contains(|one: char| is_blank(one) || one.is_control())
}

fn has_defanged_scheme(text: &str) -> bool {
    let text = text.trim_matches(is_blank);
    SCHEMES.iter().any(|scheme| {
        let (start, after) = text.split_at_checked(scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme) && after.starts_with(['/', '\\'])
    })
}

/// Refangs a text, unless scheme and host are whole: then brackets are the path's own.
pub(crate) fn refanged(text: &str) -> String {
    let text = text.trim_matches(is_blank);
    let has_scheme = has_defanged_scheme(text);
    let text = if has_scheme { format!("http{}", &text[4..]) } else { text.to_owned() };
    // Slashes behind a colon, or in front of all, are those of a scheme; the next one ends the host.
    let ends_host = |character| matches!(character, '/' | '\\' | '?' | '#');
    let is_slash = |character| matches!(character, '/' | '\\');
    let first_end = text.find(ends_host).unwrap_or(text.len());
    let begin = &text[..first_end];
    let has_colon = begin.ends_with(':') || begin.ends_with("[:]");
    // With a dot before the colon and one slash after it, it is a host and a port that is left out.
    let has_slashes =
        begin.is_empty() || has_colon && (!begin.contains('.') || text[first_end..].starts_with("//"));
    let host_start =
        if has_slashes { text.len() - text[first_end..].trim_start_matches(is_slash).len() } else { 0 };
    let host_end = text[host_start..].find(ends_host).map_or(text.len(), |end| host_start + end);
    let is_whole = !has_scheme && FORMS.iter().all(|(form, _)| !text[..host_end].contains(form));
    if is_whole { text } else { FORMS.iter().fold(text, |text, (form, plain)| text.replace(form, plain)) }
}
