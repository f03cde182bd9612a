//! A certificate names what the listener covers, and nothing twice.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{NAMES_MAX, ipv4_addresses, ipv6_addresses, names};

const FIB_TRIE: &str = "Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
";

#[test]
fn the_tables_of_the_kernel_are_read() {
    assert_eq!(ipv4_addresses(FIB_TRIE), [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 2)]);
    let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
        20010db8000000000000000000000002 04 40 00 82     eth0\n\
        fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n\
        short\n";
    let global: Ipv6Addr = "2001:db8::2".parse().unwrap();
    assert_eq!(ipv6_addresses(table), [Ipv6Addr::LOCALHOST, global]);
    assert!(ipv4_addresses("/32 host LOCAL\n").is_empty() && ipv6_addresses("").is_empty());
}

#[test]
fn a_listener_on_one_address_is_named_by_that_one() {
    let configured = ["sluice.example.com".to_owned(), "localhost".to_owned()];
    let named = names("192.0.2.9".parse().unwrap(), &configured);
    assert_eq!(named[..2], configured);
    assert!(["192.0.2.9", "127.0.0.1", "::1"].iter().all(|name| named.iter().any(|one| one == name)));
    let mut once = named.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), named.len(), "{named:?}");
    assert!(named.len() <= 6, "{named:?}");
}

#[test]
fn a_listener_on_all_addresses_is_named_by_each_and_by_none_that_is_no_address() {
    for listen in ["0.0.0.0", "::"] {
        let named = names(listen.parse().unwrap(), &[]);
        assert!(!named.contains(&listen.to_owned()), "{named:?}");
        // What the machine has is known from elsewhere: a datagram socket gets the address that it would send from.
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("192.0.2.200:9").is_ok() {
            let own = socket.local_addr().unwrap().ip().to_string();
            assert!(named.contains(&own), "{own} is not in {named:?}");
        }
    }
    let many: Vec<String> = (0..2 * NAMES_MAX).map(|number| format!("n{number}.example.com")).collect();
    assert_eq!(names("::1".parse().unwrap(), &many).len(), NAMES_MAX);
}
