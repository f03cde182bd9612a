//! What is pushed, what is allowed, and what is asked, with what is expected.
//!
//! In: nothing. Out: indicators that are hard on programs: words and signs that mean something to them, names at the bounds of their length, names above each
//! other, networks in networks. What is expected is written by hand, from what a feed means by an indicator.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use test_support::daemon::CREDENTIALS;

/// How far a format must reach to block a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reached {
    /// It is on the list as it is.
    Itself,
    /// It is below a name that is.
    Below,
    /// It is below one under which something else is allowed.
    BesideAllowed,
    /// A mask is of it.
    Masked,
    /// It is on the list, and all below it is allowed.
    Alone,
    /// Nothing may block it, though a lookup knows it: it is everybody's, or what is above it is allowed.
    LookupAlone,
    /// Nothing may block it.
    Never,
}

/// Indicators of a feed.
pub(super) const NASTY: &[&str] = &[
    "evil.example.com",
    "sub.evil.example.com",
    "*.mask.example.net",
    "parent.example.org",
    "deep.parent.example.org",
    "open.example.net",
    "all.example.net",
    "UPPER.Example.COM",
    "_dmarc.evil.example",
    "-dash.example.com",
    "xn--bcher-kva.example",
    "b\u{fc}cher2.example",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com",
    "co.uk",
    "zip",
    "duckdns.org",
    "x.duckdns.org",
    "kawasaki.jp",
    "amazonaws.com",
    "evil.s3.amazonaws.com",
    "8.0.0.0.10.rpz-client-ip",
    "32.1.2.0.192.rpz-ip",
    "ns.example.com.rpz-nsdname",
    "default",
    "hostnames.example",
    "include.example",
    "volatile",
    "quote\".example.com",
    "semi;colon.example.com",
    "paren(.example.com",
    "$dollar.example.com",
    "hash#x.example.com",
    "at@x.example.com",
    "blank x.example.com",
    "back\\slash.example.com",
    "tick`.example.com",
    "star*.example.com",
    "a..b.example.com",
    "tab\tx.example.com",
    "line\nx.example.com",
    "pipe|x.example.com",
    "brace{x.example.com",
    "~tilde.example.com",
    "per%cent.example.com",
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.64/26",
    "198.51.100.0/24",
    "198.51.100.7",
    "203.0.113.0/25",
    "203.0.113.129/25",
    "::ffff:192.0.2.200",
    "2001:db8::1",
    "2001:db8:1::/48",
    "2001:db8:2::/64",
    "2001:db8:2:0:1::",
    "0.0.0.0/0",
    "10.0.0.0/7",
    "2001::/8",
    "fe80::1%eth0",
    "http://u.example.com/Path/X?q=1",
    "u.example.com/q\"x",
    "u.example.com/back\\x",
    "u.example.com/\u{fc}",
    "u.example.com/{x}",
    "u.example.com/(re).*",
    "u.example.com/$var;x",
    "u.example.com/a,b",
    "u.example.com/'x'",
    "u.example.com/^x|y",
    "u.example.com:8080/p",
    "http://192.0.2.1/24",
    "http://192.0.3.9/32",
    "http://10.0.0.0/255.0.0.0",
    "u.example.com/dir/*",
    "*.v.example.com/p",
    "44d88612fea8a8f36de82e1278abb02f",
    "44d88612fea8a8f36de82e1278abb02",
];

/// What is allowed.
pub(super) const ALLOWED: &[&str] = &[
    "good.parent.example.org",
    "*.open.example.net",
    "all.example.net",
    "s3.amazonaws.com",
    "good.evil.s3.amazonaws.com",
    "198.51.100.64/26",
    "2001:db8:1:1::/64",
];

/// Lists by name, with their kinds.
pub(super) const LISTS: &[(&str, &[&str])] = &[
    ("names", &["domain"]),
    ("nets", &["ipv4", "ipv6", "cidr"]),
    ("zone", &["domain", "ipv4", "ipv6", "cidr"]),
    ("urls", &["url"]),
];

/// Names that are asked for.
pub(super) const NAMES: &[(&str, Reached)] = &[
    ("evil.example.com", Reached::Itself),
    ("www.evil.example.com", Reached::Itself),
    ("sub.evil.example.com", Reached::Itself),
    ("x.evil.example.com", Reached::Below),
    ("notevil.example.com", Reached::Never),
    ("evil.example.com.good.example", Reached::Never),
    ("upper.example.com", Reached::Itself),
    ("_dmarc.evil.example", Reached::Itself),
    ("evil.example", Reached::Never),
    ("-dash.example.com", Reached::Itself),
    ("xn--bcher-kva.example", Reached::Itself),
    ("xn--bcher2-3ya.example", Reached::Itself),
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com", Reached::Itself),
    ("hostnames.example", Reached::Itself),
    ("include.example", Reached::Itself),
    ("default.example", Reached::Never),
    ("co.uk", Reached::LookupAlone),
    ("x.co.uk", Reached::Never),
    ("duckdns.org", Reached::LookupAlone),
    ("y.duckdns.org", Reached::Never),
    ("x.duckdns.org", Reached::Itself),
    ("z.x.duckdns.org", Reached::Below),
    ("x.y.kawasaki.jp", Reached::Never),
    ("amazonaws.com", Reached::Itself),
    ("x.amazonaws.com", Reached::BesideAllowed),
    ("s3.amazonaws.com", Reached::Never),
    ("evil.s3.amazonaws.com", Reached::Itself),
    ("x.evil.s3.amazonaws.com", Reached::BesideAllowed),
    ("good.evil.s3.amazonaws.com", Reached::Never),
    ("8.0.0.0.10.rpz-client-ip", Reached::LookupAlone),
    ("mask.example.net", Reached::Never),
    ("a.mask.example.net", Reached::Masked),
    ("b.a.mask.example.net", Reached::Masked),
    ("parent.example.org", Reached::Itself),
    ("deep.parent.example.org", Reached::Itself),
    ("x.parent.example.org", Reached::BesideAllowed),
    ("good.parent.example.org", Reached::Never),
    ("x.good.parent.example.org", Reached::LookupAlone),
    ("open.example.net", Reached::Alone),
    ("a.open.example.net", Reached::Never),
    ("all.example.net", Reached::Never),
    ("ok.example.com", Reached::Never),
    ("example.com", Reached::Never),
];

/// Addresses that are asked for, and whether they are blocked.
pub(super) const ADDRESSES: &[(&str, bool)] = &[
    ("192.0.2.1", true),
    ("192.0.2.2", true),
    ("192.0.2.3", false),
    ("192.0.2.64", true),
    ("192.0.2.127", true),
    ("192.0.2.128", false),
    ("192.0.2.200", true),
    ("192.0.3.9", false),
    ("198.51.100.7", true),
    ("198.51.100.63", true),
    ("198.51.100.64", false),
    ("198.51.100.127", false),
    ("198.51.100.128", true),
    ("203.0.113.0", true),
    ("203.0.113.255", true),
    ("203.0.114.0", false),
    ("10.0.0.1", false),
    ("2001:db8::1", true),
    ("2001:db8::2", false),
    ("2001:db8:1::5", true),
    ("2001:db8:1:1::5", false),
    ("2001:db8:1:2::5", true),
    ("2001:db8:1:ffff::5", true),
    ("2001:db8:2::1:0:0", true),
    ("2001:db8:2:1::1", false),
];

/// The header of who fetches.
pub(super) fn login() -> String {
    let (user, password) = CREDENTIALS;
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{user}:{password}")))
}
