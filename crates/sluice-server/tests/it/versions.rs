//! Section 1: which request exists in which version, and what answers the others.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    time::Duration,
};

use expect_test::expect;

use crate::daemon::{Running, as_user, request};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

const REQUESTS: [&str; 10] = [
    "lookup",
    "acme/lookup",
    "suppliers",
    "suppliers/None",
    "suppliers/None/indicators",
    "acme/suppliers",
    "acme/suppliers/None",
    "acme/suppliers/None/indicators",
    "tags",
    "tags/None",
];

/// The status of a request with an empty body: 404 of a request that exists has another reason than one that
/// does not, so it is written `none`.
fn told(daemon: &Running, method: &str, path: &str) -> String {
    let answer = daemon.ask_with(method, path, &as_user("admin"), b"");
    match answer.status {
        404 if answer.body.contains("doesn't exist") => "none".to_owned(),
        405 => format!("405[{}]", answer.header("allow").unwrap()),
        status => status.to_string(),
    }
}

#[test]
fn every_request_in_every_version_by_every_method() {
    let daemon = Running::start(&[]);
    let mut seen = String::new();
    for request in REQUESTS {
        for version in ["1.0", "1.1", "1.2", "1.3"] {
            write!(seen, "{version}/{request}:").unwrap();
            let mut allowed = None;
            for method in METHODS.iter().filter(|method| **method != "HEAD") {
                let told = told(&daemon, method, &format!("/api/{version}/{request}"));
                match told.strip_prefix("405") {
                    Some(allow) => {
                        let before = allowed.get_or_insert_with(|| allow.to_owned());
                        assert_eq!(allow, before, "{method} {version}/{request}");
                        write!(seen, " 405").unwrap();
                    }
                    None => write!(seen, " {told}").unwrap(),
                }
            }
            writeln!(seen, " {}", allowed.unwrap_or_default()).unwrap();
        }
    }
    expect![[r#"
        1.0/lookup: 405 400 405 405 405 405 [POST]
        1.1/lookup: 405 400 405 405 405 405 [POST]
        1.2/lookup: 405 400 405 405 405 405 [POST]
        1.3/lookup: 405 400 405 405 405 405 [POST]
        1.0/acme/lookup: 404 404 404 404 404 404 
        1.1/acme/lookup: 404 404 404 404 404 404 
        1.2/acme/lookup: 404 404 404 404 404 404 
        1.3/acme/lookup: 405 400 405 405 405 405 [POST]
        1.0/suppliers: 200 400 405 405 405 405 [GET, POST]
        1.1/suppliers: 200 400 405 405 405 405 [GET, POST]
        1.2/suppliers: 200 400 405 405 405 405 [GET, POST]
        1.3/suppliers: 200 400 405 405 405 405 [GET, POST]
        1.0/suppliers/None: none 405 none none 405 405 [GET, PUT, DELETE]
        1.1/suppliers/None: none 405 none none 405 405 [GET, PUT, DELETE]
        1.2/suppliers/None: none 405 none none 405 405 [GET, PUT, DELETE]
        1.3/suppliers/None: none 405 none none 405 405 [GET, PUT, DELETE]
        1.0/suppliers/None/indicators: 405 405 none none 405 405 [PUT, DELETE]
        1.1/suppliers/None/indicators: 405 405 none none 405 405 [PUT, DELETE]
        1.2/suppliers/None/indicators: 405 405 none none 405 405 [PUT, DELETE]
        1.3/suppliers/None/indicators: 405 405 none none 405 405 [PUT, DELETE]
        1.0/acme/suppliers: 404 404 404 404 404 404 
        1.1/acme/suppliers: 404 404 404 404 404 404 
        1.2/acme/suppliers: 404 404 404 404 404 404 
        1.3/acme/suppliers: 404 404 404 404 404 404 
        1.0/acme/suppliers/None: 404 404 404 404 404 404 
        1.1/acme/suppliers/None: 404 404 404 404 404 404 
        1.2/acme/suppliers/None: 404 404 404 404 404 404 
        1.3/acme/suppliers/None: none 405 none 405 405 405 [GET, PUT]
        1.0/acme/suppliers/None/indicators: 404 404 404 404 404 404 
        1.1/acme/suppliers/None/indicators: 404 404 404 404 404 404 
        1.2/acme/suppliers/None/indicators: 404 404 404 404 404 404 
        1.3/acme/suppliers/None/indicators: 405 405 none none 405 405 [PUT, DELETE]
        1.0/tags: 404 404 404 404 404 404 
        1.1/tags: 200 400 405 405 405 405 [GET, POST]
        1.2/tags: 200 400 405 405 405 405 [GET, POST]
        1.3/tags: 200 400 405 405 405 405 [GET, POST]
        1.0/tags/None: 404 404 404 404 404 404 
        1.1/tags/None: none 405 none none 405 405 [GET, PUT, DELETE]
        1.2/tags/None: none 405 none none 405 405 [GET, PUT, DELETE]
        1.3/tags/None: none 405 none none 405 405 [GET, PUT, DELETE]
    "#]]
    .assert_eq(&seen);
}

#[test]
fn unknown_versions_and_requests_are_not_found() {
    let daemon = Running::start(&[]);
    for path in [
        "/api/8.0/lookup",
        "/api/1.4/suppliers",
        "/api/1.00/suppliers",
        "/api/01.0/suppliers",
        "/api/1/suppliers",
        "/api/1.0/login",
        "/api/1.0/",
        "/api/1.0",
        "/api/",
        "/api",
        "/",
        "/API/1.0/suppliers",
        "/api/1.0/Suppliers",
        "/api/1.3/suppliers/None/indicators/more",
        "/api/1.3/acme/tags",
        "/api/1.3/acme/suppliers/None/indicators/more",
        "/healthz/",
        "/readyz/x",
    ] {
        for method in METHODS.iter().filter(|method| **method != "HEAD") {
            let answer = daemon.ask_with(method, path, &as_user("admin"), b"");
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (
                    404,
                    r#"[{"status":"An error occurred while processing the request","reason":"There is no such request"}]"#
                ),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn head_is_no_method_of_the_api() {
    let daemon = Running::start(&[]);
    let mut stream = std::net::TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let headers = format!("{}Connection: close\r\n", as_user("admin"));
    stream.write_all(&request("HEAD", "/api/1.0/suppliers", &headers, b"")).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, POST\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "an answer to HEAD has no body: {answer}");
}

#[test]
fn query_parameters_change_nothing() {
    let daemon = Running::start(&[]);
    let plain = daemon.ask("GET", "1.0/suppliers", "");
    let with_query = daemon.ask("GET", "1.0/suppliers?a=b&/../x", "");
    assert_eq!((plain.status, plain.body), (with_query.status, with_query.body));
}

#[test]
fn a_wrong_method_has_the_sentence_of_the_request_it_could_mean() {
    let daemon = Running::start(&[]);
    let answer = daemon.ask("GET", "1.1/lookup", "");
    assert_eq!(answer.header("allow"), Some("POST"));
    expect![[r#"405 [{"status":"An error occurred while searching indicators","reason":"The method is not allowed for this request"}]"#]].assert_eq(&format!("{} {}", answer.status, answer.body));
    let answer = daemon.ask("PATCH", "1.1/tags/x", "");
    assert_eq!(answer.header("allow"), Some("GET, PUT, DELETE"));
    expect![[r#"405 [{"status":"An error occurred while processing the request","reason":"The method is not allowed for this request"}]"#]].assert_eq(&format!("{} {}", answer.status, answer.body));
}
