//! The sockets that connections come in on: the daemon's own, or those that the service manager holds.
//!
//! In: the configuration, and what the service manager passed. Out: listening sockets with their addresses, none of which
//! speaks plain HTTP to other machines unless the configuration says so. A socket that the service manager holds stays
//! open while no daemon runs: who connects then waits for the next one.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

use super::error::ServeError;
use crate::{
    config::{self, Config},
    http::listener,
};

/// Sockets that can be listened on.
pub(crate) struct Sockets {
    pub(crate) listeners: Vec<TcpListener>,
    /// In the order of the listeners; at least one.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whether the service manager holds them.
    pub(crate) are_inherited: bool,
    /// That of clients of Elasticsearch, if there is one, which is always the daemon's own.
    pub(crate) elasticsearch: Option<(TcpListener, SocketAddr)>,
}

/// Takes the sockets that the service manager passed, if it did (`sd_listen_fds(3)`). To be called once, before any thread
/// is started: it removes the variables that tell of them.
///
/// # Errors
///
/// [`ServeError::Inherited`] when one is no TCP socket.
pub fn from_service_manager() -> Result<Vec<TcpListener>, ServeError> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        listeners.extend(passed.take_tcp_listener(index).map_err(ServeError::Inherited)?);
    }
    Ok(listeners)
}

/// Prepares `inherited` sockets, or binds one if there are none.
///
/// # Errors
///
/// [`ServeError::Listen`], [`ServeError::Inherited`] or [`ServeError::PlainHttp`].
pub(crate) fn open(config: &Config, inherited: Vec<TcpListener>) -> Result<Sockets, ServeError> {
    let write_timeout = config.http.write_timeout.seconds();
    let bind = |address| {
        listener::listen(address, write_timeout).map_err(|source| ServeError::Listen { address, source })
    };
    let elasticsearch = config.elasticsearch.listen.map(bind).transpose()?;
    if inherited.is_empty() {
        let (listener, address) = bind(config.listen)?;
        let (listeners, addresses) = (vec![listener], vec![address]);
        return Ok(Sockets { listeners, addresses, are_inherited: false, elasticsearch });
    }
    let adopted = inherited.iter().map(|socket| listener::adopt(socket, write_timeout));
    let addresses: Vec<SocketAddr> = adopted.collect::<Result<_, _>>().map_err(ServeError::Inherited)?;
    for address in &addresses {
        if config::is_plain_to_others(config, address.ip()) {
            return Err(ServeError::PlainHttp { address: *address });
        }
        tracing::info!(%address, "listens on a socket of the service manager; the key listen counts for nothing");
    }
    Ok(Sockets { listeners: inherited, addresses, are_inherited: true, elasticsearch })
}
