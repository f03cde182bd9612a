//! The work on one slice of a bulk body: actions and documents to rows and items.
//!
//! In: a slice of whole actions. Out: an item for each, counts by supplier, and rows in the writes of their suppliers, or
//! beside them while the store takes no write. An action of which anything is refused leaves no row.

use std::{collections::BTreeMap, sync::Arc};

use memchr::memchr;
use sluice_model::{Rejection, SupplierId, ranges::bytes_at};
use sluice_store::{Slice, SliceBuilder, Store, WriteError};

use super::{
    action::{self, Action, Operation},
    cut::BulkSlice,
    document::{self, CommonField, Document, DocumentFault, DocumentRefusal},
    items::{BulkItems, Refusal, SliceItems},
    kept::{self, RefusedAction},
    receipt::{BulkCounts, BulkReceipt},
    rules::{BulkRules, BulkTarget},
    writes::SupplierWrites,
};
use crate::{
    body::{
        elements::Element,
        scan::{self, KnownProperty},
        tape::ParsedElement,
        text::skip_space,
    },
    error::{BodyError, Fault, IngestError},
    import::{json::push_string, report::ImportReport, rows::RowPlace},
    memory::{HeldBytes, RequestMemory},
    upload::{
        keep,
        tags::{MissingTags, TagNames},
        validate::{self, RowBuffers, UploadAction, UploadRules},
    },
};

/// Bytes that a row takes beside its text, and a supplier beside its rows.
const ROW_BYTES: usize = 32;
const SUPPLIER_BYTES: usize = 1_024;

/// Refused actions after which they are packed: each takes some hundred bytes.
const REFUSED_MAX: usize = 4_096;

/// What is done with each slice.
pub(super) struct BulkWork {
    pub(super) rules: BulkRules,
    pub(super) memory: Arc<RequestMemory>,
    names: TagNames,
    now_seconds: u32,
    writes: SupplierWrites,
}

/// What came of a slice.
pub(super) struct BulkOutcome {
    items: SliceItems,
    held: HeldBytes,
    refused_items: u64,
    counts: BTreeMap<SupplierId, BulkCounts>,
    kept: BTreeMap<SupplierId, ImportReport>,
    /// Rows of the slice for which the store took no write.
    pub(super) left: Vec<(SupplierId, u32, Slice)>,
}

/// Puts what came of all slices together, in their order.
pub(super) fn receipt(outcomes: Vec<BulkOutcome>) -> BulkReceipt {
    let mut counts: BTreeMap<SupplierId, BulkCounts> = BTreeMap::new();
    let mut kept: BTreeMap<SupplierId, ImportReport> = BTreeMap::new();
    let (mut items, mut refused_items) = (Vec::with_capacity(outcomes.len()), 0);
    for outcome in outcomes {
        refused_items += outcome.refused_items;
        for (supplier, more) in outcome.counts {
            let all = counts.entry(supplier).or_default();
            all.added += more.added;
            all.deleted += more.deleted;
            all.unread += more.unread;
            for (count, more) in all.refused_by_reason.iter_mut().zip(more.refused_by_reason) {
                *count += more;
            }
        }
        for (supplier, report) in outcome.kept {
            kept.entry(supplier).or_default().absorb(report);
        }
        items.push((outcome.items, outcome.held));
    }
    BulkReceipt { counts, refused_items, items: BulkItems::new(items), kept }
}

impl BulkWork {
    pub(super) fn new(store: &Store, memory: Arc<RequestMemory>, rules: BulkRules) -> Self {
        let names = TagNames { catalogue: store.catalogue(), missing: MissingTags::Refuse };
        let now_seconds = store.stamp_seconds();
        Self { rules, memory, names, now_seconds, writes: SupplierWrites::new(store) }
    }

    /// Ends the work: what was appended is to be committed.
    pub(super) fn into_writes(self) -> SupplierWrites {
        self.writes
    }

