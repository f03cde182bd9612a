//! What the head of a lookup says of its values.
//!
//! In: a head. Out: the values in it, or what is said of the body that has them; or why it is refused.

use actix_web::dev::RequestHead;
use serde_json::json;
use sluice_ingest::{Announced, Format};

use super::parameters::{announced_by_media_type, invalid, unknown};
use crate::http::{coding::content_encoding, head, problem::Cause};

#[cfg(test)]
mod tests;

/// Every parameter of a lookup without a body; what is not here is none, and the document of the API describes each.
pub(crate) const LOOKUP_PARAMETERS: [&str; 1] = ["value"];

/// Reads the values of a head, as rows.
///
/// # Errors
///
/// [`Cause::Unprocessable`].
pub(crate) fn rows(head: &RequestHead) -> Result<String, Cause> {
    let mut rows = String::new();
    for (name, value) in head::parameters(head) {
        if !LOOKUP_PARAMETERS.contains(&&*name) {
            return Err(unknown(&name));
        }
        rows.push_str(&json!({"value": value}).to_string());
        rows.push('\n');
    }
    if rows.is_empty() { Err(invalid("value", "has to be given")) } else { Ok(rows) }
}

/// Reads what is said of a body of values.
///
/// # Errors
///
/// [`Cause::UnsupportedMedia`].
pub(crate) fn announced(head: &RequestHead) -> Result<Announced, Cause> {
    if content_encoding(&head.headers).is_err() {
        return Err(Cause::UnsupportedMedia("Bodies are encoded as gzip or zstd, or not at all"));
    }
    match announced_by_media_type(&head.headers) {
        Ok(Announced::Exactly(Format::Csv | Format::Stix | Format::Misp)) | Err(_) => {
            Err(Cause::UnsupportedMedia(
                "Values are application/x-ndjson, application/json or text/plain, in UTF-8; without Content-Type the form is \
                 told by the body (with curl: -H 'Content-Type:')",
            ))
        }
        Ok(announced) => Ok(announced),
    }
}
