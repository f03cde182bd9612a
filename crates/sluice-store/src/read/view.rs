//! What readers see: one consistent set of slices, runs and names.
//!
//! A [`Snapshot`] is a share of an immutable [`View`]: writers and merges put a new view in its place and never change
//! one that is out. So a reader sees a request wholly or not at all, and rows and posting lists always agree. Whether a
//! key can be there is answered here, from filters alone.

use std::sync::Arc;

use sluice_model::{SupplierId, TenantId, network::Network};

use super::block_cache::BlockCache;
use crate::{
    allow_list::AllowFilter,
    catalogue::Catalogue,
    contexts::{ContextSource, TableId},
    error::ReadError,
    filter,
    history::{History, WideChanges},
    memtable::Memtable,
    networks::NetworkSummary,
    renewals::Renewals,
    run::{Part, Run},
    stamps::Ages,
    trees::Trees,
};

/// One state of the store.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// What is not in a run yet.
    pub(crate) memtable: Memtable,
    /// Runs, newest first.
    pub(crate) runs: Vec<Run>,
    /// Names and numbers.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Of the networks of all views, this one's among them.
    pub(crate) networks: Arc<NetworkSummary>,
    /// When suppliers were replaced.
    pub(crate) renewals: Arc<Renewals>,
    /// What has changed since which commit, as far as it is in runs.
    pub(crate) history: Arc<History>,
    /// Changes of all that a supplier holds, or of all with a tag.
    pub(crate) wide: Arc<WideChanges>,
    /// Number of the newest commit in it, or of what has changed beside commits later.
    pub(crate) sequence: u64,
}

/// A consistent view of all durable writes. Cheap to clone; holding one keeps what it shows readable.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) view: Arc<View>,
    pub(crate) trees: Arc<Trees>,
    pub(crate) blocks: Arc<BlockCache>,
    pub(crate) ages: Ages,
    /// Of what the allow lists hold in all snapshots.
    pub(crate) allowed: Arc<AllowFilter>,
}

impl Snapshot {
    /// Names and numbers at the moment of the snapshot.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.view.catalogue
    }

    /// Number of the newest commit that it shows.
    pub fn sequence(&self) -> u64 {
        self.view.sequence
    }

    /// Names that suppliers of a tenant had after a commit and have no more, each with the supplier.
    pub fn former_suppliers(
        &self,
        tenant: TenantId,
        commit: u64,
    ) -> impl Iterator<Item = (&str, SupplierId)> {
        self.view.wide.former_suppliers(tenant, commit)
    }

    /// Names that tags had after a commit and may have no more.
    pub fn former_tags(&self, commit: u64) -> impl Iterator<Item = &str> {
        self.view.wide.former_tags(commit)
    }

    /// Heap bytes of what it shows that is not in the trees; holding it keeps them.
    pub fn memtable_bytes(&self) -> usize {
        self.view.memtable.bytes()
    }

    /// How many seconds before the snapshot a supplier's holding was renewed, whose stamp is `updated`: by an update or
    /// a replacement of the supplier, whichever came last; by the clock of the day, which is at `now_seconds`, or by the
    /// time that the store was running, whichever is more.
    pub fn age_seconds(&self, supplier: SupplierId, updated: u32, now_seconds: u32) -> u64 {
        self.view.renewals.age_seconds(&self.ages, supplier, updated, now_seconds)
    }

    /// The same by the time that the store was running alone.
    pub(crate) fn running_seconds(&self, supplier: SupplierId, updated: u32) -> u32 {
        self.view.renewals.running_seconds(&self.ages, supplier, updated)
    }

    /// Returns true if a key may be stored that begins with `group`, a whole one as
    /// [`group_of`](sluice_model::matching::group_of) gives it. Asks filters only.
    pub fn may_hold_group(&self, group: &[u8]) -> bool {
        self.may_hold_beginning(group, filter::hash(group))
    }

    /// Returns true if the key of a prefix mask may be stored that has a mark
    /// ([`prefix_marks`](sluice_model::matching::prefix_marks)). Asks filters only.
    pub fn may_hold_prefix_mask(&self, mark: &[u8]) -> bool {
        self.may_hold_beginning(mark, filter::hash_mark(mark))
    }

    /// Returns true if a key may be stored that begins with `beginning` and was added with this hash beside its own.
    fn may_hold_beginning(&self, beginning: &[u8], hash: u64) -> bool {
        self.view.memtable.may_contain(hash)
            || self.view.runs.iter().any(|run| run.may_contain_group(beginning, hash))
    }

    /// Returns true if a key may be stored. Asks filters only.
    pub fn may_hold(&self, key: &[u8]) -> bool {
        let hash = filter::hash(key);
        self.view.memtable.may_contain(hash) || self.view.runs.iter().any(|run| run.may_contain(key, hash))
    }

    /// Returns true if a network may be stored. Asks a flag.
    #[inline]
    pub fn may_hold_networks(&self) -> bool {
        !self.view.networks.is_empty()
    }

    /// The lengths of which a network may be stored that holds an address or network, as bits: bit `n` is length `n`.
    /// Asks a summary of a mebibyte or so in memory, a few times, however many lengths are stored.
    #[inline]
    pub fn network_lengths(&self, held: Network) -> u128 {
        self.view.networks.lengths_around(held)
    }

    /// Where the contexts of a table are read that a row of the snapshot names.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when no slice and no part has the table.
    pub(crate) fn context_source(&self, table: TableId) -> Result<ContextSource<'_>, ReadError> {
        let source = if table.stored().is_some() {
            let stored = self.parts().find_map(|part| part.stored_table(table));
            stored.map(|stored| ContextSource::stored(&self.trees, stored))
        } else {
            let slice = self.view.memtable.slices().iter().find(|slice| slice.table() == table);
            slice.map(|slice| ContextSource::Slice(slice.contexts()))
        };
        source.ok_or_else(ContextSource::missing)
    }

    /// The parts of all runs.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Arc<Part>> {
        self.view.runs.iter().flat_map(|run| &run.parts)
    }
}
