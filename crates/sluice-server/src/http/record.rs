//! What is known of a request while it is carried out, for the lines that tell of it.
//!
//! In: its head, then whatever the gate and the API learn about it. Out: the same, and a line in the access log if the client
//! went away before it was answered. It costs a glance at the clock and the id; nothing here is sent to the client but the id.

use std::{
    cell::{Cell, OnceCell},
    net::IpAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    dev::RequestHead,
    http::{Method, Uri},
};
use ipnet::IpNet;
use sluice_model::excerpt::excerpt;

use super::{forwarded, peer::PeerCertificates, request_id::RequestId};
use crate::logging::ACCESS;

/// See the module.
pub(crate) struct RequestRecord {
    /// Its id.
    pub(crate) id: RequestId,
    /// Where it comes from.
    pub(crate) address: IpAddr,
    method: Method,
    /// What the client has shown of itself in the handshake.
    pub(crate) peer: Option<Rc<PeerCertificates>>,
    uri: Uri,
    began: Instant,
    /// Name of what is asked; `-` while that is unknown.
    pub(crate) route: Cell<&'static str>,
    /// Its number among all that can be asked and is counted apart.
    pub(crate) route_number: Cell<Option<usize>>,
    /// Who asks, once that is known; a token as `token:` and its name.
    pub(crate) user: OnceCell<String>,
    /// Bytes of its body that have arrived, as sent.
    pub(crate) received_bytes: Cell<u64>,
    /// Time that the client was waited for.
    pub(crate) waited: Cell<Duration>,
    /// Indicators that were accepted.
    pub(crate) accepted_count: Cell<u64>,
    /// Indicators that were refused.
    pub(crate) refused_count: Cell<u64>,
    /// Whether it was answered.
    pub(crate) is_answered: Cell<bool>,
}

impl RequestRecord {
    /// Begins with a head that has just arrived, by way of `proxies` perhaps.
    pub(crate) fn begin(head: &RequestHead, peer: Option<Rc<PeerCertificates>>, proxies: &[IpNet]) -> Self {
        Self {
            id: RequestId::of(&head.headers),
            address: forwarded::client(head, proxies),
            method: head.method.clone(),
            peer,
            uri: head.uri.clone(),
            began: Instant::now(),
            route: Cell::new("-"),
            route_number: Cell::new(None),
            user: OnceCell::new(),
            received_bytes: Cell::new(0),
            waited: Cell::new(Duration::ZERO),
            accepted_count: Cell::new(0),
            refused_count: Cell::new(0),
            is_answered: Cell::new(false),
        }
    }

    /// Notes what came of its body, and how long the client was waited for.
    pub(crate) fn note_body(&self, received_bytes: u64, waited: Duration) {
        self.received_bytes.set(received_bytes);
        self.waited.set(waited);
    }

    /// Its method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// What it asks for, without a query.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Time since its head has arrived.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The same in milliseconds, with microseconds as decimals.
    pub(crate) fn elapsed_ms(&self) -> f64 {
        milliseconds(self.elapsed())
    }

    /// Who asks; `-` while that is unknown.
    pub(crate) fn user(&self) -> &str {
        self.user.get().map_or("-", String::as_str)
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        if !self.is_answered.get() {
            tracing::info!(
                target: ACCESS,
                request_id = self.id.as_str(),
                address = %self.address,
                user = &*excerpt(self.user()),
                route = self.route.get(),
                ms = self.elapsed_ms(),
                "request given up by its client"
            );
        }
    }
}

/// A time as the log tells it, with microseconds as decimals.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    let microseconds = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(microseconds) / 1_000.0
}
