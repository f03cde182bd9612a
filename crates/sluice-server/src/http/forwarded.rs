//! Where a request comes from when proxies stand before the daemon.
//!
//! In: the address of the socket, and `X-Forwarded-For`. Out: the address that throttling and logs go by. The header is
//! read only when the socket is that of a proxy that the configuration names, and then from its end: each trusted proxy
//! vouches for the entry before its own, so the last one that is no trusted proxy is the client. What is before it
//! anybody can have written.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::{dev::RequestHead, http::header};
use ipnet::IpNet;

#[cfg(test)]
mod tests;

/// Proxies in a row that are believed at most.
const PROXIES_MAX: usize = 16;

/// The client of a request, as the proxies in `trusted` tell it.
pub(crate) fn client(head: &RequestHead, trusted: &[IpNet]) -> IpAddr {
    let peer = head.peer_addr.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let lines: Vec<&[u8]> =
        head.headers.get_all(header::X_FORWARDED_FOR).map(header::HeaderValue::as_bytes).collect();
    last_untrusted(peer, &lines, trusted)
}

/// Goes back from a trusted proxy to the first address that is none. `lines` are the headers in their order.
fn last_untrusted(proxy: IpAddr, lines: &[&[u8]], trusted: &[IpNet]) -> IpAddr {
    let mut address = proxy;
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    for entry in entries.take(PROXIES_MAX) {
        // What a trusted proxy did not write as an address is told by nobody.
        let Some(before) = parse(entry) else { return address };
        address = before;
        if !is_trusted(address, trusted) {
            return address;
        }
    }
    address
}

/// Reads an address, which may have a port behind it.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: Option<IpAddr> = bare.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    address.or_else(with_port).map(|address| address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}
