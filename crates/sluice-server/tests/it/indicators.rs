//! Indicators in, lookups out, plain and encoded.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use crate::daemon::{Running, as_user, check};

#[test]
fn added_found_and_deleted() {
    let daemon = Running::start();
    let path = "/api/1.3/suppliers/InternalTI/indicators";
    let body = r#"[{"indicator":"http://bad.example.com:80","context":{"threat_level":1}}]"#;
    check(
        &daemon,
        "PUT",
        path,
        body,
        201,
        r#"[{"status":"All indicators were successfully added to the database"}]"#,
    );
    let lookup = r#"[{"object":"https://www.BAD.example.com/#x"},{"object":"192.0.2.1"}]"#;
    check(
        &daemon,
        "POST",
        "/api/1.0/lookup",
        lookup,
        200,
        r#"[{"object":"https://www.BAD.example.com/#x","result":"detected","categories":[{"category":"InternalTI_URL","detected_indicator":"bad.example.com","context":{"threat_level":1}}]},{"object":"192.0.2.1","result":"not detected","categories":[]}]"#,
    );
    check(
        &daemon,
        "POST",
        "/api/1.3/acme/lookup",
        r#"[{"object":"bad.example.com"}]"#,
        200,
        r#"[{"object":"bad.example.com","result":"not detected","categories":[]}]"#,
    );
    check(
        &daemon,
        "DELETE",
        path,
        r#"[{"indicator":"bad.example.com"}]"#,
        200,
        r#"[{"status":"All indicators were successfully deleted from the database"}]"#,
    );
    check(
        &daemon,
        "POST",
        "/api/1.0/lookup",
        r#"[{"object":"bad.example.com"}]"#,
        200,
        r#"[{"object":"bad.example.com","result":"not detected","categories":[]}]"#,
    );
}

#[test]
fn partial_success_lists_what_was_refused() {
    let daemon = Running::start();
    let body = r#"[{"indicator":"bad\\.example.com"},{"indicator":"good.example.com"},{"indicator":"a.example.com","tags":["none"]}]"#;
    check(
        &daemon,
        "PUT",
        "/api/1.3/suppliers/InternalTI/indicators",
        body,
        202,
        r#"[{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{"indicator":"bad\\.example.com","reason":"Invalid indicator format"},{"indicator":"a.example.com","reason":"Unknown tag: none"}]}]"#,
    );
    // Tags are not looked at in the first version.
    let body = r#"[{"indicator":"a.example.com","tags":["none"]}]"#;
    check(
        &daemon,
        "PUT",
        "/api/1.0/suppliers/InternalTI/indicators",
        body,
        201,
        r#"[{"status":"All indicators were successfully added to the database"}]"#,
    );
    check(
        &daemon,
        "DELETE",
        "/api/1.3/suppliers/InternalTI/indicators",
        r#"[{"indicator":"x"}]"#,
        202,
        r#"[{"status":"An error occurred while deleting some of the indicators from the database","error_indicators":[{"indicator":"x","reason":"Invalid indicator format"}]}]"#,
    );
}

#[test]
fn a_broken_body_stores_nothing() {
    let daemon = Running::start();
    let answer =
        daemon.ask("PUT", "/api/1.0/suppliers/InternalTI/indicators", r#"[{"indicator":"a.example.com"}"#);
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.starts_with(
            r#"[{"status":"An error occurred while adding indicators to the database","reason":""#
        )
    );
    assert!(answer.body.contains("at byte 30"), "{}", answer.body);
    let looked = daemon.ask("POST", "/api/1.0/lookup", r#"[{"object":"a.example.com"}]"#);
    assert!(looked.body.contains("not detected"), "{}", looked.body);
}

#[test]
fn encoded_bodies() {
    let daemon = Running::start();
    let body = br#"[{"indicator":"a.example.com"}]"#;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    let gzip = encoder.finish().unwrap();
    let zstd = zstd::encode_all(&body[..], 3).unwrap();
    let path = "/api/1.0/suppliers/InternalTI/indicators";
    for (name, encoded, status) in [
        ("gzip", &gzip[..], 201),
        ("zstd", &zstd, 201),
        ("gzip", &zstd, 400),
        ("br", body, 406),
        ("gzip", &gzip[..20], 400),
    ] {
        let headers = format!("{}Content-Encoding: {name}\r\n", as_user("admin"));
        assert_eq!(daemon.ask_with("PUT", path, &headers, encoded).status, status, "{name}");
    }
}
