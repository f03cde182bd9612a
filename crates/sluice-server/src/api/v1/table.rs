//! The `/v1` interface: every request, one row each.
//!
//! What a row means stands in [`route`](crate::api::route). Nothing of it has a version but its first segment.

use actix_web::http::Method;

use super::operations;
use crate::{
    api::request::{
        BatchesShape, Importing,
        Version::{self, V1_3},
    },
    api::route::{Route, Shape, Subject},
    auth::role::Action,
};

#[cfg(test)]
mod tests;

const INDICATORS: &[(Version, &str)] = &[
    (V1_3, "/v1/suppliers/{supplier}/indicators"),
    (V1_3, "/v1/tenants/{tenant}/suppliers/{supplier}/indicators"),
];

const BATCHES: &[(Version, &str)] = &[(V1_3, "/v1/batches"), (V1_3, "/v1/tenants/{tenant}/batches")];

const BATCH: &[(Version, &str)] =
    &[(V1_3, "/v1/batches/{batch}"), (V1_3, "/v1/tenants/{tenant}/batches/{batch}")];

const REJECTS: &[(Version, &str)] =
    &[(V1_3, "/v1/batches/{batch}/rejects"), (V1_3, "/v1/tenants/{tenant}/batches/{batch}/rejects")];

/// Every request of the interface.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 6] = [
    Route {
        name: "ImportIndicators", method: Method::POST, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "The rows could not be taken in",
        body_bytes_max: usize::MAX, shape: Shape::Import(Subject::Supplier(Importing::Add)),
        documented: Some(operations::import),
    },
    Route {
        name: "ImportDeletions", method: Method::DELETE, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "The rows could not be deleted",
        body_bytes_max: usize::MAX, shape: Shape::Import(Subject::Supplier(Importing::Delete)),
        documented: Some(operations::import_deletions),
    },
    Route {
        name: "ListBatches", method: Method::GET, paths: BATCHES, action: Action::Read,
        sentence: "The batches could not be listed",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::List),
        documented: Some(operations::list_batches),
    },
    Route {
        name: "ShowBatch", method: Method::GET, paths: BATCH, action: Action::Read,
        sentence: "The batch could not be shown",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::Show),
        documented: Some(operations::show_batch),
    },
    Route {
        name: "ShowRejects", method: Method::GET, paths: REJECTS, action: Action::Read,
        sentence: "The refused rows could not be shown",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::Rejects),
        documented: Some(operations::show_rejects),
    },
    Route {
        name: "CancelBatch", method: Method::DELETE, paths: BATCH, action: Action::ChangeIndicators,
        sentence: "The batch could not be cancelled",
        body_bytes_max: 0, shape: Shape::Batches(BatchesShape::Cancel),
        documented: Some(operations::cancel_batch),
    },
];
