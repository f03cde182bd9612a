//! Section 2: each role and each token against each line of the route table.

use std::fmt::Write as _;

use expect_test::expect;

use crate::daemon::{Running, as_token, as_user};

/// Every line of the table, the tenants' lines for a tenant that is held and for one that is not.
const REQUESTS: [(&str, &str, &str); 31] = [
    ("GET", "suppliers", ""),
    ("GET", "suppliers/F", ""),
    ("GET", "acme/suppliers/F", ""),
    ("GET", "umbrella/suppliers/F", ""),
    ("GET", "tags", ""),
    ("GET", "tags/T", ""),
    ("POST", "lookup", r#"[{"object":"example.com"}]"#),
    ("POST", "acme/lookup", r#"[{"object":"example.com"}]"#),
    ("POST", "umbrella/lookup", r#"[{"object":"example.com"}]"#),
    ("PUT", "suppliers/F/indicators", "[]"),
    ("PUT", "General/suppliers/F/indicators", "[]"),
    ("PUT", "acme/suppliers/F/indicators", "[]"),
    ("PUT", "umbrella/suppliers/F/indicators", "[]"),
    ("DELETE", "suppliers/F/indicators", "[]"),
    ("DELETE", "acme/suppliers/F/indicators", "[]"),
    ("DELETE", "umbrella/suppliers/F/indicators", "[]"),
    ("PUT", "suppliers/F", "[{}]"),
    ("PUT", "acme/suppliers/F", "[{}]"),
    ("PUT", "acme/suppliers/F", r#"[{"name":"G"}]"#),
    ("PUT", "umbrella/suppliers/F", "[{}]"),
    ("PUT", "acme/suppliers/FalsePositive", "[{}]"),
    ("PUT", "acme/suppliers/FalsePositive/indicators", "[]"),
    ("POST", "suppliers", "[]"),
    ("DELETE", "suppliers/None", ""),
    ("DELETE", "suppliers/InternalTI", ""),
    ("POST", "tags", "[]"),
    ("PUT", "tags/T", "[{}]"),
    ("DELETE", "tags/None", ""),
    ("PUT", "nobody/suppliers/F/indicators", "[]"),
    ("POST", "login", ""),
    ("PATCH", "tags", ""),
];

#[test]
fn roles_by_routes() {
    let daemon = Running::start(&[]);
    daemon.add_suppliers(&["F"], 1);
    daemon.add_tags(&["T"]);
    let callers = [
        as_user("admin"),
        as_user("ann"),
        as_user("tom"),
        as_token("root"),
        as_token("reader"),
        as_token("writer"),
        as_token("scraper"),
        as_token("expired"),
        String::new(),
    ];
    let mut seen = String::from("admin ann tom root reader writer scraper expired nobody\n");
    for (method, path, body) in REQUESTS {
        write!(seen, "{method} {path} {body}:").unwrap();
        for caller in &callers {
            let answer = daemon.ask_with(method, &format!("/api/1.3/{path}"), caller, body.as_bytes());
            write!(seen, " {}", answer.status).unwrap();
        }
        seen.push('\n');
    }
    expect![[r#"
        admin ann tom root reader writer scraper expired nobody
        GET suppliers : 200 200 200 200 200 200 403 401 401
        GET suppliers/F : 200 200 200 200 200 200 403 401 401
        GET acme/suppliers/F : 200 200 200 200 200 200 403 401 401
        GET umbrella/suppliers/F : 200 200 200 200 200 200 403 401 401
        GET tags : 200 200 200 200 200 200 403 401 401
        GET tags/T : 200 200 200 200 200 200 403 401 401
        POST lookup [{"object":"example.com"}]: 200 200 200 200 200 200 403 401 401
        POST acme/lookup [{"object":"example.com"}]: 200 200 200 200 200 200 403 401 401
        POST umbrella/lookup [{"object":"example.com"}]: 200 200 200 200 200 200 403 401 401
        PUT suppliers/F/indicators []: 201 403 403 201 403 403 403 401 401
        PUT General/suppliers/F/indicators []: 201 403 403 201 403 403 403 401 401
        PUT acme/suppliers/F/indicators []: 201 403 201 201 403 201 403 401 401
        PUT umbrella/suppliers/F/indicators []: 201 403 403 201 403 403 403 401 401
        DELETE suppliers/F/indicators []: 200 403 403 200 403 403 403 401 401
        DELETE acme/suppliers/F/indicators []: 200 403 200 200 403 200 403 401 401
        DELETE umbrella/suppliers/F/indicators []: 200 403 403 200 403 403 403 401 401
        PUT suppliers/F [{}]: 200 403 403 200 403 403 403 401 401
        PUT acme/suppliers/F [{}]: 200 403 200 200 403 200 403 401 401
        PUT acme/suppliers/F [{"name":"G"}]: 403 403 403 403 403 403 403 401 401
        PUT umbrella/suppliers/F [{}]: 200 403 403 200 403 403 403 401 401
        PUT acme/suppliers/FalsePositive [{}]: 403 403 403 403 403 403 403 401 401
        PUT acme/suppliers/FalsePositive/indicators []: 201 403 201 201 403 201 403 401 401
        POST suppliers []: 400 403 403 400 403 403 403 401 401
        DELETE suppliers/None : 404 403 403 404 403 403 403 401 401
        DELETE suppliers/InternalTI : 403 403 403 403 403 403 403 401 401
        POST tags []: 400 403 403 400 403 403 403 401 401
        PUT tags/T [{}]: 200 403 403 200 403 403 403 401 401
        DELETE tags/None : 404 403 403 404 403 403 403 401 401
        PUT nobody/suppliers/F/indicators []: 404 403 403 404 403 403 403 401 401
        POST login : 404 404 404 404 404 404 404 401 401
        PATCH tags : 405 405 405 405 405 405 405 401 401
    "#]]
    .assert_eq(&seen);
}

#[test]
fn a_refusal_for_want_of_rights_has_the_requests_sentence() {
    let daemon = Running::start(&[]);
    let answer = daemon.ask_with("PUT", "/api/1.0/suppliers/F/indicators", &as_user("ann"), b"[");
    expect![[r#"403 [{"status":"An error occurred while adding indicators to the database","reason":"The user has no right to this operation"}]"#]].assert_eq(&format!("{} {}", answer.status, answer.body));
    let answer = daemon.ask_with("POST", "/api/1.0/suppliers", &as_user("ann"), b"[");
    expect![[r#"403 [{"status":"An error occurred while creating supplier","reason":"The user has no right to this operation"}]"#]].assert_eq(&format!("{} {}", answer.status, answer.body));
}
