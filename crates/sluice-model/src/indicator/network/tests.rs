//! A network has the first bits of its address, and is held by the shorter ones that have them too.

use std::net::IpAddr;

use proptest::prelude::*;

use super::Network;

fn network(text: &str) -> Network {
    let (address, length) = text.split_once('/').unwrap();
    Network::around(address.parse().unwrap(), length.parse().unwrap())
}

/// The bits of an address as text, highest first.
fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    }
}

#[test]
fn bits_that_do_not_count_are_cleared() {
    for (from, to) in [
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("255.255.255.255/8", "255.0.0.0/8"),
        ("192.0.2.1/31", "192.0.2.0/31"),
        ("192.0.2.1/0", "0.0.0.0/0"),
        ("192.0.2.1/32", "192.0.2.1/32"),
        ("192.0.2.1/200", "192.0.2.1/32"),
        ("2001:db8:ffff::1/33", "2001:db8:8000::/33"),
        ("2001:db8::1/127", "2001:db8::/127"),
        ("2001:db8::1/0", "::/0"),
        ("2001:db8::1/128", "2001:db8::1/128"),
    ] {
        assert_eq!(network(from).to_string(), to);
    }
}

#[test]
fn only_some_lengths_can_be_stored() {
    for (text, is_storable, is_address) in [
        ("10.0.0.0/7", false, false),
        ("10.0.0.0/8", true, false),
        ("10.0.0.0/31", true, false),
        ("10.0.0.0/32", false, true),
        ("2001::/15", false, false),
        ("2001::/16", true, false),
        ("2001::/127", true, false),
        ("2001::/128", false, true),
    ] {
        assert_eq!(
            (network(text).is_storable(), network(text).is_address()),
            (is_storable, is_address),
            "{text}"
        );
    }
}

#[test]
fn holders_come_the_longest_first() {
    let holders = |text: &str, lengths| {
        network(text).holders(lengths).map(|holder| holder.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(holders("192.0.2.1/32", 1 << 8 | 1 << 24 | 1 << 31), "192.0.2.0/31 192.0.2.0/24 192.0.0.0/8");
    assert_eq!(holders("192.0.2.0/24", 1 << 8 | 1 << 24 | 1 << 31), "192.0.0.0/8");
    assert_eq!(holders("2001:db8::1/128", 1 << 16 | 1 << 127), "2001:db8::/127 2001::/16");
    assert_eq!(network("192.0.2.1/32").holders(u128::MAX).count(), 24);
    assert_eq!(network("2001:db8::1/128").holders(u128::MAX).count(), 112);
    assert_eq!(holders("10.0.0.0/8", u128::MAX), "");
}

proptest! {
    #[test]
    fn holders_are_those_with_the_same_first_bits(address in any::<IpAddr>(), other in any::<IpAddr>(), flip in 0..128_u32) {
        // An address that has some first bits in common with it, and one that may have none.
        let near = match address {
            IpAddr::V4(address) => IpAddr::from((address.to_bits() ^ 1 << (flip % 32)).to_be_bytes()),
            IpAddr::V6(address) => IpAddr::from((address.to_bits() ^ 1 << flip).to_be_bytes()),
        };
        for other in [near, other] {
            for length in 0..=bits(other).len() {
                let network = Network::around(other, u8::try_from(length).unwrap());
                let is_held = bits(address).len() == bits(other).len()
                    && bits(address)[..length] == bits(other)[..length]
                    && network.is_storable();
                prop_assert_eq!(Network::of_address(address).holders(u128::MAX).any(|holder| holder == network), is_held);
                prop_assert_eq!(
                    network.first_bits(network.length()), network.first_bits(128),
                );
            }
        }
    }
}
