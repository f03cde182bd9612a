//! Effects: what a change does to the catalogue, as full rows. The log and the stored catalogue hold these.
//!
//! In: effects, in the order of their log. Out: the catalogue after them. A row stands for itself, so effects
//! may come again, over a state that has them: once the last one has been applied the result is the same. In
//! between, two rows may claim one name. Numbers and texts are plain here and become words of the model on the way in.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use sluice_model::{
    Confidence, RetentionMinutes, SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId, TenantName,
    Vendor, supplier,
};

use super::{Catalogue, Supplier, SupplierSettings, Tag};

/// One row put or removed. Names of variants and fields are on disk.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Effect {
    /// The lowest numbers not yet given. Never lowers a counter.
    Counters {
        /// Number of the next tenant.
        next_tenant: u32,
        /// Number of the next supplier.
        next_supplier: u32,
        /// Number of the next tag.
        next_tag: u32,
    },
    /// A tenant is added or replaced.
    PutTenant {
        /// Its number.
        tenant: u32,
        /// Its name.
        name: String,
    },
    /// A supplier of one tenant is added or replaced.
    PutSupplier {
        /// Its number.
        supplier: u32,
        /// Number of its tenant.
        tenant: u32,
        /// Its name.
        name: String,
        /// 0 to 100.
        confidence: u8,
        /// Minutes since the last update.
        retention_minutes: u32,
        /// Free text, may be empty.
        vendor: String,
        /// Whether its indicators match.
        enabled: bool,
        /// Whether defanged forms are refanged.
        refang: bool,
    },
    /// A supplier of one tenant is removed.
    RemoveSupplier {
        /// Its number.
        supplier: u32,
    },
    /// A tag is added or replaced.
    PutTag {
        /// Its number.
        tag: u32,
        /// Its upper-case name.
        name: String,
        /// 0 to 5.
        weight: u8,
    },
    /// A tag is removed.
    RemoveTag {
        /// Its number.
        tag: u32,
    },
}

impl Effect {
    pub(super) fn put_supplier(row: &Supplier) -> Self {
        Self::PutSupplier {
            supplier: row.id.0,
            tenant: row.tenant.0,
            name: row.name.as_str().to_owned(),
            confidence: row.settings.confidence.get(),
            retention_minutes: row.settings.retention.get(),
            vendor: row.settings.vendor.as_str().to_owned(),
            enabled: row.settings.enabled,
            refang: row.settings.refang,
        }
    }

    pub(super) fn put_tag(row: &Tag) -> Self {
        Self::PutTag { tag: row.id.0, name: row.name.as_str().to_owned(), weight: row.weight.get() }
    }
}

impl Catalogue {
    /// The catalogue of a store's first moment: the tenant General with its two built-in suppliers.
    #[expect(clippy::expect_used, reason = "the effects are constants, and a test applies them")]
    pub(crate) fn initial() -> Self {
        let mut effects =
            vec![Effect::PutTenant { tenant: TenantId::GENERAL.0, name: TenantName::GENERAL.to_owned() }];
        for (supplier, name) in [(1, supplier::FALSE_POSITIVE), (2, supplier::INTERNAL_TI)] {
            effects.push(Effect::PutSupplier {
                supplier,
                tenant: TenantId::GENERAL.0,
                name: name.to_owned(),
                confidence: sluice_model::limits::CONFIDENCE_MAX,
                retention_minutes: RetentionMinutes::MAX.get(),
                vendor: String::new(),
                enabled: true,
                refang: false,
            });
        }
        // Numbers of suppliers and tags start at 1, so that a zero on disk is never one.
        effects.push(Effect::Counters { next_tenant: 1, next_supplier: 3, next_tag: 1 });
        Self::from_effects(&effects).expect("the first effects are valid")
    }

    /// Rebuilds a catalogue from rows, in any order in which names are unique.
    ///
    /// # Errors
    ///
    /// As [`Self::apply`].
    pub(crate) fn from_effects(effects: &[Effect]) -> Result<Self, String> {
        let mut catalogue = Self::default();
        catalogue.apply_all(effects)?;
        Ok(catalogue)
    }

    /// Applies effects one after the other.
    ///
    /// # Errors
    ///
    /// As [`Self::apply`]; the effects before the one refused have been applied then.
    pub(crate) fn apply_all(&mut self, effects: &[Effect]) -> Result<(), String> {
        effects.iter().try_for_each(|effect| self.apply(effect))
    }

