//! `/v1`: rows in any format and of any number become durable in steps while they arrive.
//!
//! In: the rules of a request and its body in chunks. Out: an [`ImportReport`] of all rows, once the last of them is
//! durable. The body is cut into slices (`cut`) after a glance at its beginning (`format`, `csv`); the pool reads their
//! rows (`rows`) and judges them as those of an upload; a step commits what has come to [`step_bytes`], or has
//! taken five seconds (`stepping`). While one step is being committed, the next one is filled, and no more: this is all the memory
//! that a body takes, however long it is.
//!
//! A replacement and a plan are gathered in the same steps, of which nothing is durable before the end (`gather`).
//!
//! Before anything is durable, an import that finds no room is refused, as an upload is. From then on it waits. One that
//! fails or is dropped leaves the steps before, and nothing of the last one; a step that was ended becomes durable even
//! if nobody waits for it.

mod allowed;
pub(crate) mod array;
pub(crate) mod csv;
pub(crate) mod cut;
pub(crate) mod document;
pub(crate) mod document_rows;
mod fields;
mod finding;
pub(crate) mod format;
pub(crate) mod gather;
mod hash_kind;
pub(crate) mod json;
mod list;
pub(crate) mod misp;
mod picked;
pub(crate) mod reading;
pub(crate) mod record;
pub(crate) mod rejects;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod step;
mod stepping;
mod stix;
pub(crate) mod unread;
pub(crate) mod unsupported;
mod value;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use sluice_model::{limits, ranges::bytes_at};
use sluice_store::Store;
use tokio::{task::JoinHandle, time::Instant};

use self::{
    array::ArrayScan,
    csv::{ColumnChoice, Header},
    cut::{Cutter, RowEnds, RowsSlice},
    document::DocumentCutter,
    document_rows::DocumentFormat,
    format::{Announced, BEGINNING_BYTES_MAX, Format},
    gather::{Gathering, ImportMode, Replacing},
    misp::MispRules,
    reading::{BodyCutter, BodyFormat},
    record::RecordScan,
    report::ImportReport,
    rows::RowFormat,
    step::{Keeper, STEP_BYTES, Step, StepPlace, Told, step_bytes},
};
use crate::{
    body::pipeline::FEED_BYTES,
    error::{BodyError, Fault, IngestError},
    memory::{Budget, Permit},
    pools::{Pool, Pools},
    upload::{tags::MissingTags, validate::UploadRules},
};

/// Shortest pieces in which bytes are cut: of a table with the longest names, two mebibytes of rows.
const PIECE_BYTES_MIN: usize = 2 * limits::KIB;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What an import does and how it reads its body.
#[derive(Clone)]
pub struct ImportRules {
    /// What becomes of the rows. The time of a `Put` is that of each step.
    pub upload: UploadRules,
    /// What becomes of tags that there are not.
    pub missing_tags: MissingTags,
    /// What is said of the format.
    pub announced: Announced,
    /// Which columns of a table are named.
    pub columns: ColumnChoice,
    /// Which attributes of MISP are indicators.
    pub misp: MispRules,
    /// Whether rows that the allow list of their tenant covers are left out.
    pub skip_allowed: bool,
    /// Line, or element of an array, from 1, before which everything is passed over.
    pub from_line: u64,
    /// How long the first step waits until the store takes it.
    pub room_wait_max: Duration,
    /// What becomes of all rows together.
    pub mode: ImportMode,
    /// Told how many rows of each step were accepted, or how many indicators a replacement has removed.
    pub told: Told,
    /// Told of each step, and given its refused rows.
    pub keeper: Arc<dyn Keeper>,
}

/// A body being taken in, step by step.
pub struct Import {
    store: Store,
    pools: Arc<Pools>,
    budget: Arc<Budget>,
    rules: ImportRules,
    /// That of the first step.
    permit: Option<Permit>,
    /// The beginning of the body, until its format is known.
    begin: Vec<u8>,
    reading: Option<(BodyCutter, Arc<BodyFormat>)>,
    step: Option<Step>,
    step_began: Instant,
    committing: Option<JoinHandle<Result<ImportReport, IngestError>>>,
    /// The rows of all steps, if they are not committed.
    gathered: Option<Gathering>,
    /// What is being done with them.
    replacing: Option<Replacing>,
    /// Whether a step was handed over to be committed.
    has_ended_step: bool,
    report: ImportReport,
}

impl Import {
    pub(crate) fn new(
        store: Store,
        pools: Arc<Pools>,
        budget: Arc<Budget>,
        permit: Permit,
        rules: ImportRules,
    ) -> Self {
        Self {
            store,
            pools,
            budget,
            rules,
            permit: Some(permit),
            begin: Vec::new(),
            reading: None,
            step: None,
            step_began: Instant::now(),
            committing: None,
            gathered: None,
            replacing: None,
            has_ended_step: false,
            report: ImportReport::default(),
        }
    }

