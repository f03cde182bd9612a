//! Names as lines: exact ones, and those that cover what is below them.

use sluice_model::{limits, matching, write_normal_form};

use super::{
    super::{
        contents::ListContents,
        format::ListFormat,
        keys::{self, Covering},
    },
    lines::{append, append_member},
};

/// What a line is to say of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnList {
    /// It is on the list.
    Listed,
    /// It is allowed, below one that is on the list.
    Allowed,
}

/// How far what is allowed reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// The name alone.
    Name,
    /// What is below it.
    Below,
    /// Both.
    All,
}

/// What is allowed below a name that is on a list.
pub(super) struct Exception {
    pub(super) name: String,
    pub(super) reach: Reach,
    /// Whether it is told with this name, and not with another listed one that is nearer.
    pub(super) is_told_here: bool,
}

/// Whether a program compares names of a format as they are, so that nothing below them is meant.
pub(super) fn is_exact(format: ListFormat) -> bool {
    matches!(
        format,
        ListFormat::Hosts
            | ListFormat::HaproxyAcl
            | ListFormat::HaproxyMap
            | ListFormat::Zeek
            | ListFormat::SuricataNdjson
    )
}

/// Appends a name for programs that compare them as they are, and the same with `www.`, if that is not allowed and can be one.
pub(super) fn append_exact(
    format: ListFormat,
    list: &str,
    (name, opens_itself): (&str, bool),
    text: &mut String,
) {
    for www in ["", "www."] {
        if !www.is_empty() && (opens_itself || limits::HOST_BYTES_MAX < www.len() + name.len()) {
            continue;
        }
        match format {
            ListFormat::Hosts => append(text, format_args!("0.0.0.0 {www}{name}\n:: {www}{name}\n")),
            ListFormat::HaproxyMap => append(text, format_args!("{www}{name} 1\n")),
            ListFormat::Zeek => append_intel(&format!("{www}{name}"), "Intel::DOMAIN", list, text),
            ListFormat::SuricataNdjson => append_member(&format!("{www}{name}"), text),
            _ => append(text, format_args!("{www}{name}\n")),
        }
    }
}

/// Appends a line of intelligence for Zeek.
pub(super) fn append_intel(value: &str, kind: &str, list: &str, text: &mut String) {
    append(text, format_args!("{value}\t{kind}\tsluice:{list}\t-\t-\n"));
}

/// Appends a name or a mask for programs in which it covers what is below it, and the longest one counts. Where a format has no masks, an
/// allowed one opens its name as well.
pub(super) fn append_covering(
    format: ListFormat,
    (name, reach): (&str, Reach),
    standing: OnList,
    text: &mut String,
) {
    let (star, dot) = match reach {
        Reach::Name => ("", ""),
        Reach::Below => ("*.", "*."),
        Reach::All => ("", "."),
    };
    match (format, standing) {
        (ListFormat::Unbound, OnList::Listed) => {
            append(text, format_args!("local-zone: \"{name}\" always_nxdomain\n"));
        }
        (ListFormat::Unbound, OnList::Allowed) => {
            append(text, format_args!("local-zone: \"{name}\" transparent\n"));
        }
        (ListFormat::Dnsmasq, OnList::Listed) => append(text, format_args!("local=/{star}{name}/\n")),
        (ListFormat::Dnsmasq, OnList::Allowed) => append(text, format_args!("server=/{star}{name}/#\n")),
        (ListFormat::NginxMap, OnList::Listed) => append(text, format_args!("{dot}{name} 1;\n")),
        (ListFormat::NginxMap, OnList::Allowed) => append(text, format_args!("{dot}{name} 0;\n")),
        (ListFormat::PostfixAccess, OnList::Listed) => append(text, format_args!("{name} REJECT\n")),
        (ListFormat::PostfixAccess, OnList::Allowed) => append(text, format_args!("{name} DUNNO\n")),
        (ListFormat::SquidDomains, _) => append(text, format_args!("{dot}{name}\n")),
        (_, _) => append(text, format_args!("{name}\n")),
    }
}

/// What is allowed below the name at a place, of which nothing covers another.
pub(super) fn exceptions(contents: &ListContents, place: usize, format: ListFormat) -> Vec<Exception> {
    let (beginning, _) = keys::below(contents.keys.key(place));
    let allowed = &contents.allowed_names;
    let mut exceptions = Vec::new();
    for place in allowed.places_below(beginning) {
        if allowed.is_covered(place, Covering::All) {
            continue;
        }
        let (key, mut name) = (allowed.key(place), String::new());
        // Zones and maps must not have a name twice.
        let is_told_once = matches!(format, ListFormat::Rpz | ListFormat::NginxMap);
        let is_told_here = !is_told_once || !is_of_another(contents, key, beginning.len());
        write_normal_form(key, &mut name);
        let is_suffix = matching::url_parts(key).is_some_and(|(host, _)| matching::is_public_suffix(host));
        exceptions.push(match name.strip_prefix("*.") {
            Some(masked) => Exception { name: masked.to_owned(), reach: Reach::Below, is_told_here },
            // Who is below it is somebody else.
            None if is_suffix => Exception { name, reach: Reach::Name, is_told_here },
            None => Exception { name, reach: Reach::All, is_told_here },
        });
    }
    exceptions
}

/// Whether an allowed name is told with another listed one, between it and the one whose key has so many bytes.
fn is_of_another(contents: &ListContents, allowed: &[u8], above_bytes: usize) -> bool {
    let keys = &contents.keys;
    let mut end = allowed.len();
    while let Some(dot) = allowed.get(..end - 1).and_then(|rest| rest.iter().rposition(|byte| *byte == b'.'))
    {
        end = dot + 1;
        if end <= above_bytes {
            return false;
        }
        let Some(between) = allowed.get(..end) else { return false };
        for one in [between.to_vec(), [between, b"*."].concat()] {
            if keys.place(&one).is_some_and(|place| !keys.is_covered(place, Covering::All)) {
                return true;
            }
        }
    }
    false
}
