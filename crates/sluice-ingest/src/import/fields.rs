//! Members of an object, by their names.
//!
//! In: the text of an object. Out: of each name that is asked for the last value, as sent and, of strings and of arrays of
//! nothing but strings, as it is read. For objects that are not elements of ours; those are read by `body::scan`.

use sluice_model::ranges::bytes_at;

use crate::body::{scan::Shape, tape};

#[derive(Clone, Copy, Debug, Default)]
struct Field {
    shape: Shape,
    /// Where it lies in the object, and in what was decoded.
    sent: (usize, usize),
    read: (usize, usize),
}

/// Reads members of one object after the other.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    fields: Vec<Field>,
    decoded: Vec<u8>,
}

impl Fields {
    /// Reads the members of these names; `None` when the text is not JSON. The caller has judged its depth.
    pub(crate) fn read(&mut self, object: &str, names: &[&str]) -> Option<()> {
        self.fields.clear();
        self.fields.resize(names.len(), Field::default());
        self.decoded.clear();
        tape::visit_members(object, |member| {
            let place = names.iter().position(|name| *name == member.key);
            let Some(field) = place.and_then(|place| self.fields.get_mut(place)) else { return };
            let (sent, from) = (member.place(), self.decoded.len());
            let shape = member.append_read(bytes_at(object.as_bytes(), sent.0..sent.1), &mut self.decoded);
            *field = Field { shape, sent, read: (from, self.decoded.len()) };
        })
    }

    fn field(&self, number: usize) -> Field {
        self.fields.get(number).copied().unwrap_or_default()
    }

    pub(crate) fn shape(&self, number: usize) -> Shape {
        self.field(number).shape
    }

    fn decoded(&self, number: usize) -> &str {
        let (from, to) = self.field(number).read;
        str::from_utf8(bytes_at(&self.decoded, from..to)).unwrap_or("")
    }

    /// A member that is a string.
    pub(crate) fn text(&self, number: usize) -> Option<&str> {
        if self.shape(number) != Shape::Text {
            return None;
        }
        self.decoded(number).strip_prefix('"')?.strip_suffix('"')
    }

    /// A member that is an array of nothing but strings, as [`strings`](crate::body::elements::strings) takes it.
    pub(crate) fn texts(&self, number: usize) -> Option<&str> {
        if self.shape(number) == Shape::Texts { Some(self.decoded(number)) } else { None }
    }

    /// A member as it was sent; empty if there is none.
    pub(crate) fn sent<'o>(&self, object: &'o str, number: usize) -> &'o [u8] {
        let (from, to) = self.field(number).sent;
        bytes_at(object.as_bytes(), from..to)
    }
}
