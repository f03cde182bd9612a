//! When a row was updated and when it expires, as every row of `/v1` tells it.
//!
//! In: two times. Out: two members of a JSON object. Pure.

use crate::clock::append_date;

/// Appends the members `updated` and `expires`.
pub(super) fn append_times(updated_seconds: u64, expires_seconds: u64, text: &mut Vec<u8>) {
    text.extend_from_slice(b"\"updated\":\"");
    append_date(updated_seconds, text);
    text.extend_from_slice(b"\",\"expires\":\"");
    append_date(expires_seconds, text);
    text.push(b'"');
}
