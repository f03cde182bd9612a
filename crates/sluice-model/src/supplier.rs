//! Suppliers: numbers, names and the values that a supplier is described by.
//!
//! In: values as a client sent them. Out: values that keep their rule for as long as they live. Which suppliers
//! exist, and that the built-in ones cannot be changed, is up to the catalogue.

use crate::{
    limits,
    value::{InvalidValue, check_name, check_range},
};

/// Name of the built-in supplier whose indicators are not detected.
pub const FALSE_POSITIVE: &str = "FalsePositive";

/// Name of the built-in supplier whose indicators are detected even when they are false positives.
pub const INTERNAL_TI: &str = "InternalTI";

/// Returns true if a name belongs to a built-in supplier, in any letter case.
pub fn is_reserved(name: &str) -> bool {
    name.eq_ignore_ascii_case(FALSE_POSITIVE) || name.eq_ignore_ascii_case(INTERNAL_TI)
}

/// Number of a supplier within a tenant, given once and never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SupplierId(pub u32);

/// A valid supplier name; compared case-sensitively. Built-in names are names too: see [`is_reserved`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SupplierName(Box<str>);

impl SupplierName {
    /// Takes 1 to [`limits::NAME_BYTES_MAX`] Latin letters, digits, `-` and `_`.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`], as the name rule has it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        check_name(text)?;
        Ok(Self(text.into()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Trust in a supplier, 0 to [`limits::CONFIDENCE_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Confidence(u8);

impl Confidence {
    /// Takes any integer type, so that a negative or a huge one is a range error as well.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::OutOfRange`], whose text names the property and its range.
    pub fn new(value: impl TryInto<u64>) -> Result<Self, InvalidValue> {
        check_range(value, "confidence", 0, limits::CONFIDENCE_MAX).map(Self)
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// Minutes since an indicator's last update after which it no longer matches, 1 to
/// [`limits::RETENTION_MINUTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RetentionMinutes(u32);

impl RetentionMinutes {
    /// The longest retention.
    pub const MAX: Self = Self(limits::RETENTION_MINUTES_MAX);

    /// Takes any integer type, so that a negative or a huge one is a range error as well.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::OutOfRange`], whose text names the property and its range.
    pub fn new(value: impl TryInto<u64>) -> Result<Self, InvalidValue> {
        check_range(value, "retention", 1, limits::RETENTION_MINUTES_MAX).map(Self)
    }

    /// The number of minutes.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The same in seconds.
    pub fn seconds(self) -> u64 {
        u64::from(self.0) * 60
    }
}

/// Free text about where a supplier comes from; empty when unset.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Vendor(Box<str>);

impl Vendor {
    /// Takes up to [`limits::VENDOR_CHARS_MAX`] characters, none of them a control character.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::LongVendor`], then [`InvalidValue::VendorControlCharacter`].
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.chars().nth(limits::VENDOR_CHARS_MAX).is_some() {
            return Err(InvalidValue::LongVendor);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidValue::VendorControlCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
