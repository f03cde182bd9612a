//! Cases: what is plucked out of lines of logs and reports, and what is left.

use expect_test::{Expect, expect};

use super::values;

fn check(text: &str, expect: &Expect) {
    expect.assert_eq(&values(text).join("\n"));
}

#[test]
fn addresses_networks_and_ports() {
    check(
        "Jan 31 18:00:01 gw kernel: SRC=192.0.2.1 DST=198.51.100.7:443 [2001:db8::7]:53 net 203.0.113.0/24, fe80::1%eth0",
        &expect![[r#"
            192.0.2.1
            198.51.100.7
            2001:db8::7
            203.0.113.0/24
            fe80::1"#]],
    );
}

#[test]
fn hashes_and_no_shorter_numbers() {
    check(
        "md5=D41D8CD98F00B204E9800998ECF8427E; id 0123456789abcdef 12:30:45 00:00:5e:00:53:01 std::io::Error",
        &expect!["D41D8CD98F00B204E9800998ECF8427E"],
    );
}

#[test]
fn urls_end_where_text_goes_on() {
    check(
        r#"GET "http://www.example.com/a?b=c&d=[1]" (see https://example.org/wiki/A_(b)), then example.net/x.php."#,
        &expect![[r#"
            http://www.example.com/a?b=c&d=[1]
            https://example.org/wiki/A_(b)
            example.net/x.php"#]],
    );
}

#[test]
fn defanged_values_are_what_they_stand_for() {
    check(
        "hxxps://evil[.]example[.]com/a, 192[.]0[.]2(.)9 meow[:]//bad.example(dot)org 198.51.100[.]1/32",
        &expect![[r#"
            https://evil.example.com/a
            192.0.2.9
            http://bad.example.org
            198.51.100.1/32"#]],
    );
}

#[test]
fn files_and_versions_are_no_domains() {
    check(
        "loaded example.dll from report.pdf, version 1.2.3, e.g. by user@example.com",
        &expect!["example.com"],
    );
}

#[test]
fn a_value_behind_colons_is_found() {
    check("id:abc:192.0.2.1 a::192.0.2.2x", &expect!["192.0.2.1"]);
}

#[test]
fn an_address_stands_behind_a_word() {
    check(
        "src:2001:db8::1 ip6:2001:db8::2, dst=2001:db8::3. add:192.0.2.7 (2001:db8::/32) 2001:db8::1x Foo::a 192.0.2.3:443 \
         192.0.2.4:evil.example.com dead:example.org",
        &expect![[r#"
            2001:db8::1
            2001:db8::2
            2001:db8::3
            192.0.2.7
            2001:db8::/32
            192.0.2.3
            192.0.2.4
            evil.example.com
            example.org"#]],
    );
}

#[test]
fn hashes_stand_in_names_and_urls() {
    check(
        "dropped D41D8CD98F00B204E9800998ECF8427E.exe and https://example.com/file/da39a3ee5e6b4b0d3255bfef95601890afd80709?x",
        &expect![[r#"
            D41D8CD98F00B204E9800998ECF8427E
            https://example.com/file/da39a3ee5e6b4b0d3255bfef95601890afd80709?x
            da39a3ee5e6b4b0d3255bfef95601890afd80709"#]],
    );
}

#[test]
fn urls_stand_in_urls() {
    check(
        "http://example.com/f?u=http://evil.example.com/a,hxxps://evil.example.org example.net/r?u=https%3A%2F%2Fbad.example.com%2Fb&x=1",
        &expect![[r#"
            http://example.com/f?u=http://evil.example.com/a,hxxps://evil.example.org
            http://evil.example.com/a,hxxps://evil.example.org
            https://evil.example.org
            example.net/r?u=https%3A%2F%2Fbad.example.com%2Fb&x=1
            https://bad.example.com/b"#]],
    );
}

#[test]
fn what_belongs_to_the_text_is_cut_off() {
    check(
        "\u{201c}https://example.com/a\u{201d}, {\\\"url\\\":\\\"https://example.com/b\\\"} (https://example.com/c_(d))...",
        &expect![[r#"
            https://example.com/a
            https://example.com/b
            https://example.com/c_(d)"#]],
    );
}

/// What took the square of its length would take hours here.
#[test]
fn time_follows_the_length_of_the_text() {
    for part in ["a:", ")", "http://a", "a.b-", "::", "1.", "ab.cd/", "[", "http%3A%2F%2Fa&", "\u{e4}."] {
        let text = part.repeat(1 << 17);
        for start in ["", "http://example.com/", "example.com/"] {
            let values = values(&format!("{start}{text} 192.0.2.1"));
            assert_eq!(values.last().map(String::as_str), Some("192.0.2.1"), "{start}{part}");
        }
    }
}
