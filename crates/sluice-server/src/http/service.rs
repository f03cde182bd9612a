//! The settings of actix-web's HTTP service, which hold for every connection.
//!
//! In: times, and whether the daemon stops. Out: a builder that takes the services which judge and answer
//! requests.

use std::{fmt::Debug, future::pending, sync::Arc, time::Duration};

use actix_http::{HttpServiceBuilder, Request};
use actix_service::{Service, ServiceFactory};
use actix_web::{body::BoxBody, dev::Response};

use super::{
    connection::{RequestStream, farewell::FAREWELL_TIME_MAX},
    stopping::Stopping,
};

#[cfg(test)]
mod tests;

/// Bytes of answers that are gathered before they are written. A shorter answer goes out in one write, head and body; of
/// a longer one, each write but the last has as many.
const WRITE_BYTES: usize = 65_536;

/// Longest time from the last answer of a connection to its end; the connection keeps to shorter bounds of its own.
const CLOSE_TIME_MAX: Duration = FAREWELL_TIME_MAX.saturating_mul(2);

/// Begins a service of connections that look up when the daemon stops.
pub(crate) fn builder<Io, S>(
    head_timeout: Duration,
    keep_alive: Duration,
    stopping: Arc<Stopping>,
) -> HttpServiceBuilder<RequestStream<Io>, S>
where
    Io: 'static,
    S: ServiceFactory<Request, Config = ()>,
    S::Error: Into<Response<BoxBody>> + 'static,
    S::InitError: Debug,
    <S::Service as Service<Request>>::Future: 'static,
{
    // It only wakes the connections, which then ask their streams. actix-web, if told more, would close an idle one at once,
    // and pass over a request that has arrived.
    let woken = move || {
        let stopping = Arc::clone(&stopping);
        async move {
            stopping.begun().await;
            pending::<()>().await;
        }
    };
    HttpServiceBuilder::default()
        .graceful_shutdown_signal(woken)
        .keep_alive(keep_alive)
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(CLOSE_TIME_MAX)
        .h1_write_buffer_size(WRITE_BYTES)
        .on_connect_ext(|io: &RequestStream<Io>, extensions| {
            extensions.insert(io.progress());
            if let Some(peer) = io.peer() {
                extensions.insert(peer);
            }
        })
}
