//! What can go wrong with one request's body, by what its sender can do next.
//!
//! [`BodyError`] is for the sender: its text is safe to show and says where in the body the fault lies.
//! [`IngestError`] is for the caller, who maps each variant to an answer. That a single element is refused is not an
//! error; it is a rejection.

use sluice_model::limits;
use sluice_store::{ReadError, WriteError};

/// Why a request was not carried out. Nothing of it is stored, except after [`WriteError::Failed`], where it is
/// stored as a whole or not at all; of an import, the steps before stay.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IngestError {
    /// The body is not what the request takes.
    #[error("the body is not acceptable")]
    Body(#[source] BodyError),
    /// The body is longer than the memory set aside for all bodies, so it never fits.
    #[error("the body is longer than {bytes_max} bytes, which is all the memory for bodies")]
    OverMemory {
        /// The longest body that fits.
        bytes_max: usize,
    },
    /// The answer of a lookup grew over [`limits::LOOKUP_ANSWER_BYTES_MAX`].
    #[error("the answer is longer than {} bytes", limits::LOOKUP_ANSWER_BYTES_MAX)]
    TooManyAnswerBytes,
    /// The store did not take the rows. [`WriteError::Busy`] also stands for a body or an answer for which no memory
    /// came free: to the sender it is the same.
    #[error("the request was not carried out")]
    Write(#[source] WriteError),
    /// Some writes of the request are durable, others did not succeed.
    #[error("only a part of the request was carried out")]
    Partly {
        /// Seconds after which it is worth sending again.
        retry_after_seconds: u32,
    },
    /// The store could not be read.
    #[error("the store could not be read")]
    Read(#[source] ReadError),
    /// A bug of ours: a job panicked, or an upload was used after it had failed.
    #[error("an internal fault ended the request")]
    Internal,
}

/// Why a body was refused as a whole. The text is the sender's reason.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyError {
    /// The body breaks a rule of its syntax.
    #[error("{fault} at byte {byte}")]
    Syntax {
        /// Which rule.
        fault: Fault,
        /// Offset in the decoded body of the first byte that cannot stand there, from 0.
        byte: u64,
    },
    /// A looked-up element has no `object`.
    #[error("property 'object' of element {index} is missing, element at byte {byte}")]
    ObjectMissing {
        /// Number of the element in the body, from 0.
        index: u64,
        /// Offset of the element in the decoded body.
        byte: u64,
    },
    /// A looked-up element has an `object` that is not a string.
    #[error("property 'object' of element {index} has an invalid type, element at byte {byte}")]
    ObjectType {
        /// Number of the element in the body, from 0.
        index: u64,
        /// Offset of the element in the decoded body.
        byte: u64,
    },
}

impl BodyError {
    /// Offset in the decoded body at which the fault lies, from 0.
    pub fn byte(&self) -> u64 {
        match self {
            Self::Syntax { byte, .. } | Self::ObjectMissing { byte, .. } | Self::ObjectType { byte, .. } => {
                *byte
            }
        }
    }
}

/// A rule of the body's syntax that was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The body does not begin with `[`.
    #[error("expected a JSON array")]
    NotAnArray,
    /// An element of the outer array does not begin with `{`.
    #[error("expected an object as element of the array")]
    NotAnObject,
    /// An element of the outer array is followed by something else.
    #[error("expected ',' or ']' after an element of the array")]
    NoSeparator,
    /// Something other than white space follows the outer array.
    #[error("unexpected text after the array")]
    Trailing,
    /// Arrays and objects lie too deep in one another.
    #[error("nesting deeper than {} levels", limits::NESTING_LEVELS_MAX)]
    TooDeep,
    /// One element of the outer array is too long.
    #[error("an element longer than {} bytes", limits::ELEMENT_BYTES_MAX)]
    ElementTooLong,
    /// The body ends before the outer array does.
    #[error("the body ends early")]
    Unfinished,
    /// A table without the column that has the indicators, or one that the request names.
    #[error("the header has no such column")]
    NoColumn,
    /// The names of a table's columns are too long: each row is given them.
    #[error("the names in the header have more than {} bytes", limits::HEADER_NAMES_BYTES_MAX)]
    HeaderTooLong,
    /// A line of a bulk body that has to be an action.
    #[error("expected an action: index, create, update or delete")]
    NoAction,
    /// The last action of a bulk body has no document.
    #[error("expected a document behind the last action")]
    NoDocument,
    /// The request needs at least one element.
    #[error("expected at least one object")]
    NoElement,
    /// The request takes one element, and the body has another number of them.
    #[error("expected exactly one object")]
    NotOneObject,
    /// Bytes that are not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// A backslash with an unknown letter, or not followed by the four hex digits that it needs.
    #[error("invalid escape sequence")]
    Escape,
    /// A control character inside a string that is not escaped.
    #[error("unescaped control character")]
    ControlCharacter,
    /// A number that JSON does not allow.
    #[error("invalid number")]
    Number,
    /// Anything else that JSON does not allow.
    #[error("invalid JSON")]
    Json,
}
