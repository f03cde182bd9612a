//! The names and addresses by which clients may call this host, for a certificate that the daemon makes.
//!
//! In: the address that is listened on, and configured names. Out: these, `localhost`, the name of the host, and the
//! addresses of its interfaces that the listener covers.
//!
//! The addresses come from the kernel's tables as files. Libraries ask for them over netlink, which the shipped unit does
//! not allow the daemon. Where the tables are missing, so are the addresses.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use rustls::pki_types::DnsName;

#[cfg(test)]
mod tests;

/// Names in a certificate; a host may have thousands of addresses.
const NAMES_MAX: usize = 100;
/// The scope of addresses that count only together with an interface, in the table of IPv6.
const LINK_LOCAL: &str = "20";

/// See the module. Without repetitions, the configured ones first.
pub(super) fn names(listen: IpAddr, configured: &[String]) -> Vec<String> {
    let mut found = configured.to_vec();
    found.push("localhost".to_owned());
    let nodename = rustix::system::uname();
    let host = nodename.nodename().to_string_lossy().to_ascii_lowercase();
    if DnsName::try_from(host.as_str()).is_ok() {
        found.push(host);
    }
    let read = |table: &str| fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
    let addresses = [listen, IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let mut addresses = addresses.to_vec();
    // A socket for all addresses of IPv6 takes connections of IPv4, too.
    if listen.is_unspecified() {
        addresses.extend(ipv4_addresses(&read("fib_trie")).into_iter().map(IpAddr::from));
        if listen.is_ipv6() {
            addresses.extend(ipv6_addresses(&read("if_inet6")).into_iter().map(IpAddr::from));
        }
    }
    addresses.retain(|address| !address.is_unspecified());
    found.extend(addresses.iter().map(IpAddr::to_string));
    let mut names = Vec::new();
    for name in found {
        if !names.contains(&name) && names.len() < NAMES_MAX {
            names.push(name);
        }
    }
    names
}

/// The host's own addresses in `/proc/net/fib_trie`: those with a line `/32 host LOCAL` below them.
fn ipv4_addresses(fib_trie: &str) -> Vec<Ipv4Addr> {
    let (mut addresses, mut last) = (Vec::new(), None);
    for line in fib_trie.lines().map(str::trim) {
        if let Some(leaf) = line.strip_prefix("|-- ") {
            last = leaf.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(last);
        }
    }
    addresses
}

/// The addresses in `/proc/net/if_inet6`: 32 digits, interface, prefix, scope.
fn ipv6_addresses(if_inet6: &str) -> Vec<Ipv6Addr> {
    let mut addresses = Vec::new();
    for line in if_inet6.lines() {
        let mut fields = line.split_whitespace();
        if let (Some(digits), Some(scope)) = (fields.next(), fields.nth(2))
            && scope != LINK_LOCAL
            && let Ok(bits) = u128::from_str_radix(digits, 16)
        {
            addresses.push(Ipv6Addr::from_bits(bits));
        }
    }
    addresses
}
