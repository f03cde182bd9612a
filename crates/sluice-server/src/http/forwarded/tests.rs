//! Who is believed, and how far.

use std::net::IpAddr;

use actix_web::test::TestRequest;
use ipnet::IpNet;
use proptest::prelude::*;

use super::{PROXIES_MAX, client, is_trusted};

const TRUSTED: [&str; 2] = ["192.0.2.0/28", "2001:db8:1::/48"];

fn trusted() -> Vec<IpNet> {
    TRUSTED.iter().map(|network| network.parse().unwrap()).collect()
}

fn of(peer: &str, lines: &[&str]) -> IpAddr {
    let mut request = TestRequest::default().peer_addr((peer.parse::<IpAddr>().unwrap(), 5).into());
    for line in lines {
        request = request.append_header(("X-Forwarded-For", *line));
    }
    client(request.to_http_request().head(), &trusted())
}

#[track_caller]
fn check(peer: &str, lines: &[&str], want: &str) {
    assert_eq!(of(peer, lines), want.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
}

#[test]
fn a_named_proxy_tells_its_client() {
    check("192.0.2.1", &["198.51.100.7"], "198.51.100.7");
    check("192.0.2.1", &["198.51.100.7:4711"], "198.51.100.7");
    check("192.0.2.1", &["2001:db8::7"], "2001:db8::7");
    check("192.0.2.1", &[" [2001:db8::7]:80\t"], "2001:db8::7");
    check("192.0.2.1", &["[2001:db8::7]"], "2001:db8::7");
    check("2001:db8:1::1", &["::ffff:198.51.100.7"], "198.51.100.7");
    check("::ffff:192.0.2.1", &["198.51.100.7"], "198.51.100.7");
    // Through two of them, in one header or in two.
    check("192.0.2.1", &["198.51.100.7, 192.0.2.2"], "198.51.100.7");
    check("192.0.2.1", &["198.51.100.7", "192.0.2.2"], "198.51.100.7");
    // Proxies that ask for themselves.
    check("192.0.2.1", &[], "192.0.2.1");
    check("192.0.2.1", &["192.0.2.2"], "192.0.2.2");
}

#[test]
fn what_a_client_says_of_itself_is_not_believed() {
    check("198.51.100.7", &["203.0.113.5"], "198.51.100.7");
    check("198.51.100.7", &["203.0.113.5, 192.0.2.1"], "198.51.100.7");
    check("192.0.2.1", &["203.0.113.5, 198.51.100.7"], "198.51.100.7");
    check("192.0.2.1", &["203.0.113.5", "198.51.100.7"], "198.51.100.7");
    check("192.0.2.1", &["192.0.2.9, 203.0.113.5, 198.51.100.7, 192.0.2.2"], "198.51.100.7");
    // A proxy that does not tell an address.
    check("192.0.2.1", &["203.0.113.5, unknown"], "192.0.2.1");
    check("192.0.2.1", &["203.0.113.5, "], "192.0.2.1");
    check("192.0.2.1", &["203.0.113.5, garbage, 192.0.2.2"], "192.0.2.2");
    let long = vec!["192.0.2.2"; PROXIES_MAX].join(",");
    check("192.0.2.1", &[&format!("203.0.113.5,{long}")], "192.0.2.2");
}

proptest! {
    #[test]
    fn no_header_of_a_client_changes_its_address(
        said in proptest::collection::vec("[ -~]{0,60}", 0..4),
        client in any::<[u8; 4]>(),
        proxies in proptest::collection::vec(1_u8..15, 1..6),
    ) {
        let client = IpAddr::from(client);
        prop_assume!(!is_trusted(client, &trusted()));
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        // Straight to the daemon.
        prop_assert_eq!(of(&client.to_string(), &said), client);
        // Through proxies, each of which appends whom it heard it from.
        let proxies: Vec<String> = proxies.iter().map(|last| format!("192.0.2.{last}")).collect();
        let (peer, others) = proxies.split_last().unwrap();
        let mut chain = client.to_string();
        for proxy in others {
            chain = format!("{chain}, {proxy}");
        }
        let mut appended = said.clone();
        let last = match appended.pop() {
            Some(last) => format!("{last}, {chain}"),
            None => chain,
        };
        appended.push(&last);
        prop_assert_eq!(of(peer, &appended), client);
    }
}
