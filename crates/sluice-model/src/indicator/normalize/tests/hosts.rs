//! Hosts: names, numeric notations, masks.

use crate::NotAnIndicator;

use super::{check, check_reason, check_refused};

#[test]
fn names_are_lower_case_letters_digits_hyphens_and_underscores() {
    check("Ex-Am_Ple9.COM", "ex-am_ple9.com");
    check("-a-.-b-", "-a-.-b-");
    for character in "!\"$&'()*+,;<=>[]^`{|}~".chars() {
        check_refused(&format!("exam{character}ple.com"));
    }
}

#[test]
fn runs_of_dots_and_dots_around_do_not_count() {
    check("example..com", "example.com");
    check(".example.com", "example.com");
    check("...a...example.com.../x", "a.example.com/x");
    check("192.0..2.1.", "192.0.2.1");
    check_refused(".");
    check_refused("http://.../a");
}

#[test]
fn a_name_has_a_dot() {
    check_refused("localhost");
    check_refused("http://localhost:80/a");
    check_refused(".com.");
    check_refused("/a.b");
    check_refused("?a.b");
    check_refused("http://");
}

#[test]
fn www_is_removed_as_long_as_a_dotted_name_remains() {
    check("www.example.com", "example.com");
    check("WWW.www..www.example.com", "example.com");
    check("www.com", "www.com");
    check("www.www.com", "www.com");
    check("www.com.", "www.com");
    check("www2.example.com", "www2.example.com");
    check("a.www.example.com", "a.www.example.com");
    check("ｗｗｗ.example.com", "example.com");
    check("%77ww.example.com", "example.com");
}

#[test]
fn labels_and_hosts_have_their_lengths() {
    let label = "a".repeat(63);
    check(&format!("{label}.com"), &format!("{label}.com"));
    check_refused(&format!("a{label}.com"));
    let longest = format!("{label}.{label}.{label}.{}.com", "b".repeat(57));
    assert_eq!(longest.len(), 253);
    check(&longest, &longest);
    check(&format!("http://www.{longest}./"), &longest);
    check_refused(&longest.replace(".com", "b.com"));
    check_refused(&format!("*.{longest}"));
    check(&format!("*.{}", &longest[2..]), &format!("*.{}", &longest[2..]));
    check_refused(&format!("{}.com", "я".repeat(80)));
}

#[test]
fn international_names_become_punycode() {
    check("http://BÜCHER.example/ä", "xn--bcher-kva.example/ä");
    check("xn--E1AYBC.xn--p1ai", "xn--e1aybc.xn--p1ai");
    check("example。com", "example.com");
    check("ＥＸＡＭＰＬＥ．com", "example.com");
    check("%78n--a.example", "xn--a.example");
    check("%D1%82ест.рф", "xn--e1aybc.xn--p1ai");
    check("faß.example", "xn--fa-hia.example");
    check("*.тест.рф", "*.xn--e1aybc.xn--p1ai");
    check("..тест..рф.", "xn--e1aybc.xn--p1ai");
    check("a_b.тест.рф", "a_b.xn--e1aybc.xn--p1ai");
    check("-тест-.рф", "xn-----nlc2cdc.xn--p1ai");
    // Not valid Punycode, but a name that can be registered and queried all the same.
    check("xn--a.example", "xn--a.example");
    check_refused("xn--a.рф");
    check_refused("\u{ad}");
    check_refused("a\u{fffd}.example");
}

#[test]
fn an_international_name_is_bounded_before_it_is_converted() {
    // The variation selector, of three bytes, is mapped to nothing.
    for dot in ['.', '。', '．', '｡'] {
        let long = format!("a{}b{dot}рф", "\u{fe0f}".repeat(83));
        check(&long, "ab.xn--p1ai");
        check_refused(&long.replace('b', "bcdef"));
    }
    let label = format!("a{}.", "\u{fe0f}".repeat(66));
    check(&format!("{}рф", label.repeat(4)), "a.a.a.a.xn--p1ai");
    check_refused(&format!("{}рф", label.repeat(6)));
}

#[test]
fn what_mapping_brings_out_is_checked_like_the_rest() {
    check("１９２．０．２．１", "192.0.2.1");
    check("http://0ｘC0.0.2.1", "192.0.2.1");
    check_reason("0ｘC0.0.2.1", NotAnIndicator::BareNumber);
    check_reason("１９２．０．２．０１", NotAnIndicator::LeadingZero);
    for character in "／？＃＠：％＼".chars() {
        check_refused(&format!("example{character}org.com"));
    }
}

#[test]
fn escapes_in_a_host_are_decoded_once() {
    check("ex%61mple%2ecom", "example.com");
    check("http://%31%39%32.0.2.1/", "192.0.2.1");
    for escape in
        ["%2f", "%3f", "%23", "%40", "%3a", "%5c", "%20", "%00", "%0a", "%25", "%2561", "%ff", "%", "%6x"]
    {
        check_refused(&format!("ex{escape}ample.com"));
    }
    check_refused("%5b2001:db8::1%5d");
    check_refused("[2001%3adb8::1]");
}

#[test]
fn numeric_names_are_addresses_in_1_to_4_parts() {
    for text in [
        "3221225985",
        "0xc0000201",
        "0XC0000201",
        "030000001001",
        "192.513",
        "192.0.513",
        "0300.0.0x2.1",
        "192.0x000201",
        "192.0.2.1",
        "192.0.2.0x01",
        "000000300.0.2.1",
    ] {
        check(&format!("http://{text}"), "192.0.2.1");
        check(&format!("//{text}"), "192.0.2.1");
        check(&format!("a@{text}"), "192.0.2.1");
        check(&format!("http://user@{text}:80/a"), "192.0.2.1/a");
    }
    check("http://0", "0.0.0.0");
    check("http://0x", "0.0.0.0");
    check("a@4294967295", "255.255.255.255");
    check("http://010.0.0.010", "8.0.0.8");
}

