//! Reads of a scripted client.
//!
//! In: a request. Out: its answer, or that there was none; any answer that no read may have fails the test.

use std::io;

use serde_json::Value;

use crate::client::Client;

/// Asks for JSON.
///
/// # Errors
///
/// When there was no answer, or no room for one.
pub(super) fn get(client: &mut Client, method: &str, path: &str, body: &str) -> io::Result<Value> {
    let answer = client.request(method, path, body.as_bytes())?;
    if matches!(answer.status, 429 | 500) {
        // A read that is refused, now that there is no room or no time, is not an answer.
        return Err(io::Error::other(answer.text()));
    }
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    Ok(serde_json::from_slice(&answer.body).unwrap())
}
