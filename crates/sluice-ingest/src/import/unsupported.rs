//! Why a well-formed row, or what a document holds, is not taken although nothing is wrong with it as an indicator: data that is told
//! and counted, not an error.

use std::fmt::{self, Display, Formatter};

use sluice_model::excerpt::excerpt;

/// Why something in a document is not taken; its text is the hint in the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unsupported {
    /// It is of a type, or under a path, that no indicator has; that is escaped.
    Type(Box<str>),
    /// A pattern that says more than which values are meant, and what of it that is.
    Pattern(&'static str),
    /// An attribute that is not for detection.
    NotToIds,
    /// The allow list of its tenant covers it.
    AllowListed,
}

impl Unsupported {
    /// A word for each reason, for counts.
    pub const REASONS: [&str; 4] = ["unsupported_type", "unsupported_pattern", "not_to_ids", "allow_listed"];

    /// Its place among [`Unsupported::REASONS`].
    pub(crate) fn reason_number(&self) -> usize {
        match self {
            Self::Type(_) => 0,
            Self::Pattern(_) => 1,
            Self::NotToIds => 2,
            Self::AllowListed => 3,
        }
    }

    /// The word for it in an answer.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Type(_) => "unsupported-type",
            Self::Pattern(_) => "unsupported-pattern",
            Self::NotToIds => "not-to-ids",
            Self::AllowListed => "allow-listed",
        }
    }

    /// Names the type, of a long one the beginning.
    pub(crate) fn of_type(name: &str) -> Self {
        Self::Type(excerpt(name).to_string().into())
    }
}

impl Display for Unsupported {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(name) => write!(f, "Values of type '{name}' are not taken"),
            Self::Pattern(why) => f.write_str(why),
            Self::NotToIds => f.write_str("The attribute is not for detection: its to_ids is not true"),
            Self::AllowListed => {
                f.write_str("The supplier FalsePositive has it, or a name, mask or network that covers it")
            }
        }
    }
}
