//! Bodies that describe one supplier or one tag.
//!
//! In: a body that was taken in. Out: the values of the properties that count, as JSON types them. The last of
//! duplicate keys counts; unknown properties are ignored, and so is all that is wrong with them.
//!
//! What a value may be is decided by the model, which suppliers and tags ask.

use std::{borrow::Cow, collections::BTreeMap};

use sluice_ingest::{BodyError, Fault, ObjectReader, ObjectValue};
use sluice_model::limits;

use crate::http::problem::Cause;

#[cfg(test)]
mod tests;

/// Every property of a supplier or a tag; each resource asks for its own.
pub(crate) const PROPERTIES: [&str; 7] =
    ["name", "confidence", "retention", "vendor", "status", "refang", "weight"];

/// The properties of one object.
#[derive(Debug, Default)]
pub(crate) struct Entity {
    values: BTreeMap<&'static str, ObjectValue>,
}

impl Entity {
    /// Reads a body as an array of exactly one object. May take milliseconds, and wait, unless the body is short.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is anything else.
    pub(crate) fn read(body: ObjectReader) -> Result<Self, Cause> {
        match body.read(&PROPERTIES) {
            Ok(values) => Ok(Self { values }),
            Err(error) => Err(refused(&error)),
        }
    }

    /// A text property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is not a text, or cannot be read.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Cause> {
        self.value(name, |value| match value {
            ObjectValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// An integer property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is not an integer of 64 bits, or cannot be read.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Cause> {
        self.value(name, |value| match value {
            ObjectValue::Integer(integer) => Some(*integer),
            _ => None,
        })
    }

    /// A boolean property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is not a boolean, or cannot be read.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Cause> {
        self.value(name, |value| match value {
            ObjectValue::Boolean(boolean) => Some(*boolean),
            _ => None,
        })
    }

    fn value<'e, T>(
        &'e self,
        name: &str,
        read: impl FnOnce(&'e ObjectValue) -> Option<T>,
    ) -> Result<Option<T>, Cause> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        let wrong = match value {
            ObjectValue::Unreadable(flaw) => flaw.as_str(),
            _ => "has an invalid type",
        };
        match read(value) {
            None => Err(Cause::BadRequest(format!("Property '{name}' {wrong}").into())),
            typed => Ok(typed),
        }
    }
}

/// Why a body of one object was refused.
pub(crate) fn refused(error: &BodyError) -> Cause {
    let BodyError::Syntax { fault, .. } = error else { return Cause::bad_request(error) };
    let reason = match fault {
        Fault::NotAnArray | Fault::NotAnObject | Fault::NotOneObject => {
            "The body is not an array of exactly one object".into()
        }
        Fault::TooDeep => {
            Cow::Owned(format!("The body nests deeper than {} levels", limits::NESTING_LEVELS_MAX))
        }
        Fault::ElementTooLong => {
            Cow::Owned(format!("The object is over the limit of {} bytes", limits::ELEMENT_BYTES_MAX))
        }
        Fault::Utf8 => "The body is not UTF-8".into(),
        _ => "The body is not JSON".into(),
    };
    Cause::BadRequest(reason)
}

/// Insists on a mandatory property.
///
/// # Errors
///
/// [`Cause::BadRequest`] naming it when it is absent.
pub(crate) fn mandatory<T>(name: &str, value: Option<T>) -> Result<T, Cause> {
    match value {
        Some(value) => Ok(value),
        None => Err(Cause::BadRequest(format!("Property '{name}' is missing").into())),
    }
}
