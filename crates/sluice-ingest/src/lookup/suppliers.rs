//! What lookups need to know of a tenant's suppliers, made once for each catalogue.
//!
//! In: a catalogue and a tenant. Out: the suppliers, ranked in the order of answers: by confidence, highest first, then
//! by name; those that are disabled come last. Ranking ten thousand takes milliseconds: only threads of the pools ask, and only once there is
//! something to read. Kept for the tenants that asked last; a changed catalogue is another one, and what was made of
//! the old one is dropped when its tenant asks again.

use std::{
    cmp::Reverse,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use sluice_model::{Confidence, SupplierId, TenantId};
use sluice_store::catalogue::{Catalogue, Supplier};

/// Tenants for which the suppliers are kept.
const TENANTS_KEPT_MAX: usize = 8;

/// What a lookup needs to know of a supplier.
pub(super) struct RankedSupplier {
    pub(super) name: String,
    pub(super) is_enabled: bool,
    pub(super) confidence: Confidence,
    pub(super) retention_seconds: u64,
}

impl RankedSupplier {
    /// Whether what the supplier last updated so many seconds ago counts.
    #[inline]
    pub(super) fn counts(&self, age_seconds: u64) -> bool {
        self.is_enabled && age_seconds < self.retention_seconds
    }
}

/// The suppliers of a tenant.
pub(crate) struct Suppliers {
    /// Keeps the address from being used again, not the catalogue from being dropped.
    catalogue: Weak<Catalogue>,
    tenant: TenantId,
    /// In the order of answers.
    by_rank: Vec<RankedSupplier>,
    /// Ascending by number, each with its place in `by_rank`.
    ranks: Vec<(SupplierId, u32)>,
    /// Suppresses matches, and is none itself.
    pub(super) false_positive_rank: Option<u32>,
    /// Matches even what is a false positive.
    pub(super) internal_ti_rank: Option<u32>,
}

impl Suppliers {
    fn of(catalogue: &Arc<Catalogue>, tenant: TenantId) -> Self {
        let mut all: Vec<&Supplier> = catalogue.suppliers(tenant).collect();
        all.sort_by(|one, other| {
            let in_order = |supplier: &Supplier| {
                (!supplier.settings.enabled, Reverse(supplier.settings.confidence.get()))
            };
            let by_settings = in_order(one).cmp(&in_order(other));
            by_settings.then_with(|| one.name.as_str().cmp(other.name.as_str()))
        });
        let mut suppliers = Self {
            catalogue: Arc::downgrade(catalogue),
            tenant,
            by_rank: Vec::with_capacity(all.len()),
            ranks: Vec::with_capacity(all.len()),
            false_positive_rank: None,
            internal_ti_rank: None,
        };
        for (rank, supplier) in (0..).zip(all) {
            suppliers.ranks.push((supplier.id, rank));
            if supplier.is_false_positive() {
                suppliers.false_positive_rank = Some(rank);
            } else if supplier.is_internal_ti() {
                suppliers.internal_ti_rank = Some(rank);
            }
            suppliers.by_rank.push(RankedSupplier {
                name: supplier.name.as_str().to_owned(),
                is_enabled: supplier.settings.enabled,
                confidence: supplier.settings.confidence,
                retention_seconds: supplier.settings.retention.seconds(),
            });
        }
        suppliers.ranks.sort_unstable();
        suppliers
    }

    /// A supplier and its rank, by number; `None` when it is not the tenant's.
    pub(super) fn get(&self, id: SupplierId) -> Option<(u32, &RankedSupplier)> {
        let at = self.ranks.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let (_, rank) = self.ranks.get(at)?;
        Some((*rank, self.ranked(*rank)?))
    }

    /// The supplier of a rank.
    pub(super) fn ranked(&self, rank: u32) -> Option<&RankedSupplier> {
        self.by_rank.get(rank as usize)
    }

    fn is_of(&self, catalogue: &Arc<Catalogue>, tenant: TenantId) -> bool {
        self.tenant == tenant && std::ptr::eq(self.catalogue.as_ptr(), Arc::as_ptr(catalogue))
    }
}

/// Suppliers of the tenants that asked last. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct SuppliersCache {
    /// The last to ask comes last.
    kept: Arc<Mutex<Vec<Arc<Suppliers>>>>,
}

impl SuppliersCache {
    /// The suppliers of a tenant.
    pub(super) fn get(&self, catalogue: &Arc<Catalogue>, tenant: TenantId) -> Arc<Suppliers> {
        if let Some(suppliers) = self.find(catalogue, tenant) {
            return suppliers;
        }
        // Two threads that miss at the same time both make it; that is cheaper than one waiting for the other.
        let suppliers = Arc::new(Suppliers::of(catalogue, tenant));
        let mut dropped = Vec::new();
        let mut kept = self.kept.lock();
        dropped.extend(kept.extract_if(.., |one| one.tenant == tenant));
        if TENANTS_KEPT_MAX <= kept.len() {
            dropped.push(kept.remove(0));
        }
        kept.push(Arc::clone(&suppliers));
        drop(kept);
        // Outside the lock, because dropping the last owner of a large one takes a while.
        drop(dropped);
        suppliers
    }

    fn find(&self, catalogue: &Arc<Catalogue>, tenant: TenantId) -> Option<Arc<Suppliers>> {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|one| one.is_of(catalogue, tenant))?;
        kept.get_mut(at..)?.rotate_left(1);
        kept.last().cloned()
    }
}

#[cfg(test)]
mod tests;
