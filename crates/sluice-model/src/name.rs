//! The rule that names of suppliers, tags and tenants share.
//!
//! In: text as a client sent it. Out: nothing but a verdict, because each kind of name keeps its own type and adds
//! its own rule. Reasons are plain English, show at most an excerpt of the text, and go to clients as they are.

use crate::{excerpt::Excerpt, limits};

/// Why a text is no name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// No character at all.
    #[error("a name must not be empty")]
    Empty,
    /// More than [`limits::NAME_BYTES_MAX`] bytes.
    #[error("a name of {name_bytes} bytes is over the limit of {}", limits::NAME_BYTES_MAX)]
    TooLong {
        /// Length of the refused text.
        name_bytes: usize,
    },
    /// A character outside the rule.
    #[error("the name '{excerpt}' has a character other than Latin letters, digits, '-' and '_'")]
    Character {
        /// Start of the refused text, escaped.
        excerpt: Box<str>,
    },
    /// A word that has a meaning of its own in paths.
    #[error("the name '{excerpt}' is reserved")]
    Reserved {
        /// The word as sent.
        excerpt: Box<str>,
    },
}

/// Checks that `text` is 1 to [`limits::NAME_BYTES_MAX`] Latin letters, digits, `-` and `_`.
///
/// # Errors
///
/// [`NameError::Empty`], [`NameError::TooLong`] or [`NameError::Character`], in this order.
pub(crate) fn check_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if limits::NAME_BYTES_MAX < text.len() {
        return Err(NameError::TooLong { name_bytes: text.len() });
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        Ok(())
    } else {
        Err(NameError::Character { excerpt: Excerpt::of(text).to_string().into() })
    }
}

#[cfg(test)]
mod tests;
