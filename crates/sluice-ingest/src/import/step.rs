//! A step of an import: rows that become durable together, or are gathered together.
//!
//! In: slices in the order of the body. Out: once the step is ended, a report of its rows, all of which are durable
//! then. A step has a write and a permit of its own, and sees the catalogue as it was when it began. One that is
//! dropped before its end leaves nothing; one that is ended goes on when its client has gone.

use std::{iter::Peekable, pin::Pin, sync::Arc, vec};

use sluice_model::limits;
use sluice_store::{Slice, SliceBuilder, Write};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    allowed::{AllowList, AllowedRows},
    cut::RowsSlice,
    document_rows::{DocumentRules, visit_documents},
    finding::Fate,
    gather::Gathering,
    reading::BodyFormat,
    rejects::RejectsPacker,
    report::{ImportReport, RejectsFrame, word},
    rows::{RowPlace, visit_rows},
    unread::Unread,
    unsupported::Unsupported,
};
use crate::{
    body::{elements::Element, pipeline::SLICE_WEIGHT_BYTES_MIN},
    error::IngestError,
    memory::{Budget, CancelGuard, Permit, RequestMemory},
    pools::{Pool, Pools},
    upload::{RowWork, commit_by, keep, validate::RowBuffers},
};

/// Bytes after which the rows so far become durable, with memory enough.
pub(crate) const STEP_BYTES: usize = 16 * limits::MIB;

/// The same with the memory that there is now: two steps are under way, each with
/// what is cut behind it.
pub(crate) fn step_bytes(budget: &Budget) -> usize {
    STEP_BYTES.min(budget.large_bytes_max() / 3)
}

/// Most weight of a slice among those in flight, as of the slices of uploads.
const SLICE_WEIGHT_BYTES_MAX: usize = limits::SLICE_BYTES + limits::ELEMENT_BYTES_MAX;

/// Told how many rows of a step are durable, once they are. It must not block.
pub type Told = Arc<dyn Fn(u64) + Send + Sync>;

/// Who keeps what becomes of the rows of an import.
pub trait Keeper: Send + Sync {
    /// Whether refused rows are still wanted.
    fn takes_rejects(&self) -> bool;

    /// Told what became of the rows of a step, in the order of the steps, once it is durable; also when nobody waits for the
    /// import any more. The next step waits for that, and the memory of this one is held until then.
    fn keep<'k>(
        &'k self,
        step: &'k ImportReport,
        place: StepPlace,
        rejects: Vec<RejectsFrame>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'k>>;
}

/// Where a step stands in its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepPlace {
    /// More rows may follow.
    Within,
    /// The body ends with it.
    Last,
}

/// Rows that are being taken in.
pub(crate) struct Step {
    pools: Arc<Pools>,
    guard: CancelGuard,
    work: Arc<StepWork>,
    /// Where the rows go if they are not committed.
    gathered: Option<Gathering>,
    running: Vec<oneshot::Receiver<Result<SliceOutcome, IngestError>>>,
    /// Bytes of memory that the rows so far take at most.
    pub(crate) bytes: usize,
}

/// What became of a slice, and its rows if they are gathered.
type SliceOutcome = (ImportReport, Option<Slice>);

/// What is done with each slice of a step.
struct StepWork {
    rows: RowWork,
    /// If rows that it names are left out.
    allowed: Option<AllowList>,
    from_line: u64,
    memory: Arc<RequestMemory>,
    keeper: Arc<dyn Keeper>,
}

impl Step {
    /// Begins a step of these rows. Without a write, they go where they are gathered.
    pub(crate) fn begin(
        pools: &Arc<Pools>,
        permit: Permit,
        (rows, allowed): (RowWork, Option<AllowList>),
        from_line: u64,
        keeper: Arc<dyn Keeper>,
        gathered: Option<Gathering>,
    ) -> Self {
        let memory = RequestMemory::new(permit, usize::MAX);
        let guard = CancelGuard(Arc::clone(&memory));
        let work = Arc::new(StepWork { rows, allowed, from_line, memory, keeper });
        Self { pools: Arc::clone(pools), guard, work, gathered, running: Vec::new(), bytes: 0 }
    }

