//! The CyberTrace API: every request, one row each.
//!
//! What a row means stands in [`route`](crate::api::route). Whatever else belongs to a request alone is the variant
//! of [`request`](crate::api::request) that its row names, and the arm that carries the variant out.

use actix_web::http::Method;
use sluice_model::limits::{BODY_BYTES_MAX, LOOKUP_BODY_BYTES_MAX};

use super::operations;
use crate::{
    api::request::{
        EntityChange, Read, Streaming,
        Version::{self, V1_0, V1_1, V1_3},
    },
    api::route::{Route, Shape, Subject},
    auth::role::Action,
};

#[cfg(test)]
mod tests;

const LOOKUP: &[(Version, &str)] =
    &[(V1_0, "/api/{version}/lookup"), (V1_3, "/api/{version}/{tenant}/lookup")];
const SUPPLIERS: &[(Version, &str)] = &[(V1_0, "/api/{version}/suppliers")];
const SUPPLIER: &[(Version, &str)] =
    &[(V1_0, "/api/{version}/suppliers/{supplier}"), (V1_3, "/api/{version}/{tenant}/suppliers/{supplier}")];
/// A supplier is removed from all tenants at once.
const SUPPLIER_OF_ALL: &[(Version, &str)] = &[(V1_0, "/api/{version}/suppliers/{supplier}")];
const INDICATORS: &[(Version, &str)] = &[
    (V1_0, "/api/{version}/suppliers/{supplier}/indicators"),
    (V1_3, "/api/{version}/{tenant}/suppliers/{supplier}/indicators"),
];
const TAGS: &[(Version, &str)] = &[(V1_1, "/api/{version}/tags")];
const TAG: &[(Version, &str)] = &[(V1_1, "/api/{version}/tags/{tag}")];

/// Every request of the API.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 13] = [
    Route {
        name: "Lookup", method: Method::POST, paths: LOOKUP, action: Action::Lookup,
        sentence: "An error occurred while searching indicators",
        body_bytes_max: LOOKUP_BODY_BYTES_MAX, shape: Shape::Stream(Subject::Tenant(Streaming::Lookup)),
        documented: Some(operations::lookup),
    },
    Route {
        name: "ListSuppliers", method: Method::GET, paths: SUPPLIERS, action: Action::Read,
        sentence: "An error occurred while getting a list of suppliers",
        body_bytes_max: 0, shape: Shape::Read(Subject::Tenant(Read::Suppliers)),
        documented: Some(operations::list_suppliers),
    },
    Route {
        name: "CreateSupplier", method: Method::POST, paths: SUPPLIERS, action: Action::ManageSuppliers,
        sentence: "An error occurred while creating supplier",
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Change(Subject::Catalogue(EntityChange::CreateSupplier)),
        documented: Some(operations::create_supplier),
    },
    Route {
        name: "GetSupplier", method: Method::GET, paths: SUPPLIER, action: Action::Read,
        sentence: "An error occurred while getting supplier",
        body_bytes_max: 0, shape: Shape::Read(Subject::Supplier(Read::Supplier)),
        documented: Some(operations::get_supplier),
    },
    Route {
        name: "UpdateSupplier", method: Method::PUT, paths: SUPPLIER, action: Action::ChangeSupplier,
        sentence: "An error occurred while updating supplier",
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Change(Subject::OwnSupplier(EntityChange::UpdateSupplier)),
        documented: Some(operations::update_supplier),
    },
    Route {
        name: "RemoveSupplier", method: Method::DELETE, paths: SUPPLIER_OF_ALL, action: Action::ManageSuppliers,
        sentence: "An error occurred while removing the supplier",
        body_bytes_max: 0, shape: Shape::Change(Subject::OwnSupplier(EntityChange::RemoveSupplier)),
        documented: Some(operations::remove_supplier),
    },
    Route {
        name: "AddIndicators", method: Method::PUT, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "An error occurred while adding indicators to the database",
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Stream(Subject::Indicators(Streaming::AddIndicators)),
        documented: Some(operations::add_indicators),
    },
    Route {
        name: "DeleteIndicators", method: Method::DELETE, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "An error occurred while deleting indicators from the database",
        body_bytes_max: LOOKUP_BODY_BYTES_MAX, shape: Shape::Stream(Subject::Indicators(Streaming::DeleteIndicators)),
        documented: Some(operations::delete_indicators),
    },
    Route {
        name: "ListTags", method: Method::GET, paths: TAGS, action: Action::Read,
        sentence: "An error occurred while getting tags list",
        body_bytes_max: 0, shape: Shape::Read(Subject::Catalogue(Read::Tags)),
        documented: Some(operations::list_tags),
    },
    Route {
        name: "CreateTag", method: Method::POST, paths: TAGS, action: Action::ManageTags,
        sentence: "An error occurred while creating tag",
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Change(Subject::Catalogue(EntityChange::CreateTag)),
        documented: Some(operations::create_tag),
    },
    Route {
        name: "GetTag", method: Method::GET, paths: TAG, action: Action::Read,
        sentence: "An error occurred while getting tag",
        body_bytes_max: 0, shape: Shape::Read(Subject::Tag(Read::Tag)),
        documented: Some(operations::get_tag),
    },
    Route {
        name: "UpdateTag", method: Method::PUT, paths: TAG, action: Action::ManageTags,
        sentence: "An error occurred while updating tag",
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Change(Subject::Tag(EntityChange::UpdateTag)),
        documented: Some(operations::update_tag),
    },
    Route {
        name: "RemoveTag", method: Method::DELETE, paths: TAG, action: Action::ManageTags,
        sentence: "An error occurred while removing tag",
        body_bytes_max: 0, shape: Shape::Change(Subject::Tag(EntityChange::RemoveTag)),
        documented: Some(operations::remove_tag),
    },
];
