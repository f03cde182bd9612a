//! `PUT` and `DELETE indicators`: a body becomes the rows of one write, as a whole or not at all.
//!
//! In: the rules of a request and its body in chunks. Out: a [`Receipt`] once every accepted element is
//! durable, with the rejected ones in document order. Until then nothing of the body is visible, and a body that
//! is broken, or whose upload is dropped, leaves nothing.
//!
//! Each slice is judged, sorted and appended to the store's write by the pool thread that parsed it. The caller limits
//! the length of a body and the time it may take.

pub(crate) mod receipt;
pub(crate) mod tags;
pub(crate) mod validate;

use std::sync::Arc;

use parking_lot::Mutex;
use sluice_model::{Rejection, limits};
use sluice_store::{Completion, Slice, SliceBuilder, Store, Write, WriteError};
use tokio::sync::oneshot;

use self::{
    receipt::{Receipt, SliceRejections},
    tags::{MissingTags, TagNames},
    validate::{RowBuffers, UploadAction, UploadRules},
};
use crate::{
    body::elements::{self, Element},
    body::pipeline::{Pipeline, SliceWork},
    body::split::{BodySlice, Splitter},
    error::IngestError,
    memory::{Permit, RequestMemory},
    pools::{Pool, Pools},
};

/// A body being taken in. Dropping it leaves nothing of it.
pub struct Upload {
    store: Store,
    pipeline: Pipeline<RowWork>,
}

impl Upload {
    /// Begins an upload. Does not block.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the store takes no write at present.
    pub(crate) fn begin(
        store: &Store,
        pools: &Arc<Pools>,
        permit: Permit,
        rules: UploadRules,
    ) -> Result<Self, IngestError> {
        let work = RowWork::begin(store, rules, MissingTags::Refuse)?;
        let pipeline = Pipeline::new(Arc::clone(pools), RequestMemory::new(permit, usize::MAX), work);
        Ok(Self { store: store.clone(), pipeline })
    }

    /// Takes the next bytes of the body. Waits while too many slices are being worked on, and for a bounded time
    /// while there is no room; holds its thread for no more than 64 KiB at a time. A future that is dropped
    /// half-way makes the upload useless.
    ///
    /// # Errors
    ///
    /// [`IngestError::Body`] for a fault of the body, [`IngestError::Write`] when the store gives up or there was
    /// no room; from then on always the same.
    pub async fn feed(&mut self, chunk: &[u8]) -> Result<(), IngestError> {
        let Self { store, pipeline } = self;
        let memory = Arc::clone(pipeline.memory());
        let room = async {
            // The store has admitted the upload when it was a head; what it grows by is admitted here.
            if memory.take_body(chunk.len()).await? {
                memory.wait_for_memtable(store).await?;
            }
            Ok(())
        };
        pipeline.feed_after(room, chunk).await
    }

    /// Ends the body and waits until every accepted element is durable. Then `told` is told how many these are, also when
    /// this future has been dropped meanwhile; it must not block.
    ///
    /// # Errors
    ///
    /// As of [`feed`](Self::feed), and [`IngestError::Internal`] for a fault of ours. Nothing is stored then,
    /// except after [`sluice_store::WriteError::Failed`], where it is all or nothing.
    pub async fn finish(self, told: impl FnOnce(u64) + Send + 'static) -> Result<Receipt, IngestError> {
        let pools = Arc::clone(self.pipeline.pools());
        let elements_count = self.pipeline.elements_count();
        let (work, outputs, guard) = self.pipeline.finish().await?;
        let Some(write) = work.into_write() else { return Err(IngestError::Internal) };
        let receipt = Receipt::new(elements_count, outputs, Some(Arc::clone(&guard.0)));
        // Without rows as well: the supplier may be gone by now.
        let accepted_count = receipt.accepted_count;
        commit(write, &pools.ingest_short, move || told(accepted_count)).await?;
        Ok(receipt)
    }
}

/// Commits on a thread of `pool`, because committing waits while the log's queue is full.
pub(crate) async fn commit(
    write: Write,
    pool: &Pool,
    told: impl FnOnce() + Send + 'static,
) -> Result<(), IngestError> {
    commit_by(Write::commit, write, pool, told).await
}

/// The same by one of the ways in which a write is committed.
pub(crate) async fn commit_by(
    way: fn(Write, Completion<WriteError>),
    write: Write,
    pool: &Pool,
    told: impl FnOnce() + Send + 'static,
) -> Result<(), IngestError> {
    let (outcome_out, outcome_in) = oneshot::channel();
    let done = Box::new(move |outcome: Result<(), WriteError>| {
        if outcome.is_ok() {
            told();
        }
        // The receiver is gone only when the request was cut off.
        drop(outcome_out.send(outcome));
    });
    // If the job panics, `outcome_in` gets an error.
    drop(pool.start(move || way(write, done)));
    outcome_in.await?.map_err(IngestError::Write)
}

/// Makes rows of elements, for one write or to be gathered, by the catalogue as it was when that began.
pub(crate) struct RowWork {
    rules: UploadRules,
    /// Those of elements that are released.
    release_rules: UploadRules,
    names: TagNames,
    /// `None` if they are gathered.
    write: Option<Write>,
    /// Those of finished slices, for the next ones: at most one for each thread, and none that a long element has made
    /// large.
    buffers: Mutex<Vec<RowBuffers>>,
}

