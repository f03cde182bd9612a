//! Lines of plain lists, hosts files and rules of ad blockers.

use super::values;
use crate::import::unread::Unread;

#[track_caller]
fn check(line: &str, plain: Result<&[&str], Unread>, refanged: &[&str]) {
    assert_eq!(values(line, false).map(Iterator::collect::<Vec<_>>), plain.map(<[_]>::to_vec), "{line}");
    assert_eq!(
        values(line, true).map(Iterator::collect::<Vec<_>>),
        Ok(refanged.to_vec()),
        "{line}, refanged"
    );
}

#[test]
fn the_first_word_counts_and_comments_do_not() {
    for (line, value) in [
        ("  192.0.2.1 since Monday\r", "192.0.2.1"),
        ("example.com/a#b # why", "example.com/a#b"),
        ("example.com example.org", "example.com"),
        ("0.0.0.0/8 this network", "0.0.0.0/8"),
        ("192.0.2.0 ; an address", "192.0.2.0"),
    ] {
        check(line, Ok(&[value]), &[value]);
    }
    for nothing in ["", "  \r", "# 192.0.2.1", " ; a", "//a", "#"] {
        check(nothing, Ok(&[]), &[]);
    }
}

/// A hosts file that was sent as it is left its first words, so `0.0.0.0` and `127.0.0.1`, in the place of its names.
#[test]
fn a_line_of_a_hosts_file_is_never_its_address() {
    for address in
        ["0.0.0.0", "127.0.0.1", "127.0.1.1", "255.255.255.255", "::", "::1", "0:0:0:0:0:0:0:1", "ff02::1"]
    {
        check(&format!("{address} example.com"), Err(Unread::HostsLine), &["example.com"]);
        check(&format!(" {address}\texample.com # ad\r"), Err(Unread::HostsLine), &["example.com"]);
        // Alone, it is what is listed.
        for alone in ["", " # loopback", " ;", " // x"] {
            check(&format!("{address}{alone}"), Ok(&[address]), &[address]);
        }
    }
    check(
        "0.0.0.0 a.example b.example\tc.example #d",
        Err(Unread::HostsLine),
        &["a.example", "b.example", "c.example"],
    );
}

#[test]
fn rules_are_read_when_a_list_is_refanged() {
    for (line, plain, refanged) in [
        ("||example.com^$third-party", "||example.com^$third-party", "example.com"),
        ("||example.com", "||example.com", "||example.com"),
        ("hxxp://example[.]com", "hxxp://example[.]com", "hxxp://example[.]com"),
    ] {
        check(line, Ok(&[plain]), &[refanged]);
    }
}