    /// Takes the next bytes of the body. Waits while too many slices are being worked on, while two steps are under way, and
    /// while there is no room: for a bounded time, unless a step is durable. Holds its thread for no more than 64 KiB at a
    /// time. After an error, or if a future is dropped half-way, [`fail`](Self::fail) is all that is left.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a body of which no row can be told from the next any more, [`IngestError::Write`] when
    /// the store gives up or there was no room.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        for (index, piece) in chunk.chunks(FEED_BYTES).enumerate() {
            if index > 0 {
                tokio::task::yield_now().await;
            }
            self.make_room(piece.len()).await?;
            if self.reading.is_some() {
                self.cut(piece).await?;
            } else {
                self.begin.extend_from_slice(piece);
                self.begin_reading(false).await?;
            }
            if let (Some(step), Some((cutter, _))) = (&self.step, &self.reading) {
                // Without what was passed over.
                step.memory().keep_body(step.bytes + cutter.kept_bytes());
            }
        }
        if self.due().is_some_and(|due| due <= Instant::now()) {
            self.end_rows().await?;
        }
        Ok(())
    }

    /// Ends the body and waits until every accepted row is durable.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed), with which [`fail`](Self::fail) is left to call.
    pub async fn finish(&mut self) -> Result<ImportReport, IngestError> {
        if self.reading.is_none() {
            self.begin_reading(true).await?;
        }
        while let Some((cutter, _)) = &mut self.reading
            && let Some(slice) = cutter.finish().map_err(IngestError::Body)?
        {
            // Allow lists may have to be read, and commits of all writes wait for the fast lane.
            let reads_lists = self.rules.skip_allowed && !self.store.knows_no_allow_list();
            let is_short =
                slice.text.len() <= limits::SHORT_BODY_BYTES_MAX && !self.has_begun_to_work() && !reads_lists;
            self.dispatch(slice, is_short).await?;
        }
        if self.step.is_none() && !self.has_ended_step {
            // Without rows as well: the supplier may be gone by now.
            self.begin_step().await?;
        }
        self.end_step(StepPlace::Last).await?;
        self.settle().await?;
        self.report.commit = Some(self.store.sequence());
        let Some(gathered) = self.gathered.take() else { return Ok(std::mem::take(&mut self.report)) };
        let ImportRules { mode, upload, told, .. } = &self.rules;
        let has_rows = self.report.rows_count != self.report.unread_count;
        if has_rows || matches!(mode, ImportMode::Plan(_)) {
            let (budget, told) = ((&self.budget, STEP_BYTES), Arc::clone(told));
            let replacing = gathered.start((*mode, upload.supplier), told, &self.pools, budget).await?;
            self.replacing = Some(replacing);
            return self.end_gathered().await;
        }
        // Of no feed, whoever reads the report makes an error.
        Ok(ImportReport { committed_lines: 0, ..std::mem::take(&mut self.report) })
    }

    /// The line, element or row of a document at which a body could not be read on, from 1; `None` before its rows begin.
    pub fn line(&self) -> Option<u64> {
        self.reading.as_ref().map(|(cutter, _)| cutter.line())
    }

    /// Where the element of that number stands, as a JSON Pointer in the form of a fragment (RFC 6901, section 6); `None` if the body is no array.
    pub fn pointer(&self, line: u64) -> Option<String> {
        let (_, format) = self.reading.as_ref()?;
        let is_array = matches!(**format, BodyFormat::Rows(RowFormat::Json));
        is_array.then(|| format!("#/{}", line.saturating_sub(1)))
    }

    /// Gives up, and tells what is durable all the same.
    pub async fn fail(mut self) -> ImportReport {
        drop(self.step.take());
        // Whether that was the failure, or it is another one, nothing of the step is durable.
        drop(self.settle().await);
        if let Some(replacing) = &mut self.replacing {
            replacing.cancel();
            if let Ok(report) = self.end_gathered().await {
                return report;
            }
        }
        let report = std::mem::take(&mut self.report);
        if self.rules.mode == ImportMode::Steps {
            return report;
        }
        report.without_accepted()
    }

    /// Waits for what is being done with all rows.
    async fn end_gathered(&mut self) -> Result<ImportReport, IngestError> {
        let Some(replacing) = &mut self.replacing else { return Err(IngestError::Internal) };
        let ended = replacing.ended().await;
        self.replacing = None;
        let (changes, is_guarded) = ended?;
        let report = std::mem::take(&mut self.report);
        let report = match self.rules.mode {
            _ if is_guarded => report.without_accepted(),
            ImportMode::Plan(_) => ImportReport { committed_lines: 0, ..report },
            _ => report,
        };
        let commit = Some(self.store.sequence());
        Ok(ImportReport { changes: Some(changes), is_guarded, commit, ..report })
    }

    fn has_begun_to_work(&self) -> bool {
        self.has_ended_step || self.step.as_ref().is_some_and(|step| !step.is_empty())
    }

    /// Finds out how to read the body, once enough of its beginning is there, and reads that.
    async fn begin_reading(&mut self, is_whole: bool) -> Result<(), IngestError> {
        let is_decided = is_whole || BEGINNING_BYTES_MAX <= self.begin.len();
        if !is_decided && BOM.starts_with(&self.begin) {
            return Ok(());
        }
        let bom_bytes = if self.begin.starts_with(BOM) { BOM.len() } else { 0 };
        let text = bytes_at(&self.begin, bom_bytes..);
        let fault = |(at, fault): (usize, Fault)| {
            IngestError::Body(BodyError::Syntax { fault, byte: (bom_bytes + at) as u64 })
        };
        let Some(format) = format::sniff(text, is_decided, self.rules.announced) else { return Ok(()) };
        let (mut before, mut lines) = (bom_bytes, 0);
        let (ends, format) = match format.map_err(fault)? {
            Format::Ndjson => (RowEnds::Lines, RowFormat::Ndjson),
            Format::Json => (RowEnds::Elements(ArrayScan::new()), RowFormat::Json),
            Format::Lines => (RowEnds::Lines, RowFormat::Lines(self.rules.upload.refang)),
            Format::Stix => {
                let format = DocumentFormat::Stix(SystemTime::now());
                return self.read_documents(format, bom_bytes).await;
            }
            Format::Misp => {
                let format = DocumentFormat::Misp(self.rules.misp);
                return self.read_documents(format, bom_bytes).await;
            }
            Format::Csv => {
                let Some(header) = csv::read_header(text, is_decided, &self.rules.columns) else {
                    return Ok(());
                };
                let Header { columns, bytes, lines: header_lines } = header.map_err(fault)?;
                (before, lines) = (bom_bytes + bytes, header_lines);
                (RowEnds::Records(RecordScan::new(columns.delimiter, 0)), RowFormat::Csv(columns))
            }
        };
        let cutter = Cutter::new(ends, lines + 1, before as u64, format.given_bytes());
        self.reading = Some((BodyCutter::Rows(cutter), Arc::new(BodyFormat::Rows(format))));
        let begin = std::mem::take(&mut self.begin);
        self.cut(bytes_at(&begin, before..)).await
    }

    async fn read_documents(&mut self, format: DocumentFormat, bom_bytes: usize) -> Result<(), IngestError> {
        let cutter = DocumentCutter::new(format.layout(), bom_bytes as u64);
        self.reading =
            Some((BodyCutter::Documents(Box::new(cutter)), Arc::new(BodyFormat::Documents(format))));
        let begin = std::mem::take(&mut self.begin);
        self.cut(bytes_at(&begin, bom_bytes..)).await
    }

    /// Cuts the next bytes, and has the slices that are full worked on.
    async fn cut(&mut self, bytes: &[u8]) -> Result<(), IngestError> {
        // A slice is closed between two pieces: what its rows are given may be much more than what they have.
        let given_bytes = self.reading.as_ref().map_or(0, |(_, format)| format.given_bytes());
        let piece_bytes = (limits::SLICE_BYTES / (given_bytes + 1)).clamp(PIECE_BYTES_MIN, FEED_BYTES);
        for piece in bytes.chunks(piece_bytes) {
            self.cut_piece(piece).await?;
        }
        Ok(())
    }

    async fn cut_piece(&mut self, mut piece: &[u8]) -> Result<(), IngestError> {
        while let Some((cutter, _)) = &mut self.reading
            && let Some(slice) = cutter.next_slice(&mut piece).map_err(IngestError::Body)?
        {
            self.dispatch(slice, false).await?;
            if self.step.as_ref().is_some_and(|step| step_bytes(&self.budget) <= step.bytes) {
                self.end_step(StepPlace::Within).await?;
            }
        }
        Ok(())
    }

    async fn dispatch(&mut self, slice: RowsSlice, is_short: bool) -> Result<(), IngestError> {
        if slice.next_line() <= self.rules.from_line {
            // Whoever passes them over has been told that they are durable.
            self.report.committed_lines = self.report.committed_lines.max(slice.next_line() - 1);
            return Ok(());
        }
        let Some((_, format)) = &self.reading else { return Err(IngestError::Internal) };
        let (format, weight) = (Arc::clone(format), format.weight(&slice));
        // What its rows take beside its text, which is there.
        self.make_room(weight - slice.text.len()).await?;
        let Some(step) = &mut self.step else { return Err(IngestError::Internal) };
        let pool: &Pool = if is_short { &self.pools.ingest_short } else { &self.pools.ingest };
        step.take(slice, weight, format, pool).await
    }
}

#[cfg(test)]
mod tests;