impl RowWork {
    /// Begins a write. Does not block.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the store takes no write at present.
    pub(crate) fn begin(
        store: &Store,
        rules: UploadRules,
        missing: MissingTags,
    ) -> Result<Self, IngestError> {
        let write = store.begin_for(rules.supplier).map_err(IngestError::Write)?;
        Ok(Self { write: Some(write), ..Self::gather(store, rules, missing) })
    }

    /// Begins without a write.
    pub(crate) fn gather(store: &Store, rules: UploadRules, missing: MissingTags) -> Self {
        let release_rules = UploadRules { action: UploadAction::Delete, ..rules.clone() };
        let names = TagNames { catalogue: store.catalogue(), missing };
        Self { rules, release_rules, names, write: None, buffers: Mutex::default() }
    }

    /// Whether what is stored has a context.
    pub(crate) fn takes_contexts(&self) -> bool {
        matches!(self.rules.action, UploadAction::Put { is_false_positive: false, .. })
    }

    /// Whether there is a tag of this name.
    pub(crate) fn is_tag(&self, name: &str) -> bool {
        self.names.catalogue.tag(&name.to_ascii_uppercase()).is_some()
    }

    /// Buffers for the rows of a slice.
    pub(crate) fn buffers(&self) -> RowBuffers {
        self.buffers.lock().pop().unwrap_or_default()
    }

    /// Takes the buffers back once the slice is done.
    pub(crate) fn give_back(&self, buffers: RowBuffers) {
        if buffers.heap_bytes() <= limits::ROW_BUFFERS_KEPT_BYTES_MAX {
            self.buffers.lock().push(buffers);
        }
    }

    /// Judges an element, and leaves what [`keep`] takes in `buffers`.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    #[inline]
    pub(crate) fn judge(&self, element: &Element<'_>, buffers: &mut RowBuffers) -> Result<(), Rejection> {
        validate::judge(element, &self.rules, &self.names, buffers)
    }

    /// The same for an element that its supplier holds no longer, whatever the request asks for.
    ///
    /// # Errors
    ///
    /// As of [`judge`](Self::judge).
    pub(crate) fn judge_released(
        &self,
        element: &Element<'_>,
        buffers: &mut RowBuffers,
    ) -> Result<(), Rejection> {
        validate::judge(element, &self.release_rules, &self.names, buffers)
    }

    /// Adds the row of an element, or tells why it is refused.
    ///
    /// # Errors
    ///
    /// [`IngestError::Internal`] for an accepted row that cannot be stored.
    #[inline]
    pub(crate) fn take(
        &self,
        element: &Element<'_>,
        buffers: &mut RowBuffers,
        rows: &mut SliceBuilder,
    ) -> Result<Result<(), Rejection>, IngestError> {
        match self.judge(element, buffers) {
            Ok(()) => keep(rows, buffers).map(Ok),
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    /// Returns without an error unless the store has not taken a tag that was to be made.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`].
    pub(crate) fn check_tags(&self) -> Result<(), IngestError> {
        let failure = match &self.names.missing {
            MissingTags::Make(maker) => maker.failure(),
            _ => None,
        };
        failure.map_or(Ok(()), |error| Err(IngestError::Write(error)))
    }

    /// Hands the rows of slice number `index` to the store, or gives them back if they are gathered.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the write can no longer succeed.
    pub(crate) fn append(&self, index: u32, rows: SliceBuilder) -> Result<Option<Slice>, IngestError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let Some(write) = &self.write else { return Ok(Some(rows.finish())) };
        write.append(index, rows.finish()).map_err(IngestError::Write)?;
        Ok(None)
    }

    /// Ends the work: what was appended is to be committed. `None` if it was gathered.
    pub(crate) fn into_write(self) -> Option<Write> {
        self.write
    }
}

impl SliceWork for RowWork {
    type Cut = Splitter;
    type Output = SliceRejections;

    fn work(&self, slice: &BodySlice) -> Result<SliceRejections, IngestError> {
        let (mut rows, mut rejections) =
            (SliceBuilder::with_text_bytes(slice.text.len()), SliceRejections::new());
        let mut buffers = self.buffers();
        let visited = elements::visit_elements(slice, |element| {
            if let Err(rejection) = self.take(&element, &mut buffers, &mut rows)? {
                rejections.push(&buffers.indicator, &rejection);
            }
            Ok(())
        });
        self.give_back(buffers);
        visited?;
        rejections.shrink();
        self.append(slice.index, rows)?;
        Ok(rejections)
    }
}

/// Keeps an accepted row. Where that is not possible the request fails, because the row is counted as stored.
#[inline]
pub(crate) fn keep(rows: &mut SliceBuilder, buffers: &RowBuffers) -> Result<(), IngestError> {
    if let Err(error) = rows.push(&buffers.key, &buffers.row) {
        tracing::error!(%error, "an accepted row cannot be stored");
        return Err(IngestError::Internal);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