    /// Applies one effect, whether or not the state has it already.
    ///
    /// # Errors
    ///
    /// What is wrong with a value that the model refuses; nothing is changed then.
    pub(crate) fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Counters { next_tenant, next_supplier, next_tag } => {
                self.next_tenant = self.next_tenant.max(*next_tenant);
                self.next_supplier = self.next_supplier.max(*next_supplier);
                self.next_tag = self.next_tag.max(*next_tag);
            }
            Effect::PutTenant { tenant, name } => self.put_tenant(*tenant, name)?,
            Effect::PutSupplier {
                supplier,
                tenant,
                name,
                confidence,
                retention_minutes,
                vendor,
                enabled,
                refang,
            } => {
                let settings = SupplierSettings {
                    confidence: valid("supplier", *supplier, Confidence::new(*confidence))?,
                    retention: valid("supplier", *supplier, RetentionMinutes::new(*retention_minutes))?,
                    vendor: valid("supplier", *supplier, Vendor::parse(vendor))?,
                    enabled: *enabled,
                    refang: *refang,
                };
                let name = valid("supplier", *supplier, SupplierName::parse(name))?;
                let (id, tenant) = (SupplierId(*supplier), TenantId(*tenant));
                self.put_supplier(Supplier { id, tenant, name, settings });
            }
            Effect::RemoveSupplier { supplier } => self.remove_supplier(SupplierId(*supplier)),
            Effect::PutTag { tag, name, weight } => {
                let name = valid("tag", *tag, TagName::parse(name))?;
                let weight = valid("tag", *tag, TagWeight::new(*weight))?;
                self.put_tag(Tag { id: TagId(*tag), name, weight });
            }
            Effect::RemoveTag { tag } => self.remove_tag(TagId(*tag)),
        }
        Ok(())
    }

    /// All rows: counters, tenants, suppliers and tags, each kind by number.
    pub(crate) fn to_effects(&self) -> Vec<Effect> {
        let mut effects = vec![Effect::Counters {
            next_tenant: self.next_tenant,
            next_supplier: self.next_supplier,
            next_tag: self.next_tag,
        }];
        let mut tenants: Vec<_> = self.tenants.iter().map(|(name, id)| (*id, name)).collect();
        tenants.sort_unstable();
        for (id, name) in tenants {
            effects.push(Effect::PutTenant { tenant: id.0, name: name.clone() });
        }
        effects.extend(self.suppliers.values().map(Effect::put_supplier));
        effects.extend(self.tags.values().map(Effect::put_tag));
        effects
    }

    fn put_tenant(&mut self, tenant: u32, name: &str) -> Result<(), String> {
        let name = valid("tenant", tenant, TenantName::parse(name))?;
        self.tenants.retain(|_, id| id.0 != tenant);
        self.tenants.insert(name.as_str().to_owned(), TenantId(tenant));
        self.next_tenant = self.next_tenant.max(tenant.saturating_add(1));
        Ok(())
    }

    fn put_supplier(&mut self, row: Supplier) {
        self.remove_supplier(row.id);
        self.supplier_ids.insert((row.tenant, row.name.as_str().to_owned()), row.id);
        self.suppliers.insert(row.id, row);
    }

    fn remove_supplier(&mut self, id: SupplierId) {
        self.next_supplier = self.next_supplier.max(id.0.saturating_add(1));
        let Some(row) = self.suppliers.remove(&id) else { return };
        let key = (row.tenant, row.name.as_str().to_owned());
        // Another row may have taken the name meanwhile, when effects come again.
        if self.supplier_ids.get(&key) == Some(&id) {
            self.supplier_ids.remove(&key);
        }
    }

    fn put_tag(&mut self, row: Tag) {
        self.remove_tag(row.id);
        self.tag_ids.insert(row.name.as_str().to_owned(), row.id);
        self.tags.insert(row.id, row);
    }

    fn remove_tag(&mut self, id: TagId) {
        self.next_tag = self.next_tag.max(id.0.saturating_add(1));
        let Some(row) = self.tags.remove(&id) else { return };
        if self.tag_ids.get(row.name.as_str()) == Some(&id) {
            self.tag_ids.remove(row.name.as_str());
        }
    }
}

/// Puts to an error of the model which row it is about.
fn valid<T, E: Display>(what: &str, number: u32, value: Result<T, E>) -> Result<T, String> {
    value.map_err(|error| format!("{what} {number}: {error}"))
}

#[cfg(test)]
mod tests;
