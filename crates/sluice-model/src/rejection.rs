//! Why one element of a request was not taken: data that is listed in the answer, not an error.
//!
//! In: the verdict of whoever looked at the element. Out: the sentence that clients see, exact to the byte. Small,
//! because one body can hold a million of them. The element's value as sent is kept by whoever lists it.

use std::fmt::{self, Display, Formatter};

use crate::{
    excerpt::{beginning, excerpt},
    indicator::NotAnIndicator,
};

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
    /// All of them, each at its place by `property as usize`.
    pub const ALL: [Self; 5] =
        [Self::Indicator, Self::Context, Self::Tags, Self::MarkDetections, Self::UnmarkDetections];

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

/// What keeps a value that is JSON by its grammar from being read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flaw {
    /// A string has one half of a surrogate pair without the other.
    Unicode,
    /// A number is beyond the range of a double.
    NumberRange,
}

impl Flaw {
    /// All of them, each at its place by `flaw as usize`.
    pub const ALL: [Self; 2] = [Self::Unicode, Self::NumberRange];

    /// What is said of the property that holds the value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unicode => "is not valid Unicode",
            Self::NumberRange => "has a number out of range",
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
    /// A property has a value that cannot be read, or holds one, however deep.
    Unreadable(Property, Flaw),
}

impl Rejection {
    /// A word for each reason, for counts; which tag or property it is about makes no difference.
    pub const REASONS: [&str; 13] = [
        "invalid_format",
        "leading_zero",
        "bare_number",
        "address_range",
        "email_address",
        "wide_mask",
        "wide_network",
        "deep_mask",
        "unknown_tag",
        "context_not_allowed",
        "indicator_missing",
        "invalid_type",
        "unreadable",
    ];

    /// Its place among [`Rejection::REASONS`].
    pub fn reason_number(&self) -> usize {
        const OTHERS_FROM: usize = NotAnIndicator::ALL.len();
        match self {
            Self::InvalidFormat(reason) => *reason as usize,
            Self::UnknownTag(_) => OTHERS_FROM,
            Self::ContextNotAllowed => OTHERS_FROM + 1,
            Self::IndicatorMissing => OTHERS_FROM + 2,
            Self::InvalidType(_) => OTHERS_FROM + 3,
            Self::Unreadable(..) => OTHERS_FROM + 4,
        }
    }

    /// Names the unknown tag as it was sent, whole if it could be the name of one; of a longer one the beginning is
    /// kept. What could move a cursor is escaped when it is told.
    pub fn unknown_tag(name: &str) -> Self {
        Self::UnknownTag(beginning(name).into())
    }
}

impl Display for Rejection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidFormat(reason) => Display::fmt(reason, f),
            Self::UnknownTag(name) => write!(f, "Unknown tag: {}", excerpt(name)),
            Self::ContextNotAllowed => f.write_str("Context is not allowed for the FalsePositive supplier"),
            Self::IndicatorMissing => f.write_str("Property 'indicator' is missing"),
            Self::InvalidType(property) => write!(f, "Property '{}' has an invalid type", property.as_str()),
            Self::Unreadable(property, flaw) => {
                write!(f, "Property '{}' {}", property.as_str(), flaw.as_str())
            }
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
