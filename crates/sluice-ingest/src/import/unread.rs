//! Rows that could not be read.
//!
//! In: what is wrong with the text of a row. Out: what the interface tells of it.

/// Why a row could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unread {
    TooLong,
    NotUtf8,
    NotJson,
    NotAnObject,
    TooDeep,
    Trailing,
    Quotes,
    HostsLine,
}

impl Unread {
    /// The word for it that the interface has, and what it means in plain English.
    pub(crate) fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::TooLong => ("too-long", "The row is longer than 4 MiB"),
            Self::NotUtf8 => ("not-json", "The row is not valid UTF-8"),
            Self::NotJson => ("not-json", "The row is not valid JSON"),
            Self::NotAnObject => ("not-json", "The row is not a JSON object"),
            Self::TooDeep => ("not-json", "The row is nested too deep"),
            Self::Trailing => ("not-json", "Something follows the object of the row"),
            Self::Quotes => ("not-json", "The quotes of the record are not those of CSV"),
            Self::HostsLine => {
                ("invalid-indicator", "A line of a hosts file, of which the names are read with refang=true")
            }
        }
    }
}
