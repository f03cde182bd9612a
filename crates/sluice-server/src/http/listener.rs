//! A socket that connections come in on, with what each of them inherits.
//!
//! In: an address, or a socket that listens already. Out: a listening socket. Every connection accepted from it, plain or TLS, sends what is written to
//! it at once, and ends when its client acknowledges nothing for the time to write.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

#[cfg(test)]
mod tests;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Binds a socket and returns it with its address.
///
/// # Errors
///
/// When the operating system refuses.
pub(crate) fn listen(address: SocketAddr, write_timeout: Duration) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = bind(address)?;
    prepare(&SockRef::from(&socket), write_timeout)?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Prepares a socket that listens already, and returns its address.
///
/// # Errors
///
/// When it does not listen, or the operating system refuses.
pub(crate) fn adopt(listener: &TcpListener, write_timeout: Duration) -> io::Result<SocketAddr> {
    let socket = SockRef::from(listener);
    if !socket.is_listener()? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"));
    }
    prepare(&socket, write_timeout)?;
    listener.local_addr()
}

fn prepare(socket: &SockRef<'_>, write_timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    // An answer in two writes would otherwise wait for the acknowledgement of the first, which clients delay by 40 ms.
    socket.set_tcp_nodelay(true)
}

/// Binds a socket on which nothing comes in yet.
///
/// # Errors
///
/// When the operating system refuses.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
