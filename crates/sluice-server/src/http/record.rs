//! What is known of a request while it is carried out, for the lines that tell of it.
//!
//! In: its head, then whatever the gate and the API learn about it. Out: the same, and a line in the access log if the client
//! went away before it was answered. Of an answer that is given while it is made, everything is told when nobody needs the record any more. It costs a
//! glance at the clock and the id; nothing here is sent to the client but the id.

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

use super::{forwarded, peer::PeerCertificates, problem::Cause, request_id::RequestId};
use crate::logging::ACCESS;

/// What tells of a request whose answer is a stream, once it has ended.
type TellEnd = Box<dyn FnOnce(&RequestRecord)>;

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
    /// Bytes of its answer, as far as they are given.
    pub(crate) sent_bytes: Cell<u64>,
    /// Why its answer, a stream that had begun well, has not ended well.
    pub(crate) failure: OnceCell<Cause>,
    /// Whether it was answered, to the end of its answer.
    pub(crate) is_answered: Cell<bool>,
    tell_end: Cell<Option<TellEnd>>,
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
            sent_bytes: Cell::new(0),
            failure: OnceCell::new(),
            is_answered: Cell::new(false),
            tell_end: Cell::new(None),
        }
    }

    /// Notes what came of its body, and how long the client was waited for.
    pub(crate) fn note_body(&self, received_bytes: u64, waited: Duration) {
        self.received_bytes.set(received_bytes);
        self.note_wait(waited);
    }

    /// Notes that the client was waited for.
    pub(crate) fn note_wait(&self, waited: Duration) {
        self.waited.set(self.waited.get() + waited);
    }

    /// Has `tell` told at the end of the record: its answer is a stream, of which nothing is known yet.
    pub(crate) fn tell_at_end(&self, tell: TellEnd) {
        self.tell_end.set(Some(tell));
    }

    /// Tells that the client went away before it had the whole answer.
    pub(crate) fn tell_given_up(&self) {
        tracing::info!(
            target: ACCESS,
            request_id = self.id.as_str(),
            address = %self.address,
            user = &*excerpt(self.user()),
            route = self.route.get(),
            ms = self.elapsed_ms(),
            received_bytes = self.received_bytes.get(),
            sent_bytes = self.sent_bytes.get(),
            accepted = self.accepted_count.get(),
            refused = self.refused_count.get(),
            "request given up by its client"
        );
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
        if let Some(tell) = self.tell_end.take() {
            tell(self);
        } else if !self.is_answered.get() {
            self.tell_given_up();
        }
    }
}

/// A time as the log tells it, with microseconds as decimals.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests;
