//! Section 7: `DELETE indicators`.

use expect_test::expect;

use crate::daemon::{check_versions, shared};

#[test]
fn the_answers_in_every_version() {
    let daemon = shared();
    daemon.add_suppliers(&["Deleting"], 50);
    let requests = [
        r#"PUT {v}/suppliers/Deleting/indicators [{"indicator":"deleting.example.com"},{"indicator":"rest.example.net"}]"#,
        r#"DELETE {v}/suppliers/Deleting/indicators [{"indicator":"HTTP://Deleting.example.com:80","unmark_detections":true}]"#,
        r#"POST {v}/lookup [{"object":"deleting.example.com"},{"object":"rest.example.net"}]"#,
        r#"DELETE {v}/suppliers/Deleting/indicators [{"indicator":"deleting.example.com"},{"indicator":"never.example.com"}]"#,
        "DELETE {v}/suppliers/Deleting/indicators []",
        r#"DELETE {v}/suppliers/Deleting/indicators [{"indicator":"bad name"},{"indicator":"rest.example.net"},{"indicator":5},{}]"#,
        "DELETE {v}/suppliers/Deleting/indicators",
        "DELETE {v}/suppliers/Deleting/indicators {}",
        r#"DELETE {v}/suppliers/Deleting/indicators [{"indicator":"deleting.example.com"},"#,
        r#"POST {v}/lookup [{"object":"rest.example.net"}]"#,
        "DELETE {v}/suppliers/NoSuchSupplier/indicators []",
    ];
    check_versions(
        &daemon,
        &["1.0", "1.1", "1.2", "1.3"],
        &requests,
        &expect![[r#"
        PUT suppliers/Deleting/indicators [{"indicator":"deleting.example.com"},{"indicator":"rest.example.net"}]
          201 [{"status":"All indicators were successfully added to the database"}]
        DELETE suppliers/Deleting/indicators [{"indicator":"HTTP://Deleting.example.com:80","unmark_detections":true}]
          200 [{"status":"All indicators were successfully deleted from the database"}]
        POST lookup [{"object":"deleting.example.com"},{"object":"rest.example.net"}]
          200 [{"object":"deleting.example.com","result":"not detected","categories":[]},{"object":"rest.example.net","result":"detected","categories":[{"category":"Deleting_URL","detected_indicator":"rest.example.net","context":{}}]}]
        DELETE suppliers/Deleting/indicators [{"indicator":"deleting.example.com"},{"indicator":"never.example.com"}]
          200 [{"status":"All indicators were successfully deleted from the database"}]
        DELETE suppliers/Deleting/indicators []
          200 [{"status":"All indicators were successfully deleted from the database"}]
        DELETE suppliers/Deleting/indicators [{"indicator":"bad name"},{"indicator":"rest.example.net"},{"indicator":5},{}]
          202 [{"status":"An error occurred while deleting some of the indicators from the database","error_indicators":[{"indicator":"bad name","reason":"Invalid indicator format"},{"indicator":"5","reason":"Property 'indicator' has an invalid type"},{"indicator":"","reason":"Property 'indicator' is missing"}]}]
        DELETE suppliers/Deleting/indicators
          400 [{"status":"An error occurred while deleting indicators from the database","reason":"the body ends early at byte 0"}]
        DELETE suppliers/Deleting/indicators {}
          400 [{"status":"An error occurred while deleting indicators from the database","reason":"expected a JSON array at byte 0"}]
        DELETE suppliers/Deleting/indicators [{"indicator":"deleting.example.com"},
          400 [{"status":"An error occurred while deleting indicators from the database","reason":"the body ends early at byte 38"}]
        POST lookup [{"object":"rest.example.net"}]
          200 [{"object":"rest.example.net","result":"not detected","categories":[]}]
        DELETE suppliers/NoSuchSupplier/indicators []
          404 [{"status":"An error occurred while deleting indicators from the database","reason":"Supplier doesn't exist"}]
    "#]],
    );
}

#[test]
fn detection_marks_count_from_1_2_on() {
    let daemon = shared();
    daemon.add_suppliers(&["Unmarking"], 50);
    let request = [
        r#"DELETE {v}/suppliers/Unmarking/indicators [{"indicator":"unmarking.example.com","unmark_detections":"yes"}]"#,
    ];
    check_versions(
        &daemon,
        &["1.0", "1.1"],
        &request,
        &expect![[r#"
            DELETE suppliers/Unmarking/indicators [{"indicator":"unmarking.example.com","unmark_detections":"yes"}]
              200 [{"status":"All indicators were successfully deleted from the database"}]
        "#]],
    );
    check_versions(
        &daemon,
        &["1.2", "1.3"],
        &request,
        &expect![[r#"
            DELETE suppliers/Unmarking/indicators [{"indicator":"unmarking.example.com","unmark_detections":"yes"}]
              202 [{"status":"An error occurred while deleting some of the indicators from the database","error_indicators":[{"indicator":"unmarking.example.com","reason":"Property 'unmark_detections' has an invalid type"}]}]
        "#]],
    );
}

#[test]
fn a_deletion_concerns_its_own_supplier_only() {
    let daemon = shared();
    daemon.add_suppliers(&["DeleteOne", "DeleteOther"], 50);
    for supplier in ["DeleteOne", "DeleteOther"] {
        daemon.put(&format!("suppliers/{supplier}"), r#"[{"indicator":"198.51.100.9","context":{"v":1}}]"#);
    }
    let body = r#"[{"indicator":"198.51.100.9"}]"#;
    assert_eq!(daemon.ask("DELETE", "1.1/suppliers/DeleteOne/indicators", body).status, 200);
    assert_eq!(daemon.detections("", &["198.51.100.9"]), [r#"DeleteOther_IP 198.51.100.9 {"v":1}"#]);
    // A context does not outlive its indicator.
    daemon.put("suppliers/DeleteOne", body);
    assert_eq!(
        daemon.detections("", &["198.51.100.9"]),
        [r#"DeleteOne_IP 198.51.100.9 {}, DeleteOther_IP 198.51.100.9 {"v":1}"#]
    );
}

#[test]
fn a_broken_deletion_deletes_nothing() {
    let daemon = shared();
    daemon.add_suppliers(&["BrokenDelete"], 50);
    daemon.put("suppliers/BrokenDelete", r#"[{"indicator":"broken-delete.example.com"}]"#);
    let body = r#"[{"indicator":"broken-delete.example.com"}]]"#;
    assert_eq!(daemon.ask("DELETE", "1.1/suppliers/BrokenDelete/indicators", body).status, 400);
    assert_eq!(
        daemon.detections("", &["broken-delete.example.com"]),
        ["BrokenDelete_URL broken-delete.example.com {}"]
    );
}
