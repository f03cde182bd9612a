//! Tenants: who a set of suppliers and indicators belongs to.
//!
//! In: names from the configuration or from a path. Out: names that keep their rule and can stand in a path where
//! a request word could stand as well. Which tenants exist is up to the configuration.

use crate::{
    excerpt::excerpt,
    value::{InvalidValue, check_name},
};

/// Words that follow the version in a path, so that no tenant may be called by them.
const REQUEST_WORDS: [&str; 3] = ["suppliers", "tags", "lookup"];

/// Number of a tenant, given once and never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantId(pub u32);

impl TenantId {
    /// The built-in tenant `General`.
    pub const GENERAL: Self = Self(0);
}

/// A valid tenant name: the supplier name rule, and neither `suppliers`, `tags` nor `lookup`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantName(String);

impl TenantName {
    /// Name of the tenant [`TenantId::GENERAL`].
    pub const GENERAL: &'static str = "General";

    /// Takes 1 to [`crate::limits::NAME_BYTES_MAX`] Latin letters, digits, `-` and `_`.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::ReservedName`] for a request word in any letter case, else as the name rule has it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        check_name(text)?;
        if REQUEST_WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Err(InvalidValue::ReservedName { excerpt: excerpt(text) });
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
