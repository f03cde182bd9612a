//! Memory for requests: how much there is, who gets it, and what each request holds of it.
//!
//! [`budget`] grants permits, in the order that [`fairness`] decides, and advises those it refuses from the rate at
//! which memory comes free ([`free_rate`]). [`request`] is what one request holds. [`level`] bounds what permits and the
//! store's memtable hold together.

mod budget;
mod fairness;
mod free_rate;
mod level;
mod request;

pub use self::budget::{Busy, Permit};
pub(crate) use self::{
    budget::Budget,
    request::{CancelGuard, HeldBytes, RequestMemory},
};