    /// What it holds.
    pub(crate) fn memory(&self) -> &Arc<RequestMemory> {
        &self.guard.0
    }

    /// Whether it has no slice yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Has a slice of that [`weight`](BodyFormat::weight) worked on, once there is a slot for it.
    ///
    /// # Errors
    ///
    /// [`IngestError::Internal`] for a fault of ours.
    pub(crate) async fn take(
        &mut self,
        slice: RowsSlice,
        weight: usize,
        format: Arc<BodyFormat>,
        pool: &Pool,
    ) -> Result<(), IngestError> {
        self.bytes += weight;
        // No more than the longest slice of an upload: a pool has no more slots.
        let slot_bytes = weight.clamp(SLICE_WEIGHT_BYTES_MIN, SLICE_WEIGHT_BYTES_MAX);
        let slot = pool.slot(slot_bytes).await?;
        let (work, index) = (Arc::clone(&self.work), u32::try_from(self.running.len()).unwrap_or(u32::MAX));
        self.running.push(pool.start(move || {
            let is_in_vain = work.memory.is_abandoned();
            let outcome =
                if is_in_vain { Err(IngestError::Internal) } else { work.report(&slice, &format, index) };
            drop(work);
            drop(slice);
            drop(slot);
            outcome
        }));
        Ok(())
    }

    /// Ends the step: it becomes durable whether or not somebody waits for that, and `told` is told how many rows did, then
    /// the keeper all of it.
    pub(crate) fn end(self, told: Told, place: StepPlace) -> JoinHandle<Result<ImportReport, IngestError>> {
        tokio::spawn(async move {
            let Self { pools, guard, work, gathered, running, .. } = self;
            let (mut reports, mut slices) = (ImportReport::default(), Vec::new());
            for running in running {
                let (report, slice) = running.await.unwrap_or(Err(IngestError::Internal))?;
                reports.absorb(report);
                slices.extend(slice);
            }
            // Each job has let go of its share before its report was there.
            let Some(work) = Arc::into_inner(work) else { return Err(IngestError::Internal) };
            let (accepted_count, keeper) = (reports.accepted_count, Arc::clone(&work.keeper));
            let told = move || {
                if 0 < accepted_count {
                    told(accepted_count);
                }
            };
            let is_gathered = gathered.is_some();
            match (work.rows.into_write(), gathered) {
                (Some(write), _) => {
                    let way = Write::commit_after_replacement;
                    commit_by(way, write, &pools.ingest_short, told).await?;
                }
                (None, Some(gathered)) => gathered.add(slices).await?,
                (None, None) => return Err(IngestError::Internal),
            }
            let rejects = std::mem::take(&mut reports.rejects);
            let told = reports.clone();
            // Nothing of it is durable yet.
            let told = if is_gathered { told.without_accepted() } else { told };
            keeper.keep(&told, place, rejects).await;
            drop(guard);
            Ok(reports)
        })
    }
}

impl StepWork {
    fn report(
        &self,
        slice: &RowsSlice,
        format: &BodyFormat,
        index: u32,
    ) -> Result<SliceOutcome, IngestError> {
        let asked = self.allowed.as_ref().and_then(AllowList::rows);
        let mut judged = self.judge(slice, format, asked, Vec::new())?;
        if let Some(asked) = judged.asked.take() {
            let left_out = asked.finish()?;
            if !left_out.is_empty() {
                // Refused rows are told in their order, so it is done once more, now that it is known which.
                drop(judged);
                judged = self.judge(slice, format, None, left_out)?;
            }
        }
        let SliceJudge { rows, mut report, packer, .. } = judged;
        self.rows.check_tags()?;
        let rows = self.rows.append(index, rows)?;
        report.rejects = packer.map_or_else(Vec::new, RejectsPacker::finish);
        Ok((report, rows))
    }

