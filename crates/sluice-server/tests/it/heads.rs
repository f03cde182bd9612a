//! Section 3: `Accept`, `Content-Type`, the length of a head, and the order of refusals.

use crate::daemon::{as_user, request, shared};

#[track_caller]
fn check(method: &str, path: &str, headers: &str, want: u16) {
    let headers = format!("{}{headers}", as_user("admin"));
    let body: &[u8] = if method == "POST" { br#"[{"object":"example.com"}]"# } else { b"" };
    let answer = shared().ask_with(method, path, &headers, body);
    assert_eq!(answer.status, want, "{headers}: {answer:?}");
    if want == 406 {
        assert!(
            matches!(
                answer.body.split('"').nth(3),
                Some(
                    "An error occurred while getting a list of suppliers"
                        | "An error occurred while searching indicators"
                )
            ),
            "{answer:?}"
        );
    }
}

#[test]
fn a_client_must_be_able_to_take_json() {
    let daemon = shared();
    for (accept, want) in [
        ("application/json", 200),
        ("*/*", 200),
        ("*", 200),
        ("text/html, image/gif, *; q=.2", 200),
        ("application/*", 200),
        ("APPLICATION/JSON; charset=UTF-8", 200),
        ("text/html, application/xml;q=0.9, */*;q=0.1", 200),
        ("application/pdf, application/json;q=0.5", 200),
        ("", 200),
        ("application/pdf", 406),
        ("text/*", 406),
        ("application/jsonp", 406),
        ("application/json;q=0", 406),
        ("*/*, application/json;q=0", 406),
        ("garbage", 406),
    ] {
        check("GET", "/api/1.0/suppliers", &format!("Accept: {accept}\r\n"), want);
    }
    check("GET", "/api/1.0/suppliers", "Accept: application/pdf\r\nAccept: application/json\r\n", 200);
    drop(daemon);
}

#[test]
fn a_body_must_be_announced_as_json_or_not_at_all() {
    let daemon = shared();
    for (content_type, want) in [
        ("application/json", 200),
        ("", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;Charset=\"UTF-8\"", 200),
        ("application/json; charset=UTF8", 200),
        ("application/json; charset=iso-8859-1", 406),
        ("application/json; charset=utf-16", 406),
        ("text/plain", 406),
        ("application/x-www-form-urlencoded", 406),
        ("application/jsonlines", 406),
        ("multipart/form-data; boundary=x", 406),
    ] {
        check("POST", "/api/1.0/lookup", &format!("Content-Type: {content_type}\r\n"), want);
    }
    check("POST", "/api/1.0/lookup", "", 200);
    // Where there is no body, its type does not matter.
    check("GET", "/api/1.0/suppliers", "Content-Type: text/plain\r\n", 200);
    drop(daemon);
}

#[test]
fn a_head_has_a_limit() {
    let fits = format!("X-Long: {}\r\n", "x".repeat(15_000));
    check("GET", "/api/1.0/suppliers", &fits, 200);
    let headers = format!("{}X-Long: {}\r\n", as_user("admin"), "x".repeat(17_000));
    assert_eq!(shared().ask_with("GET", "/api/1.0/suppliers", &headers, b"").status, 400);
}

#[test]
fn refusals_come_in_their_order() {
    let daemon = shared();
    let everything_wrong =
        "Accept: application/pdf\r\nContent-Type: text/plain\r\nContent-Length: 99999999999\r\n";
    let ask = |method, path, user: &str| {
        daemon.ask_with(method, path, &format!("{}{everything_wrong}", as_user(user)), b"").status
    };
    assert_eq!(ask("POST", "/api/1.0/nothing", "ann"), 404);
    assert_eq!(ask("PATCH", "/api/1.0/suppliers/None/indicators", "ann"), 405);
    assert_eq!(ask("PUT", "/api/1.0/suppliers/None/indicators", "ann"), 403);
    assert_eq!(ask("PUT", "/api/1.0/suppliers/None/indicators", "admin"), 406);
    let headers = format!("{}Content-Length: 99999999999\r\n", as_user("admin"));
    assert_eq!(daemon.ask_with("PUT", "/api/1.0/suppliers/None/indicators", &headers, b"").status, 404);
    assert_eq!(daemon.ask_with("PUT", "/api/1.0/suppliers/InternalTI/indicators", &headers, b"").status, 400);
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let daemon = shared();
    let mut connection = daemon.connect();
    let get = request("GET", "/api/1.0/suppliers/InternalTI", &as_user("admin"), b"");
    let body = br#"[{"object":"example.com"}]"#;
    let post = request("POST", "/api/1.0/lookup", &as_user("ann"), body);
    let not_found = request("GET", "/api/1.0/suppliers/None", &as_user("ann"), b"");
    // All at once: answered in order.
    assert!(connection.send(&[get.as_slice(), &post, &not_found, &get].concat()));
    for want in [200, 200, 404, 200] {
        assert_eq!(connection.answer().status, want);
    }
    // A body that is broken, but read, does not end the connection.
    assert!(connection.send(&request("POST", "/api/1.0/lookup", &as_user("ann"), b"[")));
    assert_eq!(connection.answer().status, 400);
}
