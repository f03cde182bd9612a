//! Requests by route and status, how long they took, and their bytes.
//!
//! In: requests that are answered, by the number of their route. Out: counts, times and bytes. A request that is none of
//! those that are counted apart stands under the route `other` with its method, if that is one of HTTP's own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actix_web::http::{Method, StatusCode};
use sluice_store::Histogram;

use super::{
    declared::{CLIENT_WAIT, RECEIVED, REQUEST_TIME, REQUESTS, SENT},
    exposition::{Exposition, Labels, Value, seconds},
};

#[cfg(test)]
mod tests;

/// Statuses that are counted apart; all others stand under `other`.
const STATUSES: [(u16, &str); 18] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (409, "409"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (425, "425"),
    (429, "429"),
    (500, "500"),
    (503, "503"),
    (507, "507"),
];

/// Statuses that alerts go by: told from the start, because an increase is seen only from a number to the next.
const TOLD_FROM_THE_START: [&str; 4] = ["429", "500", "503", "507"];

/// Methods of requests that have no route.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/// The label of what is counted with others.
const OTHER: &str = "other";

/// Bounds of times, in microseconds: from a lookup that filters settle to a body of 128 MB in a queue.
const TIMES: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// What is counted of one route.
#[derive(Debug)]
struct RouteCounts {
    method: &'static str,
    path: &'static str,
    by_status: [AtomicU64; STATUSES.len()],
    by_other_status: AtomicU64,
    times: Histogram,
    waited_microseconds: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'request> {
    /// Number of its route; `None` if it has none that is counted apart.
    pub(crate) route: Option<usize>,
    /// Its method.
    pub(crate) method: &'request Method,
    /// Its status.
    pub(crate) status: StatusCode,
    /// From its head to its answer.
    pub(crate) elapsed: Duration,
    /// How much of that its client was waited for.
    pub(crate) waited: Duration,
    /// Bytes of its body, as sent.
    pub(crate) received_bytes: u64,
    /// Bytes of the answer's body, as far as they were given.
    pub(crate) sent_bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    /// Those with a number, then those without, by method.
    routes: Vec<RouteCounts>,
    numbered: usize,
}

impl RequestMetrics {
    /// Begins with nothing counted; `routes` are method and path of each number.
    pub(crate) fn new(routes: &[[&'static str; 2]]) -> Self {
        let others = METHODS.iter().chain([&OTHER]).map(|method| [*method, OTHER]);
        let all = routes.iter().copied().chain(others);
        Self {
            routes: all.map(|[method, path]| RouteCounts::new(method, path)).collect(),
            numbered: routes.len(),
        }
    }

    /// Counts a request.
    pub(crate) fn answered(&self, answered: Answered<'_>) {
        let number = answered.route.unwrap_or_else(|| {
            let method = answered.method.as_str();
            let place = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len());
            self.numbered + place
        });
        if let Some(route) = self.routes.get(number) {
            route.count(answered);
        }
    }

    /// Tells what was counted.
    pub(crate) fn tell(&self, to: &mut Exposition) {
        let asked: Vec<&RouteCounts> = self.told().collect();
        to.add(REQUESTS, asked.iter().flat_map(|route| route.statuses()));
        let times = asked.iter().map(|route| (route.labels(), Value::Histogram(route.times.read())));
        to.add(REQUEST_TIME, times);
        let waits = asked.iter().map(|route| {
            let microseconds = route.waited_microseconds.load(Ordering::Relaxed);
            (route.labels(), Value::Real(seconds(microseconds)))
        });
        to.add(CLIENT_WAIT, waits);
        let bytes = |route: &RouteCounts, count: &AtomicU64| {
            (route.labels(), Value::Whole(count.load(Ordering::Relaxed)))
        };
        to.add(RECEIVED, asked.iter().map(|route| bytes(route, &route.received_bytes)));
        to.add(SENT, asked.iter().map(|route| bytes(route, &route.sent_bytes)));
    }

    /// Routes with a number, and others once they were asked.
    fn told(&self) -> impl Iterator<Item = &RouteCounts> {
        let (numbered, others) = self.routes.split_at_checked(self.numbered).unwrap_or_default();
        numbered.iter().chain(others.iter().filter(|route| route.was_asked()))
    }
}

impl RouteCounts {
    fn new(method: &'static str, path: &'static str) -> Self {
        Self {
            method,
            path,
            by_status: Default::default(),
            by_other_status: AtomicU64::new(0),
            times: Histogram::new(TIMES),
            waited_microseconds: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
        }
    }

    fn count(&self, answered: Answered<'_>) {
        let Answered { status, elapsed, waited, received_bytes, sent_bytes, .. } = answered;
        let place = STATUSES.iter().position(|(known, _)| *known == status.as_u16());
        let count = place.and_then(|place| self.by_status.get(place)).unwrap_or(&self.by_other_status);
        count.fetch_add(1, Ordering::Relaxed);
        self.times.note_time(elapsed.saturating_sub(waited));
        self.sent_bytes.fetch_add(sent_bytes, Ordering::Relaxed);
        // Most requests have none of these.
        if received_bytes != 0 || !waited.is_zero() {
            let microseconds = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
            self.waited_microseconds.fetch_add(microseconds, Ordering::Relaxed);
            self.received_bytes.fetch_add(received_bytes, Ordering::Relaxed);
        }
    }

    fn was_asked(&self) -> bool {
        self.statuses().any(|(_, value)| !matches!(value, Value::Whole(0)))
    }

    fn labels(&self) -> Labels {
        vec![("method", self.method.into()), ("route", self.path.into())]
    }

    fn statuses(&self) -> impl Iterator<Item = (Labels, Value)> {
        let names = STATUSES.iter().map(|(_, name)| *name).chain([OTHER]);
        let counts = self.by_status.iter().chain([&self.by_other_status]);
        names.zip(counts).filter_map(|(status, count)| {
            let count = count.load(Ordering::Relaxed);
            let mut labels = self.labels();
            labels.push(("status", status.into()));
            let is_told = count != 0 || TOLD_FROM_THE_START.contains(&status);
            is_told.then_some((labels, Value::Whole(count)))
        })
    }
}
