//! Bodies that describe one supplier or one tag.
//!
//! In: the pieces of a body of any length, and the names of the properties that count. Out: their values, typed
//! as JSON types them. White space outside strings is squeezed while the body arrives, so that what is held is
//! bounded by one element however long the body is; nesting is counted on the way. The last of duplicate keys
//! counts, unknown properties are skipped without being kept.
//!
//! What a value may be is the model's question, asked by the routes.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sluice_model::limits;

use crate::http::problem::Cause;

#[cfg(test)]
mod tests;

/// The value of one property, as JSON types it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// An integer that fits.
    Integer(i64),
    /// `true` or `false`.
    Truth(bool),
    /// Anything else.
    Other,
}

/// The values of the properties that were asked for, in the order in which they were asked for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entity {
    names: &'static [&'static str],
    values: Vec<Option<Value>>,
}

impl Entity {
    /// A text property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is no text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Cause> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(invalid_type(name)),
        }
    }

    /// An integer property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is no integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Cause> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Integer(integer)) => Ok(Some(*integer)),
            Some(_) => Err(invalid_type(name)),
        }
    }

    /// A boolean property; `None` when it is absent.
    ///
    /// # Errors
    ///
    /// [`Cause::BadRequest`] when it is no boolean.
    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>, Cause> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Truth(truth)) => Ok(Some(*truth)),
            Some(_) => Err(invalid_type(name)),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.values.get(at)?.as_ref()
    }
}

/// Insists on a mandatory property.
///
/// # Errors
///
/// [`Cause::BadRequest`] naming it when it is absent.
pub(crate) fn mandatory<T>(name: &str, value: Option<T>) -> Result<T, Cause> {
    value.ok_or_else(|| Cause::BadRequest(format!("Property '{name}' is missing").into()))
}

fn invalid_type(name: &str) -> Cause {
    Cause::BadRequest(format!("Property '{name}' has an invalid type").into())
}

/// Squeezes a body as it arrives.
#[derive(Debug, Default)]
pub(crate) struct Squeezer {
    held: Vec<u8>,
    received_bytes: usize,
    levels: usize,
    is_in_string: bool,
    is_escaped: bool,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Squeezer {
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
                    if self.held.last().is_none_or(|last| *last != b' ') {
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
    pub(crate) fn read(&self, names: &'static [&'static str]) -> Result<Entity, Cause> {
        let text = std::str::from_utf8(&self.held);
        let text = text.map_err(|_error| Cause::BadRequest("The body is not UTF-8".into()))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let entity = ArrayOfOne { names }.deserialize(&mut reader).and_then(|entity| {
            reader.end()?;
            Ok(entity)
        });
        entity.map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Cause::BadRequest("The body is not an array of exactly one object".into())
            }
            _ => Cause::BadRequest("The body is not JSON".into()),
        })
    }
}

#[derive(Clone, Copy)]
struct ArrayOfOne {
    names: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for ArrayOfOne {
    type Value = Entity;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Entity, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ArrayOfOne {
    type Value = Entity;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of exactly one object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Entity, A::Error> {
        let first = elements.next_element_seed(Properties { names: self.names })?;
        let mut count = usize::from(first.is_some());
        // Read to the end all the same: a body that is no JSON is called so, wherever it breaks.
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        first.filter(|_| count == 1).ok_or_else(|| serde::de::Error::invalid_length(count, &self))
    }
}

struct Properties {
    names: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Properties {
    type Value = Entity;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Entity, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Properties {
    type Value = Entity;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<Entity, A::Error> {
        let mut values = vec![None; self.names.len()];
        while let Some(name) = properties.next_key::<Cow<'de, str>>()? {
            let at = self.names.iter().position(|known| *known == name);
            match at.and_then(|at| values.get_mut(at)) {
                Some(slot) => *slot = Some(properties.next_value()?),
                None => drop(properties.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Entity { names: self.names, values })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Integer(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        Ok(i64::try_from(integer).map_or(Value::Other, Value::Integer))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Truth(truth))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<Value, A::Error> {
        while properties.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
