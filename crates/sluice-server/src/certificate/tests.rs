//! A certificate counts between its two times, both included, and its end is told 30 days ahead.

use std::{fmt::Write as _, fs, path::Path};

use expect_test::expect;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::{CertificateStanding, Validity};

/// Days, as year, month and day.
pub(crate) type Day = (i32, u8, u8);

/// Writes `certificate.pem`, good for `localhost` between two days, and `key.pem`.
pub(crate) fn write_certificate(dir: &Path, first: Day, last: Day) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(first.0, first.1, first.2);
    params.not_after = date_time_ymd(last.0, last.1, last.2);
    let key = KeyPair::generate().unwrap();
    fs::write(dir.join("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
}

#[test]
fn a_certificate_counts_between_its_times() {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 3, 1);
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let validity = Validity::of(made.der()).unwrap();
    assert_eq!(validity, Validity { begins_at_seconds: 1_767_225_600, ends_at_seconds: 1_772_323_200 });
    let mut told = String::new();
    let month = 30 * 86_400;
    for now_seconds in [
        validity.begins_at_seconds - 1,
        validity.begins_at_seconds,
        validity.ends_at_seconds - month,
        validity.ends_at_seconds - month + 1,
        validity.ends_at_seconds,
        validity.ends_at_seconds + 1,
    ] {
        writeln!(told, "{:?}", validity.standing(now_seconds)).unwrap();
    }
    expect![[r#"
        Refused("the certificate counts from 2026-01-01T00:00:00Z on; clients refuse it")
        Good
        Good
        Ending("the certificate ends at 2026-03-01T00:00:00Z, in 29 days")
        Ending("the certificate ends at 2026-03-01T00:00:00Z, in 0 days")
        Refused("the certificate ended at 2026-03-01T00:00:00Z; clients refuse it")
    "#]]
    .assert_eq(&told);
}

#[test]
fn what_is_no_certificate_has_no_times_and_old_ones_begin_at_zero() {
    assert_eq!(Validity::of(b"nothing"), None);
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(1955, 1, 1);
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let validity = Validity::of(made.der()).unwrap();
    assert_eq!(validity.begins_at_seconds, 0);
    assert_eq!(validity.standing(0), CertificateStanding::Good);
}
