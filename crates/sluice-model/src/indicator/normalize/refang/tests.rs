//! What refanging undoes, and what it leaves alone.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{SCHEMES, refang};

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(refang(text), want);
}

#[test]
fn schemes_are_refanged_in_any_letter_case() {
    for (defanged, real) in SCHEMES {
        check(&format!("{defanged}://example.com/a"), &format!("{real}://example.com/a"));
        check(&format!("{}://example.com/a", defanged.to_uppercase()), &format!("{real}://example.com/a"));
    }
    check("hXXps[://]example.com", "https://example.com");
    check("hxxp[:]//example.com", "http://example.com");
}

#[test]
fn bracketed_dots_colons_slashes_and_at_signs_are_refanged() {
    check("www[.]example(.)com{.}test", "www.example.com.test");
    check("example[dot]com(DOT)test{Dot}org", "example.com.test.org");
    check("example.com[:]80[/]a", "example.com:80/a");
    check("user[@]example.com", "user@example.com");
    check("user[at]example.com", "user@example.com");
    check("2001[:]db8[:]:1", "2001:db8::1");
}

#[test]
fn everything_else_is_borrowed_as_it_is() {
    for text in [
        "",
        "http://example.com/a",
        "[2001:db8::1]",
        "example.com/[..]/(a)/[.",
        "example.com/[.)",
        "example.com/[",
        "hxxp.example.com/a",
        "example.com/?u=hxxp://example.org",
        "[я]",
    ] {
        assert!(matches!(refang(text), Cow::Borrowed(same) if same == text), "{text}");
    }
}

/// A query with `{at}` in it was once sent to another address.
#[test]
fn a_url_that_is_whole_is_not_touched() {
    for text in [
        "http://host.example.org/?id={at}",
        "host.example.org/a[.]b(dot)c",
        "//host.example.org/[at]",
        "http:/host.example.org/{dot}",
        "http:\\\\host.example.org\\[.]",
        "http://[2001:db8::1]/[.]",
        "host.example.org:/a[.]b",
        "host.example.org:80/a[.]b",
        "host.example.org?[.]",
        "host.example.org#[.]",
        "http://user:a(b)@host.example.org:80/[.]",
    ] {
        assert!(matches!(refang(text), Cow::Borrowed(same) if same == text), "{text}");
    }
}

#[test]
fn what_is_blank_around_a_value_is_no_hindrance() {
    check(" hxxp://example[.]com/a\u{200b}\n", "http://example.com/a");
    check("hxxp:/example[.]com", "http:/example.com");
    check("hxxps:\\\\example[.]com\\a", "https:\\\\example.com\\a");
}

#[test]
fn one_pass_is_made() {
    check("[[.].]", "[..]");
}

proptest! {
    #[test]
    fn a_path_behind_a_whole_host_is_not_touched(
        scheme in "(https?:/{1,3}|//)?",
        host in "[a-z]{1,9}(\\.[a-z]{1,9}){1,3}(:[0-9]{1,4})?",
        rest in "[/?#]([\\[\\](){}.:/@a]|dot|at){0,9}",
    ) {
        let text = format!("{scheme}{host}{rest}");
        prop_assert_eq!(refang(&text), &*text);
    }

    #[test]
    fn refanging_undoes_defanging(host in "[a-z]{1,9}(\\.[a-z]{1,9}){1,3}", path in "(/[a-z.]{0,9}){0,3}") {
        // A host or a path may hold `http` of its own, which stays.
        let address = format!("//{host}{path}");
        let defanged = format!("hxxp:{}", address.replace('.', "[.]"));
        prop_assert_eq!(refang(&defanged), format!("http:{address}"));
    }

    #[test]
    fn any_text_is_taken(text in "([\\[\\](){}.:/@я]|dot|hxxp){0,20}") {
        let refanged = refang(&text);
        prop_assert!(refanged.len() <= text.len());
    }
}
