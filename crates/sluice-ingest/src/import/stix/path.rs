//! Paths of STIX patterns: what the value of each is for us.
//!
//! In: a path as it is written. Out: its [`Meaning`]. Keys of hashes are taken as producers write them: `'SHA-256'`, as the
//! standard has it, `SHA256` and `sha256`. Pure.

use crate::import::hash_kind::HashKind;

/// What a value is for us, by its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// An indicator of any kind: producers put addresses under `domain-name:value`.
    Value,
    /// The same, which may be a network.
    Address,
    Hash(HashKind),
    /// It says something of the object, under this name.
    Note(&'static str),
    /// It says of what type something is, which the thing itself does too.
    Type,
    Unknown,
}

/// The type of the object that a path begins with, and what the path means.
pub(crate) fn meaning(path: &str) -> (&str, Meaning) {
    let Some((object, property)) = path.split_once(':') else { return ("", Meaning::Unknown) };
    let meaning = match (object, property) {
        ("domain-name" | "url", "value") => Meaning::Value,
        ("ipv4-addr" | "ipv6-addr", "value") | ("network-traffic", "src_ref.value" | "dst_ref.value") => {
            Meaning::Address
        }
        ("network-traffic", "src_ref.type" | "dst_ref.type") => Meaning::Type,
        ("network-traffic", "src_port" | "dst_port") => Meaning::Note("port"),
        ("network-traffic", "protocols[*]") => Meaning::Note("protocol"),
        ("domain-name", "resolves_to_refs[*].value") => Meaning::Note("resolves_to"),
        ("file", "name") => Meaning::Note("file_name"),
        ("file", property) => {
            let key = property.strip_prefix("hashes.").unwrap_or("");
            let key = key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')).unwrap_or(key);
            HashKind::of(key).map_or(Meaning::Unknown, Meaning::Hash)
        }
        _ => Meaning::Unknown,
    };
    (object, meaning)
}

/// How many bytes of a text are a path at its beginning; `None` if that is none.
pub(crate) fn length(text: &str) -> Option<usize> {
    let mut at = word_length(text)?;
    let mut sign = ":";
    while text.get(at..)?.starts_with(sign) {
        at += 1;
        let rest = text.get(at..)?;
        at += match rest.strip_prefix('\'') {
            // An escape in a key leads nowhere.
            Some(quoted) => quoted.find('\'').filter(|length| *length > 0)? + 2,
            None => word_length(rest)?,
        };
        while let Some(index) = text.get(at..)?.strip_prefix('[') {
            at += index.find(']').filter(|length| *length > 0 && is_index(index.get(..*length)))? + 2;
        }
        sign = ".";
    }
    (sign == ".").then_some(at)
}

fn word_length(text: &str) -> Option<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let length = text.bytes().take_while(is_word).count();
    (length > 0).then_some(length)
}

fn is_index(text: Option<&str>) -> bool {
    text.is_some_and(|text| text == "*" || text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
