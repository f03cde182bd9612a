//! Where a connection came in, and what that means for its requests.
//!
//! In: a request as it was sent. Out: the same, with the target that everything behind goes by.

use actix_http::Request;
use actix_web::HttpMessage as _;

use super::es;

/// Where a connection came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Door {
    /// Everything is served.
    Api,
    /// What is below `/es` elsewhere is served at the root.
    Elasticsearch,
    /// Metrics are served.
    Metrics,
}

/// Says that a request has been led to where its door leads.
struct HasEntered;

impl Door {
    /// Leads a request to where its door leads; twice is once.
    pub(super) fn enter(self, request: &mut Request) {
        if self != Self::Elasticsearch || request.extensions_mut().insert(HasEntered).is_some() {
            return;
        }
        let uri = &mut request.head_mut().uri;
        *uri = es::below_root(uri);
    }
}
