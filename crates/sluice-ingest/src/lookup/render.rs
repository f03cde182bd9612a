//! The seam between what a lookup finds and the text that an API answers with.

use super::{rank::Matches, text::AnswerText};
use crate::error::IngestError;

/// Writes results of a lookup in the format of an API.
///
/// Slices of a body are written at the same time by several threads, and put together in order.
pub trait Render: Send + Sync + 'static {
    /// The text behind the last result.
    const CLOSING: &'static [u8];

    /// Bytes that the result of a value without matches has beside the value, so that the text of many is allocated in
    /// one go.
    const EMPTY_RESULT_BYTES: usize;

    /// Bytes that the object of a row has beside its value and the normal form of that, about.
    const OBJECT_BYTES: usize = 0;

    /// Whether the object of a row is the whole result of a value for which nothing was found. Then the body has to be rows.
    const OBJECTS_ARE_RESULTS: bool = false;

    /// Begins the `object` of a row, which the value follows as JSON text.
    fn begin_object(&self, _text: &mut Vec<u8>) {}

    /// Ends the `object` of a row, before anything is read. `_read` has the normal form of its value and the word for its
    /// kind, or the word for why it is no indicator and the same in plain English.
    fn end_object(&self, _read: Result<(&str, &str), (&str, &str)>, _text: &mut Vec<u8>) {}

    /// Appends the result of a looked-up value, the one of number `index` in the body, with all that separates it from
    /// the one before.
    ///
    /// `object` is the value as JSON text, as it was sent; of a row, from [`begin_object`](Self::begin_object) to the end
    /// of [`end_object`](Self::end_object). Where objects are results, those of values for which nothing was found are
    /// taken as they are.
    ///
    /// # Errors
    ///
    /// Those of [`AnswerText::room`].
    fn append_result(
        &self,
        index: u64,
        object: &[u8],
        matches: &mut Matches<'_>,
        text: &mut AnswerText,
    ) -> Result<(), IngestError>;
}
