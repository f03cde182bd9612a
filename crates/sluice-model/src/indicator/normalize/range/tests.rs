//! What stands for several addresses, and which names look like it.

use super::{is_address_range, is_ipv4_range};

#[test]
fn ranges_and_wildcards_of_addresses_are_told() {
    for text in [
        "192.0.2.1-9",
        "192.0.2.*",
        "192.0.2.x",
        "192.0.2.X",
        "192.0.2.xxx",
        "192.0.x.x",
        "10.*",
        "10.x",
        "192.0.2.1-192.0.2.9",
        "192.0.2.1 - 192.0.2.9",
        "192.0.2.1\u{2013}9",
        "192.0.2.[1-9]",
        "192.0.2.{1,9}",
        "192.0.2.?",
        "192.0-1.2.3",
        "192.0.2.1xx",
        "*.0.2.1",
        "http://192.0.2.*/a",
        "192.0.2.*:80",
        "2001:db8::*",
        "2001:db8::1-2001:db8::9",
        "2001:db8:x::",
    ] {
        assert!(is_address_range(text), "{text}");
    }
}

#[test]
fn names_and_single_addresses_are_none() {
    for text in [
        "192.0.2.1",
        "1.xxx",
        "a.1.xxx",
        "x.x",
        "1-2.example.com",
        "192-0-2-1.example.com",
        "192.0.2.1.example",
        "http://192.0.2.09?",
        "http://192.0.2.09?q=*",
        "1.xyz",
        "x",
        "",
        "2001:db8::1",
        "-a-.-b-",
        "*.example.com",
    ] {
        assert!(!is_address_range(text) && !is_ipv4_range(text), "{text}");
    }
}
