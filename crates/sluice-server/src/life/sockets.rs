//! The sockets that connections come in on: the daemon's own, or those that the service manager holds.
//!
//! In: the configuration, and what the service manager passed. Out: listening sockets with their addresses, none of which
//! speaks plain HTTP to other machines unless the configuration says so.
//!
//! Sockets stay open while no daemon runs, so that who connects waits for the next one: those of a unit `.socket` always, the
//! daemon's own while it is restarted, after a failure too. For that it gives the service manager copies of them to keep
//! (`FileDescriptorStoreMax=` of the unit; without it, or without a service manager, nothing is kept). A kept socket whose
//! address the configuration names no more is given up.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    os::fd::AsFd as _,
    time::Duration,
};

use listenfd::ListenFd;
use sd_notify::NotifyState;

use super::error::ServeError;
use crate::{
    config::{self, Config},
    http::listener,
};

/// Under which names the service manager keeps the daemon's own sockets.
const LISTEN: &str = "sluiced-listen";
const ELASTICSEARCH: &str = "sluiced-elasticsearch";

/// Sockets that the service manager passed.
#[derive(Default)]
pub struct Inherited {
    /// Those of a unit `.socket`, which take the place of the key `listen`.
    held: Vec<TcpListener>,
    /// Those that a daemon before this one has given it to keep, by name.
    kept: HashMap<String, TcpListener>,
}

/// Sockets as a unit `.socket` holds them.
impl From<Vec<TcpListener>> for Inherited {
    fn from(held: Vec<TcpListener>) -> Self {
        Self { held, kept: HashMap::new() }
    }
}

/// Sockets that can be listened on.
pub(crate) struct Sockets {
    pub(crate) listeners: Vec<TcpListener>,
    /// In the order of the listeners; at least one.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whether there may be connections that wait since before the daemon's start.
    pub(crate) are_inherited: bool,
    /// That of clients of Elasticsearch, if there is one, which is always the daemon's own.
    pub(crate) elasticsearch: Option<(TcpListener, SocketAddr)>,
}

impl Inherited {
    /// Takes the sockets that the service manager passed, if it did (`sd_listen_fds_with_names(3)`). To be called once,
    /// before any thread is started: it removes the variables that tell of them.
    ///
    /// # Errors
    ///
    /// [`ServeError::Inherited`] when one is no TCP socket.
    pub fn from_service_manager() -> Result<Self, ServeError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let (mut passed, mut inherited) = (ListenFd::from_env(), Self::default());
        for index in 0..passed.len() {
            let name = names.next();
            let Some(socket) = passed.take_tcp_listener(index).map_err(ServeError::Inherited)? else {
                continue;
            };
            match name.filter(|name| [LISTEN, ELASTICSEARCH].contains(name)) {
                Some(name) => drop(inherited.kept.insert(name.to_owned(), socket)),
                None => inherited.held.push(socket),
            }
        }
        Ok(inherited)
    }

    /// Takes the kept socket of this name if it has the address, or binds one, and has it kept from now on. Also tells
    /// whether it was kept.
    fn take_or_bind(
        &mut self,
        name: &str,
        address: SocketAddr,
        write_timeout: Duration,
    ) -> Result<(TcpListener, SocketAddr, bool), ServeError> {
        if let Some(socket) = self.kept.remove(name) {
            if socket.local_addr().is_ok_and(|bound| bound == address) {
                listener::adopt(&socket, write_timeout).map_err(ServeError::Inherited)?;
                tracing::info!(%address, "listens on the socket that the service manager has kept");
                return Ok((socket, address, true));
            }
            give_up(name);
        }
        let listened = listener::listen(address, write_timeout);
        let (socket, address) = listened.map_err(|source| ServeError::Listen { address, source })?;
        let states = [NotifyState::FdStore, NotifyState::FdName(name)];
        if let Err(error) = sd_notify::notify_with_fds(&states, &[socket.as_fd()]) {
            tracing::warn!(%error, "the service manager could not be asked to keep the socket over restarts");
        }
        Ok((socket, address, false))
    }
}

/// Tells the service manager to close what it keeps under this name.
fn give_up(name: &str) {
    let states = [NotifyState::FdStoreRemove, NotifyState::FdName(name)];
    if let Err(error) = sd_notify::notify(&states) {
        tracing::warn!(%error, "the service manager could not be told to close a socket");
    }
}

/// Prepares `inherited` sockets, and binds what is missing.
///
/// # Errors
///
/// [`ServeError::Listen`], [`ServeError::Inherited`] or [`ServeError::PlainHttp`].
pub(crate) fn open(config: &Config, mut inherited: Inherited) -> Result<Sockets, ServeError> {
    let write_timeout = config.http.write_timeout.seconds();
    let elasticsearch = match config.elasticsearch.listen {
        Some(address) => {
            let (socket, address, _) = inherited.take_or_bind(ELASTICSEARCH, address, write_timeout)?;
            Some((socket, address))
        }
        None => None,
    };
    let sockets = if inherited.held.is_empty() {
        let (socket, address, was_kept) = inherited.take_or_bind(LISTEN, config.listen, write_timeout)?;
        Sockets { listeners: vec![socket], addresses: vec![address], are_inherited: was_kept, elasticsearch }
    } else {
        let held = std::mem::take(&mut inherited.held);
        let addresses = adopt(config, &held, write_timeout)?;
        Sockets { listeners: held, addresses, are_inherited: true, elasticsearch }
    };
    inherited.kept.keys().for_each(|name| give_up(name));
    Ok(sockets)
}

/// Prepares sockets of a unit `.socket`, and returns their addresses.
fn adopt(
    config: &Config,
    held: &[TcpListener],
    write_timeout: Duration,
) -> Result<Vec<SocketAddr>, ServeError> {
    let adopted = held.iter().map(|socket| listener::adopt(socket, write_timeout));
    let addresses: Vec<SocketAddr> = adopted.collect::<Result<_, _>>().map_err(ServeError::Inherited)?;
    for address in &addresses {
        if config::is_plain_to_others(config, address.ip()) {
            return Err(ServeError::PlainHttp { address: *address });
        }
        tracing::info!(%address, "listens on a socket of the service manager; the key listen counts for nothing");
    }
    Ok(addresses)
}
