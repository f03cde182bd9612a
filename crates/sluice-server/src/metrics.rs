//! What `/metrics` tells: every metric with its name, and the numbers that requests add to.
//!
//! In: what becomes of requests and logins. Out: numbers, each an atomic of its own, so that counting costs a request a few
//! additions and no lock. Labels come from closed sets: rows of the route tables, statuses and reasons that are listed
//! here, and suppliers up to a bound, beyond which they are `other`. Nothing that a client makes up becomes a label.
//!
//! `declared` has the names, `exposition` writes them as text; who gathers them stands in `api::scrape`.

pub(crate) mod declared;
pub(crate) mod exposition;
pub(crate) mod logins;
pub(crate) mod operations;
pub(crate) mod process;
pub(crate) mod requests;
pub(crate) mod suppliers;

use std::sync::{Arc, atomic::AtomicU64};

use self::{
    logins::LoginMetrics, operations::OperationMetrics, process::ProcessMetrics, requests::RequestMetrics,
    suppliers::SupplierMetrics,
};

/// The numbers of one daemon.
pub(crate) struct Metrics {
    /// Of requests, whatever they ask.
    pub(crate) requests: RequestMetrics,
    /// Of bodies with indicators.
    pub(crate) suppliers: SupplierMetrics,
    /// Values that were looked up.
    pub(crate) looked_up: AtomicU64,
    /// Of credentials.
    pub(crate) logins: LoginMetrics,
    /// Requests that failed because stored data is damaged.
    pub(crate) damaged_reads: AtomicU64,
    /// Of reloads and snapshots.
    pub(crate) operations: Arc<OperationMetrics>,
    /// Of the process.
    pub(crate) process: ProcessMetrics,
}

impl Metrics {
    /// Begins with nothing counted. `routes` are the method and path of each request that is counted apart, in the order
    /// of their numbers.
    pub(crate) fn new(routes: &[[&'static str; 2]]) -> Self {
        Self {
            requests: RequestMetrics::new(routes),
            suppliers: SupplierMetrics::default(),
            looked_up: AtomicU64::new(0),
            logins: LoginMetrics::default(),
            damaged_reads: AtomicU64::new(0),
            operations: Arc::new(OperationMetrics::begin()),
            process: ProcessMetrics::begin(),
        }
    }
}
