//! That every reason counts under a label of its own.

use expect_test::expect;

use super::{Exposition, LoginMetrics, RefusalReason};
use crate::metrics::exposition::Format;

/// Those of client certificates once counted as other ones.
#[test]
fn every_reason_counts_under_a_label_of_its_own() {
    let metrics = LoginMetrics::default();
    for (place, reason) in RefusalReason::ALL.into_iter().enumerate() {
        for _ in 0..=place {
            metrics.refused(reason);
        }
    }
    let mut all = Exposition::default();
    metrics.tell(&mut all);
    let told = all.write(Format::Prometheus).unwrap();
    let samples: Vec<_> =
        told.lines().filter_map(|line| line.split_once("reason=\"")).map(|(_, rest)| rest).collect();
    expect![[r#"
        no_credentials"} 1
        malformed"} 2
        unknown_user"} 3
        wrong_password"} 4
        unknown_token"} 5
        expired_token"} 6
        throttled"} 7
        not_checked"} 8
        certificate_unknown_user"} 9
        certificate_not_trusted"} 10
        certificate_ended"} 11
        certificate_nameless"} 12"#]]
    .assert_eq(&samples.join("\n"));
}
