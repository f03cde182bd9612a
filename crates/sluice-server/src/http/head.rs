//! Rules about a request's head that need nothing but the head.
//!
//! In: headers. Out: whether the client takes JSON, whether it sends JSON, and how long it says its
//! body is. Anything that the contract does not take is 406; there is no 415 in it.
//!
//! Who is asking, and for what, is decided elsewhere.

use actix_web::{
    dev::RequestHead,
    http::{
        ConnectionType,
        header::{self, HeaderMap, HeaderValue},
    },
};

use url::form_urlencoded;

use super::problem::Cause;

#[cfg(test)]
mod tests;

/// Longest head that is taken, in bytes, by the sum of its names and values.
pub(crate) const HEAD_BYTES_MAX: usize = 16_384;

/// The parameters of the address, in their order.
pub(crate) fn parameters(head: &RequestHead) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes())
}

/// Refuses a head that is too long.
///
/// # Errors
///
/// [`Cause::BadRequest`].
pub(crate) fn check_length(target: &str, headers: &HeaderMap) -> Result<(), Cause> {
    let mut bytes = target.len();
    for (name, value) in headers {
        // The colon, a blank and the end of the line count as well.
        bytes += name.as_str().len() + value.len() + 4;
    }
    if bytes <= HEAD_BYTES_MAX {
        return Ok(());
    }
    Err(Cause::BadRequest(
        format!("The head of the request is over the limit of {HEAD_BYTES_MAX} bytes").into(),
    ))
}

/// Returns true if the connection ends after the answer to this request: it asks for that, in whatever form, it is of
/// HTTP/1.0 and does not ask for the contrary, or it asks for another protocol, which it does not get.
pub(crate) fn asks_to_close(head: &RequestHead) -> bool {
    let mut lists = head.headers.get_all(header::CONNECTION).map(HeaderValue::as_bytes);
    let is_close = |option: &[u8]| option.trim_ascii().eq_ignore_ascii_case(b"close");
    head.connection_type() != ConnectionType::KeepAlive
        // actix-web passes over a list with a character out of ASCII.
        || lists.any(|list| list.split(|byte| *byte == b',').any(is_close))
}

/// Refuses a client that cannot take JSON.
///
/// # Errors
///
/// [`Cause::NotAcceptable`].
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), Cause> {
    if is_accepted(headers, "application/json") {
        return Ok(());
    }
    Err(Cause::NotAcceptable("Answers are application/json only"))
}

/// Whether a client takes a media type of `application`.
pub(crate) fn is_accepted(headers: &HeaderMap, media_type: &str) -> bool {
    let mut is_present = false;
    // The most precise range decides; of equally precise ones it is enough that one wants JSON. So
    // `*/*, application/json;q=0` refuses it, and `text/html, application/*;q=0.1` takes it.
    let mut best = None;
    for value in headers.get_all(header::ACCEPT) {
        // An empty list says nothing, and so refuses nothing.
        is_present |= !value.as_bytes().trim_ascii().is_empty();
        let Ok(text) = value.to_str() else { continue };
        for range in text.split(',') {
            best = best.max(judge_range(range, media_type));
        }
    }
    best.map_or(!is_present, |(_, is_wanted)| is_wanted)
}

/// How precisely a media range speaks of a media type, and whether it wants it; `None` when it does not speak of it.
fn judge_range(range: &str, media_type: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?;
    let precision = if media.eq_ignore_ascii_case(media_type) {
        2
    } else if media.eq_ignore_ascii_case("application/*") {
        1
    } else if media == "*/*" || media == "*" {
        0
    } else {
        return None;
    };
    for part in parts {
        if let Some((name, quality)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            let is_refused = matches!(quality.trim().parse::<f32>(), Ok(quality) if quality <= 0.0);
            return Some((precision, !is_refused));
        }
    }
    Some((precision, true))
}

/// Refuses a body that is announced as anything but UTF-8 JSON. One that is announced as nothing is taken.
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
    let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
    has_charsets_of(&["utf-8", "utf8"], parameters)
        && (text.trim().is_empty() || media.trim().eq_ignore_ascii_case("application/json"))
}

/// Whether the parameters of a media type name no charset but those that are taken.
pub(crate) fn has_charsets_of(taken: &[&str], parameters: &str) -> bool {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim().trim_matches('"'))
        .all(|charset| taken.iter().any(|name| charset.eq_ignore_ascii_case(name)))
}

/// The length that the head declares for the body; `None` for a chunked body or for none.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}