    /// Works on a slice.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for an action that cannot be read, [`IngestError::Write`] when there is no room.
    pub(super) fn work(&self, slice: &BulkSlice) -> Result<BulkOutcome, IngestError> {
        let mut reader = SliceReader {
            work: self,
            slice,
            text: str::from_utf8(&slice.text).ok(),
            last_action: None,
            parsed: ParsedElement::default(),
            buffers: RowBuffers::default(),
            rows: BTreeMap::new(),
            rows_count: 0,
            counts: BTreeMap::new(),
            line: slice.first_line,
            refused_items: 0,
            refused: Vec::new(),
            kept: BTreeMap::new(),
        };
        let (mut items, mut at) = (SliceItems::default(), 0);
        while at < slice.text.len() {
            if let Some((operation, refusal)) = reader.next_action(&mut at)? {
                items.push(operation, refusal);
            }
        }
        items.shrink();
        let SliceReader { rows, rows_count, counts, line, refused_items, refused, mut kept, .. } = reader;
        kept::pack(slice, refused, &mut kept);
        let rows_bytes = rows_count * ROW_BYTES + rows.len() * SUPPLIER_BYTES;
        let held_bytes = items.heap_bytes() + rows_bytes.saturating_sub(slice.text.len());
        let mut held = HeldBytes::new(&self.memory);
        // What is hidden is kept, or nothing of the request is stored.
        held.set(held_bytes + kept::heap_bytes(&kept))?;
        for report in kept.values_mut() {
            report.committed_lines = line;
        }
        let mut left = Vec::new();
        for (supplier, rows) in rows {
            let rows = rows.finish();
            match self.writes.of(supplier) {
                Ok(write) => write.append(slice.index, rows).map_err(IngestError::Write)?,
                Err(WriteError::Busy { .. }) => left.push((supplier, slice.index, rows)),
                Err(error) => return Err(IngestError::Write(error)),
            }
        }
        Ok(BulkOutcome { items, held, refused_items, counts, kept, left })
    }
}

struct SliceReader<'s> {
    work: &'s BulkWork,
    slice: &'s BulkSlice,
    /// The text of the slice, if it is one.
    text: Option<&'s str>,
    /// The line before, what it says and what its index is: mostly all lines are equal.
    last_action: Option<(&'s [u8], Action, BulkTarget)>,
    parsed: ParsedElement,
    buffers: RowBuffers,
    rows: BTreeMap<SupplierId, SliceBuilder>,
    rows_count: usize,
    counts: BTreeMap<SupplierId, BulkCounts>,
    /// Lines of the body that were read, with those of the slices before.
    line: u64,
    refused_items: u64,
    /// Those that are hidden, and counts of the actions on their suppliers.
    refused: Vec<RefusedAction>,
    kept: BTreeMap<SupplierId, ImportReport>,
}

/// A supplier, and what is done with its indicators.
struct Judged<'w> {
    rules: UploadRules,
    names: &'w TagNames,
}

impl<'s> SliceReader<'s> {
    /// Carries out the action at `at`, which moves behind it, and gives what is told of it; `None` for an empty line.
    fn next_action(&mut self, at: &mut usize) -> Result<Option<(Operation, Option<Refusal>)>, IngestError> {
        let from = *at;
        // That of another document is none of this one's supplier's business.
        self.buffers.indicator.clear();
        let line = self.next_line(at);
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let is_repeated = self.last_action.as_ref().is_some_and(|(last, ..)| *last == line);
        if !is_repeated {
            let read = str::from_utf8(line).ok().and_then(action::read);
            let Some(action) = read else {
                let byte = self.slice.byte_at(from);
                return Err(IngestError::Body(BodyError::Syntax { fault: Fault::NoAction, byte }));
            };
            let rules = &self.work.rules;
            let index = action.index.as_deref().or(rules.index.as_deref());
            let target = index.map_or(BulkTarget::Unknown, |index| (rules.target)(index));
            self.last_action = Some((line, action, target));
        }
        let Some((_, action, target)) = self.last_action.take() else { return Err(IngestError::Internal) };
        let is_deletion = action.operation == Operation::Delete;
        let document_at = if is_deletion { from } else { *at };
        let document = if is_deletion { line } else { self.next_line(at) };
        let name = action.index.as_deref().or(self.work.rules.index.as_deref()).unwrap_or("");
        let refusal = match target {
            BulkTarget::Unknown => Some(Refusal::no_index(name)),
            BulkTarget::Ambiguous => Some(Refusal::ambiguous_index(name)),
            BulkTarget::Forbidden => Some(Refusal::forbidden(name)),
            BulkTarget::Supplier { id, refang, is_false_positive } => {
                let upload = match action.operation {
                    Operation::Delete => UploadAction::Delete,
                    _ => UploadAction::Put {
                        is_false_positive,
                        takes_tags: true,
                        now_seconds: self.work.now_seconds,
                    },
                };
                let rules = UploadRules { supplier: id, refang, takes_marks: false, action: upload };
                let judged = Judged { rules, names: &self.work.names };
                let outcome = if is_deletion {
                    self.delete(&judged, action.id.as_deref())?
                } else {
                    self.put(&judged, action.operation, document_at, document)?
                };
                self.count(&judged.rules, outcome.as_ref());
                self.keep_hidden(id, action.operation, (document_at, document.len()), outcome.err())
            }
        };
        let operation = action.operation;
        self.refused_items += u64::from(refusal.is_some());
        self.last_action = Some((line, action, target));
        Ok(Some((operation, refusal)))
    }

