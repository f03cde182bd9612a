//! Bodies that take longer than any stop: one whose head tells its length, and one that has no end until its client wants one.
//!
//! In: a client, and pieces for as long as there are any. Out: the answer, which may come in the middle.

use std::{io, time::Duration};

use serde_json::Value;
use test_support::client::{Answer, Client, indicators_path};

/// How a body is sent that takes long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SlowBody {
    /// A push of which nothing but blanks is ever sent; it has no end.
    Announced,
    /// An import in chunks, which ends with its last piece.
    Endless,
}

/// One client each.
pub(super) const BODIES: [SlowBody; 2] = [SlowBody::Announced, SlowBody::Endless];

/// A piece of a push: more than the daemon's least rate, 64 KiB a second.
pub(super) const BLANKS: &[u8] = &[b' '; 8 << 10];

/// The pause after each piece.
const PIECE_PAUSE: Duration = Duration::from_millis(50);
/// What is announced would take minutes.
const ANNOUNCED_BYTES: usize = 32 << 20;

impl SlowBody {
    /// Sends pieces until there is an answer, or no further piece; then a body that can end does, and no answer is waited for of the
    /// other.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(super) fn send(
        self,
        client: &Client,
        supplier: &str,
        next: &mut dyn FnMut() -> Option<Vec<u8>>,
    ) -> io::Result<Option<Answer>> {
        let mut upload = match self {
            Self::Announced => {
                let length = format!("Content-Length: {ANNOUNCED_BYTES}\r\n");
                client.upload("PUT", &indicators_path(supplier), &length)?
            }
            Self::Endless => {
                let path = format!("/v1/suppliers/{supplier}/indicators");
                client.upload("POST", &path, "Transfer-Encoding: chunked\r\n")?
            }
        };
        while let Some(piece) = next() {
            let piece = if self == Self::Endless { chunk(&piece) } else { piece };
            // Who takes no more has answered.
            if upload.send(&piece).is_err() || upload.is_answered_within(PIECE_PAUSE)? {
                return upload.answer().map(Some);
            }
        }
        if self == Self::Announced {
            return Ok(None);
        }
        upload.send(&[chunk(b"]"), chunk(b"")].concat())?;
        upload.answer().map(Some)
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// How many elements of an import are durable, as a problem tells it.
pub(super) fn committed_count(answer: &Answer) -> usize {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let count = problem.get("committed_lines").and_then(Value::as_u64);
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}