    /// Judges all rows of a slice.
    fn judge<'w>(
        &'w self,
        slice: &RowsSlice,
        format: &BodyFormat,
        asked: Option<AllowedRows<'w>>,
        left_out: Vec<u32>,
    ) -> Result<SliceJudge<'w>, IngestError> {
        let mut judge = SliceJudge {
            work: &self.rows,
            rows: SliceBuilder::with_text_bytes(slice.text.len()),
            report: ImportReport { committed_lines: slice.next_line() - 1, ..ImportReport::default() },
            buffers: self.rows.buffers(),
            asked,
            left_out: left_out.into_iter().peekable(),
            good_count: 0,
            packer: self.keeper.takes_rejects().then(RejectsPacker::default),
        };
        let visited = match format {
            BodyFormat::Rows(format) => {
                visit_rows(slice, format, self.from_line, |place, row, read| match read {
                    Ok(element) => judge.take(place, row, &element, Fate::AsAsked),
                    Err(unread) => {
                        judge.refuse_unread(place, row, unread);
                        Ok(())
                    }
                })
            }
            BodyFormat::Documents(format) => {
                let rules = DocumentRules {
                    from_line: self.from_line,
                    takes_contexts: self.rows.takes_contexts(),
                    is_tag: &|name| self.rows.is_tag(name),
                };
                visit_documents(slice, *format, rules, |place, row, read| match read {
                    Ok((element, fate)) => judge.take(place, row, &element, fate),
                    Err(unread) => {
                        judge.refuse_unread(place, row, unread);
                        Ok(())
                    }
                })
            }
        };
        self.rows.give_back(std::mem::take(&mut judge.buffers));
        visited?;
        Ok(judge)
    }
}

/// Judges the rows of a slice, one after the other.
struct SliceJudge<'w> {
    work: &'w RowWork,
    rows: SliceBuilder,
    report: ImportReport,
    buffers: RowBuffers,
    /// Asked which rows are allowed, if any is and that is not known yet.
    asked: Option<AllowedRows<'w>>,
    /// The numbers of those that are, among all that are good enough to be stored.
    left_out: Peekable<vec::IntoIter<u32>>,
    /// How many such rows there were.
    good_count: u32,
    /// If refused rows are kept.
    packer: Option<RejectsPacker>,
}

impl SliceJudge<'_> {
    fn take(
        &mut self,
        place: RowPlace,
        row: &[u8],
        element: &Element<'_>,
        fate: Fate,
    ) -> Result<(), IngestError> {
        let (word, hint) = match fate {
            Fate::AsAsked | Fate::Withdrawn => {
                let judged = match fate {
                    Fate::AsAsked => self.work.judge(element, &mut self.buffers),
                    _ => self.work.judge_released(element, &mut self.buffers),
                };
                let is_allowed = judged.is_ok() && fate == Fate::AsAsked && self.is_allowed()?;
                match judged {
                    Ok(()) if is_allowed => {
                        return self.take(place, row, element, Fate::Unsupported(Unsupported::AllowListed));
                    }
                    Ok(()) => {
                        keep(&mut self.rows, &self.buffers)?;
                        self.report.accept();
                        self.report.short_of_tags_count += u64::from(self.buffers.is_short_of_tags);
                        return Ok(());
                    }
                    Err(why) => {
                        self.report.refuse(place, row, &self.buffers.indicator, &why);
                        (word(&why), why.to_string())
                    }
                }
            }
            Fate::Refused(why) => {
                self.buffers.keep_indicator(element);
                self.report.refuse(place, row, &self.buffers.indicator, &why);
                (word(&why), why.to_string())
            }
            Fate::Unsupported(why) => {
                self.buffers.keep_indicator(element);
                self.report.refuse_unsupported(place, row, &self.buffers.indicator, &why);
                (why.word(), why.to_string())
            }
        };
        if let Some(packer) = &mut self.packer {
            packer.push(place, row, element.object(), &self.buffers.indicator, (word, &hint));
        }
        Ok(())
    }

    /// Whether the row in the buffers is known to be allowed; otherwise, it is asked.
    fn is_allowed(&mut self) -> Result<bool, IngestError> {
        if let Some(asked) = &mut self.asked {
            asked.look_at(&self.buffers.key)?;
        }
        let number = self.good_count;
        self.good_count += 1;
        Ok(self.left_out.next_if_eq(&number).is_some())
    }

    fn refuse_unread(&mut self, place: RowPlace, row: &[u8], why: Unread) {
        self.report.refuse_unread(place, row, why);
        if let Some(packer) = &mut self.packer {
            packer.push_unread(place, row, why.told());
        }
    }
}