#[test]
fn a_bare_number_is_no_address() {
    for text in [
        "443",
        "0",
        "0x",
        "3221225985",
        "0xc0000201",
        "99999999999999999999999",
        "08",
        "443:80",
        "443/a",
        "443?a",
    ] {
        check_reason(text, NotAnIndicator::BareNumber);
    }
    for text in ["192.513", "192.0.513", "0xc0.0.2.1", "192.0x000201", "192.0.2.0x01"] {
        check_reason(text, NotAnIndicator::BareNumber);
    }
}

#[test]
fn a_leading_zero_makes_an_address_ambiguous() {
    for text in [
        "192.168.001.010",
        "010.0.0.1",
        "192.0.2.01",
        "192.0.2.08",
        "192.0.2.00:80/a",
        "000.0.0.0",
        "0300.0.2.1",
    ] {
        check_reason(text, NotAnIndicator::LeadingZero);
    }
    check("http://192.168.001.010/", "192.168.1.8");
    check("192.0.2.0", "192.0.2.0");
}

#[test]
fn ranges_and_wildcards_are_no_addresses() {
    for text in [
        "192.0.2.1-9",
        "192.0.2.*",
        "192.0.2.x",
        "http://192.0.2.x/a",
        "192.0.2.1-192.0.2.9",
        "192.0.2.1 - 192.0.2.9",
        "10.x.x.x",
        "*.192.0.2.1",
        "*.0.2.1",
        "2001:db8::*",
        "*.[::1]",
        "192.0.2.[1-9]",
        "192.0.2.0/255.255.255.0",
        "192.0.2.0/0.0.0.255",
    ] {
        check_reason(text, NotAnIndicator::AddressRange);
    }
    // What documents make of a hyphen would become a name of its own.
    for dash in "\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2212}\u{ff0d}\u{fe63}".chars() {
        for text in ["192.0.2.1-9", "192.0.2.1-192.0.2.9", "http://192.0.2.1-9/a", "192.0.2.1 - 192.0.2.9"] {
            check_reason(&text.replace('-', &dash.to_string()), NotAnIndicator::AddressRange);
        }
    }
    check("http://192.0.2.0/255.255.255.0", "192.0.2.0/255.255.255.0");
}

/// Whatever spelling of a scheme and whatever else of a URL is around them.
#[test]
fn ranges_of_addresses_are_refused_as_such_wherever_a_host_stands() {
    for host in ["192.0.2.1-192.0.2.9", "192.0.2.1-9", "192.0.2.*", "[2001:db8::*]", "[2001:db8::1-9]"] {
        for scheme in ["", "http://", "https:/", "http:///", "//", "http:\\\\", "tcp://"] {
            for user in ["", "user@", "user:pw@"] {
                for end in ["", "/", "/a", "/24", ":80", ":80/a?q=1", "#f", "/*"] {
                    check_reason(&format!("{scheme}{user}{host}{end}"), NotAnIndicator::AddressRange);
                }
            }
        }
    }
}

#[test]
fn numeric_names_that_are_no_address_are_refused() {
    for text in [
        "256.0.2.1",
        "192.0.2.256",
        "192.0.65536",
        "192.16777216",
        "192.0.0.2.1",
        "192.0.2.1.0",
        "192.0.2.1.0.0",
        "www.192.0.2.1",
        "example.1",
        "example.0x1f",
        "a.0.2.1",
        "+1.0.2.1",
    ] {
        check_refused(text);
        check_refused(&format!("http://{text}"));
    }
    for text in ["4294967296", "99999999999999999999999", "0x100000000", "192.0.2.08", "08", "192.0.65536"] {
        check_refused(&format!("http://{text}"));
    }
    check("0x1g.0xg", "0x1g.0xg");
    check("1.2.3.4a", "1.2.3.4a");
    check("1.2.xxx", "1.2.xxx");
}

#[test]
fn bracketed_hosts_are_ipv6_addresses() {
    check("[2001:DB8::1]", "2001:db8::1");
    check("http://[2001:db8:0::1]/A", "[2001:db8::1]/a");
    check("http://[::ffff:192.0.2.1]:80/A", "192.0.2.1/a");
    check("http://[::ffff:192.0.2.1]", "192.0.2.1");
    for text in ["[]", "[2001:db8::1", "2001:db8::1]", "[192.0.2.1]", "[fe80::1%25eth0]", "[[2001:db8::1]]"] {
        check_refused(text);
    }
}

#[test]
fn masks_lead_a_dotted_name() {
    check("*.Example.com", "*.example.com");
    check("http://*.example.com:80/A?b", "*.example.com/a?b");
    check("*..example.com", "*.example.com");
    check("*.www.example.com", "*.www.example.com");
    for text in ["*", "*.", "**.example.com", "*.*.example.com", "a*.example.com", "www.*.example.com"] {
        check_refused(text);
    }
}

#[test]
fn a_mask_of_a_registry_is_too_wide_and_one_of_a_private_suffix_is_not() {
    for text in [
        "*.com",
        "*..com.",
        "*.CO.uk",
        "http://*.co.uk/a",
        "*.рф",
        "*.kawasaki.jp",
        "*.b.kawasaki.jp",
        "*.example",
        "*.com/*",
    ] {
        check_reason(text, NotAnIndicator::WideMask);
    }
    for text in ["*.duckdns.org", "*.github.io", "*.www.co.uk", "*.city.kawasaki.jp", "*.b.example"] {
        check(text, text);
    }
}
