//! Refused documents of a bulk body that nobody is told of, as the refused rows of a batch.
//!
//! In: the actions of a slice that were refused. Out: the rejects of their suppliers, in the order of the body. A document that is
//! an object is a row to be mended; what is none, and an action that deletes, is told by its text.

use std::collections::BTreeMap;

use sluice_model::{SupplierId, ranges::bytes_at};

use super::{action::Operation, cut::BulkSlice, document, items::Refusal};
use crate::import::{rejects::RejectsPacker, report::ImportReport, rows::RowPlace};

/// An action that was refused.
pub(super) struct RefusedAction {
    pub(super) supplier: SupplierId,
    pub(super) operation: Operation,
    /// That of its document, or of its own line if it has none.
    pub(super) place: RowPlace,
    /// The same in the slice.
    pub(super) at: usize,
    pub(super) length: usize,
    pub(super) refusal: Refusal,
    /// JSON text of the value that was refused, if it was one.
    pub(super) value: Box<[u8]>,
}

/// Packs the refused actions of a slice into the reports of their suppliers.
pub(super) fn pack(
    slice: &BulkSlice,
    mut refused: Vec<RefusedAction>,
    reports: &mut BTreeMap<SupplierId, ImportReport>,
) {
    // One packer at a time, whatever number of suppliers there is: each is large.
    refused.sort_by_key(|action| action.supplier);
    for actions in refused.chunk_by(|one, next| one.supplier == next.supplier) {
        let mut packer = RejectsPacker::default();
        for action in actions {
            action.pack(slice, &mut packer);
        }
        if let Some(report) = actions.first().and_then(|action| reports.get_mut(&action.supplier)) {
            report.rejects.extend(packer.finish());
        }
    }
}

/// Bytes of memory that reports take, with the packed actions.
pub(super) fn heap_bytes(reports: &BTreeMap<SupplierId, ImportReport>) -> usize {
    let packed = reports.values().flat_map(|report| &report.rejects).map(|frame| frame.packed.len());
    reports.len() * size_of::<ImportReport>() + packed.sum::<usize>()
}

impl RefusedAction {
    fn pack(&self, slice: &BulkSlice, packer: &mut RejectsPacker) {
        let (word, hint) = (self.refusal.word(), self.refusal.reason());
        let text = bytes_at(&slice.text, self.at..self.at + self.length).trim_ascii();
        match self.object(text) {
            Some(object) => packer.push(self.place, text, object, &self.value, (word, &hint)),
            None => packer.push_unread(self.place, text, (word, &hint)),
        }
    }

    /// The object in its text that can be mended.
    fn object<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let is_object = match self.refusal {
            Refusal::Document(fault) => fault.is_of_object(),
            _ => true,
        };
        match self.operation {
            Operation::Delete => None,
            Operation::Update if is_object => {
                document::doc_of_update(str::from_utf8(text).ok()?).ok().map(str::as_bytes)
            }
            _ => is_object.then_some(text),
        }
    }
}
