//! Rules about a request's head that need nothing but the head.
//!
//! In: headers. Out: whether the client takes JSON, whether it sends JSON and in which encoding, and how long it
//! says its body is. Anything that the contract does not take is 406; there is no 415 in it.
//!
//! Who is asking, and for what, is decided elsewhere.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::http::problem::Cause;

#[cfg(test)]
mod tests;

/// Longest head that is taken, in bytes, by the sum of its names and values.
pub(crate) const HEAD_BYTES_MAX: usize = 16_384;

/// How a body is encoded on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    /// gzip, possibly of several members.
    Gzip,
    /// Zstandard, possibly of several frames.
    Zstd,
}

/// Refuses a head that is too long.
///
/// # Errors
///
/// [`Cause::BadRequest`].
pub(crate) fn check_length(target: &str, headers: &HeaderMap) -> Result<(), Cause> {
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if target.len() + fields <= HEAD_BYTES_MAX {
        return Ok(());
    }
    Err(Cause::BadRequest(
        format!("The head of the request is over the limit of {HEAD_BYTES_MAX} bytes").into(),
    ))
}

/// Refuses a client that cannot take JSON.
///
/// # Errors
///
/// [`Cause::NotAcceptable`].
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), Cause> {
    let mut best: Option<(u8, bool)> = None;
    let mut is_present = false;
    for value in headers.get_all(header::ACCEPT) {
        // An empty list says nothing, and so refuses nothing.
        is_present |= !value.as_bytes().trim_ascii().is_empty();
        let Ok(text) = value.to_str() else { continue };
        for range in text.split(',') {
            if let Some((precision, is_wanted)) = judge_range(range)
                && best.is_none_or(|(known, wanted)| known < precision || known == precision && !wanted)
            {
                best = Some((precision, is_wanted));
            }
        }
    }
    match best {
        Some((_, true)) => Ok(()),
        None if !is_present => Ok(()),
        _ => Err(Cause::NotAcceptable("Answers are application/json only")),
    }
}

/// How precisely a media range speaks of JSON, and whether it wants it; `None` when it does not speak of it.
fn judge_range(range: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?;
    let precision = if media.eq_ignore_ascii_case("application/json") {
        2
    } else if media.eq_ignore_ascii_case("application/*") {
        1
    } else if media == "*/*" {
        0
    } else {
        return None;
    };
    let quality = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let is_refused = quality.is_some_and(|value| value.parse::<f32>().is_ok_and(|quality| quality <= 0.0));
    Some((precision, !is_refused))
}

/// Refuses a body that is announced as anything but UTF-8 JSON.
///
/// # Errors
///
/// [`Cause::NotAcceptable`].
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Cause> {
    if headers.get_all(header::CONTENT_TYPE).all(is_json) {
        return Ok(());
    }
    Err(Cause::NotAcceptable("Bodies are application/json in UTF-8 only"))
}

fn is_json(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.all(|part| match part.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

/// Reads the content encoding.
///
/// # Errors
///
/// [`Cause::NotAcceptable`] for any other than gzip, zstd and identity, or for several.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Result<Encoding, Cause> {
    let mut values = headers.get_all(header::CONTENT_ENCODING);
    let encoding = match (values.next(), values.next()) {
        (None, _) => Some(Encoding::Identity),
        (Some(value), None) => {
            value.to_str().ok().and_then(|name| match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => Some(Encoding::Identity),
                "gzip" | "x-gzip" => Some(Encoding::Gzip),
                "zstd" => Some(Encoding::Zstd),
                _ => None,
            })
        }
        (Some(_), Some(_)) => None,
    };
    encoding.ok_or(Cause::NotAcceptable("Bodies are encoded as gzip or zstd, or not at all"))
}

/// The length that the head declares for the body; `None` for a chunked body or for none.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &header::CONTENT_LENGTH)?.trim().parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
