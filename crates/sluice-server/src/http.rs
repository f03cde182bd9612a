//! HTTP, whatever the API: connections, heads, bodies, and the answers to both good and failed requests.
//!
//! Nothing here knows a path, a user or a supplier, and nothing here uses another part of the crate.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod coding;
pub(crate) mod connection;
pub(crate) mod forwarded;
pub(crate) mod head;
pub(crate) mod listener;
pub(crate) mod peer;
pub(crate) mod problem;
pub(crate) mod problem_details;
pub(crate) mod record;
pub(crate) mod request_id;
pub(crate) mod service;
pub(crate) mod stopping;
pub(crate) mod streamed;
pub(crate) mod validators;
