//! Suppliers, tags and tenants: their numbers, names and settings.
//!
//! In: [`CatalogueChange`]s, checked against the present state by the log thread, one at a time. Out: effects
//! (full rows), which are what the log and the stored catalogue hold. Applying an effect twice, or over a state
//! that already has it, is harmless, so the log may reach back before the checkpoint.
//!
//! Numbers are given once and never again: rows of a removed supplier or tag carry a number that no longer
//! resolves, so readers skip them at once and merges drop them later.

mod effect;
mod plan;
mod stored;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId, TenantName,
    Vendor, supplier,
};

pub(crate) use effect::Effect;
pub(crate) use stored::StoredCatalogue;

/// What a supplier says about itself, per tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SupplierSettings {
    /// Trust in the supplier; orders the answer of a lookup.
    pub confidence: Confidence,
    /// Minutes since an indicator's last update after which it no longer matches.
    pub retention: RetentionMinutes,
    /// Free text, may be empty.
    pub vendor: Vendor,
    /// Disabled suppliers keep their indicators but match nothing.
    pub enabled: bool,
    /// Whether defanged forms are refanged before they are judged.
    pub refang: bool,
}

/// A supplier of one tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Supplier {
    /// Number under which its holdings are stored.
    pub id: SupplierId,
    /// Whose supplier this is.
    pub tenant: TenantId,
    /// Name, unique within the tenant, compared case-sensitively.
    pub name: SupplierName,
    /// Its settings in this tenant.
    pub settings: SupplierSettings,
}

impl Supplier {
    /// Returns true if this is one of the two suppliers that can be neither changed nor removed.
    pub fn is_built_in(&self) -> bool {
        supplier::is_reserved(self.name.as_str())
    }

    /// Returns true if this is the list of false positives.
    pub fn is_false_positive(&self) -> bool {
        self.name.as_str() == supplier::FALSE_POSITIVE
    }

    /// Returns true if this is the supplier whose indicators match even when they are false positives.
    pub fn is_internal_ti(&self) -> bool {
        self.name.as_str() == supplier::INTERNAL_TI
    }
}

/// Fields of a supplier to change; `None` leaves a field as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SupplierPatch {
    /// New name.
    pub name: Option<SupplierName>,
    /// New confidence.
    pub confidence: Option<Confidence>,
    /// New retention.
    pub retention: Option<RetentionMinutes>,
    /// New vendor.
    pub vendor: Option<Vendor>,
    /// New status.
    pub enabled: Option<bool>,
    /// New refang option.
    pub refang: Option<bool>,
}

/// A tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// Number under which it is stored with indicators.
    pub id: TagId,
    /// Upper-case name, unique.
    pub name: TagName,
    /// Weight.
    pub weight: TagWeight,
}

/// Fields of a tag to change; `None` leaves a field as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TagPatch {
    /// New name.
    pub name: Option<TagName>,
    /// New weight.
    pub weight: Option<TagWeight>,
}

/// A change of the catalogue, before it is checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CatalogueChange {
    /// Adds a tenant, with a copy of every supplier's settings.
    AddTenant {
        /// Its name.
        name: TenantName,
    },
    /// Adds a supplier to every tenant.
    CreateSupplier {
        /// Its name.
        name: SupplierName,
        /// Its settings, the same in every tenant to begin with.
        settings: SupplierSettings,
    },
    /// Changes a supplier's settings in one tenant, or, from General, its name everywhere.
    UpdateSupplier {
        /// Whose settings.
        tenant: TenantId,
        /// Present name.
        name: SupplierName,
        /// What to change.
        patch: SupplierPatch,
    },
    /// Removes a supplier and its indicators from every tenant.
    RemoveSupplier {
        /// Its name.
        name: SupplierName,
    },
    /// Adds a tag.
    CreateTag {
        /// Its name.
        name: TagName,
        /// Its weight.
        weight: TagWeight,
    },
    /// Changes a tag; its indicators follow a new name.
    UpdateTag {
        /// Present name.
        name: TagName,
        /// What to change.
        patch: TagPatch,
    },
    /// Removes a tag and takes it off every indicator.
    RemoveTag {
        /// Its name.
        name: TagName,
    },
}

/// The names and numbers at one moment. Cheap to share, never changed in place while shared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalogue {
    tenants: BTreeMap<String, TenantId>,
    supplier_ids: BTreeMap<(TenantId, String), SupplierId>,
    suppliers: BTreeMap<SupplierId, Supplier>,
    tag_ids: BTreeMap<String, TagId>,
    tags: BTreeMap<TagId, Tag>,
    next_tenant: u32,
    next_supplier: u32,
    next_tag: u32,
}

impl Catalogue {
    /// Number of the tenant of this name.
    pub fn tenant(&self, name: &str) -> Option<TenantId> {
        self.tenants.get(name).copied()
    }

    /// Name of a tenant.
    pub fn tenant_name(&self, id: TenantId) -> Option<&str> {
        self.tenants.iter().find(|(_, known)| **known == id).map(|(name, _)| name.as_str())
    }

    /// The supplier of this name in a tenant.
    pub fn supplier(&self, tenant: TenantId, name: &str) -> Option<&Supplier> {
        // A borrowed pair cannot look up an owned one; names are short and this is once a request.
        self.suppliers.get(self.supplier_ids.get(&(tenant, name.to_owned()))?)
    }

    /// The supplier of this number; `None` once it is removed.
    pub fn supplier_by_id(&self, id: SupplierId) -> Option<&Supplier> {
        self.suppliers.get(&id)
    }

    /// A tenant's suppliers by name, the built-in ones included.
    pub fn suppliers(&self, tenant: TenantId) -> impl Iterator<Item = &Supplier> {
        self.supplier_ids
            .range((tenant, String::new())..)
            .take_while(move |((of, _), _)| *of == tenant)
            .filter_map(|(_, id)| self.suppliers.get(id))
    }

    /// The tag of this upper-case name.
    pub fn tag(&self, name: &str) -> Option<&Tag> {
        self.tags.get(self.tag_ids.get(name)?)
    }

    /// The tag of this number; `None` once it is removed.
    pub fn tag_by_id(&self, id: TagId) -> Option<&Tag> {
        self.tags.get(&id)
    }

    /// All tags by name.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.tag_ids.values().filter_map(|id| self.tags.get(id))
    }
}
