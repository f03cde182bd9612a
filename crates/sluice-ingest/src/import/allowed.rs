//! Which rows of an import the allow list of their tenant covers, so that they are left out.
//!
//! In: keys of accepted rows, slice by slice. Out: the numbers of those that the list covers: as itself, by its host, by a mask or by a
//! network, so that a lookup of the very value would find it there, and suppress it; or by a name above its host, down to where names are
//! registered. A lookup lets such a name suppress itself alone (`lookup/rank.rs`), but whoever lists a name for imports means what is
//! below it, too. A row of `InternalTI` is detected all the same, and those of the list itself are the list.
//!
//! Nearly all keys are settled by one question to a filter in memory, which has the domain that all names above a host are in; what it
//! does not settle is read together, in one sorted pass for a slice.
//!
//! The filter has what lists held at the start once they have been read ([`read_lists`]); imports wait for that before their
//! first step.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sluice_model::{
    SupplierId,
    matching::{
        CandidateKey, MatchScope, address_or_network, candidate_keys, group_of, is_url, network_keys,
    },
    ranges::bytes_at,
};
use sluice_store::{
    AllowFilter, ReadError, SingleThread, Snapshot, Store, StoredRow, WriteError,
    catalogue::{Catalogue, Supplier},
};
use tokio::sync::{Semaphore, oneshot};

use super::gather::start_thread;
use crate::{
    error::IngestError,
    pools::run_here,
    upload::validate::{UploadAction, UploadRules},
};

/// How long an import waits for lists to be read before it is told to come again.
const READ_WAIT_MAX: Duration = Duration::from_secs(10);
const READ_RETRY_AFTER_SECONDS: u32 = 5;

/// Keys, and their bytes, that are read together: with what reading them takes, a mebibyte.
const ASKED_KEYS_MAX: usize = 4 * 1_024;
const ASKED_BYTES_MAX: usize = 256 * 1_024;

/// The allow list for the rows of a step.
pub(crate) struct AllowList {
    store: Store,
    supplier: SupplierId,
    retention_seconds: u64,
}

impl AllowList {
    /// That of the tenant of these rows, if there are such and it is for them. What lists hold is known then, for which it has waited.
    ///
    /// # Errors
    ///
    /// As of [`read_lists`].
    pub(super) async fn of(
        store: &Store,
        rules: Option<&UploadRules>,
        turn: &Arc<Semaphore>,
    ) -> Result<Option<Self>, IngestError> {
        let list = rules.and_then(|rules| Self::find(store, rules));
        if list.is_some() {
            read_lists(store, turn, READ_WAIT_MAX).await?;
        }
        Ok(list)
    }

    fn find(store: &Store, rules: &UploadRules) -> Option<Self> {
        let catalogue = store.catalogue();
        let of = catalogue.supplier_by_id(rules.supplier)?;
        if rules.action == UploadAction::Delete || of.is_internal_ti() || of.is_false_positive() {
            return None;
        }
        let list = list_of(&catalogue, of)?;
        let retention_seconds = list.settings.retention.seconds();
        Some(Self { store: store.clone(), supplier: list.id, retention_seconds })
    }

    /// Prepares for the rows of a slice; `None` if nothing is on any list.
    pub(super) fn rows(&self) -> Option<AllowedRows<'_>> {
        let snapshot = self.store.snapshot();
        let filter = Arc::clone(snapshot.allow_filter());
        if filter.is_empty() {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_seconds = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let asked = AskedKeys::default();
        Some(AllowedRows {
            list: self,
            filter,
            snapshot,
            now_seconds,
            asked,
            rows_count: 0,
            room: Vec::new(),
        })
    }
}

fn list_of<'c>(catalogue: &'c Catalogue, of: &Supplier) -> Option<&'c Supplier> {
    catalogue.suppliers(of.tenant).find(|supplier| supplier.is_false_positive())
}

/// Returns once the lists of a store are known. They are read once, for whoever has the turn, by a thread of its own that goes on when
/// nobody waits any more.
///
/// # Errors
///
/// [`WriteError::Busy`] if that takes longer than `wait_max`, [`IngestError::Read`] if it is not possible.
pub(super) async fn read_lists(
    store: &Store,
    turn: &Arc<Semaphore>,
    wait_max: Duration,
) -> Result<(), IngestError> {
    if store.knows_allow_lists() {
        return Ok(());
    }
    let read = async {
        let turn = Arc::clone(turn).acquire_owned().await.map_err(|_closed| IngestError::Internal)?;
        if store.knows_allow_lists() {
            return Ok(());
        }
        let (outcome_out, outcome) = oneshot::channel();
        let store = store.clone();
        start_thread("allow-lists", move || {
            let read = run_here(|| store.read_allow_lists());
            drop((store, turn));
            // The receiver is gone when the request was cut off.
            drop(outcome_out.send(read));
        })?;
        match outcome.await?? {
            Ok(true) => Ok(()),
            Ok(false) => Err(IngestError::Write(WriteError::Closed)),
            Err(error) => Err(IngestError::Read(error)),
        }
    };
    let busy = WriteError::Busy { retry_after_seconds: READ_RETRY_AFTER_SECONDS };
    tokio::time::timeout(wait_max, read).await.unwrap_or(Err(IngestError::Write(busy)))
}

