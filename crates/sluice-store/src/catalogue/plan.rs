//! Plans: checks a change against the catalogue and says, in effects, what it comes to.
//!
//! In: one [`CatalogueChange`]. Out: effects that are valid for the very state they were planned on, so the
//! caller plans and applies one change after the other. No effects means that all is as it should be already. Every
//! supplier stands in every tenant, under one name; that is kept here and nowhere else. Changes nothing itself.

use sluice_model::{
    SupplierId, SupplierName, TagId, TagName, TagWeight, TenantId, TenantName, limits, supplier,
};

use super::{Catalogue, CatalogueChange, Effect, Supplier, SupplierPatch, SupplierSettings, Tag, TagPatch};
use crate::error::ChangeError;

impl Catalogue {
    /// Checks `change` and gives the effects that bring it about, with new numbers where rows are added.
    ///
    /// # Errors
    ///
    /// Every [`ChangeError`] but [`ChangeError::Write`].
    pub(crate) fn plan(&self, change: &CatalogueChange) -> Result<Vec<Effect>, ChangeError> {
        match change {
            CatalogueChange::AddTenant { name } => self.plan_add_tenant(name),
            CatalogueChange::CreateSupplier { name, settings } => self.plan_create_supplier(name, settings),
            CatalogueChange::UpdateSupplier { tenant, name, patch } => {
                self.plan_update_supplier(*tenant, name, patch)
            }
            CatalogueChange::RemoveSupplier { name } => self.plan_remove_supplier(name),
            CatalogueChange::CreateTag { name, weight } => self.plan_create_tag(name, *weight),
            CatalogueChange::UpdateTag { name, patch } => self.plan_update_tag(name, patch),
            CatalogueChange::RemoveTag { name } => {
                let row = self.tag(name.as_str()).ok_or(ChangeError::NotFound)?;
                Ok(vec![Effect::RemoveTag { tag: row.id.0 }])
            }
        }
    }

    fn plan_add_tenant(&self, name: &TenantName) -> Result<Vec<Effect>, ChangeError> {
        if self.tenants.contains_key(name.as_str()) {
            return Err(ChangeError::AlreadyExists);
        }
        check_room(self.tenants.len(), limits::TENANTS_MAX)?;
        let (mut next_tenant, mut next_supplier) = (self.next_tenant, self.next_supplier);
        let tenant = TenantId(take(&mut next_tenant, limits::TENANTS_MAX)?);
        let mut effects = vec![Effect::PutTenant { tenant: tenant.0, name: name.as_str().to_owned() }];
        for row in self.suppliers(TenantId::GENERAL) {
            let id = SupplierId(take(&mut next_supplier, limits::SUPPLIERS_MAX)?);
            effects.push(Effect::put_supplier(&Supplier { id, tenant, ..row.clone() }));
        }
        effects.push(Effect::Counters { next_tenant, next_supplier, next_tag: self.next_tag });
        Ok(effects)
    }

    fn plan_create_supplier(
        &self,
        name: &SupplierName,
        settings: &SupplierSettings,
    ) -> Result<Vec<Effect>, ChangeError> {
        self.check_supplier_name_free(name)?;
        check_room(self.suppliers(TenantId::GENERAL).count(), limits::SUPPLIERS_MAX)?;
        let mut next_supplier = self.next_supplier;
        let mut effects = Vec::with_capacity(self.tenants.len() + 1);
        for tenant in self.tenants.values().copied() {
            let id = SupplierId(take(&mut next_supplier, limits::SUPPLIERS_MAX)?);
            let row = Supplier { id, tenant, name: name.clone(), settings: settings.clone() };
            effects.push(Effect::put_supplier(&row));
        }
        let (next_tenant, next_tag) = (self.next_tenant, self.next_tag);
        effects.push(Effect::Counters { next_tenant, next_supplier, next_tag });
        Ok(effects)
    }

