//! Why one element of a request was not taken: data that is listed in the answer, not an error.
//!
//! In: the verdict of whoever looked at the element. Out: the sentence that clients see, exact to the byte. Small,
//! because one body can hold a million of them. The element's value as sent is kept by whoever lists it.

use std::fmt::{self, Display, Formatter};

use crate::{excerpt::excerpt, indicator::NotAnIndicator};

/// The property of an element that a rejection is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Property {
    /// `indicator`, a string.
    Indicator,
    /// `context`, an object of one field or more.
    Context,
    /// `tags`, an array of strings.
    Tags,
    /// `mark_detections`, a boolean.
    MarkDetections,
    /// `unmark_detections`, a boolean.
    UnmarkDetections,
}

impl Property {
    /// The property's name in a body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Indicator => "indicator",
            Self::Context => "context",
            Self::Tags => "tags",
            Self::MarkDetections => "mark_detections",
            Self::UnmarkDetections => "unmark_detections",
        }
    }
}

/// Why one element was refused; its text is the `reason` in the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// The value has no normal form.
    InvalidFormat(NotAnIndicator),
    /// A tag that does not exist; made by [`Rejection::unknown_tag`].
    UnknownTag(Box<str>),
    /// A context for the list of false positives.
    ContextNotAllowed,
    /// The element has no `indicator`.
    IndicatorMissing,
    /// A property has a value of another type than it must have.
    InvalidType(Property),
}

impl Rejection {
    /// Names the unknown tag as it was sent: an escaped excerpt of at most [`crate::limits::ECHO_BYTES_MAX`] bytes
    /// of it.
    pub fn unknown_tag(name: &str) -> Self {
        Self::UnknownTag(excerpt(name))
    }
}

impl Display for Rejection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidFormat(reason) => Display::fmt(reason, f),
            Self::UnknownTag(name) => write!(f, "Unknown tag: {name}"),
            Self::ContextNotAllowed => f.write_str("Context is not allowed for the FalsePositive supplier"),
            Self::IndicatorMissing => f.write_str("Property 'indicator' is missing"),
            Self::InvalidType(property) => write!(f, "Property '{}' has an invalid type", property.as_str()),
        }
    }
}

impl From<NotAnIndicator> for Rejection {
    fn from(reason: NotAnIndicator) -> Self {
        Self::InvalidFormat(reason)
    }
}

const _: () = assert!(size_of::<Rejection>() <= 24);

#[cfg(test)]
mod tests;
