//! What accepted sockets have inherited.

use std::{net::TcpStream, time::Duration};

use super::listen;

/// Found with answers of 32 to 64 KiB over a kept connection: 24 a second instead of thousands.
#[test]
fn an_accepted_socket_sends_at_once() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        // The machine may have no IPv6.
        let Ok((listener, bound)) = listen(address.parse().unwrap(), Duration::from_secs(15)) else {
            continue;
        };
        let client = TcpStream::connect(bound).unwrap();
        let (accepted, _peer) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap(), "{address}");
        let socket = socket2::SockRef::from(&accepted);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(15)));
        drop(client);
    }
}
