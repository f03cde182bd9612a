//! `/es`: what shippers that speak to Elasticsearch ask, with the bytes that they read.
//!
//! In: requests below `/es`. `_bulk` passes the gate like any other request ([`table`], [`bulk`]); everything else asks what
//! kind of cluster this is and is answered without it ([`handshake`]). Every answer, errors too ([`errors`]), says that it is
//! from Elasticsearch, because clients believe no other. There are no searches.

pub(crate) mod bulk;
pub(crate) mod errors;
pub(crate) mod handshake;
mod indices;
pub(crate) mod parameters;
pub(crate) mod table;

use actix_web::http::{
    Uri,
    header::{HeaderName, HeaderValue},
    uri::PathAndQuery,
};

/// Where all of it is.
pub(crate) const ROOT: &str = "/es";

/// What each answer has to say.
pub(crate) const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

/// What is asked at the root of a listener of its own, as it would be asked elsewhere. A target that has no path is that of no
/// request.
pub(crate) fn below_root(uri: &Uri) -> Uri {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    format!("{ROOT}{target}").parse().unwrap_or(Uri::from_static("/es/-"))
}

/// What a path has behind the root; `None` for a path of something else.
pub(crate) fn below(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(ROOT)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Whether a path belongs to this interface, whether or not there is such a request.
pub(crate) fn is_path(path: &str) -> bool {
    below(path).is_some()
}

/// Whether a path is answered without the gate: anything of this interface but `_bulk`.
pub(crate) fn is_handshake(path: &str) -> bool {
    let Some(rest) = below(path) else { return false };
    let is_bulk = match rest.split_once('/') {
        None => rest == "_bulk",
        Some((index, rest)) => !index.is_empty() && rest == "_bulk",
    };
    !is_bulk
}
