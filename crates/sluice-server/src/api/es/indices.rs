//! Which supplier an index is.
//!
//! In: the name of an index as an action has it, and who asks. Out: a supplier, that there is none, or that it may not be
//! changed. The table of the configuration comes first, then the suppliers of General. Names of indices are in lower case, so case makes no difference; where it decides between two suppliers, the one
//! whose name is spelled the same is meant.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use sluice_ingest::BulkTarget;
use sluice_model::TenantName;
use sluice_store::catalogue::{Catalogue, Supplier};

use crate::{
    auth::role::{Action, Identity},
    config::IndexSupplier,
};

/// Names that are remembered for the rest of a request.
const REMEMBERED_MAX: usize = 1_000;

/// The indices of a request.
pub(super) struct Indices {
    catalogue: Arc<Catalogue>,
    /// By the configuration, in lower case.
    table: Arc<BTreeMap<String, IndexSupplier>>,
    identity: Identity,
    /// For actions that name none.
    default: Option<String>,
    remembered: Mutex<BTreeMap<String, BulkTarget>>,
}

impl Indices {
    pub(super) fn new(
        catalogue: Arc<Catalogue>,
        table: Arc<BTreeMap<String, IndexSupplier>>,
        identity: Identity,
        default: Option<String>,
    ) -> Self {
        Self { catalogue, table, identity, default, remembered: Mutex::default() }
    }

    /// What an index is.
    pub(super) fn target(&self, index: Option<&str>) -> BulkTarget {
        let Some(index) = index.or(self.default.as_deref()) else { return BulkTarget::Unknown };
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
        let Some(supplier) = self.supplier(tenant_name, name) else { return BulkTarget::Unknown };
        if !self.identity.may(Action::ChangeIndicators, tenant_name) {
            return BulkTarget::Forbidden;
        }
        BulkTarget::Supplier {
            id: supplier.id,
            refang: supplier.settings.refang,
            is_false_positive: supplier.is_false_positive(),
        }
    }

    fn supplier(&self, tenant_name: &str, name: &str) -> Option<&Supplier> {
        let tenant = self.catalogue.tenant(tenant_name)?;
        let exact = self.catalogue.supplier(tenant, name);
        exact.or_else(|| {
            let lower = name.to_lowercase();
            self.catalogue.suppliers(tenant).find(|supplier| supplier.name.as_str().to_lowercase() == lower)
        })
    }
}
