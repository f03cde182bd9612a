//! What clients can ask, and the way of a request: [`front`], [`gate`], then the API that it belongs to.
//!
//! A further API brings a table of its own (see [`route`]) and the variants of [`request`] that its rows name.

pub(crate) mod counted;
pub(crate) mod cybertrace;
mod door;
mod ending;
pub(crate) mod es;
pub(crate) mod front;
pub(crate) mod gate;
pub(crate) mod health;
mod identification;
mod lists_gate;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod request;
pub(crate) mod route;
pub(crate) mod scrape;
pub(crate) mod scrape_listener;
pub(crate) mod v1;
