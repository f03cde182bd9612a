//! Bodies that describe one supplier or one tag.
//!
//! In: the pieces of a body of any length. Out: the values of the properties that count, as JSON types them. White
//! space outside strings is removed while the body arrives, so that what is held is bounded by one element however
//! long the body is; nesting is counted on the way. The last of duplicate keys counts, unknown properties are skipped
//! without being kept.
//!
//! What a value may be is decided by the model, which suppliers and tags ask.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, error::Category, value::RawValue};
use sluice_model::limits;

use crate::http::problem::Cause;

#[cfg(test)]
mod tests;

/// Every property of a supplier or a tag; each resource asks for its own.
const PROPERTIES: [&str; 7] = ["name", "confidence", "retention", "vendor", "status", "refang", "weight"];

/// The properties of one object.
#[derive(Debug, Default)]
pub(crate) struct Entity {
    /// By name; arrays and objects, which no property is, as `null`.
    values: BTreeMap<&'static str, Value>,
    /// Whether a value that counts is not JSON: a lone surrogate, or a number beyond the range of a double.
    is_broken: bool,
}

impl Entity {
    /// A text property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is not a text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Cause> {
        self.value(name, Value::as_str)
    }

    /// An integer property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is not an integer of 64 bits.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Cause> {
        self.value(name, Value::as_i64)
    }

    /// A boolean property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is not a boolean.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Cause> {
        self.value(name, Value::as_bool)
    }

    fn value<'e, T>(&'e self, name: &str, read: fn(&'e Value) -> Option<T>) -> Result<Option<T>, Cause> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        match read(value) {
            None => Err(Cause::BadRequest(format!("Property '{name}' has an invalid type").into())),
            typed => Ok(typed),
        }
    }

    fn keep(&mut self, name: &str, raw: &RawValue) {
        let Some(name) = PROPERTIES.iter().find(|property| **property == name) else { return };
        let text = raw.get();
        // What is nested is not read, so that it takes no memory.
        let read = if text.starts_with(['[', '{']) { Ok(Value::Null) } else { serde_json::from_str(text) };
        match read {
            Ok(value) => drop(self.values.insert(name, value)),
            Err(_) => self.is_broken = true,
        }
    }
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

/// A body as it arrives, held with no more than one blank between its tokens.
///
/// So a body of 128 MiB that is `[{}]` among blanks takes 9 bytes at most, and one whose object is over 4 MiB without
/// its blanks is refused as soon as that much of it has arrived.
#[derive(Debug, Default)]
pub(crate) struct CompactingReader {
    held: Vec<u8>,
    received_bytes: usize,
    levels: usize,
    is_in_string: bool,
    is_escaped: bool,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

const NOT_JSON: Cause = Cause::BadRequest(Cow::Borrowed("The body is not JSON"));

impl CompactingReader {
    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when the body nests too deeply, or its element is too long.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Cause> {
        for byte in piece {
            self.push_byte(*byte)?;
            // A byte order mark counts only as the very first thing.
            if self.received_bytes == BOM.len() && self.held == BOM {
                self.held.clear();
            }
        }
        if limits::ELEMENT_BYTES_MAX < self.held.len() {
            let reason = format!("The object is over the limit of {} bytes", limits::ELEMENT_BYTES_MAX);
            return Err(Cause::BadRequest(reason.into()));
        }
        Ok(())
    }

    fn push_byte(&mut self, byte: u8) -> Result<(), Cause> {
        self.received_bytes += 1;
        if self.is_in_string {
            self.is_in_string = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
        } else {
            match byte {
                b'"' => self.is_in_string = true,
                b'[' | b'{' => self.levels += 1,
                b']' | b'}' => self.levels = self.levels.saturating_sub(1),
                // One blank stays, so that `1 2` does not become 12.
                b' ' | b'\t' | b'\r' | b'\n' => {
                    if self.held.last() != Some(&b' ') {
                        self.held.push(b' ');
                    }
                    return Ok(());
                }
                _ => {}
            }
            if limits::NESTING_LEVELS_MAX < self.levels {
                let reason = format!("The body nests deeper than {} levels", limits::NESTING_LEVELS_MAX);
                return Err(Cause::BadRequest(reason.into()));
            }
        }
        self.held.push(byte);
        Ok(())
    }

    /// Bytes held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Reads what was pushed as an array of exactly one object. CPU-bound: 4 MiB take some milliseconds.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is anything else.
    pub(crate) fn read(&self) -> Result<Entity, Cause> {
        let Ok(text) = std::str::from_utf8(&self.held) else {
            return Err(Cause::BadRequest("The body is not UTF-8".into()));
        };
        let mut entity = Entity::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json.deserialize_seq(&mut entity).and_then(|()| json.end());
        match read {
            _ if entity.is_broken => Err(NOT_JSON),
            Ok(()) => Ok(entity),
            Err(error) if error.classify() == Category::Data => {
                Err(Cause::BadRequest("The body is not an array of exactly one object".into()))
            }
            Err(_) => Err(NOT_JSON),
        }
    }
}

/// Reads the array and the object in it: `deserialize_seq` comes here for the former only, `deserialize_map` for the
/// latter only, so that `[[{}]]` and `{}` are refused.
impl<'de> Visitor<'de> for &mut Entity {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of exactly one object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut count = usize::from(elements.next_element_seed(&mut *self)?.is_some());
        // Read to the end all the same: a body that is not JSON is called so, wherever it breaks.
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if count == 1 { Ok(()) } else { Err(A::Error::invalid_length(count, &self)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<(), A::Error> {
        while let Some(name) = properties.next_key::<Cow<'de, str>>()? {
            self.keep(&name, properties.next_value()?);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Entity {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}
