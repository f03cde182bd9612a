//! Networks: which texts are one, which are a URL with a number for a path, and which are too wide.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::{Indicator, IndicatorKind};

use super::{NotAnIndicator, check, check_kind, check_refused, normalize_into, recognize_into};

#[test]
fn a_network_is_an_address_and_a_length_without_a_scheme() {
    for (text, network) in [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("10.255.0.1/8", "10.0.0.0/8"),
        ("192.0.2.3/31", "192.0.2.2/31"),
        ("192.0.2.0/024", "192.0.2.0/24"),
        ("0.0.0.0/8", "0.0.0.0/8"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:0DB8:0:0:0:0:0:1/32", "2001:db8::/32"),
        ("2001:db8::ffff/127", "2001:db8::fffe/127"),
        ("2001:db8::/16", "2001::/16"),
        ("::/16", "::/16"),
        ("::192.0.2.0/120", "::c000:200/120"),
        ("64:ff9b::192.0.2.77/120", "64:ff9b::c000:200/120"),
    ] {
        check(text, network);
        check_kind(text, IndicatorKind::Network);
    }
    for (text, address) in [
        ("192.0.2.1/32", "192.0.2.1"),
        ("2001:DB8::1/128", "2001:db8::1"),
        ("::ffff:192.0.2.1/128", "192.0.2.1"),
        ("::ffff:c000:201/128", "192.0.2.1"),
    ] {
        check(text, address);
        check_kind(text, IndicatorKind::Ip);
    }
}

#[test]
fn a_network_of_mapped_addresses_is_that_of_ipv4() {
    check("::ffff:192.0.2.77/120", "192.0.2.0/24");
    check("::ffff:a00:0/104", "10.0.0.0/8");
    check("::FFFF:192.0.2.3/127", "192.0.2.2/31");
    // Nothing of IPv4 is in these.
    check("::fffe:192.0.2.77/120", "::fffe:c000:200/120");
    check("::ffff:192.0.2.77/95", "::fffe:0:0/95");
    check("::ffff:0:192.0.2.77/120", "::ffff:0:c000:200/120");
}

#[test]
fn networks_wider_than_any_feed_means_are_refused_with_a_reason() {
    for wide in [
        "192.0.2.0/7",
        "0.0.0.0/0",
        "10.0.0.0/00",
        "2001:db8::/15",
        "::/0",
        "2000::/3",
        "::ffff:0:0/96",
        "::ffff:10.0.0.0/103",
    ] {
        let mut key = b"before".to_vec();
        assert_eq!(normalize_into(wide, &mut key), Err(NotAnIndicator::WideNetwork), "{wide}");
        assert_eq!(recognize_into(wide, &mut key), Err(NotAnIndicator::WideNetwork), "{wide}");
        assert_eq!(key, b"before", "{wide} left something behind");
    }
}

#[test]
fn a_length_is_digits_that_an_address_has_bits_for() {
    for (text, url) in [
        ("192.0.2.0/33", "192.0.2.0/33"),
        ("192.0.2.0/128", "192.0.2.0/128"),
        ("192.0.2.0/0024", "192.0.2.0/0024"),
        ("192.0.2.0/24/x", "192.0.2.0/24/x"),
        ("192.0.2.0/24?", "192.0.2.0/24"),
        ("192.0.2.0/+24", "192.0.2.0/+24"),
        ("192.0.2.0/255.0.255.0", "192.0.2.0/255.0.255.0"),
        ("192.0.2.0/192.0.2.9", "192.0.2.0/192.0.2.9"),
        ("192.0.2.0:80/255.255.255.0", "192.0.2.0/255.255.255.0"),
        ("192.0.2.0/", "192.0.2.0"),
        ("192.0.2.0:80/24", "192.0.2.0/24"),
        ("a@192.0.2.0/24", "192.0.2.0/24"),
        ("http://192.0.2.0/24", "192.0.2.0/24"),
        ("HTTPS://192.0.2.77/24", "192.0.2.77/24"),
        ("http://192.0.2.77/7", "192.0.2.77/7"),
        ("[2001:db8::]/32", "[2001:db8::]/32"),
        ("example.com/24", "example.com/24"),
        ("192.0.2.0.example.com/24", "192.0.2.0.example.com/24"),
    ] {
        check(text, url);
        check_kind(text, if url == "192.0.2.0" { IndicatorKind::Ip } else { IndicatorKind::Url });
    }
    for text in ["2001:db8::/129", "2001:db8::/", "2001:db8::/32/1", "fe80::1%1/64", "192.0.2.256/24", "/24"]
    {
        check_refused(text);
    }
}

/// The network that has the first `length` bits of an address, spelled by hand.
fn spelled(address: IpAddr, length: u8) -> String {
    match address {
        IpAddr::V4(address) => {
            let cleared = address.to_bits() >> (32 - length) << (32 - length);
            format!("{}/{length}", Ipv4Addr::from_bits(cleared))
        }
        IpAddr::V6(address) => {
            let cleared = address.to_bits() >> (128 - length) << (128 - length);
            format!("{}/{length}", Ipv6Addr::from_bits(cleared))
        }
    }
}

proptest! {
    #[test]
    fn every_length_has_its_verdict(address in any::<IpAddr>(), length in 0..=130_u8) {
        let address = address.to_canonical();
        let text = format!("{address}/{length}");
        let (widest, single) = if address.is_ipv4() { (8, 32) } else { (16, 128) };
        match Indicator::parse(&text) {
            Ok(value) if length == single => {
                prop_assert_eq!(value, Indicator::parse(&address.to_string()).unwrap());
            }
            Ok(value) if length < single => {
                prop_assert!(widest <= length);
                prop_assert_eq!(value.kind(), IndicatorKind::Network);
                prop_assert_eq!(value.to_string(), spelled(address, length));
                prop_assert_eq!(Indicator::parse(&value.to_string()), Ok(value.clone()));
                prop_assert_eq!(Indicator::recognize(&value.to_string()), Ok(value.clone()));
                prop_assert_eq!(Indicator::from_key(value.key()), Some(value));
            }
            Ok(value) => {
                prop_assert!(address.is_ipv4());
                prop_assert_eq!(value.kind(), IndicatorKind::Url);
            }
            Err(NotAnIndicator::WideNetwork) => prop_assert!(length < widest),
            Err(_) => prop_assert!(address.is_ipv6() && single < length),
        }
    }

    #[test]
    fn a_dotted_mask_is_refused(address in any::<Ipv4Addr>(), length in 0..=32_u8) {
        let mask = u32::MAX.checked_shl(u32::from(32 - length)).unwrap_or(0);
        for mask in [mask, !mask] {
            let text = format!("{address}/{}", Ipv4Addr::from_bits(mask));
            prop_assert_eq!(Indicator::parse(&text), Err(NotAnIndicator::AddressRange));
            let with_scheme = format!("http://{text}");
            prop_assert!(Indicator::parse(&with_scheme).is_ok());
        }
    }

    #[test]
    fn with_a_scheme_it_is_a_url_whatever_the_length(address in any::<Ipv4Addr>(), length in 0..200_u8) {
        let value = Indicator::parse(&format!("http://{address}/{length}")).unwrap();
        prop_assert_eq!(value.kind(), IndicatorKind::Url);
        prop_assert_eq!(value.to_string(), format!("{address}/{length}"));
    }

    #[test]
    fn a_mapped_network_is_that_of_ipv4(address in any::<Ipv4Addr>(), length in 8..=32_u8) {
        let mapped = format!("{}/{}", address.to_ipv6_mapped(), 96 + length);
        prop_assert_eq!(Indicator::parse(&mapped), Indicator::parse(&format!("{address}/{length}")));
    }

    #[test]
    fn networks_sort_by_address_then_length_and_after_all_else(
        one in any::<Ipv4Addr>(), other in any::<Ipv4Addr>(), length in 8..=31_u8, longer in 8..=31_u8,
    ) {
        let network = |address: Ipv4Addr, length| Indicator::parse(&format!("{address}/{length}")).unwrap();
        let lowest = |text: &str| text.split('/').next().unwrap().parse::<Ipv4Addr>().unwrap();
        let (one, other) = (network(one, length), network(other, longer));
        let by_value = (lowest(&one.to_string()), length).cmp(&(lowest(&other.to_string()), longer));
        prop_assert_eq!(one.cmp(&other), by_value);
        let last_of_all_else = Indicator::parse("zz.zz/\u{10ffff}").unwrap();
        prop_assert!(last_of_all_else < one);
    }
}
