//! Where requests with bodies begin: the pools, the memory and the store that they share.
//!
//! In: a store and how much may be used of the machine. Out: permits for bodies, and with them uploads and lookups.

use std::{io, sync::Arc};

use sluice_model::{SupplierId, limits, memory_plan::MemoryPlan};
use sluice_store::Store;

use crate::{
    bulk::{Bulk, BulkRules},
    error::IngestError,
    import::{Import, ImportRules, format::Announced, step::step_bytes},
    lookup::{Detector, LookupRules, Query, Render, SuppliersCache},
    measures::IngestMeasures,
    memory::{Budget, Busy, Permit},
    pools::Pools,
    upload::{Upload, validate::UploadRules},
};

/// Takes bodies in. Clones share threads, slots and budget.
#[derive(Clone)]
pub struct Ingestor {
    store: Store,
    pools: Arc<Pools>,
    budget: Arc<Budget>,
    suppliers: SuppliersCache,
}

impl Ingestor {
    /// Starts `threads_count` threads that parse, at least one, and those for reads and short bodies, which hold as much
    /// memory as is planned for them.
    ///
    /// # Errors
    ///
    /// The operating system's refusal to start a thread.
    pub fn new(store: Store, threads_count: usize, plan: &MemoryPlan) -> Result<Self, io::Error> {
        let pools = Pools::start(threads_count, plan)?;
        let budget = Budget::new(plan);
        Ok(Self { store, pools, budget, suppliers: SuppliersCache::default() })
    }

    /// The store that rows go to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reserves memory for the beginning of a body before it is read. Never waits.
    ///
    /// `declared` is the body's length in bytes if it is known beforehand, which that of a compressed body is not. At
    /// most [`limits::HEAD_PERMIT_BYTES`] are reserved, because the body may never come; the permit grows with what
    /// arrives.
    ///
    /// # Errors
    ///
    /// [`sluice_store::WriteError::Busy`] if they are not free, or if a body of the declared length could not even begin to
    /// arrive; with the seconds after which it should be worth trying again. [`IngestError::OverMemory`] if it never could.
    pub fn reserve(&self, declared: Option<usize>, bytes_max: usize) -> Result<Permit, IngestError> {
        self.make_way();
        let expected = declared.unwrap_or(bytes_max).min(bytes_max);
        let memory_bytes_max = self.budget.large_bytes_max();
        if declared.is_some() && memory_bytes_max < expected {
            return Err(IngestError::OverMemory { bytes_max: memory_bytes_max });
        }
        Ok(self.budget.take(expected.min(limits::HEAD_PERMIT_BYTES), declared.and(Some(expected)))?)
    }

    /// The same for a body that is written, if the store takes one now.
    ///
    /// # Errors
    ///
    /// As of [`reserve`](Self::reserve), and why no write begins.
    pub fn reserve_to_write(&self, declared: Option<usize>, bytes_max: usize) -> Result<Permit, IngestError> {
        self.store.check_writable(None).map_err(IngestError::Write)?;
        self.reserve(declared, bytes_max)
    }

    /// Reserves `bytes` bytes that the caller is going to hold. Never waits.
    ///
    /// # Errors
    ///
    /// [`Busy`] if they are not free.
    pub fn reserve_whole(&self, bytes: usize) -> Result<Permit, Busy> {
        self.make_way();
        self.budget.take(bytes, None)
    }

    /// Has bodies give way to what is stored.
    fn make_way(&self) {
        self.budget.make_way(self.store.resident_bytes());
    }

    /// How memory and queues are.
    pub fn measures(&self) -> IngestMeasures {
        self.make_way();
        IngestMeasures { queues: self.pools.measures(), ..self.budget.measures() }
    }

    /// Bytes that all permits stand for.
    pub fn reserved_bytes(&self) -> usize {
        self.budget.held_bytes()
    }

    /// Begins a `PUT indicators` or `DELETE indicators`. Does not block.
    ///
    /// # Errors
    ///
    /// [`IngestError::Write`] when the store takes no write at present.
    pub fn upload(&self, permit: Permit, rules: UploadRules) -> Result<Upload, IngestError> {
        Upload::begin(&self.store, &self.pools, permit, rules)
    }

    /// Begins a bulk request. Does not block.
    pub fn bulk(&self, permit: Permit, rules: BulkRules) -> Bulk {
        Bulk::new(&self.store, &self.pools, permit, rules)
    }

    /// Reserves memory for the beginning of the body of an import, of any length, if the store takes rows now: those of the
    /// supplier `written`, or rows that are gathered. Never waits.
    ///
    /// # Errors
    ///
    /// As of [`reserve`](Self::reserve), of the bytes that are held at a time, and why no write begins.
    pub fn reserve_import(
        &self,
        declared: Option<usize>,
        written: Option<SupplierId>,
    ) -> Result<Permit, IngestError> {
        self.store.check_writable(written).map_err(IngestError::Write)?;
        self.make_way();
        let step_bytes = step_bytes(&self.budget);
        self.reserve(declared.map(|bytes| bytes.min(step_bytes)), step_bytes)
    }

    /// Begins an import. Does not block.
    pub fn import(&self, permit: Permit, rules: ImportRules) -> Import {
        Import::new(self.store.clone(), Arc::clone(&self.pools), Arc::clone(&self.budget), permit, rules)
    }

    /// Begins a `lookup` against all that is durable now, whose results `render` writes. Does not block.
    pub fn lookup<R: Render>(&self, permit: Permit, rules: LookupRules, render: R) -> Query<R> {
        let detector = Detector::new(self.store.snapshot(), rules, self.suppliers.clone());
        Query::new(Arc::clone(&self.pools), permit, detector, None, render)
    }

    /// The same for a body of rows: objects of JSON, in an array or one a line, or a value a line. So much is `announced`
    /// of it; tables and documents are none. What is no value has a result too.
    pub fn lookup_rows<R: Render>(
        &self,
        permit: Permit,
        rules: LookupRules,
        announced: Announced,
        render: R,
    ) -> Query<R> {
        let detector = Detector::new(self.store.snapshot(), rules, self.suppliers.clone());
        Query::new(Arc::clone(&self.pools), permit, detector, Some(announced), render)
    }
}

#[cfg(test)]
impl Ingestor {
    /// The same with a budget of its own, whose bodies wait no longer than that.
    pub(crate) fn with_wait_limits(&self, [quiet_wait_max, wait_max]: [std::time::Duration; 2]) -> Self {
        let plan = MemoryPlan::of(usize::MAX);
        let budget = Budget::with(&plan, quiet_wait_max, wait_max);
        Self { budget, ..self.clone() }
    }

    /// The same with a budget of its own, of so many bytes for bodies that are not small.
    pub(crate) fn with_body_bytes(&self, body_bytes: usize) -> Self {
        self.with_plan(&MemoryPlan { body_bytes, ..MemoryPlan::of(usize::MAX) })
    }

    /// The same with a budget of its own, as planned.
    pub(crate) fn with_plan(&self, plan: &MemoryPlan) -> Self {
        Self { budget: Budget::new(plan), ..self.clone() }
    }
}
