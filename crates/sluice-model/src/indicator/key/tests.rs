//! Keys read back as what they were made of, and bytes that are not a key are refused.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{KeyView, append_address, append_address_host, host_address};

#[track_caller]
fn check(key: &[u8], want: Option<&str>) {
    let seen = KeyView::read(key).map(|view| {
        let mut text = String::new();
        view.write(&mut text);
        text
    });
    assert_eq!(seen.as_deref(), want);
}

#[test]
fn each_kind_byte_has_its_length() {
    for (kind, bytes) in [(1, 16), (2, 20), (3, 32), (4, 4), (5, 16), (7, 5), (8, 17)] {
        // Read as a network it is the first 31 bits of an address, and their number.
        let mut payload = vec![0; bytes];
        payload[3] = 0x1e;
        payload[bytes - 1] = 31;
        let key = |payload: &[u8]| [&[kind], payload].concat();
        assert!(KeyView::read(&key(&payload)).is_some(), "kind {kind}");
        check(&key(&payload[1..]), None);
        check(&key(&[&payload[..], b"x"].concat()), None);
    }
}

#[test]
fn bytes_that_are_no_key_are_none() {
    for key in [&b""[..], b"\0", b"\x09com.", b"\x06", b"\x06.", b"\x06com", b"\x06/a", b"\x06com.\xff"] {
        check(key, None);
    }
}

#[test]
fn a_network_that_is_not_stored_so_is_no_key() {
    for (address, length) in
        [([192, 0, 2, 1], 24), ([192, 0, 2, 0], 32), ([192, 0, 0, 0], 7), ([192, 0, 2, 0], 255)]
    {
        check(&[&[7][..], &address, &[length]].concat(), None);
    }
    check(&[&[8][..], &[0xff; 16], &[127]].concat(), None);
    check(&[&[8][..], &[0; 16], &[128]].concat(), None);
}

#[test]
fn the_layout_is_as_documented() {
    check(&[4, 192, 0, 2, 1], Some("192.0.2.1"));
    check(&[&[5, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1]].concat(), Some("2001:db8::1"));
    check(&[&[1][..], &[0x0f; 16]].concat(), Some("0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"));
    check(&[7, 192, 0, 2, 0, 24], Some("192.0.2.0/24"));
    check(&[&[8, 0x20, 1, 0xd, 0xb8][..], &[0; 12], &[32]].concat(), Some("2001:db8::/32"));
    check(b"\x06com.example.", Some("example.com"));
    check(b"\x06com.example.sub./a?b", Some("sub.example.com/a?b"));
    check(b"\x06com.example.*./a.b", Some("*.example.com/a.b"));
    check(b"\x0610.2.0.192./a", Some("192.0.2.10/a"));
    check(b"\x06[2001:db8::1]./?q", Some("[2001:db8::1]/?q"));
}

proptest! {
    #[test]
    fn an_address_reads_back_from_its_key_and_from_its_host(address in any::<IpAddr>()) {
        let address = address.to_canonical();
        let mut key = Vec::new();
        append_address(address, &mut key);
        let mut text = String::new();
        KeyView::read(&key).unwrap().write(&mut text);
        prop_assert_eq!(text, address.to_string());

        let mut host = Vec::new();
        append_address_host(address, &mut host);
        let host = String::from_utf8(host).unwrap();
        prop_assert_eq!(host_address(&host), Some(address));
    }

    #[test]
    fn no_bytes_make_reading_panic(key in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(view) = KeyView::read(&key) {
            view.write(&mut String::new());
        }
    }
}
