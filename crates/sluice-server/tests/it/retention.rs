//! Retention: an indicator that was not updated for its supplier's retention takes no part in matching.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    daemon::{Running, check},
    disk,
};

#[test]
fn an_indicator_lives_for_its_retention_after_its_last_update() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Longest"], 50);
    let short = r#"POST 1.0/suppliers [{"name":"Hour","confidence":40,"retention":60}]"#;
    check(
        &daemon,
        &[short],
        &expect_test::expect![[r#"
            POST 1.0/suppliers [{"name":"Hour","confidence":40,"retention":60}]
              201 [{"status":"Supplier successfully created"}]
        "#]],
    );
    let dir = daemon.stop();
    let now = u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    // Minutes on either side of the hour, so that the time which the test takes is of no matter.
    let (fresh, stale) = (now - 3_600 + 600, now - 3_600 - 1);
    let indicators = [("fresh.example.com", fresh), ("stale.example.com", stale), ("192.0.2.60", stale)];
    disk::add_updated_at(dir.path(), "Hour", &indicators);
    disk::add_updated_at(dir.path(), "Longest", &indicators[1..2]);
    let daemon = Running::open(dir, &[]);
    daemon.wait_for(sluice_server::Phase::Ready);
    let detections = || daemon.detections("", &["fresh.example.com", "stale.example.com", "192.0.2.60"]);
    assert_eq!(detections(), ["Hour_URL fresh.example.com {}", "Longest_URL stale.example.com {}", ""]);
    // An update makes it live again.
    daemon.put("suppliers/Hour", r#"[{"indicator":"192.0.2.60"}]"#);
    assert_eq!(detections()[2], "Hour_IP 192.0.2.60 {}");
    assert_eq!(daemon.ask("PUT", "1.0/suppliers/Hour", r#"[{"retention":1}]"#).status, 200);
    assert_eq!(detections(), ["", "Longest_URL stale.example.com {}", "Hour_IP 192.0.2.60 {}"]);
}
