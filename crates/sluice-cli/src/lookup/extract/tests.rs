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
