//! Every stored network is named for what it holds, and for little else.

use std::{collections::BTreeSet, net::IpAddr};

use proptest::{collection::vec, prelude::*};
use sluice_model::{Indicator, matching::address_or_network, network::Network};

use super::NetworkSummary;

fn value(text: &str) -> Network {
    address_or_network(Indicator::parse(text).unwrap().key()).unwrap()
}

fn summary<S: AsRef<str>>(networks: &[S]) -> NetworkSummary {
    let summary = NetworkSummary::default();
    for network in networks {
        summary.note(Indicator::parse(network.as_ref()).unwrap().key());
    }
    summary
}

/// The lengths that are named for a value, ascending.
#[track_caller]
fn check(summary: &NetworkSummary, text: &str, want: &[u32]) {
    let named = summary.lengths_around(value(text));
    let lengths: Vec<u32> = (0..u128::BITS).filter(|length| named >> length & 1 == 1).collect();
    assert_eq!(lengths, want, "of {text}");
}

#[test]
fn without_a_network_there_is_nothing_to_ask() {
    let summary = summary(&["192.0.2.1", "http://192.0.2.0/24", "example.com", "2001:db8::/128"]);
    assert!(summary.is_empty());
    check(&summary, "192.0.2.1", &[]);
    check(&summary, "2001:db8::1", &[]);
}

#[test]
fn lengths_are_named_where_such_a_network_is() {
    let summary = summary(&[
        "10.0.0.0/8",
        "10.20.0.0/15",
        "10.20.0.0/16",
        "192.0.2.0/24",
        "192.0.2.64/26",
        "192.0.2.64/31",
        "198.51.0.0/17",
        "2001::/16",
        "2001:db8::/32",
        "2001:db8::/33",
        "2001:db8:0:1::/64",
        "2001:db8::1:0/112",
        "2001:db8::1:2/127",
    ]);
    assert!(!summary.is_empty());
    for (text, want) in [
        ("10.1.2.3", &[8][..]),
        ("10.20.1.1", &[8, 15, 16]),
        ("10.21.1.1", &[8, 15]),
        ("11.0.0.1", &[]),
        ("192.0.2.1", &[24]),
        ("192.0.2.65", &[24, 26, 31]),
        ("192.0.2.66", &[24, 26]),
        ("192.0.77.7", &[]),
        ("198.51.127.255", &[17]),
        ("198.51.128.0", &[]),
        ("2001::1", &[16]),
        ("2001:db8:8000::1", &[16, 32]),
        ("2001:db8:0:1::1", &[16, 32, 33, 64]),
        ("2001:db8::1:3", &[16, 32, 33, 112, 127]),
        ("2001:db8::1:4", &[16, 32, 33, 112]),
        ("2002::1", &[]),
        // What holds a network holds its lowest address; what is as long or longer is left out later.
        ("10.20.0.0/14", &[8, 15, 16]),
        ("2001:db8::/31", &[16, 32, 33]),
    ] {
        check(&summary, text, want);
    }
}

/// Twenty lengths, ten thousand networks: an address that none of them holds has next to nothing to ask.
#[test]
fn an_unknown_address_asks_for_few_lengths_however_many_are_stored() {
    let mut random = 0_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(random >> 32).unwrap()
    };
    let mut networks = Vec::new();
    for number in 0..5_000 {
        let (ipv4, ipv6) =
            (IpAddr::from(next().to_be_bytes()), u128::from(next()) << 80 | u128::from(next()));
        networks.push(format!("{ipv4}/{}", 12 + number % 20));
        networks.push(format!("{}/{}", IpAddr::from((0x2001 << 112 | ipv6).to_be_bytes()), 29 + number % 20));
    }
    let summary = summary(&networks);
    let (mut unknown_count, mut named_count) = (0, 0);
    let held: BTreeSet<String> =
        networks.iter().map(|network| Indicator::parse(network).unwrap().to_string()).collect();
    for _ in 0..2_000 {
        let ipv6 = 0x2001 << 112 | u128::from(next()) << 80 | u128::from(next());
        for address in [IpAddr::from(next().to_be_bytes()), IpAddr::from(ipv6.to_be_bytes())] {
            let address = Network::of_address(address);
            if !address.holders(u128::MAX).any(|holder| held.contains(&holder.to_string())) {
                unknown_count += 1;
                named_count += summary.lengths_around(address).count_ones();
            }
        }
    }
    assert!(1_000 < unknown_count);
    assert!(named_count < unknown_count / 5, "{named_count} lengths for {unknown_count} addresses");
}

/// Networks that are often inside one another and beside one another.
fn network() -> impl Strategy<Value = String> {
    prop_oneof![
        "(10|192)\\.[01]\\.[0-3]\\.(0|64|128|255)/(8|9|1[0-9]|2[0-9]|3[01])",
        "2001:(db8|0):[01]:[0-3]::[0-3]/(1[6-9]|[2-9][0-9]|1[01][0-9]|12[0-7])",
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof!["(10|192|11)\\.[01]\\.[0-3]\\.(0|1|65|128|254)", "2001:(db8|0|1):[01]:[0-3]::[0-3]"]
}

proptest! {
    #[test]
    fn no_network_that_holds_an_address_is_left_out(
        networks in vec(network(), 0..60), others in vec((any::<IpAddr>(), 16..=31_u8), 0..60),
        addresses in vec(address(), 1..20),
    ) {
        let others = others.iter().map(|(address, length)| Network::around(address.to_canonical(), *length).to_string());
        let networks: Vec<String> = networks.into_iter().chain(others).collect();
        let summary = summary(&networks);
        let stored: BTreeSet<String> =
            networks.iter().map(|network| Indicator::parse(network).unwrap().to_string()).collect();
        for address in addresses.into_iter().chain(networks) {
            let held = value(&address);
            let named = summary.lengths_around(held);
            let found = |network: &Network| stored.contains(&network.to_string());
            let all: Vec<Network> = held.holders(u128::MAX).filter(found).collect();
            let asked: Vec<Network> = held.holders(named).filter(found).collect();
            prop_assert_eq!(all, asked, "of {}", address);
        }
    }
}
