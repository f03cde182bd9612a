//! What passes the gate of `/es`: one row a method.
//!
//! What a row means stands in [`route`](crate::api::route). Nothing of it has a version but its first segment.

use actix_web::http::Method;
use sluice_model::limits::BODY_BYTES_MAX;

use crate::{
    api::request::Version::{self, V1_3},
    api::route::{Route, Shape},
    auth::role::Action,
};

#[cfg(test)]
mod tests;

const BULK: &[(Version, &str)] = &[(V1_3, "/es/_bulk"), (V1_3, "/es/{index}/_bulk")];

const SENTENCE: &str = "The actions could not be carried out";

/// Every request with a body that counts.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 2] = [
    Route {
        name: "Bulk", method: Method::POST, paths: BULK, action: Action::ChangeIndicators, sentence: SENTENCE,
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Bulk,
        documented: None,
    },
    Route {
        name: "BulkByPut", method: Method::PUT, paths: BULK, action: Action::ChangeIndicators, sentence: SENTENCE,
        body_bytes_max: BODY_BYTES_MAX, shape: Shape::Bulk,
        documented: None,
    },
];
