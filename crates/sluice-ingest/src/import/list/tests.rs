//! Lines of plain lists, hosts files and rules of ad blockers.

use super::value;

#[track_caller]
fn check(line: &str, plain: Option<&str>, refanged: Option<&str>) {
    assert_eq!([value(line, false), value(line, true)], [plain, refanged], "{line}");
}

#[test]
fn the_first_word_counts_and_comments_do_not() {
    check("  192.0.2.1 since Monday\r", Some("192.0.2.1"), Some("192.0.2.1"));
    check("example.com/a#b # why", Some("example.com/a#b"), Some("example.com/a#b"));
    for nothing in ["", "  \r", "# 192.0.2.1", " ; a", "//a", "#"] {
        check(nothing, None, None);
    }
}

#[test]
fn hosts_and_rules_are_read_when_a_list_is_refanged() {
    check("0.0.0.0 example.com # ad", Some("0.0.0.0"), Some("example.com"));
    check(":: example.com", Some("::"), Some("example.com"));
    check("127.0.0.1 # loopback", Some("127.0.0.1"), Some("127.0.0.1"));
    check("0.0.0.0", Some("0.0.0.0"), Some("0.0.0.0"));
    check("||example.com^$third-party", Some("||example.com^$third-party"), Some("example.com"));
    check("||example.com", Some("||example.com"), Some("||example.com"));
    check("hxxp://example[.]com", Some("hxxp://example[.]com"), Some("hxxp://example[.]com"));
}
