//! What a row of a document, or a value of it, comes to.

use sluice_model::Rejection;

use super::unsupported::Unsupported;

/// A value of a row.
#[derive(Clone, Debug)]
pub(crate) struct Finding<'f> {
    /// Empty, if there is none.
    pub(crate) value: &'f str,
    /// Members of JSON of its context.
    pub(crate) context: &'f [u8],
    /// Strings of JSON that name tags.
    pub(crate) tags: &'f [u8],
    pub(crate) fate: Fate,
}

/// What becomes of a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It is judged as an indicator, and what the request asks for is done.
    AsAsked,
    /// Its source holds it no longer: it is judged, and deleted.
    Withdrawn,
    /// It is no indicator of the kind that it is said to be.
    Refused(Rejection),
    /// It is not taken.
    Unsupported(Unsupported),
}
