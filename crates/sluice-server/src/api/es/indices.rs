//! Which supplier an index is.
//!
//! In: the name of an index as an action has it, and who asks. Out: a supplier, that there is none, or that it may not be
//! changed. The table of the configuration comes first, then the suppliers of General. Names of indices are in lower case, so
//! case makes no difference; where it decides between suppliers, the one whose name is spelled the same is meant, and
//! otherwise none.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use sluice_ingest::BulkTarget;
use sluice_model::{SupplierId, TenantId, TenantName};
use sluice_store::catalogue::Catalogue;

use crate::{
    auth::role::{Action, Identity},
    config::IndexSupplier,
};

/// Names that are remembered for the rest of a request.
const REMEMBERED_MAX: usize = 1_000;

/// Longest name that Elasticsearch gives an index; suppliers' names are shorter.
const INDEX_BYTES_MAX: usize = 255;

/// The indices of a request.
pub(super) struct Indices {
    catalogue: Arc<Catalogue>,
    /// By the configuration, in lower case.
    table: Arc<BTreeMap<String, IndexSupplier>>,
    identity: Identity,
    remembered: Mutex<BTreeMap<String, BulkTarget>>,
    /// Suppliers of tenants by their names in lower case, once they are asked for; `None` stands for several.
    by_lower: Mutex<BTreeMap<TenantId, BTreeMap<String, Option<SupplierId>>>>,
}

impl Indices {
    pub(super) fn new(
        catalogue: Arc<Catalogue>,
        table: Arc<BTreeMap<String, IndexSupplier>>,
        identity: Identity,
    ) -> Self {
        Self { catalogue, table, identity, remembered: Mutex::default(), by_lower: Mutex::default() }
    }

    /// What an index is.
    pub(super) fn target(&self, index: &str) -> BulkTarget {
        if INDEX_BYTES_MAX < index.len() {
            return BulkTarget::Unknown;
        }
        if let Some(target) = self.remembered.lock().get(index) {
            return *target;
        }
        let target = self.find(index);
        let mut remembered = self.remembered.lock();
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert(index.to_owned(), target);
        }
        target
    }

    fn find(&self, index: &str) -> BulkTarget {
        let (tenant_name, name) = match self.table.get(&index.to_lowercase()) {
            Some(IndexSupplier { tenant, supplier }) => (tenant.as_str(), supplier.as_str()),
            None => (TenantName::GENERAL, index),
        };
        let Some(tenant) = self.catalogue.tenant(tenant_name) else { return BulkTarget::Unknown };
        let Some(id) = self.id(tenant, name) else { return BulkTarget::Unknown };
        if !self.identity.may(Action::ChangeIndicators, tenant_name) {
            return BulkTarget::Forbidden;
        }
        match id.and_then(|id| self.catalogue.supplier_by_id(id)) {
            Some(supplier) => BulkTarget::Supplier {
                id: supplier.id,
                refang: supplier.settings.refang,
                is_false_positive: supplier.is_false_positive(),
            },
            None => BulkTarget::Ambiguous,
        }
    }

    /// The supplier of this name, or the only one whose name differs in nothing but case.
    #[expect(clippy::option_option, reason = "none, one of several, or one")]
    fn id(&self, tenant: TenantId, name: &str) -> Option<Option<SupplierId>> {
        if let Some(supplier) = self.catalogue.supplier(tenant, name) {
            return Some(Some(supplier.id));
        }
        let mut by_lower = self.by_lower.lock();
        let names = by_lower.entry(tenant).or_insert_with(|| {
            let mut names = BTreeMap::new();
            for supplier in self.catalogue.suppliers(tenant) {
                let name = supplier.name.as_str().to_lowercase();
                names.entry(name).and_modify(|id| *id = None).or_insert(Some(supplier.id));
            }
            names
        });
        names.get(&name.to_lowercase()).copied()
    }
}

#[cfg(test)]
mod tests;
