//! The `/v1` interface: every request, one row each.
//!
//! What a row means stands in [`route`](crate::api::route). Nothing of it has a version but its first segment.

use actix_web::http::Method;

use crate::{
    api::request::{
        Importing,
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

/// Every request of the interface.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 2] = [
    Route {
        name: "ImportIndicators", method: Method::POST, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "The rows could not be taken in",
        body_bytes_max: usize::MAX, shape: Shape::Import(Subject::Supplier(Importing::Add)),
    },
    Route {
        name: "ImportDeletions", method: Method::DELETE, paths: INDICATORS, action: Action::ChangeIndicators,
        sentence: "The rows could not be deleted",
        body_bytes_max: usize::MAX, shape: Shape::Import(Subject::Supplier(Importing::Delete)),
    },
];
