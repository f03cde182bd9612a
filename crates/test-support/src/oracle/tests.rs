//! The oracle against the examples of the contract, against itself, and against the product's reading of single values.

use std::net::IpAddr;

use sluice_model::Indicator;

use super::{
    addresses, draw, matching,
    reading::{self, Spelling},
    refanging,
    value::{Host, Refusal, Url, Value},
    world,
};
use crate::dice::Dice;

/// Values that a law is tried with.
const VALUES: usize = 20_000;

fn read(text: &str) -> Result<Value, Refusal> {
    reading::read(text, Spelling::AsSent).map(|reading| reading.value)
}

fn normal(text: &str) -> String {
    read(text).map_or_else(|refusal| format!("{refusal:?}"), |value| value.to_string())
}

#[test]
fn the_checks_of_section_10_hold() {
    for (text, want) in [
        ("https://www.example.com:443/?q=hello%20world#f", "example.com/?q=hello world"),
        ("http://example.com:80", "example.com"),
        ("github.com@520966948", "31.13.83.36"),
        ("http://0x1f.0x0d.0x53.0x24/", "31.13.83.36"),
        ("\u{442}\u{435}\u{441}\u{442}.\u{440}\u{444}", "xn--e1aybc.xn--p1ai"),
        ("B\u{fc}cher.example", "xn--bcher-kva.example"),
        ("bad\\.example.com", "Format"),
        ("192.168.001.010", "LeadingZero"),
        ("443", "BareNumber"),
        ("192.0.2.1-9", "AddressRange"),
        ("192.0.2.*", "AddressRange"),
        ("192.0.2.x", "AddressRange"),
        ("http://192.0.2.XXX", "AddressRange"),
        ("192.0.2.1-192.0.2.9", "AddressRange"),
        ("http://192.0.2.*/x", "AddressRange"),
        ("2001:db8::*", "AddressRange"),
        ("2001:db8::1-9", "AddressRange"),
        ("mailto:user@example.com", "EmailAddress"),
        ("user@example.com", "EmailAddress"),
        ("user@example.com:80", "example.com"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("192.0.2.77/32", "192.0.2.77"),
        ("192.0.2.77/7", "WideNetwork"),
        ("::ffff:192.0.2.77/120", "192.0.2.0/24"),
        ("192.0.2.77/33", "192.0.2.77/33"),
        ("p.example.org/a%20", "p.example.org/a%20"),
        ("p.example.org/.%%32%65/a", "p.example.org/.%252e/a"),
        ("p.example.org/.%252E/a", "p.example.org/.%252e/a"),
        ("p.example.org/%2%35", "p.example.org/%2525"),
        ("p.example.org/%%41%ff%25", "p.example.org/%a%ff%"),
        ("p.example.org/a/?q", "p.example.org/a/?q"),
        ("p.example.org/a/?", "p.example.org/a"),
        ("2001:DB8::77/32", "2001:db8::/32"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("*.com", "WideMask"),
        ("*.co.uk", "WideMask"),
        ("*.kawasaki.jp", "WideMask"),
        ("*.city.kawasaki.jp", "*.city.kawasaki.jp"),
        ("*.duckdns.org", "*.duckdns.org"),
        ("http://path.example.org/*", "path.example.org"),
        ("p.example.org/dir/*", "p.example.org/dir/*"),
        ("http:/host.example.org/a", "host.example.org/a"),
        ("http:\\\\host.example.org\\a", "host.example.org/a"),
        ("//host.example.org", "host.example.org"),
        ("\u{feff}https://host.example.org/a.exe ", "host.example.org/a.exe"),
        ("evil[.]example[.]org", "Format"),
        ("hxxp://example.org", "Format"),
    ] {
        assert_eq!(normal(text), want, "{text}");
    }
    assert_eq!(refanging::refanged("hxxp://evil[.]example(.)org[:]80/"), "http://evil.example.org:80/");
    assert_eq!(refanging::refanged("http://example.org/?id=a[.]b"), "http://example.org/?id=a[.]b");
    assert_eq!(refanging::refanged("hxxp.example.org"), "hxxp.example.org");
}

#[test]
fn the_examples_of_section_9_match() {
    for (stored, object, want) in [
        ("*.duckdns.org", "a.evil.duckdns.org", true),
        ("*.duckdns.org", "duckdns.org", false),
        ("*.example.com", "http://www.example.com/x", true),
        ("*.example.com/p", "a.example.com/p?q", true),
        ("*.example.com/p", "a.example.com/p/q", false),
        ("p.example.org/dir/*", "p.example.org/dir", true),
        ("p.example.org/dir/*", "p.example.org/dir/a/b", true),
        ("p.example.org/dir/*", "p.example.org/dirs", false),
        ("192.0.2.0/24", "http://192.0.2.1:80/x", true),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("example.com", "a.b.example.com/x", true),
        ("co.uk", "example.co.uk", false),
    ] {
        let level = matching::level(&read(stored).unwrap(), &world::object(object).unwrap());
        assert_eq!(level.is_some(), want, "{stored} {object}");
    }
}

/// "Whatever PUT accepts can be found", and is found on the list of false positives too.
#[test]
fn each_value_that_is_taken_is_matched_by_an_object_that_it_names() {
    let mut dice = Dice::new(&[1]);
    for _ in 0..VALUES {
        let text = draw::value(&mut dice);
        let Ok(value) = read(&text) else { continue };
        let object = Some(named_by(&value)).filter(|object| object.len() <= 8_192);
        // What is as long as it may be has no room for a scheme.
        let object = object.unwrap_or_else(|| value.to_string().to_uppercase());
        let level = world::object(&object).and_then(|object| matching::level(&value, &object));
        assert!(level.is_some_and(matching::Level::silences), "{text:?} {value} {object:?} {level:?}");
    }
}

/// A normal form names the same value.
#[test]
fn what_is_printed_reads_as_what_it_was_printed_from() {
    let mut dice = Dice::new(&[3]);
    for _ in 0..VALUES {
        let Ok(value) = read(&draw::value(&mut dice)) else { continue };
        let printed = reading::text_of(&value);
        let again = reading::read(&printed, Spelling::OrPrinted).map(|reading| reading.value);
        assert_eq!(again, Ok(value), "{printed:?}");
    }
}

/// An object other than the value's own text.
fn named_by(value: &Value) -> String {
    match value {
        Value::Hash(digits) => digits.to_uppercase(),
        Value::Address(address @ IpAddr::V4(_)) => format!("http://{address}:80/x"),
        Value::Address(address @ IpAddr::V6(_)) => format!("http://[{address}]/"),
        Value::Network(first, bits) => addresses::first_of(*first, *bits).to_string(),
        Value::Url(Url { is_below_host, host, path, has_paths_below, query }) => {
            let host = match host {
                Host::Name(name) => name.clone(),
                Host::Address(address @ IpAddr::V4(_)) => address.to_string(),
                Host::Address(address @ IpAddr::V6(_)) => format!("[{address}]"),
            };
            let below = if *is_below_host { "www." } else { "" };
            let end = if *has_paths_below { "/x/y" } else { "" };
            let query = query.as_ref().map_or(String::new(), |query| format!("?{query}"));
            let rest = format!("{path}{end}{query}#f").replace(' ', "%20");
            format!("http://{below}{host}:8080{rest}")
        }
    }
}

/// The product's reading beside the oracle's, without a daemon between: the quicker way to see where they part.
#[test]
fn the_product_reads_values_as_the_contract_does() {
    let mut dice = Dice::new(&[2]);
    let mut differences = Vec::new();
    for _ in 0..VALUES {
        let text = draw::value(&mut dice);
        let wanted =
            read(&text).map(|value| value.to_string()).map_err(|refusal| refusal.reason().to_owned());
        let found = Indicator::parse(&text).map(|value| value.to_string()).map_err(|error| error.to_string());
        let are_both_refused = found.is_err() && wanted.is_err();
        if found != wanted && !(are_both_refused && refanging::has_open_reason(&text)) {
            differences.push(format!("{text:?}: {found:?}, by the contract {wanted:?}"));
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}
