//! Which rows of an import the allow list of their tenant names, so that they are left out.
//!
//! In: keys of accepted rows. Out: whether a lookup of the very value would find it on the list, as itself, by its host, by a mask
//! or by a network, and so suppress it: what can never be detected is not stored. A row of `InternalTI` always can be, and those of
//! the list itself are the list. Nearly all keys are settled by one question to a filter in memory; the others are read.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use sluice_model::{
    SupplierId,
    matching::{
        CandidateKey, MatchScope, address_or_network, candidate_keys, group_of, is_url, network_keys,
    },
};
use sluice_store::{
    AllowFilter, ReadError, SingleThread, Snapshot, Store,
    catalogue::{Catalogue, Supplier},
};

use crate::{
    error::IngestError,
    upload::validate::{UploadAction, UploadRules},
};

/// The allow list for the rows of a step.
pub(crate) struct AllowList {
    store: Store,
    supplier: SupplierId,
    retention_seconds: u64,
}

impl AllowList {
    /// That of the tenant of these rows, if it is for them.
    pub(super) fn of(store: &Store, rules: &UploadRules) -> Option<Self> {
        let catalogue = store.catalogue();
        let of = catalogue.supplier_by_id(rules.supplier)?;
        if rules.action == UploadAction::Delete || of.is_internal_ti() || of.is_false_positive() {
            return None;
        }
        let list = list_of(&catalogue, of)?;
        let retention_seconds = list.settings.retention.seconds();
        Some(Self { store: store.clone(), supplier: list.id, retention_seconds })
    }

    /// Prepares for the rows of a slice; `None` if nothing is on any list. Blocking.
    ///
    /// # Errors
    ///
    /// [`IngestError::Read`].
    pub(super) fn rows(&self) -> Result<Option<AllowedRows<'_>>, IngestError> {
        let snapshot = self.store.snapshot();
        let filter = Arc::clone(snapshot.allow_filter().map_err(IngestError::Read)?);
        if filter.is_empty() {
            return Ok(None);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_seconds = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        Ok(Some(AllowedRows { list: self, filter, snapshot, now_seconds, room: Vec::new() }))
    }
}

fn list_of<'c>(catalogue: &'c Catalogue, of: &Supplier) -> Option<&'c Supplier> {
    catalogue.suppliers(of.tenant).find(|supplier| supplier.is_false_positive())
}

/// Tells the rows of a slice apart.
pub(super) struct AllowedRows<'l> {
    list: &'l AllowList,
    filter: Arc<AllowFilter>,
    snapshot: Snapshot,
    now_seconds: u32,
    /// For a candidate of a key.
    room: Vec<u8>,
}

impl AllowedRows<'_> {
    /// Returns true if the list has what a lookup of the value with this key finds first of all. Blocking.
    ///
    /// # Errors
    ///
    /// [`IngestError::Read`].
    pub(super) fn have(&mut self, key: &[u8]) -> Result<bool, IngestError> {
        let held = address_or_network(key).filter(|_| self.snapshot.may_hold_networks());
        let lengths = held.map_or(0, |held| self.snapshot.network_lengths(held));
        let may_have = match group_of(key) {
            Some(group) => self.filter.may_hold_group(group),
            None => is_url(key) || self.filter.may_hold(key),
        };
        if !may_have && lengths == 0 {
            return Ok(false);
        }
        let mut room = std::mem::take(&mut self.room);
        // `None` stands for the end of the search.
        let mut visit = |candidate: CandidateKey<'_>| {
            let may_be = candidate.by.names_value() && self.filter.may_hold(candidate.key);
            match may_be.then(|| self.is_held(candidate.key)) {
                Some(Ok(true)) => Err(None),
                Some(Err(error)) => Err(Some(error)),
                Some(Ok(false)) | None => Ok(()),
            }
        };
        let may_have_prefix_masks = |mark: &[u8]| self.filter.may_hold_prefix_mask(mark);
        let levels = MatchScope::Levels;
        let mut found = candidate_keys(key, 0, levels, may_have_prefix_masks, &mut room, &mut visit);
        if let (Ok(()), Some(held)) = (&found, held) {
            found = network_keys(held, lengths, &mut room, visit);
        }
        self.room = room;
        match found {
            Ok(()) => Ok(false),
            Err(None) => Ok(true),
            Err(Some(error)) => Err(IngestError::Read(error)),
        }
    }

    fn is_held(&self, key: &[u8]) -> Result<bool, ReadError> {
        let Self { list: AllowList { supplier, retention_seconds, .. }, snapshot, .. } = self;
        let rows = snapshot.read_rows(&[key], usize::MAX, &SingleThread)?.ok_or(ReadError::TooLong)?;
        let Some(row) = rows.iter().next() else { return Ok(false) };
        Ok(row.holdings().filter(|holding| holding.supplier == *supplier).any(|holding| {
            snapshot.age_seconds(*supplier, holding.updated, self.now_seconds) < *retention_seconds
        }))
    }
}
