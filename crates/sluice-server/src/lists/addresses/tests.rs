//! Stretches against sets of single addresses.

use std::{collections::BTreeSet, net::Ipv4Addr};

use proptest::prelude::*;
use sluice_model::network::Network;

use super::{Family, Merging, Rank, Stretch, cover, is_held, subtract};

/// A network near the beginning of a space in which every address can be looked at.
fn network() -> impl Strategy<Value = Network> {
    (0_u32..256, 24_u8..=32).prop_map(|(last, length)| {
        let address = Ipv4Addr::from_bits(0xc000_0200 | last);
        Network::around(address.into(), length)
    })
}

fn stretches(networks: &[Network]) -> Vec<Stretch> {
    networks.iter().map(|network| Stretch::of(*network, Rank::default())).collect()
}

fn addresses(stretches: &[Stretch]) -> BTreeSet<u128> {
    stretches.iter().flat_map(|one| one.first..=one.last).collect()
}

proptest! {
    #[test]
    fn what_is_left_is_what_is_wanted_and_not_allowed(
        wanted in prop::collection::vec(network(), 0..12),
        allowed in prop::collection::vec(network(), 0..6),
        merges in prop::sample::select(vec![Merging::Held, Merging::Neighbors]),
    ) {
        let (mut wanted, mut allowed) = (stretches(&wanted), stretches(&allowed));
        let want: BTreeSet<u128> = addresses(&wanted).difference(&addresses(&allowed)).copied().collect();
        cover(&mut wanted, merges);
        cover(&mut allowed, Merging::Neighbors);
        let left = subtract(&wanted, &allowed);
        prop_assert_eq!(addresses(&left), want.clone());
        prop_assert!(left.windows(2).all(|pair| pair[0].last < pair[1].first));
        // As networks they are the same, each address once.
        let mut seen = Vec::new();
        for network in left.iter().flat_map(|one| one.networks(Family::V4)) {
            let (first, last) = (network.network(), network.broadcast());
            let bits = |address: std::net::IpAddr| match address {
                std::net::IpAddr::V4(address) => u128::from(address.to_bits()),
                std::net::IpAddr::V6(address) => address.to_bits(),
            };
            seen.extend(bits(first)..=bits(last));
        }
        prop_assert_eq!(seen, want.into_iter().collect::<Vec<_>>());
        for one in stretches(&[Network::around(Ipv4Addr::new(192, 0, 2, 77).into(), 32)]) {
            prop_assert_eq!(is_held(one, &allowed), addresses(&allowed).contains(&one.first));
        }
    }
}

fn of(address: [u8; 4], length: u8, confidence: u8) -> Stretch {
    let rank = Rank { confidence, updated_seconds: 0 };
    Stretch::of(Network::around(Ipv4Addr::from(address).into(), length), rank)
}

#[test]
fn neighbors_become_one_only_where_that_is_wanted_and_they_are_trusted_alike() {
    let (one, other, less) =
        (of([192, 0, 2, 0], 26, 90), of([192, 0, 2, 64], 26, 90), of([192, 0, 2, 128], 25, 10));
    let mut apart = vec![less, other, one];
    cover(&mut apart, Merging::Held);
    assert_eq!(apart, [one, other, less]);
    cover(&mut apart, Merging::Neighbors);
    assert_eq!(apart, [Stretch { last: other.last, ..one }, less]);
    let networks: Vec<String> = apart[0].networks(Family::V4).map(|network| network.to_string()).collect();
    assert_eq!(networks, ["192.0.2.0/25"]);
}

#[test]
fn what_is_held_says_nothing_of_what_holds_it() {
    let (wide, narrow) = (of([10, 0, 0, 0], 8, 10), of([10, 1, 2, 3], 32, 100));
    for merges in [Merging::Held, Merging::Neighbors] {
        let mut all = vec![narrow, wide];
        cover(&mut all, merges);
        assert_eq!(all, [wide]);
    }
    // Of the same network, the one that is trusted more counts.
    let mut same = vec![of([10, 0, 0, 0], 8, 10), of([10, 0, 0, 0], 8, 20)];
    cover(&mut same, Merging::Held);
    assert_eq!(same, [of([10, 0, 0, 0], 8, 20)]);
}

#[test]
fn nothing_is_wider_than_what_can_be_stored() {
    let whole = |first, last| Stretch { first, last, rank: Rank::default() };
    let v4: Vec<u8> =
        whole(0, u128::from(u32::MAX)).networks(Family::V4).map(|one| one.prefix_len()).collect();
    assert_eq!(v4, vec![8; 256]);
    let v6 = whole(0, u128::MAX).networks(Family::V6);
    assert!(v6.take(3).all(|network| network.prefix_len() == 16));
    // The last address of all has none behind it.
    let last = Stretch::of(
        Network::of_address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()),
        Rank::default(),
    );
    let mut stretches = vec![last, last];
    cover(&mut stretches, Merging::Neighbors);
    assert_eq!(stretches, [last]);
    assert_eq!(subtract(&stretches, &stretches), []);
}
