//! A body that is an array of exactly one object, such as describes a supplier or a tag.
//!
//! In: its chunks, and which properties are wanted. Out: their values. The rules for bodies are those of all requests,
//! because the same code reads them: `split` cuts the body, `tape` reads the object. What is wrong with a property is
//! told of that property alone, and only to those who name it.
//!
//! No threads, no I/O. No more is held than the object itself, which is bounded.

use std::collections::BTreeMap;

use sluice_model::{limits, rejection::Flaw};

use super::{
    locate,
    scan::Shape,
    split::{BodySlice, Splitter},
    tape,
};
use crate::error::{BodyError, Fault};

/// The body as a whole is meant.
const NOT_ONE_OBJECT: BodyError = BodyError::Syntax { fault: Fault::NotOneObject, byte: 0 };

/// Takes in a body of one object.
#[derive(Debug)]
pub struct ObjectReader {
    splitter: Splitter,
    slice: Option<BodySlice>,
}

/// A value of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ObjectValue {
    /// A string.
    Text(String),
    /// A number without fraction and exponent, of 64 bits.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A value that cannot be read, or holds one.
    Unreadable(Flaw),
    /// `null`, an array, an object or another number.
    Other,
}

impl Default for ObjectReader {
    fn default() -> Self {
        Self { splitter: Splitter::new(), slice: None }
    }
}

impl ObjectReader {
    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// The first fault around the object, as soon as it is known.
    pub fn push(&mut self, mut chunk: &[u8]) -> Result<(), BodyError> {
        loop {
            let next = self.splitter.next_slice(&mut chunk);
            // Whatever comes after the beginning of a second object, and wherever the chunk ends.
            if self.splitter.elements_count() > 1 {
                return Err(NOT_ONE_OBJECT);
            }
            match next? {
                Some(slice) => self.slice = Some(slice),
                None => return Ok(()),
            }
        }
    }

    /// Returns true if the object is so short that whoever has it may read it: nothing is waited for.
    pub fn is_short(&self) -> bool {
        self.splitter.body_byte() <= limits::SHORT_BODY_BYTES_MAX as u64
    }

    /// Ends the body and gives those of the named properties that are there, of repeated ones the last.
    ///
    /// CPU-bound: 4 MiB take some milliseconds. Unless [`is_short`](Self::is_short), waits for its turn to parse.
    ///
    /// # Errors
    ///
    /// The fault of the body.
    pub fn read(mut self, names: &[&'static str]) -> Result<BTreeMap<&'static str, ObjectValue>, BodyError> {
        let last = self.splitter.finish()?;
        let Some(slice) = self.slice.take().or(last) else { return Err(NOT_ONE_OBJECT) };
        let (mut values, mut read) = (BTreeMap::new(), Vec::new());
        let without_brackets = slice.text.get(1..slice.text.len() - 1);
        let object = without_brackets.and_then(|object| str::from_utf8(object).ok());
        let visited = object.and_then(|object| {
            tape::visit_members(object, |member| {
                let Some(name) = names.iter().find(|name| **name == member.key) else { return };
                let sent = member.sent();
                read.clear();
                let shape = member.append_read(sent, &mut read);
                values.insert(*name, value(shape, sent, &read));
            })
        });
        if visited.is_none() {
            let (at, fault) = locate::first_fault(&slice.text).unwrap_or((1, Fault::Json));
            return Err(BodyError::Syntax { fault, byte: slice.body_byte(at) });
        }
        Ok(values)
    }
}

/// A value of this shape, from its text as sent and as it is read.
fn value(shape: Shape, sent: &[u8], read: &[u8]) -> ObjectValue {
    let value = match (shape, read) {
        (Shape::Text, [b'"', text @ .., b'"']) => {
            str::from_utf8(text).ok().map(|text| ObjectValue::Text(text.to_owned()))
        }
        (Shape::Number, _) => {
            str::from_utf8(sent).ok().and_then(|number| number.parse().ok()).map(ObjectValue::Integer)
        }
        (Shape::Boolean, _) => Some(ObjectValue::Boolean(sent == b"true")),
        (Shape::Flawed(flaw), _) => Some(ObjectValue::Unreadable(flaw)),
        _ => None,
    };
    value.unwrap_or(ObjectValue::Other)
}

#[cfg(test)]
mod tests;
