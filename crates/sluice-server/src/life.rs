//! The process: from the start of the daemon to its end.
//!
//! `lifecycle` opens the store, serves, and closes everything in order; `drain` lets requests in flight end; `state` is what it shares with the requests;
//! `beats` tells whether the threads of connections still turn;
//! `conditions`, `request_log` and `removals` tell the log what becomes of the store, of requests and of indicators; `reload` tells what a new
//! configuration changes; [`sockets`], [`tls`], `host` and [`fd_limit`] prepare sockets and file descriptors; `connection_limit` tells
//! how many connections there may be; [`preflight`] what a start would stumble over.

pub(crate) mod beats;
pub(crate) mod conditions;
pub(crate) mod connection_limit;
mod drain;
pub mod error;
pub mod fd_limit;
pub(crate) mod host;
pub(crate) mod lifecycle;
pub(crate) mod list_builder;
pub mod preflight;
pub(crate) mod reload;
pub(crate) mod removals;
pub(crate) mod request_log;
pub mod sockets;
pub(crate) mod state;
pub mod tls;
