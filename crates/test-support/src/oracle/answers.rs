//! Members of answers; what is not there is empty, and differs from what is wanted.

use serde_json::Value as Json;

/// The elements of an array.
pub(super) fn array(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The text of a member.
pub(super) fn text<'a>(value: &'a Json, name: &str) -> &'a str {
    value.get(name).and_then(Json::as_str).unwrap_or_default()
}