/// Tells the rows of a slice apart.
pub(super) struct AllowedRows<'l> {
    list: &'l AllowList,
    filter: Arc<AllowFilter>,
    snapshot: Snapshot,
    now_seconds: u32,
    asked: AskedKeys,
    /// Of those that were looked at.
    rows_count: u32,
    /// For a candidate of a key.
    room: Vec<u8>,
}

/// Keys that the list may have.
#[derive(Default)]
struct AskedKeys {
    bytes: Vec<u8>,
    /// Where each ends, and for which row it is asked.
    ends: Vec<(usize, u32)>,
    /// Rows that the list covers, ascending.
    covered: Vec<u32>,
}

impl AllowedRows<'_> {
    /// Looks at the key of the next row. Blocking, if much is to be read by now.
    ///
    /// # Errors
    ///
    /// [`IngestError::Read`].
    pub(super) fn look_at(&mut self, key: &[u8]) -> Result<(), IngestError> {
        let row = self.rows_count;
        self.rows_count += 1;
        let Self { filter, snapshot, .. } = self;
        let held = address_or_network(key).filter(|_| snapshot.may_hold_networks());
        let lengths = held.map_or(0, |held| snapshot.network_lengths(held));
        let may_have = match group_of(key) {
            Some(group) => filter.may_hold_group(group),
            None => is_url(key) || filter.may_hold(key),
        };
        if !may_have && lengths == 0 {
            return Ok(());
        }
        let (filter, mut room) = (Arc::clone(filter), std::mem::take(&mut self.room));
        let mut visit = |candidate: CandidateKey<'_>| {
            if filter.may_hold(candidate.key) {
                self.ask(candidate.key, row)?;
            }
            Ok(())
        };
        let may_have_prefix_masks = |mark: &[u8]| filter.may_hold_prefix_mask(mark);
        let levels = MatchScope::Levels;
        let mut looked = candidate_keys(key, 0, levels, may_have_prefix_masks, &mut room, &mut visit);
        if let (Ok(()), Some(held)) = (&looked, held) {
            looked = network_keys(held, lengths, &mut room, visit);
        }
        self.room = room;
        looked.map_err(IngestError::Read)
    }

    /// The numbers, from 0, of the rows that are allowed, ascending. Blocking.
    ///
    /// # Errors
    ///
    /// [`IngestError::Read`].
    pub(super) fn finish(mut self) -> Result<Vec<u32>, IngestError> {
        self.read_asked().map_err(IngestError::Read)?;
        Ok(self.asked.covered)
    }

    fn ask(&mut self, key: &[u8], row: u32) -> Result<(), ReadError> {
        let asked = &mut self.asked;
        asked.bytes.extend_from_slice(key);
        asked.ends.push((asked.bytes.len(), row));
        if ASKED_KEYS_MAX <= asked.ends.len() || ASKED_BYTES_MAX <= asked.bytes.len() {
            self.read_asked()?;
        }
        Ok(())
    }

    fn read_asked(&mut self) -> Result<(), ReadError> {
        let Self { asked, snapshot, .. } = &*self;
        let starts = std::iter::once(0).chain(asked.ends.iter().map(|(end, _)| *end));
        let keys = starts.zip(&asked.ends).map(|(start, (end, _))| bytes_at(&asked.bytes, start..*end));
        let keys: Vec<&[u8]> = keys.collect();
        if keys.is_empty() {
            return Ok(());
        }
        let rows = snapshot.read_rows(&keys, usize::MAX, &SingleThread)?.ok_or(ReadError::TooLong)?;
        let are_held: Vec<bool> = rows.iter().map(|row| self.is_held(row)).collect();
        let numbers = rows.into_numbers();
        let asked = &mut self.asked;
        for (place, (_, row)) in asked.ends.iter().enumerate() {
            let is_held = numbers.get(place).and_then(|number| are_held.get(number)) == Some(&true);
            if is_held && asked.covered.last() != Some(row) {
                asked.covered.push(*row);
            }
        }
        asked.bytes.clear();
        asked.ends.clear();
        Ok(())
    }

    fn is_held(&self, row: StoredRow<'_>) -> bool {
        let Self { list: AllowList { supplier, retention_seconds, .. }, snapshot, .. } = self;
        row.holdings().filter(|holding| holding.supplier == *supplier).any(|holding| {
            snapshot.age_seconds(*supplier, holding.updated, self.now_seconds) < *retention_seconds
        })
    }
}