    fn plan_update_supplier(
        &self,
        tenant: TenantId,
        name: &SupplierName,
        patch: &SupplierPatch,
    ) -> Result<Vec<Effect>, ChangeError> {
        check_not_built_in(name)?;
        let row = self.supplier(tenant, name.as_str()).ok_or(ChangeError::NotFound)?;
        let new_name = patch.name.as_ref().filter(|new_name| *new_name != name);
        if let Some(new_name) = new_name {
            if tenant != TenantId::GENERAL {
                return Err(ChangeError::RenameInTenant);
            }
            self.check_supplier_name_free(new_name)?;
        }
        let mut effects = Vec::new();
        for old in self.suppliers_named(name) {
            let mut new = old.clone();
            if old.id == row.id {
                patch_settings(&mut new.settings, patch);
            }
            if let Some(new_name) = new_name {
                new.name = new_name.clone();
            }
            if new != *old {
                effects.push(Effect::put_supplier(&new));
            }
        }
        Ok(effects)
    }

    fn plan_remove_supplier(&self, name: &SupplierName) -> Result<Vec<Effect>, ChangeError> {
        check_not_built_in(name)?;
        let rows = self.suppliers_named(name);
        let effects: Vec<_> = rows.map(|row| Effect::RemoveSupplier { supplier: row.id.0 }).collect();
        if effects.is_empty() { Err(ChangeError::NotFound) } else { Ok(effects) }
    }

    fn plan_create_tag(&self, name: &TagName, weight: TagWeight) -> Result<Vec<Effect>, ChangeError> {
        if self.tag(name.as_str()).is_some() {
            return Err(ChangeError::AlreadyExists);
        }
        check_room(self.tags.len(), limits::TAGS_MAX)?;
        let mut next_tag = self.next_tag;
        let id = TagId(take(&mut next_tag, limits::TAGS_MAX)?);
        let (next_tenant, next_supplier) = (self.next_tenant, self.next_supplier);
        let counters = Effect::Counters { next_tenant, next_supplier, next_tag };
        Ok(vec![Effect::put_tag(&Tag { id, name: name.clone(), weight }), counters])
    }

    fn plan_update_tag(&self, name: &TagName, patch: &TagPatch) -> Result<Vec<Effect>, ChangeError> {
        let old = self.tag(name.as_str()).ok_or(ChangeError::NotFound)?;
        let mut new = old.clone();
        if let Some(new_name) = patch.name.as_ref().filter(|new_name| *new_name != name) {
            if self.tag(new_name.as_str()).is_some() {
                return Err(ChangeError::AlreadyExists);
            }
            new.name = new_name.clone();
        }
        new.weight = patch.weight.unwrap_or(old.weight);
        Ok(if new == *old { Vec::new() } else { vec![Effect::put_tag(&new)] })
    }

    /// The supplier of this name in every tenant.
    fn suppliers_named(&self, name: &SupplierName) -> impl Iterator<Item = &Supplier> {
        self.tenants.values().filter_map(|tenant| self.supplier(*tenant, name.as_str()))
    }

    fn check_supplier_name_free(&self, name: &SupplierName) -> Result<(), ChangeError> {
        // One look is enough, because every supplier of a tenant is also one of General's.
        let is_taken = self.supplier(TenantId::GENERAL, name.as_str()).is_some();
        if is_taken || supplier::is_reserved(name.as_str()) {
            return Err(ChangeError::AlreadyExists);
        }
        Ok(())
    }
}

/// Gives a number out. The last one is kept back, so that a counter never has to start again.
fn take(next: &mut u32, count_max: usize) -> Result<u32, ChangeError> {
    let number = *next;
    *next = number.checked_add(1).ok_or(ChangeError::TooMany { count_max })?;
    Ok(number)
}

fn check_room(count: usize, count_max: usize) -> Result<(), ChangeError> {
    if count < count_max { Ok(()) } else { Err(ChangeError::TooMany { count_max }) }
}

fn check_not_built_in(name: &SupplierName) -> Result<(), ChangeError> {
    if supplier::is_reserved(name.as_str()) { Err(ChangeError::BuiltIn) } else { Ok(()) }
}

fn patch_settings(settings: &mut SupplierSettings, patch: &SupplierPatch) {
    let SupplierPatch { name: _, confidence, retention, vendor, enabled, refang } = patch;
    settings.confidence = confidence.unwrap_or(settings.confidence);
    settings.retention = retention.unwrap_or(settings.retention);
    settings.enabled = enabled.unwrap_or(settings.enabled);
    settings.refang = refang.unwrap_or(settings.refang);
    if let Some(vendor) = vendor {
        settings.vendor = vendor.clone();
    }
}
