//! Values of a supplier at the edges of their ranges.

use super::{Confidence, RetentionMinutes, SupplierName, Vendor, is_reserved};

/// Checks what a constructor says: the number that it took, or its complaint.
#[track_caller]
fn check<V, E: std::fmt::Display>(made: Result<V, E>, read: impl Fn(V) -> String, want: Result<&str, &str>) {
    let seen = made.map(read).map_err(|error| error.to_string());
    assert_eq!(seen.as_deref().map_err(String::as_str), want);
}

#[test]
fn supplier_names_keep_their_letter_case() {
    check(SupplierName::parse("Example-Feed_1"), |name| name.as_str().to_owned(), Ok("Example-Feed_1"));
    check(SupplierName::parse(""), |name| name.as_str().to_owned(), Err("a name must not be empty"));
    assert_ne!(SupplierName::parse("feed"), SupplierName::parse("Feed"));
}

#[test]
fn built_in_names_are_reserved_in_any_letter_case() {
    for name in ["FalsePositive", "falsepositive", "InternalTI", "INTERNALTI"] {
        assert!(is_reserved(name), "{name}");
    }
    for name in ["FalsePositives", "Internal", ""] {
        assert!(!is_reserved(name), "{name}");
    }
}

#[test]
fn confidence_is_0_to_100() {
    let read = |confidence: Confidence| confidence.get().to_string();
    let complaint = "confidence must be an integer from 0 to 100";
    check(Confidence::new(0_i64), read, Ok("0"));
    check(Confidence::new(100_u64), read, Ok("100"));
    check(Confidence::new(101), read, Err(complaint));
    check(Confidence::new(-1), read, Err(complaint));
    check(Confidence::new(u64::MAX), read, Err(complaint));
    check(Confidence::new((1_u64 << 32) + 5), read, Err(complaint));
}

#[test]
fn retention_is_1_minute_to_10_years() {
    let read = |retention: RetentionMinutes| retention.get().to_string();
    let complaint = "retention must be an integer from 1 to 5256000";
    check(RetentionMinutes::new(1), read, Ok("1"));
    check(RetentionMinutes::new(5_256_000_u32), read, Ok("5256000"));
    check(RetentionMinutes::new(0), read, Err(complaint));
    check(RetentionMinutes::new(5_256_001), read, Err(complaint));
    check(RetentionMinutes::new(i64::MIN), read, Err(complaint));
    assert_eq!(RetentionMinutes::new(5_256_000), Ok(RetentionMinutes::MAX));
}

#[test]
fn vendor_is_up_to_256_characters_of_one_line() {
    let read = |vendor: Vendor| vendor.as_str().to_owned();
    let longest = "я".repeat(256);
    check(Vendor::parse(""), read, Ok(""));
    check(Vendor::parse(&longest), read, Ok(&longest));
    check(Vendor::parse(&"я".repeat(257)), read, Err("vendor is over the limit of 256 characters"));
    check(Vendor::parse("a\nb"), read, Err("vendor has a control character"));
    assert_eq!(Vendor::default().as_str(), "");
}
