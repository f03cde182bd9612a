//! How a failure leaves the process: the only file that knows the statuses of errors.
//!
//! In: what went wrong ([`Cause`]), and the sentence of the request that failed. Out: a status, a body
//! `[{"status":...,"reason":...}]` and the headers that belong to it. A reason is plain English, never empty and
//! never shows a path of ours, a secret, or more than a short, escaped piece of what the client sent. The same failures
//! as details of RFC 9457 are in `problem_details`.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sluice_ingest::{Busy, IngestError};
use sluice_store::WriteError;

#[cfg(test)]
mod tests;

/// The sentence of a failure that belongs to no request, or to one of several.
pub(crate) const GENERIC_SENTENCE: &str = "An error occurred while processing the request";

/// Why a built-in supplier stays as it is.
pub(crate) const BUILT_IN: &str = "Built-in suppliers cannot be updated or removed";

/// Why somebody who is known may not do what he asks for.
pub(crate) const FORBIDDEN: &str = "The user has no right to this operation";

/// Why a request failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// The request or its body has an incorrect format.
    BadRequest(Cow<'static, str>),
    /// No credentials, or wrong ones.
    Unauthorized,
    /// The credentials do not give this right, or no credentials do.
    Forbidden(&'static str),
    /// There is no such request, version, supplier, tag or tenant.
    NotFound(Cow<'static, str>),
    /// What the request begins from is not kept any more.
    Gone(&'static str),
    /// The path is known, the method is not.
    MethodNotAllowed {
        /// Value of the `Allow` header.
        allow: String,
    },
    /// The client cannot take JSON, or sends something else.
    NotAcceptable(&'static str),
    /// The body is in a media type or encoding that is not taken.
    UnsupportedMedia(&'static str),
    /// The body is longer than it may be, for which the CyberTrace API has no status of its own.
    BodyTooLong(Cow<'static, str>),
    /// The body arrives too slowly or not at all, for which the CyberTrace API has no status of its own either.
    BodyTooSlow(&'static str),
    /// The request is well formed, and yet not acceptable.
    Unprocessable(Unprocessable, Cow<'static, str>),
    /// The request goes against the batch that there is.
    BatchConflict(BatchConflict, Cow<'static, str>),
    /// There is nothing to serve of a list yet.
    ListNotBuilt(Cow<'static, str>),
    /// No byte of so many is in the range.
    Unsatisfiable {
        /// How many there are.
        bytes: u64,
    },
    /// The user or token cannot be as it is asked for.
    Account(AccountFault, Cow<'static, str>),
    /// No room for more of a body, of which something has been committed.
    Interrupted {
        /// Seconds after which to try again.
        retry_after_seconds: u32,
    },
    /// The store is still being opened.
    Starting,
    /// No room for this request now.
    Busy {
        /// Seconds after which to try again.
        retry_after_seconds: u32,
    },
    /// The daemon stops before the body can arrive.
    OutOfTime,
    /// Too many wrong passwords from this address.
    TooManyAttempts {
        /// Seconds after which to try again.
        retry_after_seconds: u32,
    },
    /// The disk is full or below its reserve.
    DiskFull,
    /// The store can no longer write; the process is about to end.
    StoreFailed,
    /// The daemon is going down.
    Stopping,
    /// Stored data cannot be read; what is wrong with it is for the log alone.
    Unreadable(Box<str>),
    /// Something of ours failed.
    Internal,
}

/// What is not acceptable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unprocessable {
    /// A parameter that there is not.
    UnknownParameter,
    /// A parameter with a value that it cannot have.
    InvalidParameter,
    /// A body of which no row could be read.
    NoRow,
    /// A replacement that would remove too much.
    ShrinkGuard,
    /// A definition of a list that makes no sense.
    InvalidList,
}

/// What of a batch a request goes against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BatchConflict {
    /// One with the id is running.
    Running,
    /// One with the id was another request.
    Other,
    /// It has ended.
    Ended,
    /// It was cancelled while its body was read.
    Cancelled,
}

/// Why a user or token cannot be as it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AccountFault {
    /// A name, password or tenant breaks the rules.
    Invalid,
    /// The name is taken.
    Exists,
    /// Nobody would be left who may do everything.
    LastAdministrator,
}

/// Seconds that a client is asked to wait while the store opens.
const STARTING_RETRY_SECONDS: u32 = 1;

/// Seconds that a client is asked to wait when the daemon stops: another one may be there long before.
pub(super) const STOPPING_RETRY_SECONDS: u32 = 5;

/// Seconds that a client is asked to wait while the disk is full.
const DISK_FULL_RETRY_SECONDS: u32 = 10;

impl Cause {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::BodyTooLong(_) | Self::BodyTooSlow(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Gone(_) => StatusCode::GONE,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable(..) | Self::Account(AccountFault::Invalid, _) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::BatchConflict(..) | Self::Account(..) => StatusCode::CONFLICT,
            Self::Interrupted { .. } | Self::ListNotBuilt(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unsatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            // The HTTP crate has no name for 425.
            Self::Starting => StatusCode::from_u16(425).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            Self::Busy { .. } | Self::OutOfTime | Self::TooManyAttempts { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::StoreFailed | Self::Stopping | Self::Unreadable(_) | Self::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// The cause in plain English.
    pub(crate) fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::BadRequest(reason)
            | Self::NotFound(reason)
            | Self::BodyTooLong(reason)
            | Self::Unprocessable(_, reason)
            | Self::BatchConflict(_, reason)
            | Self::Account(_, reason) => reason.clone(),
            Self::ListNotBuilt(why) => format!("The list was not built yet: {why}").into(),
            Self::Unsatisfiable { bytes } => {
                format!("The list has {bytes} bytes, none of which is in the range").into()
            }
            Self::Unauthorized => "Valid credentials are required".into(),
            Self::Forbidden(reason)
            | Self::Gone(reason)
            | Self::NotAcceptable(reason)
            | Self::UnsupportedMedia(reason)
            | Self::BodyTooSlow(reason) => (*reason).into(),
            Self::MethodNotAllowed { .. } => "The method is not allowed for this request".into(),
            Self::Starting => "The service is initializing".into(),
            Self::Busy { .. } => {
                "The service cannot take the request now; nothing of it was processed".into()
            }
            Self::Interrupted { .. } => {
                "The service cannot take more of the body now; what was committed stays".into()
            }
            Self::OutOfTime => {
                "The service is stopping before the body can arrive; nothing of it was processed".into()
            }
            Self::TooManyAttempts { .. } => "Too many failed attempts to log in".into(),
            Self::DiskFull => "The disk is full or below its reserve; nothing was processed".into(),
            Self::StoreFailed => "The storage failed".into(),
            Self::Stopping => "The service is stopping".into(),
            Self::Unreadable(_) | Self::Internal => "Internal error".into(),
        }
    }

    /// The cause for the log, which may know more than the client.
    pub(crate) fn reason_for_log(&self) -> Cow<'_, str> {
        match self {
            Self::Unreadable(error) => Cow::Borrowed(error),
            _ => self.reason(),
        }
    }

    /// Seconds for the `Retry-After` header, where the answer has one.
    pub(crate) fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Starting => Some(STARTING_RETRY_SECONDS),
            Self::OutOfTime => Some(STOPPING_RETRY_SECONDS),
            Self::DiskFull | Self::ListNotBuilt(_) => Some(DISK_FULL_RETRY_SECONDS),
            Self::Busy { retry_after_seconds }
            | Self::Interrupted { retry_after_seconds }
            | Self::TooManyAttempts { retry_after_seconds } => Some((*retry_after_seconds).max(1)),
            _ => None,
        }
    }

    /// A malformed request, in the words of whoever judged it.
    #[expect(clippy::needless_pass_by_value, reason = "stands as it is in `map_err`")]
    pub(crate) fn bad_request(reason: impl ToString) -> Self {
        Self::BadRequest(Cow::Owned(reason.to_string()))
    }
}

/// A failure of one request, ready to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// Why.
    pub(crate) cause: Cause,
    /// The sentence of the request.
    pub(crate) sentence: &'static str,
    /// What else a client is told that takes details.
    pub(crate) members: Vec<(&'static str, Value)>,
}

impl Problem {
    /// Puts a cause under the sentence of the request that failed.
    pub(crate) fn new(sentence: &'static str, cause: Cause) -> Self {
        Self { cause, sentence, members: Vec::new() }
    }

    /// The same with a member of its details.
    pub(crate) fn with(mut self, name: &'static str, value: &impl Serialize) -> Self {
        // What does not serialize is left out; numbers and texts do.
        self.members.extend(serde_json::to_value(value).ok().map(|value| (name, value)));
        self
    }
}

impl From<WriteError> for Cause {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::DiskFull => Self::DiskFull,
            WriteError::Busy { retry_after_seconds } => Self::Busy { retry_after_seconds },
            WriteError::NoSupplier => missing("Supplier"),
            WriteError::Failed => Self::StoreFailed,
            WriteError::Closed => Self::Stopping,
        }
    }
}

impl From<IngestError> for Cause {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Body(body) => Self::bad_request(body),
            IngestError::OverMemory { bytes_max } => Self::BodyTooLong(
                format!(
                    "The body is over the limit of {bytes_max} bytes that the memory of the service sets; send it in parts"
                )
                .into(),
            ),
            IngestError::TooManyAnswerBytes => {
                Self::BadRequest("The answer would be too large; look up fewer objects at once".into())
            }
            IngestError::Write(write) => write.into(),
            IngestError::Partly { retry_after_seconds } => Self::Interrupted { retry_after_seconds },
            IngestError::Read(read) => Self::Unreadable(read.to_string().into()),
            IngestError::Internal => Self::Internal,
        }
    }
}

impl From<Busy> for Cause {
    fn from(busy: Busy) -> Self {
        Self::Busy { retry_after_seconds: busy.retry_after_seconds }
    }
}

/// There is no such tenant, supplier or tag.
pub(crate) fn missing(what: &str) -> Cause {
    Cause::NotFound(format!("{what} doesn't exist").into())
}
