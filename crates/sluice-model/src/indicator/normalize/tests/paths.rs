//! Paths, queries and their escapes.

use crate::{IndicatorKind, NotAnIndicator};

use super::{check, check_kind, check_reason, check_refused};

#[test]
fn a_trailing_slash_is_removed_when_no_query_follows() {
    check("example.com/", "example.com");
    check("example.com/a/", "example.com/a");
    check("example.com/a//", "example.com/a");
    check("example.com/a/%2f", "example.com/a");
    check("example.com/a\\", "example.com/a");
    check("example.com/a/?", "example.com/a");
    check("example.com/a/?q", "example.com/a/?q");
    check("example.com/a?q", "example.com/a?q");
}

#[test]
fn an_empty_query_is_dropped_and_a_query_has_a_path() {
    check("example.com?", "example.com");
    check("example.com/a?", "example.com/a");
    check("example.com/a%3f", "example.com/a");
    check("example.com?q=1", "example.com/?q=1");
    check("example.com?q=%31", "example.com/?q=1");
    check("192.0.2.1?", "192.0.2.1");
    check("192.0.2.1?q", "192.0.2.1/?q");
    check("example.com??", "example.com/??");
}

#[test]
fn parameters_keep_their_order_and_their_slashes() {
    check("example.com/?b=2&a=1&b", "example.com/?b=2&a=1&b");
    check("example.com/?u=http://example.org/../a/./b//", "example.com/?u=http://example.org/../a/./b//");
    check("example.com/%61?u=a//b/../c\\d/", "example.com/a?u=a//b/../c\\d/");
    check("example.com/?q\\", "example.com/?q\\");
}

#[test]
fn backslashes_in_the_path_are_slashes() {
    check("example.com/a\\b%5cc", "example.com/a/b/c");
    check("example.com/a\\..\\b", "example.com/b");
    check_refused("example.com\\a");
}

#[test]
fn dot_segments_and_repeated_slashes_are_removed() {
    check("example.com/a/./b/../c", "example.com/a/c");
    check("example.com//a///b", "example.com/a/b");
    check("example.com/a//../b", "example.com/b");
    check("example.com/../../a", "example.com/a");
    check("example.com/a/..", "example.com");
    check("example.com/a/b/..", "example.com/a");
    check("example.com/a/b/..?q", "example.com/a/?q");
    check("example.com/a/.?q", "example.com/a/?q");
    check("example.com/..?q", "example.com/?q");
    check("example.com/%2e%2E/a/%2e/b", "example.com/a/b");
    check("example.com/...", "example.com/...");
    check("example.com/.a/b./..c", "example.com/.a/b./..c");
    check("192.0.2.1/a/..", "192.0.2.1");
}

#[test]
fn path_and_query_are_lower_case() {
    check("example.com/AbC?DeF", "example.com/abc?def");
    check("example.com/%41", "example.com/a");
    check("example.com/ÄΣ?Я", "example.com/äσ?я");
    check("example.com/%C3%84", "example.com/ä");
    // The Kelvin sign is a capital k.
    check("example.com/\u{212a}", "example.com/k");
}

#[test]
fn escapes_are_decoded_once() {
    check("example.com/a%20b", "example.com/a b");
    check("example.com/%41%2542", "example.com/a%2542");
    check("example.com/a%2520b", "example.com/a%2520b");
    check("example.com/%2%35", "example.com/%2525");
    check("example.com/%25%32%35", "example.com/%2525");
    check("example.com/a%3fb%3fc", "example.com/a?b?c");
    check("example.com/?a%26b%3Dc", "example.com/?a&b=c");
    check("example.com/a+b", "example.com/a+b");
}

#[test]
fn a_percent_sign_that_begins_no_escape_stands_for_itself() {
    check("example.com/100%", "example.com/100%");
    check("example.com/%zz%1", "example.com/%zz%1");
    check("example.com/%25", "example.com/%");
    check("example.com/%%41", "example.com/%a");
    check("example.com/%%2541", "example.com/%%2541");
    check("example.com/%25/41", "example.com/%/41");
    check("example.com/%25?41", "example.com/%?41");
}

#[test]
fn what_could_not_stand_for_itself_stays_an_escape() {
    check("example.com/a%23B", "example.com/a%23b");
    check("example.com/?a%23b", "example.com/?a%23b");
    check("example.com/%00%0A%1F%7F", "example.com/%00%0a%1f%7f");
    check("example.com/%C2%85", "example.com/%c2%85");
    check("example.com/%FF%C3/%80", "example.com/%ff%c3/%80");
    check("example.com/%E2%82a%ED%A0%80", "example.com/%e2%82a%ed%a0%80");
    check("example.com/%a%FF", "example.com/%a%ff");
}

#[test]
fn white_space_may_come_out_of_an_escape_but_not_at_the_end() {
    check("example.com/%20a", "example.com/ a");
    check("example.com/%C2%A0?%E3%80%80a", "example.com/\u{a0}?\u{3000}a");
    check("example.com/%20", "example.com/%20");
    check("example.com/a%20/", "example.com/a%20");
    check("example.com/a%20%20", "example.com/a %20");
    check("example.com/a?b=%E3%80%80", "example.com/a?b=%e3%80%80");
    check("example.com/a%E2%80%8B", "example.com/a%e2%80%8b");
    check("example.com/a%20/*", "example.com/a%20/*");
    check("example.com/a?b%20/*", "example.com/a?b /*");
    check("example.com/я%20я", "example.com/я я");
}

#[test]
fn a_mask_of_all_paths_is_the_host() {
    for text in ["example.com/*", "http://path.example.com/*", "www.example.com/*/", "example.com/a/../%2a"] {
        let host = if text.contains("path") { "path.example.com" } else { "example.com" };
        check(text, host);
    }
    check("*.example.com/*", "*.example.com");
    check("192.0.2.1/*", "192.0.2.1");
    check_kind("192.0.2.1/*", IndicatorKind::Ip);
    check("[2001:db8::1]/*", "2001:db8::1");
}

#[test]
fn a_prefix_mask_is_kept_as_it_is() {
    check("http://P.example.com/Dir//./*", "p.example.com/dir/*");
    check("*.example.com/a/b/*/", "*.example.com/a/b/*");
    check("example.com/*/*", "example.com/*/*");
    check("example.com/a*", "example.com/a*");
    check("example.com/*/a", "example.com/*/a");
    check("example.com/*?q", "example.com/*?q");
    check("example.com/?q/*", "example.com/?q/*");
    let deepest = format!("example.com{}/*", "/a".repeat(32));
    check(&deepest, &deepest);
    check_reason(&deepest.replace(".com", ".com/b"), NotAnIndicator::DeepMask);
}
