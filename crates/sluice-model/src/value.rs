//! The rules that values of suppliers, tags and tenants share.
//!
//! In: values as a client sent them. Out: nothing but a verdict, because each kind of value keeps its own type and
//! adds its own rule. Reasons are plain English, show at most an excerpt of a text, and go to clients as they are.

use crate::{excerpt::excerpt, limits};

/// Why a value is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidValue {
    /// A name without a character.
    #[error("a name must not be empty")]
    EmptyName,
    /// A name of more than [`limits::NAME_BYTES_MAX`] bytes.
    #[error("a name of {name_bytes} bytes is over the limit of {}", limits::NAME_BYTES_MAX)]
    LongName {
        /// Length of the refused text.
        name_bytes: usize,
    },
    /// A name with a character outside the rule.
    #[error("the name '{excerpt}' has a character other than Latin letters, digits, '-' and '_'")]
    NameCharacter {
        /// Start of the refused text, escaped.
        excerpt: Box<str>,
    },
    /// A name that has a meaning of its own in paths.
    #[error("the name '{excerpt}' is reserved")]
    ReservedName {
        /// The word as sent.
        excerpt: Box<str>,
    },
    /// A number outside its range.
    #[error("{property} must be an integer from {min} to {max}")]
    OutOfRange {
        /// Which number.
        property: &'static str,
        /// The least that it may be.
        min: u32,
        /// The most that it may be.
        max: u32,
    },
    /// A vendor of more than [`limits::VENDOR_CHARS_MAX`] characters.
    #[error("vendor is over the limit of {} characters", limits::VENDOR_CHARS_MAX)]
    LongVendor,
    /// A vendor with a control character.
    #[error("vendor has a control character")]
    VendorControlCharacter,
}

/// Checks that `text` is 1 to [`limits::NAME_BYTES_MAX`] Latin letters, digits, `-` and `_`.
///
/// # Errors
///
/// [`InvalidValue::EmptyName`], [`InvalidValue::LongName`] or [`InvalidValue::NameCharacter`], in this order.
pub(crate) fn check_name(text: &str) -> Result<(), InvalidValue> {
    if text.is_empty() {
        return Err(InvalidValue::EmptyName);
    }
    if limits::NAME_BYTES_MAX < text.len() {
        return Err(InvalidValue::LongName { name_bytes: text.len() });
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        Ok(())
    } else {
        Err(InvalidValue::NameCharacter { excerpt: excerpt(text) })
    }
}

/// Takes `value` as an integer of the range `min` to `max`, both included. It may be of any integer type, so that a
/// negative or a huge one is a range error as well.
///
/// # Errors
///
/// [`InvalidValue::OutOfRange`], whose text names the property and its range.
pub(crate) fn check_range<N>(
    value: impl TryInto<u64>,
    property: &'static str,
    min: N,
    max: N,
) -> Result<N, InvalidValue>
where
    N: TryFrom<u64> + PartialOrd + Into<u32>,
{
    if let Ok(value) = value.try_into()
        && let Ok(value) = N::try_from(value)
        && min <= value
        && value <= max
    {
        return Ok(value);
    }
    Err(InvalidValue::OutOfRange { property, min: min.into(), max: max.into() })
}

#[cfg(test)]
mod tests;
