//! What is done with rows: the one difference between pushing, planning and deleting.

use crate::server::Method;

/// What becomes of the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Push,
    /// Nothing, but told what pushing would do.
    Plan,
    Delete,
}

impl Verb {
    /// The method of its requests.
    pub(super) fn method(self) -> Method {
        match self {
            Self::Push | Self::Plan => Method::POST,
            Self::Delete => Method::DELETE,
        }
    }

    /// What became of a row.
    pub(super) fn participle(self) -> &'static str {
        match self {
            Self::Push => "stored",
            Self::Plan => "would be stored",
            Self::Delete => "deleted",
        }
    }
}
