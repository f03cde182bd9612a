//! What a client has already, and which part of a representation it wants: conditional requests and ranges, as of RFC 9110.
//!
//! In: the headers of a request, and validators of what would be answered. Out: what to answer. Of several ranges the whole is answered, which
//! a server may; what is malformed is as if it were not there.

use std::{
    ops::Range,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};

#[cfg(test)]
mod tests;

/// What tells one representation from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'v> {
    /// The entity tag, a strong one, with its quotes.
    pub(crate) tag: &'v str,
    /// The second of the last change.
    pub(crate) modified_seconds: u64,
}

/// What is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wants {
    /// That it has not changed.
    Nothing,
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// There are no such bytes.
    Unsatisfiable,
}

impl Validators<'_> {
    /// The time of the last change, as headers have it.
    pub(crate) fn last_modified(&self) -> String {
        HttpDate::from(UNIX_EPOCH + Duration::from_secs(self.modified_seconds)).to_string()
    }

    /// What a client wants of so many bytes.
    pub(crate) fn wants(&self, headers: &HeaderMap, bytes: u64) -> Wants {
        if self.is_known(headers) {
            return Wants::Nothing;
        }
        match text(headers, header::RANGE) {
            Some(range) if self.is_meant(headers) => range_of(range, bytes),
            _ => Wants::Whole,
        }
    }

    /// Whether the client has it. A tag counts more than a date.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::IF_NONE_MATCH) {
            let lists = headers.get_all(header::IF_NONE_MATCH).map(HeaderValue::to_str);
            let mut tags = lists.flatten().flat_map(|list| list.split(',')).map(str::trim);
            return tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag);
        }
        Some(self.modified_seconds) <= text(headers, header::IF_MODIFIED_SINCE).and_then(seconds_of)
    }

    /// Whether a range is one of these bytes.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        match text(headers, header::IF_RANGE) {
            Some(tag) if tag.contains('"') => tag == self.tag,
            Some(date) => seconds_of(date) == Some(self.modified_seconds),
            None => true,
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds_of(date: &str) -> Option<u64> {
    let time: SystemTime = date.parse::<HttpDate>().ok()?.into();
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// The bytes of a range.
fn range_of(range: &str, bytes: u64) -> Wants {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wants::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..bytes.min(last.saturating_add(1)),
        (Ok(first), Err(_)) if last.is_empty() => first..bytes,
        (Err(_), Ok(count)) if first.is_empty() => bytes.saturating_sub(count)..bytes,
        _ => return Wants::Whole,
    };
    if part.is_empty() { Wants::Unsatisfiable } else { Wants::Part(part) }
}
