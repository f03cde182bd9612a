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

    /// Appends what is told of the value of a row before anything is read: what is the `object` of its result later. By
    /// itself, that is the value as it was sent.
    ///
    /// `value` is JSON text, a string. `_read` has its normal form and the word for its kind, or the word for why it is no
    /// indicator and the same in plain English.
    fn append_value(&self, value: &[u8], _read: Result<(&str, &str), (&str, &str)>, text: &mut Vec<u8>) {
        text.extend_from_slice(value);
    }

    /// Appends the result of a looked-up value, the one of number `index` in the body, with all that separates it from
    /// the one before.
    ///
    /// `object` is the value as JSON text, as it was sent; of a row, what [`append_value`](Self::append_value) has
    /// appended.
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
