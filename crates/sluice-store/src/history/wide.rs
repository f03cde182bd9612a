//! Changes of all that a supplier holds, or of all with a tag: a few numbers, however many rows they concern.
//!
//! In: effects on the catalogue and replacements, with their numbers. Out: which suppliers and tags have changed since a commit, and
//! what they were called before. Rows show names, settings decide which of them are shown, and a replacement renews all: so after such a
//! change every row of the supplier or tag is told. Former names are kept because a reader may still ask by them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_model::{SupplierId, TagId, TenantId};

use super::UNNUMBERED;
use crate::catalogue::{Catalogue, Effect, Supplier, SupplierSettings};

/// Former names that are kept; beyond that, the history begins after the oldest.
const FORMER_MAX: usize = 4_096;

/// Suppliers, and tags, of which the newest change is kept; beyond that, as of names.
const CHANGED_MAX: usize = 65_536;

/// A name that a supplier or tag had up to a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Former {
    /// From this commit on it has another one, or is gone.
    until: u64,
    /// The number of the supplier or tag.
    id: u32,
    /// Whose supplier it was.
    tenant: u32,
    name: String,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WideChanges {
    /// The newest change of each supplier that has one.
    suppliers: BTreeMap<u32, u64>,
    tags: BTreeMap<u32, u64>,
    former_suppliers: Vec<Former>,
    former_tags: Vec<Former>,
    /// Changes up to this commit are forgotten.
    pub(crate) horizon: u64,
}

impl WideChanges {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes what a change does to a catalogue.
    pub(crate) fn note(&mut self, number: u64, before: &Catalogue, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::PutSupplier { supplier, name, .. } => {
                    // What is new has no rows.
                    let Some(known) = before.supplier_by_id(SupplierId(*supplier)) else { continue };
                    if known.name.as_str() != name {
                        self.former_suppliers.push(former(number, known));
                    } else if !is_seen_in_rows(&known.settings, effect) {
                        continue;
                    }
                    self.suppliers.insert(*supplier, number);
                }
                Effect::RemoveSupplier { supplier } => {
                    let Some(known) = before.supplier_by_id(SupplierId(*supplier)) else { continue };
                    self.former_suppliers.push(former(number, known));
                    self.suppliers.insert(*supplier, number);
                }
                Effect::PutTag { tag, .. } | Effect::RemoveTag { tag } => {
                    let Some(known) = before.tag_by_id(TagId(*tag)) else { continue };
                    let name = known.name.as_str().to_owned();
                    // Rows do not show its weight.
                    if matches!(effect, Effect::PutTag { name: now, .. } if *now == name) {
                        continue;
                    }
                    self.former_tags.push(Former { until: number, id: *tag, tenant: 0, name });
                    self.tags.insert(*tag, number);
                }
                Effect::Counters { .. } | Effect::PutTenant { .. } => {}
            }
        }
        self.forget_excess();
    }

    /// Forgets the oldest of what is too much.
    fn forget_excess(&mut self) {
        for former in [&mut self.former_suppliers, &mut self.former_tags] {
            let excess = former.len().saturating_sub(FORMER_MAX);
            let forgotten = former.drain(..excess).map(|former| former.until).max();
            self.horizon = self.horizon.max(forgotten.unwrap_or(0));
        }
        for newest in [&mut self.suppliers, &mut self.tags] {
            while CHANGED_MAX < newest.len()
                && let Some(oldest) = newest.values().min().copied()
            {
                newest.retain(|_, number| oldest < *number);
                self.horizon = self.horizon.max(oldest);
            }
        }
    }

    /// Notes that a supplier was replaced.
    pub(crate) fn note_renewal(&mut self, number: u64, supplier: SupplierId) {
        self.suppliers.insert(supplier.0, number);
    }

    /// Notes all of later changes.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.suppliers.extend(later.suppliers);
        self.tags.extend(later.tags);
        self.former_suppliers.extend(later.former_suppliers);
        self.former_tags.extend(later.former_tags);
        self.horizon = self.horizon.max(later.horizon);
        self.forget_excess();
    }

    /// Gives a number to what has none; true if there was something.
    pub(crate) fn settle(&mut self, number: u64) -> bool {
        let mut has_any = false;
        for newest in self.suppliers.values_mut().filter(|newest| **newest == UNNUMBERED) {
            *newest = number;
            has_any = true;
        }
        has_any
    }

    /// Forgets changes up to a commit.
    pub(crate) fn forget_through(&mut self, horizon: u64) {
        for newest in [&mut self.suppliers, &mut self.tags] {
            newest.retain(|_, number| horizon < *number);
        }
        for former in [&mut self.former_suppliers, &mut self.former_tags] {
            former.retain(|former| horizon < former.until);
        }
    }

    /// The suppliers that have changed since a commit, ascending.
    pub(crate) fn suppliers_since(&self, commit: u64) -> Vec<SupplierId> {
        let changed = self.suppliers.iter().filter(|(_, number)| commit < **number);
        changed.map(|(supplier, _)| SupplierId(*supplier)).collect()
    }

    /// The tags that have changed since a commit, ascending.
    pub(crate) fn tags_since(&self, commit: u64) -> Vec<TagId> {
        let changed = self.tags.iter().filter(|(_, number)| commit < **number);
        changed.map(|(tag, _)| TagId(*tag)).collect()
    }

    /// Names that suppliers of a tenant had since a commit and have no more, each with the supplier.
    pub(crate) fn former_suppliers(
        &self,
        tenant: TenantId,
        commit: u64,
    ) -> impl Iterator<Item = (&str, SupplierId)> {
        let former = self.former_suppliers.iter();
        let of_tenant = former.filter(move |former| former.tenant == tenant.0 && commit < former.until);
        of_tenant.map(|former| (former.name.as_str(), SupplierId(former.id)))
    }

    /// Names that tags had since a commit.
    pub(crate) fn former_tags(&self, commit: u64) -> impl Iterator<Item = &str> {
        let former = self.former_tags.iter().filter(move |former| commit < former.until);
        former.map(|former| former.name.as_str())
    }
}

/// Whether rows, or which of them are shown, are others after a supplier was put that keeps its name.
fn is_seen_in_rows(known: &SupplierSettings, effect: &Effect) -> bool {
    let Effect::PutSupplier { confidence, retention_minutes, enabled, .. } = effect else { return true };
    let before = (known.confidence.get(), known.retention.get(), known.enabled);
    before != (*confidence, *retention_minutes, *enabled)
}

fn former(until: u64, known: &Supplier) -> Former {
    Former { until, id: known.id.0, tenant: known.tenant.0, name: known.name.as_str().to_owned() }
}
