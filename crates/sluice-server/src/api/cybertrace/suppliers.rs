//! Suppliers: list, create, show, change, remove.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use sluice_model::{
    Confidence, RetentionMinutes, SupplierName, TenantId, TenantName, Vendor, supplier as built_in,
};
use sluice_store::{
    Store,
    catalogue::{CatalogueChange, Supplier, SupplierPatch, SupplierSettings},
};

use super::{
    changes::{change, read_entity},
    entity::{Entity, mandatory},
};
use crate::{
    api::gate::{Admitted, Subject},
    auth::role::Action,
    http::{
        answer,
        body::BodyReader,
        problem::{Cause, Resource},
    },
    life::state::State,
    worker::Worker,
};

const NAMES: &[&str] = &["name", "confidence", "retention", "vendor", "status", "refang"];

#[derive(Serialize)]
struct SupplierLine<'supplier> {
    name: &'supplier str,
    status: &'static str,
}

#[derive(Serialize)]
struct SupplierView<'supplier> {
    name: &'supplier str,
    status: &'static str,
    confidence: u8,
    retention: u32,
    vendor: &'supplier str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refang: bool,
}

fn status_word(supplier: &Supplier) -> &'static str {
    if supplier.settings.enabled { "enabled" } else { "disabled" }
}

/// All suppliers of a tenant, by name.
pub(super) fn list(store: &Store, tenant: TenantId) -> Result<HttpResponse, Cause> {
    let catalogue = store.catalogue();
    let lines: Vec<SupplierLine<'_>> = catalogue
        .suppliers(tenant)
        .map(|supplier| SupplierLine { name: supplier.name.as_str(), status: status_word(supplier) })
        .collect();
    answer::json(StatusCode::OK, &lines)
}

/// One supplier.
pub(super) fn get(supplier: &Supplier) -> Result<HttpResponse, Cause> {
    let settings = &supplier.settings;
    let view = SupplierView {
        name: supplier.name.as_str(),
        status: status_word(supplier),
        confidence: settings.confidence.get(),
        retention: settings.retention.get(),
        vendor: settings.vendor.as_str(),
        refang: settings.refang,
    };
    answer::json(StatusCode::OK, &[view])
}

/// Creates a supplier in every tenant.
pub(super) async fn create(
    state: &State,
    reader: BodyReader<'_>,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let patch = read_patch(&read_entity(state, reader, NAMES).await?)?;
    let wish = CatalogueChange::CreateSupplier {
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
    };
    change(&state.entity_worker, admitted.ingestor.store(), wish, Resource::Supplier).await?;
    answer::sentence(StatusCode::CREATED, "Supplier successfully created")
}

/// Changes what is given and leaves the rest.
pub(super) async fn update(
    state: &State,
    reader: BodyReader<'_>,
    admitted: Admitted,
) -> Result<HttpResponse, Cause> {
    let Subject::Supplier(supplier) = &admitted.subject else { return Err(Cause::Internal) };
    let mut patch = read_patch(&read_entity(state, reader, NAMES).await?)?;
    // Its own name is no renaming.
    patch.name = patch.name.filter(|name| *name != supplier.name);
    if patch.name.is_some() && !admitted.identity.may(Action::ManageSuppliers, TenantName::GENERAL) {
        return Err(Cause::Forbidden("Only an administrator may rename a supplier"));
    }
    let wish =
        CatalogueChange::UpdateSupplier { tenant: admitted.tenant, name: supplier.name.clone(), patch };
    change(&state.entity_worker, admitted.ingestor.store(), wish, Resource::Supplier).await?;
    answer::sentence(StatusCode::OK, "Supplier successfully updated")
}

/// Removes a supplier from every tenant, with its indicators.
pub(super) async fn remove(
    entity_worker: &Worker,
    store: &Store,
    supplier: &Supplier,
) -> Result<HttpResponse, Cause> {
    let wish = CatalogueChange::RemoveSupplier { name: supplier.name.clone() };
    change(entity_worker, store, wish, Resource::Supplier).await?;
    answer::sentence(StatusCode::CREATED, "Supplier successfully removed")
}

fn read_patch(entity: &Entity) -> Result<SupplierPatch, Cause> {
    let name = entity.text("name")?.map(SupplierName::parse).transpose().map_err(Cause::bad_request)?;
    if name.as_ref().is_some_and(|name| built_in::is_reserved(name.as_str())) {
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
        refang: entity.truth("refang")?,
    })
}
