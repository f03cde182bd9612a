//! What became of the actions of a bulk body, and how that is told.
//!
//! In: an outcome for each action, in the order of the body. Out: the members of the array `items` of Elasticsearch's
//! answer, in chunks, and their length before. An accepted item says its status and nothing else: 10,000 of them are 250 kB.

use bytes::Bytes;
use sluice_model::{Rejection, excerpt::excerpt};

use super::{
    action::Operation,
    document::{CommonField, DocumentFault},
};
use crate::{
    array_chunks::array_chunks,
    import::{json::push_string, report::word},
    memory::HeldBytes,
};

#[cfg(test)]
mod tests;

/// Why an item was not carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// A value, or what belongs to it; of a field of the common schema, or of our own element.
    Value(Option<CommonField>, Rejection),
    /// The document.
    Document(DocumentFault),
    /// The index is no supplier.
    NoIndex(Box<str>),
    /// The index may be several suppliers.
    AmbiguousIndex(Box<str>),
    /// The user may not change the supplier.
    Forbidden(Box<str>),
}

impl Refusal {
    /// Names the index as it was sent.
    pub(super) fn no_index(index: &str) -> Self {
        Self::NoIndex(excerpt(index))
    }

    /// The same of an index that may be several suppliers.
    pub(super) fn ambiguous_index(index: &str) -> Self {
        Self::AmbiguousIndex(excerpt(index))
    }

    /// The same of an index whose supplier may not be changed.
    pub(super) fn forbidden(index: &str) -> Self {
        Self::Forbidden(excerpt(index))
    }

    fn status(&self) -> u16 {
        match self {
            Self::Value(..) | Self::Document(_) => 400,
            Self::NoIndex(_) | Self::AmbiguousIndex(_) => 404,
            Self::Forbidden(_) => 403,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::Value(..) | Self::Document(_) => "document_parsing_exception",
            Self::NoIndex(_) | Self::AmbiguousIndex(_) => "index_not_found_exception",
            Self::Forbidden(_) => "security_exception",
        }
    }

    /// The word for a document that is refused, of those that batches have.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Value(_, rejection) => word(rejection),
            Self::Document(fault) => fault.word(),
            Self::NoIndex(_) | Self::AmbiguousIndex(_) | Self::Forbidden(_) => "missing-indicator",
        }
    }

    /// The reason in plain English.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Value(None, rejection) => rejection.to_string(),
            Self::Value(Some(field), rejection) => format!("{}: {rejection}", field.as_str()),
            Self::Document(fault) => fault.as_str().to_owned(),
            Self::NoIndex(index) if index.is_empty() => {
                "neither the action nor the path names an index".to_owned()
            }
            Self::NoIndex(index) => format!("no such index [{index}]: there is no supplier of this name"),
            Self::AmbiguousIndex(index) => {
                format!(
                    "no such index [{index}]: there are several suppliers of this name, which differ in case"
                )
            }
            Self::Forbidden(index) => {
                format!("the user has no right to change the supplier of index [{index}]")
            }
        }
    }

    /// Bytes of memory that it takes beside its place.
    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Value(_, Rejection::UnknownTag(text))
                | Self::NoIndex(text)
                | Self::AmbiguousIndex(text)
                | Self::Forbidden(text) => text.len(),
                Self::Value(..) | Self::Document(_) => 0,
            }
    }
}

/// What became of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Item {
    operation: Operation,
    refusal: Option<Box<Refusal>>,
}

impl Item {
    fn append(&self, json: &mut Vec<u8>) {
        let Self { operation, refusal } = self;
        let status = refusal.as_ref().map_or(operation.status(), |refusal| refusal.status());
        json.extend_from_slice(format!("{{\"{}\":{{\"status\":{status}", operation.as_str()).as_bytes());
        if let Some(refusal) = refusal {
            json.extend_from_slice(b",\"error\":{\"type\":\"");
            json.extend_from_slice(refusal.error_type().as_bytes());
            json.extend_from_slice(b"\",\"reason\":");
            push_string(json, &refusal.reason());
            json.push(b'}');
        }
        json.extend_from_slice(b"}}");
    }
}

/// The outcomes of the actions of a slice.
#[derive(Debug, Default)]
pub(super) struct SliceItems {
    items: Vec<Item>,
    refusals_bytes: usize,
    json_bytes: u64,
    has_errors: bool,
    scratch: Vec<u8>,
}

impl SliceItems {
    pub(super) fn push(&mut self, operation: Operation, refusal: Option<Refusal>) {
        let refusal = refusal.map(Box::new);
        self.refusals_bytes += refusal.as_ref().map_or(0, |refusal| refusal.heap_bytes());
        self.has_errors |= refusal.is_some();
        let item = Item { operation, refusal };
        self.scratch.clear();
        item.append(&mut self.scratch);
        self.json_bytes += self.scratch.len() as u64;
        self.items.push(item);
    }

    /// Bytes of memory that they take.
    pub(super) fn heap_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Item>() + self.refusals_bytes
    }

    pub(super) fn shrink(&mut self) {
        self.items.shrink_to_fit();
        self.scratch = Vec::new();
    }
}

/// The outcomes of all actions of a body.
#[derive(Debug)]
pub struct BulkItems {
    slices: Vec<(SliceItems, HeldBytes)>,
}

impl BulkItems {
    pub(super) fn new(slices: Vec<(SliceItems, HeldBytes)>) -> Self {
        Self { slices }
    }

    /// Whether any item says that it was not carried out.
    pub fn have_errors(&self) -> bool {
        self.slices.iter().any(|(slice, _)| slice.has_errors)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.slices.iter().map(|(slice, _)| slice.items.len()).sum()
    }

    /// Exact length of the JSON text that [`into_json_chunks`](Self::into_json_chunks) gives.
    pub fn json_bytes(&self) -> u64 {
        let items: u64 = self.slices.iter().map(|(slice, _)| slice.json_bytes).sum();
        let commas = self.count().saturating_sub(1) as u64;
        b"[]".len() as u64 + commas + items
    }

    /// Returns the JSON array of the items in chunks of about 64 KiB, each made when it is asked for. Memory is freed
    /// slice by slice.
    pub fn into_json_chunks(self) -> impl Iterator<Item = Bytes> {
        let mut left = ItemsLeft { slices: self.slices.into_iter(), current: None };
        array_chunks(move |chunk| left.append_next(chunk))
    }
}

struct ItemsLeft {
    slices: std::vec::IntoIter<(SliceItems, HeldBytes)>,
    /// Those of the present slice that are left, and what is held for them.
    current: Option<(std::vec::IntoIter<Item>, HeldBytes)>,
}

impl ItemsLeft {
    /// Appends one item; `false` once there is none.
    fn append_next(&mut self, chunk: &mut Vec<u8>) -> bool {
        loop {
            if let Some(item) = self.current.as_mut().and_then(|(items, _held)| items.next()) {
                item.append(chunk);
                return true;
            }
            self.current = self.slices.next().map(|(slice, held)| (slice.items.into_iter(), held));
            if self.current.is_none() {
                return false;
            }
        }
    }
}