    /// Keeps what is not to be told, and counts what belongs to it; gives what is to be told.
    fn keep_hidden(
        &mut self,
        supplier: SupplierId,
        operation: Operation,
        (at, length): (usize, usize),
        refusal: Option<Refusal>,
    ) -> Option<Refusal> {
        if !self.work.rules.hides_refusals {
            return refusal;
        }
        let report = self.kept.entry(supplier).or_default();
        let Some(refusal) = refusal else {
            report.accept();
            return None;
        };
        (report.rows_count, report.refused_count) = (report.rows_count + 1, report.refused_count + 1);
        self.refused_items += 1;
        let place = RowPlace { line: self.line, byte: self.slice.byte_at(at) };
        let value = match refusal {
            Refusal::Value(..) => self.buffers.indicator.as_slice().into(),
            _ => [].into(),
        };
        self.refused.push(RefusedAction { supplier, operation, place, at, length, refusal, value });
        if REFUSED_MAX <= self.refused.len() {
            kept::pack(self.slice, std::mem::take(&mut self.refused), &mut self.kept);
        }
        None
    }

    /// The line at `at`, which moves behind its line break.
    fn next_line(&mut self, at: &mut usize) -> &'s [u8] {
        let rest = bytes_at(&self.slice.text, *at..);
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        *at += length + 1;
        self.line += 1;
        bytes_at(rest, ..length)
    }

    fn delete(&mut self, judged: &Judged<'_>, id: Option<&str>) -> Result<Result<u64, Refusal>, IngestError> {
        let Some(id) = id else { return Ok(Err(Refusal::Document(DocumentFault::NoId))) };
        let mut element = b"{\"indicator\":".to_vec();
        push_string(&mut element, id);
        element.push(b'}');
        self.take(judged, None, &element, true)
    }

    /// Stores what a document gives; how many indicators that are, or why it is refused.
    fn put(
        &mut self,
        judged: &Judged<'_>,
        operation: Operation,
        at: usize,
        document: &[u8],
    ) -> Result<Result<u64, Refusal>, IngestError> {
        let refuse = |fault| Ok(Err(Refusal::Document(fault)));
        if self.slice.is_left_out(at) {
            return refuse(DocumentFault::TooLong);
        }
        let text = match self.text {
            Some(text) => text.get(at..at + document.len()),
            None => str::from_utf8(document).ok(),
        };
        let Some(text) = text else { return refuse(DocumentFault::NotUtf8) };
        let mut text = text.trim_ascii();
        if operation == Operation::Update {
            text = match document::doc_of_update(text) {
                Ok(doc) => doc,
                Err(fault) => return refuse(fault),
            };
        }
        match self.take_own(judged, text)? {
            Some(outcome) => Ok(outcome),
            None => self.take_common(judged, text),
        }
    }

    /// Takes a document as an element of ours; `None` if it has no `indicator`.
    fn take_own(
        &mut self,
        judged: &Judged<'_>,
        text: &str,
    ) -> Result<Option<Result<u64, Refusal>>, IngestError> {
        let refuse = |fault| Ok(Some(Err(Refusal::Document(fault))));
        if let Err(fault) = document::check(text) {
            return refuse(fault);
        }
        let mut parsed = std::mem::take(&mut self.parsed);
        let outcome = match scan::scan(text.as_bytes(), 0) {
            Some((spans, end)) if skip_space(text.as_bytes(), end) == text.len() => {
                self.take_if_own(judged, &Element::scanned(text, &spans, 0))
            }
            Some(_) => refuse(DocumentFault::NotJson),
            None => match parsed.read(text) {
                Some(()) => self.take_if_own(judged, &Element::parsed(text, &parsed, 0)),
                None => refuse(DocumentFault::NotJson),
            },
        };
        self.parsed = parsed;
        outcome
    }

    fn take_if_own(
        &mut self,
        judged: &Judged<'_>,
        element: &Element<'_>,
    ) -> Result<Option<Result<u64, Refusal>>, IngestError> {
        if element.get(KnownProperty::Indicator).is_none() {
            return Ok(None);
        }
        self.judge(judged, None, element, true).map(Some)
    }

    /// Takes a document of the common schema: first all of it is judged, then all of it is stored.
    fn take_common(&mut self, judged: &Judged<'_>, text: &str) -> Result<Result<u64, Refusal>, IngestError> {
        let document = match Document::read(text) {
            Ok(document) => document,
            Err(fault) => return Ok(Err(Refusal::Document(fault))),
        };
        let elements = match document.elements(&judged.names.catalogue, text.len()) {
            Ok(elements) => elements,
            Err(DocumentRefusal::GivesTooMuch) => {
                return Ok(Err(Refusal::Document(DocumentFault::GivesTooMuch)));
            }
            Err(DocumentRefusal::Value(field, rejection)) => {
                return Ok(Err(Refusal::Value(Some(field), rejection)));
            }
        };
        if let [(field, only)] = elements.as_slice() {
            return self.take(judged, Some(*field), only, true);
        }
        for (field, element) in &elements {
            if let Err(refusal) = self.take(judged, Some(*field), element, false)? {
                return Ok(Err(refusal));
            }
        }
        for (field, element) in &elements {
            if self.take(judged, Some(*field), element, true)?.is_err() {
                return Err(IngestError::Internal);
            }
        }
        Ok(Ok(elements.len() as u64))
    }

    /// Judges an element that has been written, and stores it if it `is_kept`.
    fn take(
        &mut self,
        judged: &Judged<'_>,
        field: Option<CommonField>,
        element: &[u8],
        is_kept: bool,
    ) -> Result<Result<u64, Refusal>, IngestError> {
        let Ok(text) = str::from_utf8(element) else { return Err(IngestError::Internal) };
        if let Some((spans, _)) = scan::scan(element, 0) {
            return self.judge(judged, field, &Element::scanned(text, &spans, 0), is_kept);
        }
        let mut parsed = std::mem::take(&mut self.parsed);
        let outcome = match parsed.read(text) {
            Some(()) => self.judge(judged, field, &Element::parsed(text, &parsed, 0), is_kept),
            None => Err(IngestError::Internal),
        };
        self.parsed = parsed;
        outcome
    }

    fn judge(
        &mut self,
        judged: &Judged<'_>,
        field: Option<CommonField>,
        element: &Element<'_>,
        is_kept: bool,
    ) -> Result<Result<u64, Refusal>, IngestError> {
        let supplier = judged.rules.supplier;
        if let Err(rejection) = validate::judge(element, &judged.rules, judged.names, &mut self.buffers) {
            return Ok(Err(Refusal::Value(field, rejection)));
        }
        if is_kept {
            let text_bytes = if self.rows.is_empty() { self.slice.text.len() } else { 0 };
            let rows = self.rows.entry(supplier).or_insert_with(|| SliceBuilder::with_text_bytes(text_bytes));
            keep(rows, &self.buffers)?;
            self.rows_count += 1;
        }
        Ok(Ok(1))
    }

    fn count(&mut self, rules: &UploadRules, outcome: Result<&u64, &Refusal>) {
        let counts = self.counts.entry(rules.supplier).or_default();
        match outcome {
            Ok(count) if rules.action == UploadAction::Delete => counts.deleted += count,
            Ok(count) => counts.added += count,
            Err(Refusal::Value(_, rejection)) => note(&mut counts.refused_by_reason, rejection),
            Err(_) => counts.unread += 1,
        }
    }
}

fn note(by_reason: &mut [u64; Rejection::REASONS.len()], rejection: &Rejection) {
    if let Some(count) = by_reason.get_mut(rejection.reason_number()) {
        *count += 1;
    }
}
