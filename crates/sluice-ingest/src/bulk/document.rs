//! Documents of a bulk body: our own elements, or indicators as the Elastic Common Schema has them.
//!
//! In: the text of a document, and which tags there are. Out: elements as `PUT indicators` takes them. Our own element,
//! which has an `indicator`, is taken as it is. A document of the common schema gives one element for each value of the
//! fields that hold indicators, all with the same context; fields may be flat (`"threat.indicator.ip"`), nested or both, of
//! one value or an array. Of a repeated field the last one counts.

mod fields;

use std::collections::BTreeMap;

use sluice_model::{
    Rejection, limits,
    rejection::{Flaw, Property},
};
use sluice_store::catalogue::Catalogue;

pub(super) use self::fields::CommonField;
use self::fields::{Known, known};
use super::action;
use crate::{
    body::{
        elements::strings,
        scan::Shape,
        tape::{Member, visit_members},
        text::nesting_levels,
    },
    import::json::push_string,
};

#[cfg(test)]
mod tests;

/// Bytes of elements that a document of the common schema may give beside 64 times its own.
const GIVEN_BYTES_MIN: usize = 64 * limits::KIB;

/// Why a document gives no elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DocumentFault {
    TooLong,
    NotUtf8,
    NotJson,
    NotAnObject,
    TooDeep,
    NoDoc,
    NoId,
    NoIndicator,
    Unsupported,
    Unparsed,
    GivesTooMuch,
}

impl DocumentFault {
    /// The word for it that batches have.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::TooLong | Self::GivesTooMuch => "too-long",
            Self::NotUtf8 | Self::NotJson | Self::NotAnObject | Self::TooDeep => "not-json",
            Self::NoDoc | Self::NoId | Self::NoIndicator | Self::Unparsed => "missing-indicator",
            Self::Unsupported => "unsupported-type",
        }
    }

    /// Whether the document is an object all the same.
    pub(super) fn is_of_object(self) -> bool {
        matches!(self, Self::NoIndicator | Self::Unsupported | Self::Unparsed | Self::GivesTooMuch)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "The document is longer than 4 MiB",
            Self::NotUtf8 => "The document is not valid UTF-8",
            Self::NotJson => "The document is not valid JSON",
            Self::NotAnObject => "The document is not a JSON object",
            Self::TooDeep => "The document is nested too deep",
            Self::NoDoc => "An update needs an object 'doc'",
            Self::NoId => "The action has no '_id', which is the value to delete",
            Self::NoIndicator => {
                "The document has neither 'indicator' nor a field of 'threat.indicator' that holds one"
            }
            Self::Unsupported => {
                "unsupported-type: e-mail addresses, registry keys and certificates are not taken as indicators"
            }
            Self::Unparsed => {
                "The document has neither 'indicator' nor 'threat.indicator', only a 'message': its fields must be taken \
                 out of that before it is sent"
            }
            Self::GivesTooMuch => {
                "The document has too many values for a context of its length; send it in parts"
            }
        }
    }
}

/// What a document of the common schema says.
#[derive(Default)]
pub(super) struct Document {
    /// What each field that holds indicators was read as.
    values: BTreeMap<CommonField, (Shape, Vec<u8>)>,
    /// Members of the context, as sent.
    context: BTreeMap<&'static str, Vec<u8>>,
    tags: Vec<String>,
    is_of_domain: bool,
    has_unsupported: bool,
    has_message: bool,
}

/// The object `doc` of the document of an update.
///
/// # Errors
///
/// The fault of the document, or that it has none.
pub(super) fn doc_of_update(text: &str) -> Result<&str, DocumentFault> {
    check(text)?;
    let mut place = None;
    visit_members(text, |member| {
        if member.key == "doc" {
            place = Some(member.place());
        }
    })
    .ok_or(DocumentFault::NotJson)?;
    let doc = place.and_then(|(from, to)| text.get(from..to)).ok_or(DocumentFault::NoDoc)?;
    if doc.starts_with('{') { Ok(doc) } else { Err(DocumentFault::NoDoc) }
}

/// Refuses what is no object, or nested too deep to be looked at.
///
/// # Errors
///
/// The fault.
pub(super) fn check(text: &str) -> Result<(), DocumentFault> {
    if !text.starts_with('{') {
        return Err(DocumentFault::NotAnObject);
    }
    // As in a body of `PUT indicators`, where the array is a level too.
    if limits::NESTING_LEVELS_MAX <= nesting_levels(text.as_bytes()) {
        return Err(DocumentFault::TooDeep);
    }
    Ok(())
}

impl Document {
    /// Reads a document that is an object and has no `indicator` of ours.
    ///
    /// # Errors
    ///
    /// Its fault, or why it has no indicator.
    pub(super) fn read(text: &str) -> Result<Self, DocumentFault> {
        let mut document = Self::default();
        document.visit(text, "").ok_or(DocumentFault::NotJson)?;
        if document.values.keys().any(|field| document.counts(*field)) {
            return Ok(document);
        }
        Err(if document.has_unsupported {
            DocumentFault::Unsupported
        } else if document.has_message {
            DocumentFault::Unparsed
        } else {
            DocumentFault::NoIndicator
        })
    }

    /// Goes through an object whose members have names that begin with `path`.
    fn visit(&mut self, text: &str, path: &str) -> Option<()> {
        let mut objects = Vec::new();
        visit_members(text, |member| {
            let name = if path.is_empty() { member.key.to_owned() } else { format!("{path}.{}", member.key) };
            match known(&name) {
                Some(Known::Object) => objects.push((name, member.place())),
                Some(Known::Field(field)) => self.note_values(field, &member),
                Some(known) => self.note(known, &member),
                None => {}
            }
        })?;
        for (name, (from, to)) in objects {
            let object = text.get(from..to)?;
            if object.starts_with('{') {
                self.visit(object, &name)?;
            }
        }
        Some(())
    }

