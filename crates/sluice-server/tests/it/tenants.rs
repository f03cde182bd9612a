//! Tenants: isolated settings and indicators, one set of names.

use expect_test::expect;

use crate::daemon::{Running, check, shared};

#[test]
fn settings_are_each_tenants_own_and_names_are_common() {
    let daemon = shared();
    daemon.add_suppliers(&["TenantSettings"], 50);
    check(
        &daemon,
        &[
            "GET 1.3/acme/suppliers/TenantSettings",
            r#"PUT 1.3/acme/suppliers/TenantSettings [{"confidence":7,"vendor":"Acme","status":"disabled"}]"#,
            "GET 1.3/acme/suppliers/TenantSettings",
            "GET 1.3/umbrella/suppliers/TenantSettings",
            "GET 1.3/General/suppliers/TenantSettings",
            "GET 1.0/suppliers/TenantSettings",
            r#"PUT 1.3/acme/suppliers/TenantSettings [{"name":"Other"}]"#,
            r#"PUT 1.3/General/suppliers/TenantSettings [{"name":"TenantSettings2"}]"#,
            "GET 1.3/acme/suppliers/TenantSettings2",
            "GET 1.3/acme/suppliers/TenantSettings",
            "DELETE 1.3/acme/suppliers/TenantSettings2",
            "DELETE 1.3/suppliers/TenantSettings2",
            "GET 1.3/acme/suppliers/TenantSettings2",
            "GET 1.3/nobody/suppliers/InternalTI",
            "GET 1.3/Acme/suppliers/InternalTI",
            r#"POST 1.3/nobody/lookup [{"object":"example.com"}]"#,
            "PUT 1.3/nobody/suppliers/InternalTI/indicators []",
        ],
        &expect![[r#"
            GET 1.3/acme/suppliers/TenantSettings
              200 [{"name":"TenantSettings","status":"enabled","confidence":50,"retention":5256000,"vendor":""}]
            PUT 1.3/acme/suppliers/TenantSettings [{"confidence":7,"vendor":"Acme","status":"disabled"}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.3/acme/suppliers/TenantSettings
              200 [{"name":"TenantSettings","status":"disabled","confidence":7,"retention":5256000,"vendor":"Acme"}]
            GET 1.3/umbrella/suppliers/TenantSettings
              200 [{"name":"TenantSettings","status":"enabled","confidence":50,"retention":5256000,"vendor":""}]
            GET 1.3/General/suppliers/TenantSettings
              200 [{"name":"TenantSettings","status":"enabled","confidence":50,"retention":5256000,"vendor":""}]
            GET 1.0/suppliers/TenantSettings
              200 [{"name":"TenantSettings","status":"enabled","confidence":50,"retention":5256000,"vendor":""}]
            PUT 1.3/acme/suppliers/TenantSettings [{"name":"Other"}]
              403 [{"status":"An error occurred while updating supplier","reason":"A supplier is renamed through the tenant General, for all tenants at once"}]
            PUT 1.3/General/suppliers/TenantSettings [{"name":"TenantSettings2"}]
              200 [{"status":"Supplier successfully updated"}]
            GET 1.3/acme/suppliers/TenantSettings2
              200 [{"name":"TenantSettings2","status":"disabled","confidence":7,"retention":5256000,"vendor":"Acme"}]
            GET 1.3/acme/suppliers/TenantSettings
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
            DELETE 1.3/acme/suppliers/TenantSettings2
              405 [{"status":"An error occurred while processing the request","reason":"The method is not allowed for this request"}]
            DELETE 1.3/suppliers/TenantSettings2
              201 [{"status":"Supplier successfully removed"}]
            GET 1.3/acme/suppliers/TenantSettings2
              404 [{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]
            GET 1.3/nobody/suppliers/InternalTI
              404 [{"status":"An error occurred while getting supplier","reason":"Tenant doesn't exist"}]
            GET 1.3/Acme/suppliers/InternalTI
              404 [{"status":"An error occurred while getting supplier","reason":"Tenant doesn't exist"}]
            POST 1.3/nobody/lookup [{"object":"example.com"}]
              404 [{"status":"An error occurred while searching indicators","reason":"Tenant doesn't exist"}]
            PUT 1.3/nobody/suppliers/InternalTI/indicators []
              404 [{"status":"An error occurred while adding indicators to the database","reason":"Tenant doesn't exist"}]
        "#]],
    );
}

#[test]
fn no_tenant_sees_the_indicators_of_another() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["Feed"], 50);
    let tenants = ["General", "acme", "umbrella"];
    for (number, tenant) in tenants.iter().enumerate() {
        let body = format!(r#"[{{"indicator":"isolated.example.com","context":{{"of":{number}}}}}]"#);
        daemon.put(&format!("{tenant}/suppliers/Feed"), &body);
    }
    let of = |number: usize| format!(r#"Feed_URL isolated.example.com {{"of":{number}}}"#);
    let daemon = daemon.restart(&[]);
    for (number, tenant) in tenants.iter().enumerate() {
        assert_eq!(daemon.detections(tenant, &["isolated.example.com"]), [of(number)], "{tenant}");
    }
    // Without a tenant it is General's.
    assert_eq!(daemon.detections("", &["isolated.example.com"]), [of(0)]);
    let body = r#"[{"indicator":"isolated.example.com"}]"#;
    assert_eq!(daemon.ask("DELETE", "1.3/acme/suppliers/Feed/indicators", body).status, 200);
    assert_eq!(daemon.detections("acme", &["isolated.example.com"]), [""]);
    assert_eq!(daemon.detections("umbrella", &["isolated.example.com"]), [of(2)]);
    assert_eq!(daemon.ask("DELETE", "1.0/suppliers/Feed/indicators", body).status, 200);
    assert_eq!(daemon.detections("", &["isolated.example.com"]), [""]);
    assert_eq!(daemon.detections("umbrella", &["isolated.example.com"]), [of(2)]);
}

#[test]
fn a_tenant_that_comes_later_has_all_suppliers_and_no_indicators() {
    let daemon = Running::start(&[("SLUICE_TENANTS", "[]")]);
    daemon.add_suppliers(&["Feed"], 33);
    daemon.put("suppliers/Feed", r#"[{"indicator":"example.com"}]"#);
    assert_eq!(daemon.ask("GET", "1.3/late/suppliers/Feed", "").status, 404);
    let daemon = daemon.restart(&[("SLUICE_TENANTS", r#"["late"]"#)]);
    check(
        &daemon,
        &["GET 1.3/late/suppliers/Feed", r#"POST 1.3/late/lookup [{"object":"example.com"}]"#],
        &expect![[r#"
            GET 1.3/late/suppliers/Feed
              200 [{"name":"Feed","status":"enabled","confidence":33,"retention":5256000,"vendor":""}]
            POST 1.3/late/lookup [{"object":"example.com"}]
              200 [{"object":"example.com","result":"not detected","categories":[]}]
        "#]],
    );
}
