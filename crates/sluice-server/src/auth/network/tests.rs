//! Clients and neighborhoods of both families.

use std::net::IpAddr;

use super::{of_client, of_neighbors};

#[track_caller]
fn check(address: &str, client: &str, neighbors: &str) {
    let parse = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(of_client(parse(address)), parse(client));
    assert_eq!(of_neighbors(parse(address)), parse(neighbors));
}

#[test]
fn addresses_are_cut_by_family() {
    check("192.0.2.77", "192.0.2.77", "192.0.2.0");
    check("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0");
    check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", "2001:db8:1::");
}
