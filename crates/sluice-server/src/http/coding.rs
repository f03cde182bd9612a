//! How bodies and answers are packed on the wire.
//!
//! In: headers. Out: the content coding of a body, and the one that an answer is to have.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use super::problem::Cause;

#[cfg(test)]
mod tests;

/// A content coding, as of RFC 9110.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// gzip; of a body, possibly of several members.
    Gzip,
    /// Zstandard; of a body, possibly of several frames.
    Zstd,
}

impl Coding {
    /// Its name in a header, where it has to stand in one.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Reads the content coding of a body.
///
/// # Errors
///
/// [`Cause::NotAcceptable`] for any other than gzip, zstd and identity, or for several.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Result<Coding, Cause> {
    const REFUSED: Cause = Cause::NotAcceptable("Bodies are encoded as gzip or zstd, or not at all");
    let mut values = headers.get_all(header::CONTENT_ENCODING);
    let Some(value) = values.next() else { return Ok(Coding::Identity) };
    let (Ok(name), None) = (value.to_str(), values.next()) else { return Err(REFUSED) };
    match name.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Coding::Identity),
        "gzip" | "x-gzip" => Ok(Coding::Gzip),
        "zstd" => Ok(Coding::Zstd),
        _ => Err(REFUSED),
    }
}

/// How the answer is packed: as its client wants it most, and not at all for who does not say.
pub(crate) fn wanted_coding(headers: &HeaderMap) -> Coding {
    let mut best = (0.0, Coding::Identity);
    let lists = headers.get_all(header::ACCEPT_ENCODING).map(HeaderValue::to_str);
    for item in lists.flatten().flat_map(|list| list.split(',')) {
        let (name, rest) = item.split_once(';').unwrap_or((item, ""));
        let coding = match name.trim().to_ascii_lowercase().as_str() {
            "zstd" => Coding::Zstd,
            "gzip" | "x-gzip" => Coding::Gzip,
            _ => continue,
        };
        let quality = match rest.trim().strip_prefix("q=") {
            Some(text) => text.trim().parse().unwrap_or(0.0),
            None => 1.0,
        };
        // Of two that are wanted alike, Zstandard costs us and the client less.
        if best.0 < quality || (best.0 <= quality && 0.0 < quality && coding == Coding::Zstd) {
            best = (quality, coding);
        }
    }
    best.1
}
