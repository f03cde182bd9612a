//! Tags: numbers, names and weights.
//!
//! In: values as a client sent them. Out: values that keep their rule; a tag's name is upper-case however it was
//! sent, so that names which differ in case alone are one. Which tags exist is up to the catalogue.

use crate::{
    limits,
    value::{InvalidValue, check_name, check_range},
};

/// Number of a tag, given once and never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TagId(pub u32);

/// A valid tag name, upper-case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TagName(Box<str>);

impl TagName {
    /// Takes 1 to [`limits::NAME_BYTES_MAX`] Latin letters, digits, `-` and `_`, and raises the letters.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`], as the name rule has it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        check_name(text)?;
        Ok(Self(text.to_ascii_uppercase().into()))
    }

    /// The name in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Weight of a tag, 0 to [`limits::TAG_WEIGHT_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TagWeight(u8);

impl TagWeight {
    /// Takes any integer type, so that a negative or a huge one is a range error as well.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::OutOfRange`], whose text names the property and its range.
    pub fn new(value: impl TryInto<u64>) -> Result<Self, InvalidValue> {
        check_range(value, "weight", 0, limits::TAG_WEIGHT_MAX).map(Self)
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests;
