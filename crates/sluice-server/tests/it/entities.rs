//! Suppliers and tags, row by row.

use crate::daemon::{Running, check};

#[test]
fn a_supplier_from_creation_to_removal() {
    let daemon = Running::start();
    let path = "/api/1.0/suppliers";
    check(
        &daemon,
        "GET",
        path,
        "",
        200,
        r#"[{"name":"FalsePositive","status":"enabled"},{"name":"InternalTI","status":"enabled"}]"#,
    );
    let body = r#"[{"name":"Feed","confidence":90,"retention":5000,"vendor":"Example"}]"#;
    check(&daemon, "POST", path, body, 201, r#"[{"status":"Supplier successfully created"}]"#);
    check(
        &daemon,
        "POST",
        path,
        body,
        400,
        r#"[{"status":"An error occurred while creating supplier","reason":"Supplier already exists"}]"#,
    );
    let one = "/api/1.2/suppliers/Feed";
    check(
        &daemon,
        "GET",
        one,
        "",
        200,
        r#"[{"name":"Feed","status":"enabled","confidence":90,"retention":5000,"vendor":"Example"}]"#,
    );
    check(
        &daemon,
        "PUT",
        one,
        r#"[{"status":"disabled","name":"Feed2"}]"#,
        200,
        r#"[{"status":"Supplier successfully updated"}]"#,
    );
    check(
        &daemon,
        "GET",
        one,
        "",
        404,
        r#"[{"status":"An error occurred while getting supplier","reason":"Supplier doesn't exist"}]"#,
    );
    check(
        &daemon,
        "GET",
        "/api/1.3/acme/suppliers/Feed2",
        "",
        200,
        r#"[{"name":"Feed2","status":"enabled","confidence":90,"retention":5000,"vendor":"Example"}]"#,
    );
    check(
        &daemon,
        "DELETE",
        "/api/1.1/suppliers/Feed2",
        "",
        201,
        r#"[{"status":"Supplier successfully removed"}]"#,
    );
    check(
        &daemon,
        "DELETE",
        "/api/1.1/suppliers/Feed2",
        "",
        404,
        r#"[{"status":"An error occurred while removing the supplier","reason":"Supplier doesn't exist"}]"#,
    );
}

#[test]
fn suppliers_that_are_refused() {
    let daemon = Running::start();
    for body in [
        r#"[{"name":"A","confidence":101,"retention":1}]"#,
        r#"[{"name":"A","confidence":1,"retention":0}]"#,
        r#"[{"name":"A","confidence":1}]"#,
        r#"[{"name":"A b","confidence":1,"retention":1}]"#,
        r#"[{"name":"internalti","confidence":1,"retention":1}]"#,
        r#"[{"name":"A","confidence":"1","retention":1}]"#,
        r#"[{"name":"A","confidence":1,"retention":1,"status":"on"}]"#,
        r#"{"name":"A","confidence":1,"retention":1}"#,
        "[]",
        "",
    ] {
        let answer = daemon.ask("POST", "/api/1.0/suppliers", body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(
            answer.body.starts_with(r#"[{"status":"An error occurred while creating supplier","reason":""#)
        );
    }
    for (method, body) in [("PUT", "[{\"confidence\":1}]"), ("DELETE", "")] {
        let answer = daemon.ask(method, "/api/1.0/suppliers/FalsePositive", body);
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
}

#[test]
fn a_tag_from_creation_to_removal() {
    let daemon = Running::start();
    check(&daemon, "GET", "/api/1.1/tags", "", 200, "[]");
    check(
        &daemon,
        "POST",
        "/api/1.1/tags",
        r#"[{"name":"win-Trojan","weight":5}]"#,
        201,
        r#"[{"status":"Tag successfully created"}]"#,
    );
    check(&daemon, "GET", "/api/1.2/tags/WIN-trojan", "", 200, r#"[{"name":"WIN-TROJAN","weight":5}]"#);
    check(
        &daemon,
        "PUT",
        "/api/1.3/tags/win-trojan",
        r#"[{"weight":0}]"#,
        200,
        r#"[{"status":"Tag successfully updated"}]"#,
    );
    check(&daemon, "GET", "/api/1.1/tags", "", 200, r#"[{"name":"WIN-TROJAN","weight":0}]"#);
    check(
        &daemon,
        "DELETE",
        "/api/1.1/tags/win-trojan",
        "",
        200,
        r#"[{"status":"Tag successfully deleted"}]"#,
    );
    check(
        &daemon,
        "GET",
        "/api/1.1/tags/x",
        "",
        404,
        r#"[{"status":"An error occurred while getting tag","reason":"Tag doesn't exist"}]"#,
    );
    for body in [
        r#"[{"name":"A","weight":6}]"#,
        r#"[{"name":"A","weight":1.5}]"#,
        r#"[{"name":"A"}]"#,
        r#"[{"weight":1}]"#,
    ] {
        assert_eq!(daemon.ask("POST", "/api/1.1/tags", body).status, 400, "{body}");
    }
}
