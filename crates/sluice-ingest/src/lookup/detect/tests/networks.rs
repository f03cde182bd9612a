//! A stored network is found by every address in it and by none outside, and so it suppresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use expect_test::expect;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use sluice_model::matching::MatchScope;

use super::check;
use crate::{
    LookupRules,
    fixture::{Fixture, lookup_rules},
};

#[test]
fn an_address_is_detected_by_all_networks_that_hold_it_the_longest_first() {
    let fixture = Fixture::new();
    fixture.hold(
        "Feed",
        &["192.0.2.1", "192.0.2.77/24", "192.0.2.0/31", "192.0.0.0/8", "192.0.2.128/25", "198.51.100.0/24"],
    );
    let want = expect![[r#"
        Feed Ip 192.0.2.1 {}
        Feed Network 192.0.2.0/31 {}
        Feed Network 192.0.2.0/24 {}
        Feed Network 192.0.0.0/8 {}
    "#]];
    for spelling in
        ["192.0.2.1", "::ffff:192.0.2.1", "http://0xc0000201:80/", "192.0.2.1/32", "[::ffff:c000:201]"]
    {
        check(&fixture, spelling, &want);
    }
    check(
        &fixture,
        "http://user@192.0.2.2:8080/x?y",
        &expect![[r#"
            Feed Network 192.0.2.0/24 {}
            Feed Network 192.0.0.0/8 {}
        "#]],
    );
    check(&fixture, "193.0.2.1", &expect![""]);
    check(&fixture, "192.0.2.1.example.com", &expect![""]);
    let exact = LookupRules { scope: MatchScope::Exact, ..lookup_rules() };
    assert_eq!(fixture.detect_with(exact, "192.0.2.1"), "Feed Ip 192.0.2.1 {}\n");
    assert_eq!(fixture.detect_with(exact, "192.0.2.2"), "");
    assert_eq!(fixture.detect_with(exact, "192.0.2.9/24"), "Feed Network 192.0.2.0/24 {}\n");
}

#[test]
fn an_ipv6_address_is_detected_by_its_networks_and_ipv4_by_none_of_them() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["2001:DB8::77/32", "2001:db8::/127", "::/16", "::ffff:192.0.2.0/120"]);
    let want = expect![[r#"
        Feed Network 2001:db8::/127 {}
        Feed Network 2001:db8::/32 {}
    "#]];
    for spelling in ["2001:db8::1", "https://[2001:0db8::1]:443/a", "[2001:DB8::0:1]"] {
        check(&fixture, spelling, &want);
    }
    check(&fixture, "2001:db9::1", &expect![""]);
    check(
        &fixture,
        "::1",
        &expect![[r#"
        Feed Network ::/16 {}
    "#]],
    );
    let mapped = expect![[r#"
        Feed Network 192.0.2.0/24 {}
    "#]];
    check(&fixture, "::ffff:192.0.2.1", &mapped);
    check(&fixture, "192.0.2.1", &mapped);
}

#[test]
fn a_looked_up_network_is_detected_by_itself_and_by_what_holds_it() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["192.0.2.0/24", "192.0.0.0/16", "192.0.2.0/30"]);
    check(
        &fixture,
        "192.0.2.9/24",
        &expect![[r#"
        Feed Network 192.0.2.0/24 {}
        Feed Network 192.0.0.0/16 {}
    "#]],
    );
    check(&fixture, "192.0.0.0/15", &expect![""]);
    // With a scheme it is a URL, whose host is an address.
    check(
        &fixture,
        "http://192.0.2.9/24",
        &expect![[r#"
        Feed Network 192.0.2.0/24 {}
        Feed Network 192.0.0.0/16 {}
    "#]],
    );
    check(&fixture, "http://192.1.2.9/24", &expect![""]);
}

#[test]
fn a_deleted_network_is_not_detected_any_more() {
    let fixture = Fixture::new();
    fixture.hold("Feed", &["192.0.2.0/24", "2001:db8::/32", "192.0.2.0/25"]);
    let spelled =
        r#"[{"indicator":"192.0.2.200/24"},{"indicator":"2001:0db8::1/32"},{"indicator":"192.0.2.0/26"}]"#;
    assert_eq!(fixture.delete("Feed", spelled).unwrap().rejected_count, 0);
    check(
        &fixture,
        "192.0.2.1",
        &expect![[r#"
        Feed Network 192.0.2.0/25 {}
    "#]],
    );
    check(&fixture, "2001:db8::1", &expect![""]);
    fixture.hold("Feed", &["2001:db8::/32"]);
    assert!(fixture.is_detected("2001:db8::1"));
}

#[test]
fn a_network_on_the_list_of_false_positives_suppresses_what_it_holds() {
    let fixture = Fixture::new();
    let held =
        ["192.0.2.1", "192.0.2.0/24", "192.0.0.0/8", "http://192.0.2.1/x", "192.0.2.64/26", "203.0.113.0/24"];
    fixture.hold("Feed", &held);
    fixture.hold("InternalTI", &["192.0.2.1"]);
    fixture.hold("FalsePositive", &["192.0.2.0/25"]);
    for object in ["192.0.2.77", "http://192.0.2.77/y", "192.0.2.64/26"] {
        check(&fixture, object, &expect![""]);
    }
    for object in ["192.0.2.1", "http://192.0.2.1/x"] {
        check(
            &fixture,
            object,
            &expect![[r#"
            InternalTI Ip 192.0.2.1 {}
        "#]],
        );
    }
    for object in ["192.0.2.128", "192.0.2.0/24", "203.0.113.1"] {
        assert!(fixture.is_detected(object), "{object}");
    }
    // An address there suppresses itself and not its network.
    fixture.hold("FalsePositive", &["203.0.113.1"]);
    assert!(!fixture.is_detected("203.0.113.1") && !fixture.is_detected("http://203.0.113.1/x"));
    assert!(fixture.is_detected("203.0.113.2") && fixture.is_detected("203.0.113.0/24"));
    fixture.delete("FalsePositive", r#"[{"indicator":"192.0.2.0/25"}]"#).unwrap();
    assert!(fixture.is_detected("192.0.2.77"));
}

/// An address with some of its bits.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    address: IpAddr,
    length: u32,
}

impl Prefix {
    fn holds(self, other: IpAddr) -> bool {
        let (bits, own, its) = match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(its)) => (32, own.to_bits().into(), its.to_bits().into()),
            (IpAddr::V6(own), IpAddr::V6(its)) => (128, own.to_bits(), its.to_bits()),
            _ => return false,
        };
        (own ^ its) >> (bits - self.length) == 0_u128
    }

    /// The address whose bits are its own up to `kept`, the opposite of the next one, and `rest` after that.
    fn near(self, kept: u32, rest: u128) -> IpAddr {
        let near = |bits: u32, own: u128| {
            let next = 1 << (bits - 1 - kept.min(bits - 1));
            let (above, below) = (!(next | (next - 1)), next - 1);
            own & above | !own & next | rest & below
        };
        match self.address {
            IpAddr::V4(own) => {
                Ipv4Addr::from_bits(u32::try_from(near(32, own.to_bits().into()) & 0xffff_ffff).unwrap())
                    .into()
            }
            IpAddr::V6(own) => Ipv6Addr::from_bits(near(128, own.to_bits())).to_canonical(),
        }
    }

    fn text(self) -> String {
        format!("{}/{}", self.address, self.length)
    }
}

fn prefix() -> impl Strategy<Value = Prefix> {
    let ipv4 = (any::<Ipv4Addr>(), 8..=31_u32).prop_map(|(address, length)| (address.into(), length));
    // Those that IPv4 is mapped to are IPv4.
    let ipv6 = (any::<Ipv6Addr>(), 16..=127_u32)
        .prop_filter("mapped", |(address, _)| address.to_ipv4_mapped().is_none())
        .prop_map(|(address, length)| (address.into(), length));
    // Some lie inside of one another.
    let close = (0..4_u32, 8..=31_u32)
        .prop_map(|(last, length)| (Ipv4Addr::from_bits(0xc000_0200 | last << 6).into(), length));
    let close6 = (0..4_u128, 16..=127_u32)
        .prop_map(|(last, length)| (Ipv6Addr::from_bits(0x2001_0db8 << 96 | last << 62).into(), length));
    prop_oneof![ipv4, ipv6, close, close6].prop_map(|(address, length)| Prefix { address, length })
}

/// Which of the networks each address is detected by, as the contract has it.
fn detected_by(networks: &[Prefix], address: IpAddr) -> Vec<String> {
    let mut found: Vec<(u32, String)> = Vec::new();
    for network in networks.iter().filter(|network| network.holds(address)) {
        let lowest = match network.address {
            IpAddr::V4(own) => {
                Ipv4Addr::from_bits(own.to_bits() >> (32 - network.length) << (32 - network.length)).into()
            }
            IpAddr::V6(own) => IpAddr::from(Ipv6Addr::from_bits(
                own.to_bits() >> (128 - network.length) << (128 - network.length),
            )),
        };
        found.push((network.length, format!("{lowest}/{}", network.length)));
    }
    found.sort_by(|one, other| other.cmp(one));
    found.dedup();
    found.into_iter().map(|(_, text)| text).collect()
}

/// Looks addresses up as they are and as the host of a URL; the indicators that each is detected by.
fn detections(fixture: &Fixture, addresses: &[IpAddr]) -> Vec<(Vec<String>, Vec<String>)> {
    let objects = addresses.iter().flat_map(|address| {
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        [json!({"object": address.to_string()}), json!({"object": format!("http://{host}:8080/a?b")})]
    });
    let body = Value::from(objects.collect::<Vec<_>>()).to_string();
    let answer: Vec<Value> =
        serde_json::from_str(&fixture.lookup_with(lookup_rules(), &body).unwrap()).unwrap();
    let indicators = |result: &Value| {
        let matches = result["matches"].as_array().unwrap().iter();
        matches.map(|one| one["indicator"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    answer.as_chunks::<2>().0.iter().map(|[bare, url]| (indicators(bare), indicators(url))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_network_is_found_by_every_address_in_it_and_by_none_outside(
        networks in vec(prefix(), 1..12),
        kept in vec((any::<prop::sample::Index>(), 0..128_u32, any::<u128>()), 1..24),
        steps in vec(0..4_u8, 0..3),
    ) {
        let mut fixture = Fixture::new();
        let mut addresses: Vec<IpAddr> =
            kept.iter().map(|(network, kept, rest)| network.get(&networks).near(*kept, *rest)).collect();
        addresses.extend(networks.iter().map(|network| network.near(network.length, u128::MAX)));
        addresses.extend(networks.iter().map(|network| network.near(network.length - 1, 0)));
        let (first, second) = networks.split_at(networks.len() / 2);
        for (networks, step) in [first, second].into_iter().zip(steps.iter().chain([&0; 2])) {
            let texts: Vec<String> = networks.iter().map(|network| network.text()).collect();
            fixture.hold("Feed", &texts.iter().map(String::as_str).collect::<Vec<_>>());
            match step {
                1 => prop_assert!(fixture.store.checkpoint()),
                2 => prop_assert!(fixture.store.compact()),
                3 => fixture = fixture.reopened(),
                _ => {}
            }
        }
        for is_reopened in [false, true] {
            if is_reopened {
                prop_assert!(fixture.store.compact());
                fixture = fixture.reopened();
            }
            for (address, (bare, url)) in addresses.iter().zip(detections(&fixture, &addresses)) {
                let want = detected_by(&networks, *address);
                prop_assert_eq!(&bare, &want, "of {}", address);
                prop_assert_eq!(&url, &want, "of a URL of {}", address);
            }
        }
        // On the list of false positives they suppress the same.
        fixture.hold("Feed", &["0.0.0.0/8"]);
        let bare: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        fixture.hold("Feed", &bare.iter().map(String::as_str).collect::<Vec<_>>());
        let texts: Vec<String> = networks.iter().map(|network| network.text()).collect();
        fixture.hold("FalsePositive", &texts.iter().map(String::as_str).collect::<Vec<_>>());
        for (address, (bare, url)) in addresses.iter().zip(detections(&fixture, &addresses)) {
            let is_suppressed = !detected_by(&networks, *address).is_empty();
            prop_assert_eq!(bare.is_empty(), is_suppressed, "of {}", address);
            prop_assert_eq!(url.is_empty(), is_suppressed, "of a URL of {}", address);
        }
    }
}
