//! Each reason has its label, whatever the log adds to it.

use std::fmt::Write as _;

use expect_test::expect;
use test_support::exposition::parse;

use super::{Exposition, LoginMetrics};
use crate::metrics::exposition::Format;

#[test]
fn each_reason_of_the_log_counts_under_its_label() {
    let metrics = LoginMetrics::default();
    let reasons = [
        "no credentials",
        "malformed credentials",
        "unknown user",
        "wrong password",
        "unknown token",
        "expired token",
        "too many attempts",
        "it could not be checked",
    ];
    // One of the first, two of the second, and so on.
    for (times, reason) in (1..).zip(reasons) {
        (0..times).for_each(|_| metrics.refused(reason));
    }
    for reason in [
        "unknown user in a client certificate",
        "client certificate of an authority that is not trusted any more",
        "client certificate that has ended",
        "client certificate without a common name",
        "a reason that somebody adds and forgets here",
    ] {
        metrics.refused(reason);
    }
    let mut all = Exposition::default();
    metrics.tell(&mut all);
    let families = parse(&all.write(Format::Prometheus).unwrap()).unwrap();
    let mut told = String::new();
    for sample in &families[0].samples {
        writeln!(told, "{} {}", sample.label("reason"), sample.value).unwrap();
    }
    expect![[r#"
        client_certificate 4
        no_credentials 1
        malformed 2
        unknown_user 3
        wrong_password 4
        unknown_token 5
        expired_token 6
        throttled 7
        not_checked 8
        other 1
    "#]]
    .assert_eq(&told);
}
