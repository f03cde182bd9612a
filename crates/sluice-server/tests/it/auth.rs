//! Who may do what, over the wire: each role and each kind of route.

use std::fmt::Write as _;

use expect_test::expect;

use crate::daemon::{Running, as_user};

#[test]
fn every_route_but_health_needs_credentials() {
    let daemon = Running::start();
    for (method, path) in [
        ("GET", "/api/1.0/suppliers"),
        ("GET", "/nothing"),
        ("POST", "/api/8.0/lookup"),
        ("PATCH", "/api/1.1/tags"),
    ] {
        let answer = daemon.ask_with(method, path, "", b"");
        assert_eq!(answer.status, 401, "{method} {path}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm=\""));
    }
    for path in ["/healthz", "/readyz"] {
        let answer = daemon.ask_with("GET", path, "", b"");
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "{path}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_alike() {
    let daemon = Running::start();
    let answers =
        ["Basic YWRtaW46d3Jvbmc=", "Basic bm9ib2R5Ondyb25n", "Basic !", "Bearer wrong"].map(|header| {
            let answer =
                daemon.ask_with("GET", "/api/1.0/suppliers", &format!("Authorization: {header}\r\n"), b"");
            (answer.status, answer.body)
        });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 401);
}

#[test]
fn roles_by_routes() {
    let daemon = Running::start();
    assert_eq!(
        daemon.ask("POST", "/api/1.3/suppliers", r#"[{"name":"F","confidence":1,"retention":1}]"#).status,
        201
    );
    assert_eq!(daemon.ask("POST", "/api/1.3/tags", r#"[{"name":"T","weight":1}]"#).status, 201);
    let mut seen = String::new();
    for (method, path, body) in [
        ("GET", "suppliers", ""),
        ("GET", "tags/T", ""),
        ("POST", "lookup", r#"[{"object":"example.com"}]"#),
        ("POST", "acme/lookup", r#"[{"object":"example.com"}]"#),
        ("PUT", "suppliers/F/indicators", "[]"),
        ("PUT", "acme/suppliers/F/indicators", "[]"),
        ("DELETE", "acme/suppliers/F/indicators", "[]"),
        ("PUT", "suppliers/F", "[{}]"),
        ("PUT", "acme/suppliers/F", "[{}]"),
        ("PUT", "acme/suppliers/F", r#"[{"name":"G"}]"#),
        ("PUT", "tags/T", "[{}]"),
        ("POST", "suppliers", "[]"),
        ("POST", "tags", "[]"),
        ("DELETE", "suppliers/None", ""),
        ("DELETE", "tags/None", ""),
    ] {
        write!(seen, "{method} {path} {body}:").unwrap();
        for user in ["admin", "ann", "tom"] {
            let answer =
                daemon.ask_with(method, &format!("/api/1.3/{path}"), &as_user(user), body.as_bytes());
            write!(seen, " {}", answer.status).unwrap();
        }
        seen.push('\n');
    }
    expect![[r#"
        GET suppliers : 200 200 200
        GET tags/T : 200 200 200
        POST lookup [{"object":"example.com"}]: 200 200 200
        POST acme/lookup [{"object":"example.com"}]: 200 200 200
        PUT suppliers/F/indicators []: 201 403 403
        PUT acme/suppliers/F/indicators []: 201 403 201
        DELETE acme/suppliers/F/indicators []: 200 403 200
        PUT suppliers/F [{}]: 200 403 403
        PUT acme/suppliers/F [{}]: 200 403 200
        PUT acme/suppliers/F [{"name":"G"}]: 403 403 403
        PUT tags/T [{}]: 200 403 403
        POST suppliers []: 400 403 403
        POST tags []: 400 403 403
        DELETE suppliers/None : 404 403 403
        DELETE tags/None : 404 403 403
    "#]]
    .assert_eq(&seen);
}
