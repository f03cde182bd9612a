//! Sections 9 and 10: networks are an indicator of their own, for `PUT`, `DELETE`, lookup and false positives.

use expect_test::expect;

use crate::daemon::{Running, check, shared};

#[test]
fn a_network_is_put_found_and_deleted_in_both_families() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Nets"], 50);
    check(
        &daemon,
        &[
            r#"PUT 1.1/suppliers/Nets/indicators [{"indicator":"192.0.2.77/24","context":{"of":4}},{"indicator":"2001:DB8::1/32"},{"indicator":"198.51.100.7/32"},{"indicator":"2001:db8:ffff::7/128"}]"#,
            r#"POST 1.1/lookup [{"object":"192.0.2.1"},{"object":"http://192.0.2.200:8080/a?b"},{"object":"2001:db8:1::2"},{"object":"https://[2001:db8::9]/x"},{"object":"192.0.3.1"},{"object":"2001:db9::1"}]"#,
            r#"POST 1.1/lookup [{"object":"198.51.100.7"},{"object":"198.51.100.8"},{"object":"192.0.2.0/24"},{"object":"192.0.2.128/25"},{"object":"192.0.0.0/16"}]"#,
            r#"DELETE 1.1/suppliers/Nets/indicators [{"indicator":"192.0.2.0/24"},{"indicator":"2001:db8::/32"}]"#,
            r#"POST 1.1/lookup [{"object":"192.0.2.1"},{"object":"2001:db8:1::2"},{"object":"2001:db8:ffff::7"}]"#,
        ],
        &expect![[r#"
            PUT 1.1/suppliers/Nets/indicators [{"indicator":"192.0.2.77/24","context":{"of":4}},{"indicator":"2001:DB8::1/32"},{"indicator":"198.51.100.7/32"},{"indicator":"2001:db8:ffff::7/128"}]
              201 [{"status":"All indicators were successfully added to the database"}]
            POST 1.1/lookup [{"object":"192.0.2.1"},{"object":"http://192.0.2.200:8080/a?b"},{"object":"2001:db8:1::2"},{"object":"https://[2001:db8::9]/x"},{"object":"192.0.3.1"},{"object":"2001:db9::1"}]
              200 [{"object":"192.0.2.1","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"192.0.2.0/24","context":{"of":4}}]},{"object":"http://192.0.2.200:8080/a?b","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"192.0.2.0/24","context":{"of":4}}]},{"object":"2001:db8:1::2","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"2001:db8::/32","context":{}}]},{"object":"https://[2001:db8::9]/x","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"2001:db8::/32","context":{}}]},{"object":"192.0.3.1","result":"not detected","categories":[]},{"object":"2001:db9::1","result":"not detected","categories":[]}]
            POST 1.1/lookup [{"object":"198.51.100.7"},{"object":"198.51.100.8"},{"object":"192.0.2.0/24"},{"object":"192.0.2.128/25"},{"object":"192.0.0.0/16"}]
              200 [{"object":"198.51.100.7","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"198.51.100.7","context":{}}]},{"object":"198.51.100.8","result":"not detected","categories":[]},{"object":"192.0.2.0/24","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"192.0.2.0/24","context":{"of":4}}]},{"object":"192.0.2.128/25","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"192.0.2.0/24","context":{"of":4}}]},{"object":"192.0.0.0/16","result":"not detected","categories":[]}]
            DELETE 1.1/suppliers/Nets/indicators [{"indicator":"192.0.2.0/24"},{"indicator":"2001:db8::/32"}]
              200 [{"status":"All indicators were successfully deleted from the database"}]
            POST 1.1/lookup [{"object":"192.0.2.1"},{"object":"2001:db8:1::2"},{"object":"2001:db8:ffff::7"}]
              200 [{"object":"192.0.2.1","result":"not detected","categories":[]},{"object":"2001:db8:1::2","result":"not detected","categories":[]},{"object":"2001:db8:ffff::7","result":"detected","categories":[{"category":"Nets_IP","detected_indicator":"2001:db8:ffff::7","context":{}}]}]
        "#]],
    );
}

#[test]
fn a_network_on_the_list_of_false_positives_suppresses_what_it_holds() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Nets"], 50);
    let body = r#"[{"indicator":"192.0.2.1"},{"indicator":"192.0.2.0/24"},{"indicator":"http://192.0.2.1/x"},{"indicator":"2001:db8::1"}]"#;
    daemon.put("suppliers/Nets", body);
    daemon.put("suppliers/FalsePositive", r#"[{"indicator":"192.0.2.0/25"},{"indicator":"2001:db8::/48"}]"#);
    let objects = ["192.0.2.1", "http://192.0.2.1/x", "192.0.2.99", "2001:db8::1", "192.0.2.200"];
    assert_eq!(daemon.detections("", &objects), ["", "", "", "", "Nets_IP 192.0.2.0/24 {}"]);
    daemon.put("suppliers/InternalTI", r#"[{"indicator":"192.0.2.1"}]"#);
    assert_eq!(daemon.detections("", &objects)[0], "InternalTI_IP 192.0.2.1 {}");
    let daemon = daemon.restart(&[]);
    daemon.wait_for(sluice_server::Phase::Ready);
    assert_eq!(
        daemon.detections("", &objects)[1..],
        ["InternalTI_IP 192.0.2.1 {}", "", "", "Nets_IP 192.0.2.0/24 {}"]
    );
}

#[test]
fn what_is_no_network_is_a_url_or_refused() {
    let daemon = shared();
    daemon.add_suppliers(&["NoNets"], 50);
    daemon.put("suppliers/NoNets", r#"[{"indicator":"http://203.0.113.5/24"}]"#);
    assert_eq!(
        daemon.detections("", &["https://203.0.113.5/24/", "203.0.113.6", "203.0.113.0/24"]),
        ["NoNets_URL 203.0.113.5/24 {}", "", ""]
    );
    check(
        &daemon,
        &[
            r#"PUT 1.1/suppliers/NoNets/indicators [{"indicator":"203.0.113.0/7"},{"indicator":"0.0.0.0/0"},{"indicator":"2001:db8::/15"},{"indicator":"2001:db8::/129"},{"indicator":"::ffff:0:0/96"}]"#,
            r#"DELETE 1.1/suppliers/NoNets/indicators [{"indicator":"::/0"}]"#,
        ],
        &expect![[r#"
            PUT 1.1/suppliers/NoNets/indicators [{"indicator":"203.0.113.0/7"},{"indicator":"0.0.0.0/0"},{"indicator":"2001:db8::/15"},{"indicator":"2001:db8::/129"},{"indicator":"::ffff:0:0/96"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"203.0.113.0/7","reason":"Invalid indicator format: a network is too wide"},{"indicator":"0.0.0.0/0","reason":"Invalid indicator format: a network is too wide"},{"indicator":"2001:db8::/15","reason":"Invalid indicator format: a network is too wide"},{"indicator":"2001:db8::/129","reason":"Invalid indicator format"},{"indicator":"::ffff:0:0/96","reason":"Invalid indicator format: a network is too wide"}]}]
            DELETE 1.1/suppliers/NoNets/indicators [{"indicator":"::/0"}]
              202 [{"status":"An error occurred while deleting some of the indicators from the database","error_indicators":[{"indicator":"::/0","reason":"Invalid indicator format: a network is too wide"}]}]
        "#]],
    );
}
