//! Section 5: suppliers, row by row, and what becomes of their indicators.

use expect_test::expect;

use crate::daemon::{Running, as_user, check, check_versions, request, shared};

#[test]
fn every_row_answers_alike_in_every_version() {
    let daemon = Running::start(&[]);
    check_versions(
        &daemon,
        &["1.0", "1.1", "1.2", "1.3"],
        &[
            "GET {v}/suppliers",
            r#"POST {v}/suppliers [{"name":"ExampleSupplier","confidence":90,"retention":5000,"vendor":"ExampleVendor"}]"#,
            r#"POST {v}/suppliers [{"name":"ExampleSupplier","confidence":90,"retention":5000}]"#,
            "GET {v}/suppliers",
            "GET {v}/suppliers/ExampleSupplier",
            r#"PUT {v}/suppliers/ExampleSupplier [{"status":"disabled","vendor":""}]"#,
            "GET {v}/suppliers/ExampleSupplier",
            "DELETE {v}/suppliers/ExampleSupplier",
            "GET {v}/suppliers/ExampleSupplier",
            "PUT {v}/suppliers/ExampleSupplier [{}]",
            "DELETE {v}/suppliers/ExampleSupplier",
        ],
        &expect![[r#"
            GET suppliers
              200 [{"name":"FalsePositive","status":"enabled"},{"name":"InternalTI","status":"enabled"}]
            POST suppliers [{"name":"ExampleSupplier","confidence":90,"retention":5000,"vendor":"ExampleVendor"}]
              201 [{"status":"Supplier successfully created"}]
            POST suppliers [{"name":"ExampleSupplier","confidence":90,"retention":5000}]
              400 [{"status":"An error occurred while creating supplier","reason":"Supplier already exists"}]
            GET suppliers
              200 [{"name":"ExampleSupplier","status":"enabled"},{"name":"FalsePositive","status":"enabled"},{"name":"InternalTI","status":"enabled"}]
            GET suppliers/ExampleSupplier
              200 [{"name":"ExampleSupplier","status":"enabled","confidence":90,"retention":5000,"vendor":"ExampleVendor"}]
            PUT suppliers/ExampleSupplier [{"status":"disabled","vendor":""}]
              200 [{"status":"Supplier successfully updated"}]
            GET suppliers/ExampleSupplier
              200 [{"name":"ExampleSupplier","status":"disabled","confidence":90,"retention":5000,"vendor":""}]
            DELETE suppliers/ExampleSupplier
              201 [{"status":"Supplier successfully removed"}]
            GET suppliers/ExampleSupplier
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
            PUT suppliers/ExampleSupplier [{}]
              404 [{"status":"An error occurred while updating supplier","reason":"Supplier doesn't exist"}]
            DELETE suppliers/ExampleSupplier
              404 [{"status":"An error occurred while removing the supplier","reason":"Supplier doesn't exist"}]
        "#]],
    );
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    check(
        &shared(),
        &[
            r#"POST 1.0/suppliers [{"name":"Partial","confidence":10,"retention":20,"vendor":"V"}]"#,
            r#"PUT 1.0/suppliers/Partial [{"confidence":11}]"#,
            "GET 1.0/suppliers/Partial",
            r#"PUT 1.0/suppliers/Partial [{"retention":21}]"#,
            "GET 1.0/suppliers/Partial",
            r#"PUT 1.0/suppliers/Partial [{"status":"disabled"}]"#,
            "GET 1.0/suppliers/Partial",
            r#"PUT 1.0/suppliers/Partial [{"vendor":"","status":"enabled"}]"#,
            "GET 1.0/suppliers/Partial",
            r#"PUT 1.0/suppliers/Partial [{}]"#,
            r#"PUT 1.0/suppliers/Partial [{"name":"Partial"}]"#,
            r#"PUT 1.0/suppliers/Partial [{"confidence":99,"retention":0}]"#,
            r#"PUT 1.0/suppliers/Partial [{"name":"a b"}]"#,
            r#"PUT 1.0/suppliers/Partial [{"name":"InternalTI"}]"#,
            r#"PUT 1.0/suppliers/Partial [{"name":"falsepositive"}]"#,
            "GET 1.0/suppliers/Partial",
        ],
        &expect![[r#"
            POST 1.0/suppliers [{"name":"Partial","confidence":10,"retention":20,"vendor":"V"}]
              201 [{"status":"Supplier successfully created"}]
            PUT 1.0/suppliers/Partial [{"confidence":11}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.0/suppliers/Partial
              200 [{"name":"Partial","status":"enabled","confidence":11,"retention":20,"vendor":"V"}]
            PUT 1.0/suppliers/Partial [{"retention":21}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.0/suppliers/Partial
              200 [{"name":"Partial","status":"enabled","confidence":11,"retention":21,"vendor":"V"}]
            PUT 1.0/suppliers/Partial [{"status":"disabled"}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.0/suppliers/Partial
              200 [{"name":"Partial","status":"disabled","confidence":11,"retention":21,"vendor":"V"}]
            PUT 1.0/suppliers/Partial [{"vendor":"","status":"enabled"}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.0/suppliers/Partial
              200 [{"name":"Partial","status":"enabled","confidence":11,"retention":21,"vendor":""}]
            PUT 1.0/suppliers/Partial [{}]
              200 [{"status":"Supplier successfully updated"}]
            PUT 1.0/suppliers/Partial [{"name":"Partial"}]
              200 [{"status":"Supplier successfully updated"}]
            PUT 1.0/suppliers/Partial [{"confidence":99,"retention":0}]
              400 [{"status":"An error occurred while updating supplier","reason":"retention must be an integer from 1 to 5256000"}]
            PUT 1.0/suppliers/Partial [{"name":"a b"}]
              400 [{"status":"An error occurred while updating supplier","reason":"the name 'a b' has a character other than Latin letters, digits, '-' and '_'"}]
            PUT 1.0/suppliers/Partial [{"name":"InternalTI"}]
              400 [{"status":"An error occurred while updating supplier","reason":"The name is reserved for a built-in supplier"}]
            PUT 1.0/suppliers/Partial [{"name":"falsepositive"}]
              400 [{"status":"An error occurred while updating supplier","reason":"The name is reserved for a built-in supplier"}]
            GET 1.0/suppliers/Partial
              200 [{"name":"Partial","status":"enabled","confidence":11,"retention":21,"vendor":""}]
        "#]],
    );
}

#[test]
fn a_renamed_supplier_keeps_its_indicators() {
    let daemon = shared();
    daemon.add_suppliers(&["BeforeRename", "TakenName"], 50);
    daemon.put("suppliers/BeforeRename", r#"[{"indicator":"renamed.example.com"}]"#);
    check(
        &daemon,
        &[
            r#"PUT 1.0/suppliers/BeforeRename [{"name":"TakenName"}]"#,
            r#"PUT 1.0/suppliers/BeforeRename [{"name":"AfterRename","confidence":51}]"#,
            "GET 1.0/suppliers/BeforeRename",
            "GET 1.0/suppliers/AfterRename",
            "GET 1.3/acme/suppliers/AfterRename",
            r#"POST 1.0/lookup [{"object":"renamed.example.com"}]"#,
        ],
        &expect![[r#"
            PUT 1.0/suppliers/BeforeRename [{"name":"TakenName"}]
              400 [{"status":"An error occurred while updating supplier","reason":"Supplier already exists"}]
            PUT 1.0/suppliers/BeforeRename [{"name":"AfterRename","confidence":51}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.0/suppliers/BeforeRename
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
            GET 1.0/suppliers/AfterRename
              200 [{"name":"AfterRename","status":"enabled","confidence":51,"retention":5256000,"vendor":""}]
            GET 1.3/acme/suppliers/AfterRename
              200 [{"name":"AfterRename","status":"enabled","confidence":50,"retention":5256000,"vendor":""}]
            POST 1.0/lookup [{"object":"renamed.example.com"}]
              200 [{"object":"renamed.example.com","result":"detected","categories":[{"category":"AfterRename_URL","detected_indicator":"renamed.example.com","context":{}}]}]
        "#]],
    );
    // The old name is free again, and its new holder has nothing.
    daemon.add_suppliers(&["BeforeRename"], 50);
    assert_eq!(daemon.detections("", &["renamed.example.com"]), ["AfterRename_URL renamed.example.com {}"]);
}

#[test]
fn a_removed_supplier_matches_no_more_neither_now_nor_after_a_restart() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Gone", "Stays"], 50);
    for supplier in ["Gone", "Stays"] {
        daemon.put(
            &format!("suppliers/{supplier}"),
            r#"[{"indicator":"192.0.2.7"},{"indicator":"gone.example.com"}]"#,
        );
    }
    assert_eq!(daemon.detections("", &["192.0.2.7"]), ["Gone_IP 192.0.2.7 {}, Stays_IP 192.0.2.7 {}"]);
    assert_eq!(daemon.ask("DELETE", "1.3/suppliers/Gone", "").status, 201);
    let want = ["Stays_IP 192.0.2.7 {}", "Stays_URL gone.example.com {}"];
    assert_eq!(daemon.detections("", &["192.0.2.7", "gone.example.com"]), want);
    let daemon = daemon.restart(&[]);
    assert_eq!(daemon.detections("", &["192.0.2.7", "gone.example.com"]), want);
    // A new supplier of the old name does not inherit.
    daemon.add_suppliers(&["Gone"], 50);
    assert_eq!(daemon.detections("", &["192.0.2.7", "gone.example.com"]), want);
}

#[test]
fn built_in_suppliers_are_shown_and_never_changed() {
    check(
        &shared(),
        &[
            "GET 1.0/suppliers/FalsePositive",
            "GET 1.0/suppliers/InternalTI",
            "GET 1.0/suppliers/internalTI",
            r#"PUT 1.0/suppliers/FalsePositive [{"confidence":1}]"#,
            r#"PUT 1.3/acme/suppliers/InternalTI [{"confidence":1}]"#,
            "DELETE 1.0/suppliers/InternalTI",
            "GET 1.0/suppliers/InternalTI",
        ],
        &expect![[r#"
            GET 1.0/suppliers/FalsePositive
              200 [{"name":"FalsePositive","status":"enabled","confidence":100,"retention":5256000,"vendor":""}]
            GET 1.0/suppliers/InternalTI
              200 [{"name":"InternalTI","status":"enabled","confidence":100,"retention":5256000,"vendor":""}]
            GET 1.0/suppliers/internalTI
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
            PUT 1.0/suppliers/FalsePositive [{"confidence":1}]
              403 [{"status":"An error occurred while updating supplier","reason":"Built-in suppliers cannot be updated or removed"}]
            PUT 1.3/acme/suppliers/InternalTI [{"confidence":1}]
              403 [{"status":"An error occurred while updating supplier","reason":"Built-in suppliers cannot be updated or removed"}]
            DELETE 1.0/suppliers/InternalTI
              403 [{"status":"An error occurred while removing the supplier","reason":"Built-in suppliers cannot be updated or removed"}]
            GET 1.0/suppliers/InternalTI
              200 [{"name":"InternalTI","status":"enabled","confidence":100,"retention":5256000,"vendor":""}]
        "#]],
    );
}

#[test]
fn a_supplier_can_ask_for_defanged_forms_to_be_taken() {
    let daemon = shared();
    daemon.add_suppliers(&["Fanged"], 50);
    check(
        &daemon,
        &[
            r#"POST 1.0/suppliers [{"name":"Defanged","confidence":49,"retention":5256000,"refang":true}]"#,
            "GET 1.0/suppliers/Defanged",
            r#"PUT 1.0/suppliers/Defanged/indicators [{"indicator":"hxxp://defanged[.]example(.)com"}]"#,
            r#"PUT 1.0/suppliers/Fanged/indicators [{"indicator":"hxxp://defanged[.]example(.)com"}]"#,
            r#"POST 1.0/lookup [{"object":"defanged.example.com"}]"#,
            r#"DELETE 1.0/suppliers/Defanged/indicators [{"indicator":"defanged[.]example[.]com"}]"#,
            r#"POST 1.0/lookup [{"object":"defanged.example.com"}]"#,
        ],
        &expect![[r#"
            POST 1.0/suppliers [{"name":"Defanged","confidence":49,"retention":5256000,"refang":true}]
              201 [{"status":"Supplier successfully created"}]
            GET 1.0/suppliers/Defanged
              200 [{"name":"Defanged","status":"enabled","confidence":49,"retention":5256000,"vendor":"","refang":true}]
            PUT 1.0/suppliers/Defanged/indicators [{"indicator":"hxxp://defanged[.]example(.)com"}]
              201 [{"status":"All indicators were successfully added to the database"}]
            PUT 1.0/suppliers/Fanged/indicators [{"indicator":"hxxp://defanged[.]example(.)com"}]
              202 [{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"hxxp://defanged[.]example(.)com","reason":"Invalid indicator format"}]}]
            POST 1.0/lookup [{"object":"defanged.example.com"}]
              200 [{"object":"defanged.example.com","result":"detected","categories":[{"category":"Defanged_URL","detected_indicator":"defanged.example.com","context":{}}]}]
            DELETE 1.0/suppliers/Defanged/indicators [{"indicator":"defanged[.]example[.]com"}]
              200 [{"status":"All indicators were successfully deleted from the database"}]
            POST 1.0/lookup [{"object":"defanged.example.com"}]
              200 [{"object":"defanged.example.com","result":"not detected","categories":[]}]
        "#]],
    );
}

/// The body is judged by a supplier who is gone when its rows would be stored: a success would be for what is nowhere.
#[test]
fn a_body_whose_supplier_is_removed_meanwhile_is_answered_with_404() {
    let daemon = Running::start(&[]);
    let bodies: [(&str, &[&str]); 4] = [
        ("PUT", &[r#"[{"indicator":"meanwhile.example.com"}"#, r#",{"indicator":"192.0.2.8"}]"#]),
        ("PUT", &[r#"[{"indicator":"bad name"}"#, "]"]),
        ("PUT", &["[", "]"]),
        ("DELETE", &[r#"[{"indicator":"meanwhile.example.com"}"#, "]"]),
    ];
    for (method, pieces) in bodies {
        for is_created_anew in [false, true] {
            for path in ["1.0/suppliers/Meanwhile", "1.3/acme/suppliers/Meanwhile"] {
                daemon.add_suppliers(&["Meanwhile"], 50);
                let mut connection = daemon.connect();
                let headers =
                    format!("{}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", as_user("admin"));
                let path = format!("/api/{path}/indicators");
                assert!(connection.send(&request(method, &path, &headers, b"")));
                assert_eq!(connection.receive().unwrap().status, 100);
                assert!(connection.send_chunk(pieces[0].as_bytes()));
                assert_eq!(daemon.ask("DELETE", "1.0/suppliers/Meanwhile", "").status, 201);
                if is_created_anew {
                    daemon.add_suppliers(&["Meanwhile"], 50);
                }
                assert!(connection.send_chunk(pieces[1].as_bytes()));
                assert!(connection.send_chunk(b""));
                let answer = connection.receive().unwrap();
                assert_eq!((answer.status, answer.reason().as_str()), (404, "Supplier doesn't exist"));
                assert_eq!(daemon.detections("", &["meanwhile.example.com", "192.0.2.8"]), ["", ""]);
                if is_created_anew {
                    assert_eq!(daemon.ask("DELETE", "1.0/suppliers/Meanwhile", "").status, 201);
                }
            }
        }
    }
}

/// Whoever is renamed or disabled is still there: its body is stored, under the new name.
#[test]
fn a_body_whose_supplier_is_renamed_or_disabled_meanwhile_is_stored() {
    let daemon = Running::start(&[]);
    for (number, (patch, now)) in [
        (r#"[{"name":"Renamed"}]"#, "Renamed"),
        (r#"[{"status":"disabled"}]"#, "Changed"),
        (r#"[{"name":"Both","status":"disabled"}]"#, "Both"),
    ]
    .into_iter()
    .enumerate()
    {
        daemon.add_suppliers(&["Changed"], 50);
        let mut connection = daemon.connect();
        let headers = format!("{}Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", as_user("admin"));
        assert!(connection.send(&request("PUT", "/api/1.0/suppliers/Changed/indicators", &headers, b"")));
        assert_eq!(connection.receive().unwrap().status, 100);
        let host = format!("changed{number}.example.com");
        assert!(connection.send_chunk(format!(r#"[{{"indicator":"{host}"}}"#).as_bytes()));
        assert_eq!(daemon.ask("PUT", "1.0/suppliers/Changed", patch).status, 200);
        assert!(connection.send_chunk(b"]"));
        assert!(connection.send_chunk(b""));
        assert_eq!(connection.receive().unwrap().status, 201);
        let is_enabled = !patch.contains("disabled");
        let detected = format!("{now}_URL {host} {{}}");
        assert_eq!(daemon.detections("", &[&host]), [if is_enabled { detected.as_str() } else { "" }]);
        let path = format!("1.0/suppliers/{now}");
        assert_eq!(daemon.ask("PUT", &path, r#"[{"status":"enabled"}]"#).status, 200);
        assert_eq!(daemon.detections("", &[&host]), [detected]);
        assert_eq!(daemon.ask("DELETE", &path, "").status, 201);
    }
}
