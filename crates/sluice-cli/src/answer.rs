//! Answers of the daemon: what a refusal says, in one form for all its interfaces.
//!
//! In: status, headers and body. Out: the body of a success, or a [`Problem`], whether it came as details of RFC 9457 or in the
//! way of the CyberTrace API.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::{escaping::plain, failure::Failure};

/// Characters of a body that is in no known form that are shown.
const SHOWN_CHARACTERS: usize = 200;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What `Retry-After` says.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// What a refusal says.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// The last segment of its type; empty if it has none.
    pub(crate) name: String,
    /// In plain words.
    pub(crate) text: String,
    pub(crate) retry_after: Option<Duration>,
    /// All members of its details.
    pub(crate) details: Value,
}

/// The element of an answer of the CyberTrace API.
#[derive(Deserialize)]
struct Sentence {
    status: String,
    reason: Option<String>,
}

/// The failure of an answer that no Sluice daemon gives.
pub(crate) fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::Refused(format!("the answer is not one of a Sluice daemon: {error}"))
}

impl Answer {
    /// The body, if the answer is a success.
    ///
    /// # Errors
    ///
    /// What it says otherwise.
    pub(crate) fn into_success(self) -> Result<Bytes, Problem> {
        if (200..300).contains(&self.status) { Ok(self.body) } else { Err(self.into_problem()) }
    }

    fn into_problem(self) -> Problem {
        let Self { status, retry_after, body } = self;
        let details: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let member = |name: &str| details.get(name).and_then(Value::as_str);
        let sentences: Option<Vec<Sentence>> = serde_json::from_slice(&body).ok();
        let text = match (member("detail"), sentences.and_then(|sentences| sentences.into_iter().next())) {
            (Some(detail), _) => detail.to_owned(),
            (None, Some(Sentence { reason: Some(reason), .. })) => reason,
            (None, Some(Sentence { status, .. })) => status,
            (None, None) => String::from_utf8_lossy(&body).trim().chars().take(SHOWN_CHARACTERS).collect(),
        };
        let name = member("type").and_then(|path| path.rsplit('/').next()).unwrap_or("").to_owned();
        Problem { status, name, text: plain(&text).into_owned(), retry_after, details }
    }
}

impl Problem {
    /// Whether the same request may be answered better later.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 507)
    }

    /// Whether the request was turned away as it came, so that nothing of it was done.
    pub(crate) fn is_untaken(&self) -> bool {
        matches!(self.status, 425 | 429 | 503)
    }

    /// Whether who asks is known, and has no right to it.
    pub(crate) fn is_untold(&self) -> bool {
        matches!(self.status, 403 | 405)
    }

    /// The failure of a request that is not sent again.
    pub(crate) fn into_failure(self) -> Failure {
        let text = self.to_string();
        match self.status {
            401 | 403 => Failure::Unauthorized(text),
            410 => Failure::Gone(text),
            _ if self.is_temporary() => Failure::Unavailable(text),
            _ => Failure::Refused(text),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, text, .. } = self;
        if text.is_empty() {
            return write!(formatter, "the daemon answers {status}");
        }
        write!(formatter, "{text} ({status})")
    }
}
