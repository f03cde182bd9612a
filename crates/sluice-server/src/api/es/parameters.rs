//! What the head of a bulk request says.
//!
//! In: a head. Out: what is asked beside the body. Clients send parameters of Elasticsearch (`pipeline`, `refresh`,
//! `filter_path`, `timeout` and more), which change nothing here, so those are passed over.

use actix_web::dev::RequestHead;

use crate::http::{coding::content_encoding, head, problem::Cause};

#[cfg(test)]
mod tests;

/// Refuses a body in an encoding that is not taken. Its media type is not looked at: clients have a dozen of them.
///
/// # Errors
///
/// [`Cause::UnsupportedMedia`].
pub(crate) fn check_media(head: &RequestHead) -> Result<(), Cause> {
    if content_encoding(&head.headers).is_err() {
        return Err(Cause::UnsupportedMedia("Bodies are encoded as gzip or zstd, or not at all"));
    }
    Ok(())
}

/// Whether documents that are refused are told as accepted: `bad_items=ok`.
///
/// # Errors
///
/// [`Cause::BadRequest`] for another value.
pub(crate) fn hides_refusals(head: &RequestHead) -> Result<bool, Cause> {
    let mut hides = false;
    for (name, value) in head::parameters(head) {
        if name == "bad_items" {
            hides = match &*value {
                "ok" => true,
                "error" => false,
                _ => return Err(Cause::BadRequest("The parameter 'bad_items' is 'error' or 'ok'".into())),
            };
        }
    }
    Ok(hides)
}
