//! Suppliers: list, show, create, update.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use sluice_model::{
    Confidence, RetentionMinutes, SupplierName, TenantId, TenantName, Vendor, supplier as built_in,
};
use sluice_store::{
    Store,
    catalogue::{CatalogueChange, Supplier, SupplierPatch, SupplierSettings},
};
use utoipa::ToSchema;

use super::entity::{Entity, mandatory};
use crate::{
    auth::role::{Action, Identity},
    http::{answer, problem::Cause},
};

/// A supplier in an answer. A list leaves out all but name and status.
#[derive(Serialize, ToSchema)]
#[schema(as = Supplier)]
pub(super) struct SupplierView<'supplier> {
    name: &'supplier str,
    /// `enabled` or `disabled`.
    status: &'static str,
    /// How far it is trusted, from 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    confidence: Option<u8>,
    /// Minutes after its last update for which an indicator matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retention: Option<u32>,
    /// Free text; empty if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    vendor: Option<&'supplier str>,
    /// Whether its values are read as what they stand for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    refang: bool,
}

impl<'supplier> SupplierView<'supplier> {
    fn short(supplier: &'supplier Supplier) -> Self {
        let status = if supplier.settings.enabled { "enabled" } else { "disabled" };
        let name = supplier.name.as_str();
        Self { name, status, confidence: None, retention: None, vendor: None, refang: false }
    }

    fn whole(supplier: &'supplier Supplier) -> Self {
        let settings = &supplier.settings;
        Self {
            confidence: Some(settings.confidence.get()),
            retention: Some(settings.retention.get()),
            vendor: Some(settings.vendor.as_str()),
            refang: settings.refang,
            ..Self::short(supplier)
        }
    }
}

/// All suppliers of a tenant, by name.
pub(super) fn list(store: &Store, tenant: TenantId) -> Result<HttpResponse, Cause> {
    let catalogue = store.catalogue();
    let views: Vec<SupplierView<'_>> = catalogue.suppliers(tenant).map(SupplierView::short).collect();
    answer::json(StatusCode::OK, &views)
}

/// One supplier.
pub(super) fn show(supplier: &Supplier) -> Result<HttpResponse, Cause> {
    answer::json(StatusCode::OK, &[SupplierView::whole(supplier)])
}

/// The creation of a supplier in every tenant.
pub(super) fn creation(entity: &Entity) -> Result<CatalogueChange, Cause> {
    let patch = read_patch(entity)?;
    Ok(CatalogueChange::CreateSupplier {
        name: mandatory("name", patch.name)?,
        settings: SupplierSettings {
            confidence: mandatory("confidence", patch.confidence)?,
            retention: mandatory("retention", patch.retention)?,
            vendor: match patch.vendor {
                Some(vendor) => vendor,
                None => Vendor::parse("").map_err(Cause::bad_request)?,
            },
            enabled: patch.enabled.unwrap_or(true),
            refang: patch.refang.unwrap_or(false),
        },
    })
}

/// The update of a supplier: changes what is given and leaves the rest.
pub(super) fn update(
    supplier: Supplier,
    entity: &Entity,
    identity: &Identity,
) -> Result<CatalogueChange, Cause> {
    let mut patch = read_patch(entity)?;
    // Its own name is not a new one.
    if patch.name.as_ref() == Some(&supplier.name) {
        patch.name = None;
    }
    if patch.name.is_some() && !identity.may(Action::ManageSuppliers, TenantName::GENERAL) {
        return Err(Cause::Forbidden("Only an administrator may rename a supplier"));
    }
    Ok(CatalogueChange::UpdateSupplier { tenant: supplier.tenant, name: supplier.name, patch })
}

fn read_patch(entity: &Entity) -> Result<SupplierPatch, Cause> {
    let name = entity.text("name")?.map(SupplierName::parse).transpose().map_err(Cause::bad_request)?;
    if let Some(name) = &name
        && built_in::is_reserved(name.as_str())
    {
        return Err(Cause::BadRequest("The name is reserved for a built-in supplier".into()));
    }
    let confidence = entity.integer("confidence")?.map(Confidence::new);
    let retention = entity.integer("retention")?.map(RetentionMinutes::new);
    let vendor = entity.text("vendor")?.map(Vendor::parse);
    let enabled = match entity.text("status")? {
        None => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        Some(_) => return Err(Cause::BadRequest("Property 'status' must be 'enabled' or 'disabled'".into())),
    };
    Ok(SupplierPatch {
        name,
        confidence: confidence.transpose().map_err(Cause::bad_request)?,
        retention: retention.transpose().map_err(Cause::bad_request)?,
        vendor: vendor.transpose().map_err(Cause::bad_request)?,
        enabled,
        refang: entity.boolean("refang")?,
    })
}
