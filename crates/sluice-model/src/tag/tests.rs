//! Tag names are upper-case, weights are 0 to 5.

use super::{TagName, TagWeight};

#[track_caller]
fn check(weight: i64, want: Result<u8, &str>) {
    let seen = TagWeight::new(weight).map(TagWeight::get).map_err(|error| error.to_string());
    assert_eq!(seen.as_ref().map(|weight| *weight).map_err(String::as_str), want);
}

#[test]
fn a_tag_name_is_raised_to_upper_case() {
    let name = TagName::parse("win-Trojan_2").unwrap();
    assert_eq!(name.as_str(), "WIN-TROJAN_2");
    assert_eq!(name.as_str(), "WIN-TROJAN_2");
    assert_eq!(Ok(name), TagName::parse("WIN-TROJAN_2"));
}

#[test]
fn a_bad_tag_name_is_refused() {
    assert!(TagName::parse("win trojan").is_err());
    assert!(TagName::parse("ß").is_err());
    assert!(TagName::parse("").is_err());
}

#[test]
fn weight_is_0_to_5() {
    check(0, Ok(0));
    check(5, Ok(5));
    check(6, Err("weight must be an integer from 0 to 5"));
    check(-1, Err("weight must be an integer from 0 to 5"));
    check(i64::MAX, Err("weight must be an integer from 0 to 5"));
}
