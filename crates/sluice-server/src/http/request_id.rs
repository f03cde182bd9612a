//! The id of a request: in its answer, and in every log line about it.
//!
//! In: the headers of a request. Out: the `X-Request-Id` that the client sent, if there is exactly one and it is short and
//! plain, so that it can stand in a log line as it is; otherwise one that is made, 16 hex digits. Made ids do not repeat
//! while the daemon runs and, by chance alone, not over its restarts either; they tell nothing about how many there are.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

#[cfg(test)]
mod tests;

/// The header, in requests and answers.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same by the name that answers of `/v1` have it under, too.
pub(crate) static SLUICE_REQUEST_ID: HeaderName = HeaderName::from_static("sluice-request-id");

/// Longest id that is taken from a client, in bytes.
const SENT_BYTES_MAX: usize = 64;

/// Where made ids begin: another place at each start.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0)));

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id that a request brings, or one that is made.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(&X_REQUEST_ID);
        match (sent.next(), sent.next()) {
            (Some(value), None) if is_well_formed(value.as_bytes()) => Self(value.clone()),
            _ => Self::make(),
        }
    }

    fn make() -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut left = mix(NEXT.fetch_add(1, Ordering::Relaxed));
        let text = [(); 16].map(|()| {
            left = left.rotate_left(4);
            DIGITS.get((left & 15) as usize).copied().unwrap_or(b'0')
        });
        Self(HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-")))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    /// The id as a header of the answer.
    pub(crate) fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_well_formed(sent: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=SENT_BYTES_MAX).contains(&sent.len()) && sent.iter().all(is_plain)
}

/// One-to-one, so that numbers which differ stay different (the finalizer of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
