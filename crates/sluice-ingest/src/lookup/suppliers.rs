//! What lookups need to know of a tenant's suppliers, made once for each catalogue.
//!
//! In: a catalogue and a tenant. Out: the enabled suppliers, ranked in the order of answers. Ranking ten thousand
//! takes milliseconds: only threads of the pool ask, and only once there is something to read. Kept for the tenants that asked last; a changed catalogue is
//! another one, and what was made of the old one is let go when its tenant asks again.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use sluice_model::{SupplierId, TenantId};
use sluice_store::catalogue::Catalogue;

/// Tenants for which the suppliers are kept.
const TENANTS_KEPT_MAX: usize = 8;

const SECONDS_PER_MINUTE: u64 = 60;

/// What a lookup needs to know of an enabled supplier.
pub(super) struct Supplier {
    pub(super) name: String,
    pub(super) retention_seconds: u64,
    pub(super) role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ordinary,
    /// Matches even what is a false positive.
    InternalTi,
    /// Suppresses, and makes no category of its own.
    FalsePositive,
}

/// The enabled suppliers of a tenant.
pub(super) struct Suppliers {
    /// In the order of answers.
    by_rank: Vec<Supplier>,
    /// Ascending by number, each with its place in `by_rank`.
    ranks: Vec<(SupplierId, usize)>,
}

impl Suppliers {
    fn of(catalogue: &Catalogue, tenant: TenantId) -> Self {
        let mut enabled: Vec<_> =
            catalogue.suppliers(tenant).filter(|supplier| supplier.settings.enabled).collect();
        enabled.sort_by(|one, other| {
            let by_confidence = other.settings.confidence.get().cmp(&one.settings.confidence.get());
            by_confidence.then_with(|| one.name.as_str().cmp(other.name.as_str()))
        });
        let mut ranks: Vec<_> =
            enabled.iter().enumerate().map(|(rank, supplier)| (supplier.id, rank)).collect();
        ranks.sort_unstable();
        let known = enabled.into_iter().map(|supplier| {
            let role = if supplier.is_false_positive() {
                Role::FalsePositive
            } else if supplier.is_internal_ti() {
                Role::InternalTi
            } else {
                Role::Ordinary
            };
            let retention_seconds = u64::from(supplier.settings.retention.get()) * SECONDS_PER_MINUTE;
            Supplier { name: supplier.name.as_str().to_owned(), retention_seconds, role }
        });
        Self { by_rank: known.collect(), ranks }
    }

    /// A supplier and its rank, by number; `None` when it is not enabled or not the tenant's.
    pub(super) fn get(&self, id: SupplierId) -> Option<(usize, &Supplier)> {
        let at = self.ranks.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let (_, rank) = self.ranks.get(at)?;
        Some((*rank, self.by_rank.get(*rank)?))
    }

    /// The supplier of a rank.
    pub(super) fn ranked(&self, rank: usize) -> Option<&Supplier> {
        self.by_rank.get(rank)
    }
}

struct Kept {
    /// Keeps the address from being used again, not the catalogue from being dropped.
    catalogue: Weak<Catalogue>,
    tenant: TenantId,
    suppliers: Arc<Suppliers>,
}

/// Suppliers of the tenants that asked last. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct SuppliersCache {
    /// The last to ask comes last.
    kept: Arc<Mutex<Vec<Kept>>>,
}

impl SuppliersCache {
    /// The enabled suppliers of a tenant.
    pub(super) fn get(&self, catalogue: &Arc<Catalogue>, tenant: TenantId) -> Arc<Suppliers> {
        if let Some(suppliers) = self.find(catalogue, tenant) {
            return suppliers;
        }
        // Two that miss at once both make it; that is cheaper than one waiting for the other.
        let suppliers = Arc::new(Suppliers::of(catalogue, tenant));
        let fresh = Kept { catalogue: Arc::downgrade(catalogue), tenant, suppliers: Arc::clone(&suppliers) };
        let mut gone = Vec::new();
        let mut kept = self.kept.lock();
        gone.extend(kept.extract_if(.., |one| one.tenant == tenant));
        if TENANTS_KEPT_MAX <= kept.len() {
            gone.push(kept.remove(0));
        }
        kept.push(fresh);
        drop(kept);
        // Outside the lock, for it may be the last of a large one.
        drop(gone);
        suppliers
    }

    fn find(&self, catalogue: &Arc<Catalogue>, tenant: TenantId) -> Option<Arc<Suppliers>> {
        let mut kept = self.kept.lock();
        let is_same =
            |one: &Kept| one.tenant == tenant && std::ptr::eq(one.catalogue.as_ptr(), Arc::as_ptr(catalogue));
        let at = kept.iter().position(is_same)?;
        kept.get_mut(at..)?.rotate_left(1);
        kept.last().map(|found| Arc::clone(&found.suppliers))
    }
}

#[cfg(test)]
mod tests;