    fn note_values(&mut self, field: CommonField, member: &Member<'_, '_>) {
        let mut read = Vec::new();
        let shape = member.append_read(member.sent(), &mut read);
        let is_empty = matches!(shape, Shape::Null) || shape == Shape::Texts && read == b"[]";
        if is_empty {
            self.values.remove(&field);
        } else {
            self.values.insert(field, (shape, read));
        }
    }

    fn note(&mut self, known: Known, member: &Member<'_, '_>) {
        let mut read = Vec::new();
        let mut shape = || member.append_read(member.sent(), &mut read);
        match known {
            Known::Context(name) => {
                if name == "type" {
                    self.is_of_domain = matches!(shape(), Shape::Text) && read == b"\"domain-name\"";
                }
                if member.sent() == b"null" {
                    self.context.remove(name);
                } else {
                    self.context.insert(name, member.sent().to_vec());
                }
            }
            Known::Tags => {
                let shape = shape();
                self.tags = match action::text(shape, &read) {
                    Some(tag) => vec![tag],
                    None => texts(shape, &read),
                };
            }
            Known::Unsupported => self.has_unsupported |= member.sent() != b"null",
            Known::Message => self.has_message = true,
            Known::Object | Known::Field(_) => {}
        }
    }

    /// Whether the values of a field are indicators, beside what else there is.
    fn counts(&self, field: CommonField) -> bool {
        let has = |other| self.values.contains_key(&other);
        match field {
            CommonField::UrlOriginal => !has(CommonField::UrlFull),
            CommonField::UrlDomain => {
                self.is_of_domain || !has(CommonField::UrlFull) && !has(CommonField::UrlOriginal)
            }
            CommonField::Ip
            | CommonField::Md5
            | CommonField::Sha1
            | CommonField::Sha256
            | CommonField::UrlFull => true,
        }
    }

    /// The elements of a document of so many bytes, each with the field that its value is from.
    ///
    /// # Errors
    ///
    /// Why one of its values is none that a field can have, or that it gives too much.
    pub(super) fn elements(
        &self,
        catalogue: &Catalogue,
        document_bytes: usize,
    ) -> Result<Vec<(CommonField, Vec<u8>)>, DocumentRefusal> {
        let rest = self.rest_of_elements(catalogue);
        let given_bytes_max =
            document_bytes.saturating_mul(64).saturating_add(GIVEN_BYTES_MIN).min(limits::ELEMENT_BYTES_MAX);
        let (mut elements, mut given_bytes) = (Vec::new(), 0);
        for (field, (shape, read)) in &self.values {
            if !self.counts(*field) {
                continue;
            }
            let refuse = |rejection| Err(DocumentRefusal::Value(*field, rejection));
            let values = match (shape, action::text(*shape, read)) {
                (_, Some(value)) => vec![value],
                (Shape::Texts, _) => texts(*shape, read),
                (Shape::Flawed(Flaw::Unicode), _) => {
                    return refuse(Rejection::Unreadable(Property::Indicator, Flaw::Unicode));
                }
                _ => return refuse(Rejection::InvalidType(Property::Indicator)),
            };
            for value in values {
                let mut element = b"{\"indicator\":".to_vec();
                push_string(&mut element, &value);
                element.extend_from_slice(&rest);
                given_bytes += element.len();
                if given_bytes_max < given_bytes {
                    return Err(DocumentRefusal::GivesTooMuch);
                }
                elements.push((*field, element));
            }
        }
        Ok(elements)
    }

    /// What follows the value in each element.
    fn rest_of_elements(&self, catalogue: &Catalogue) -> Vec<u8> {
        let is_tag = |tag: &&String| catalogue.tag(&tag.to_ascii_uppercase()).is_some();
        let (tags, others): (Vec<&String>, Vec<&String>) = self.tags.iter().partition(is_tag);
        let mut rest = Vec::new();
        let mut separator = &b",\"context\":{"[..];
        for (name, value) in &self.context {
            rest.extend_from_slice(separator);
            push_string(&mut rest, name);
            rest.push(b':');
            rest.extend_from_slice(value);
            separator = b",";
        }
        if !others.is_empty() {
            rest.extend_from_slice(separator);
            rest.extend_from_slice(b"\"tags\":");
            push_strings(&mut rest, &others);
        }
        if !rest.is_empty() {
            rest.push(b'}');
        }
        if !tags.is_empty() {
            rest.extend_from_slice(b",\"tags\":");
            push_strings(&mut rest, &tags);
        }
        rest.push(b'}');
        rest
    }
}

/// Why the values of a document are not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DocumentRefusal {
    Value(CommonField, Rejection),
    GivesTooMuch,
}

/// The strings of an array of strings as it is read.
fn texts(shape: Shape, read: &[u8]) -> Vec<String> {
    match (shape, str::from_utf8(read)) {
        (Shape::Texts, Ok(text)) => strings(text).map(std::borrow::Cow::into_owned).collect(),
        _ => Vec::new(),
    }
}

fn push_strings(json: &mut Vec<u8>, texts: &[&String]) {
    let mut separator = b'[';
    for text in texts {
        json.push(separator);
        push_string(json, text);
        separator = b',';
    }
    json.push(b']');
}
