//! What is done with rows: the one difference between pushing and deleting.

use crate::server::Method;

/// What becomes of the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Push,
    Delete,
}

impl Verb {
    /// The method of its requests.
    pub(super) fn method(self) -> Method {
        match self {
            Self::Push => Method::POST,
            Self::Delete => Method::DELETE,
        }
    }

    /// What became of a row.
    pub(super) fn participle(self) -> &'static str {
        match self {
            Self::Push => "stored",
            Self::Delete => "deleted",
        }
    }
}
