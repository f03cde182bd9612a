//! Nothing secret reaches the log: every line that the daemon can write is written, and no secret is in any of them.

use std::{fs, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    client::Connection,
    daemon::{as_token, connect_from, request, wait_until, with_password},
    process::{Process, as_administrator},
};

/// Marks whatever must not be told, as it is and in the middle of Base64, at any offset.
const MARKS: [&str; 4] = ["hushhushhush", "aHVzaGh1c2hodXNo", "h1c2hodXNoaHVz", "odXNoaHVzaGh1c"];

#[track_caller]
fn check(process: &Process, made_token: &str) {
    let said = process.said();
    assert!(said.contains("login refused") && said.contains("request"), "{said}");
    let administrator = STANDARD.encode("admin:secret");
    for secret in MARKS.iter().copied().chain([made_token, administrator.as_str(), "$argon2"]) {
        for line in said.lines() {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
    let lower = said.to_ascii_lowercase();
    for name in ["authorization", "basic ", "bearer"] {
        assert!(!lower.contains(name), "{name}: {said}");
    }
}

fn marks_are_where_they_should_be() {
    for prefix in ["", "x", "xy"] {
        let text = STANDARD.encode(format!("{prefix}hushhushhushhush"));
        assert!(MARKS.iter().any(|mark| text.contains(mark)), "{text}");
    }
}

#[test]
fn nothing_secret_is_told_at_any_level() {
    marks_are_where_they_should_be();
    for format in ["text", "json"] {
        // What a variable of the environment asks for does not count.
        let process = Process::after(&format!(
            "export SLUICE_LOG__LEVEL=trace SLUICE_LOG__ACCESS=true SLUICE_LOG__FORMAT={format} \
             SLUICE_LOG__SLOW_REQUEST=1ms RUST_LOG=trace"
        ));
        let made = Command::new(env!("CARGO_BIN_EXE_sluiced"))
            .args(["token", "create", "feed", "--scope", "admin", "--data-dir"])
            .arg(process.data_dir())
            .output()
            .unwrap();
        let made = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        // The daemon looks at its accounts now and then.
        let is_known = || process.ask_with("GET", "/api/1.0/suppliers", &as_token(&made), b"").status == 200;
        wait_until("the token is known", is_known);
        let secret = "hushhushhushhush";
        let headers = [
            as_administrator(),
            as_token(&made),
            with_password("admin", secret),
            with_password("nobody", secret),
            with_password("", secret),
            // The token where a user belongs, and where a password does.
            with_password(&made, ""),
            with_password("admin", &made),
            as_token(secret),
            as_token(&format!("sluice_{secret}")),
            format!("Authorization: {secret}\r\n"),
            format!("Authorization: Digest {secret}\r\n"),
            format!("Authorization: Basic {secret}!\r\n"),
            format!("{0}{0}", with_password("admin", secret)),
            format!("Cookie: session={secret}\r\nProxy-Authorization: Basic {secret}\r\n"),
        ];
        // Each from an address of its own, so that none is left out of the log for the sake of the others.
        for (number, headers) in (1_u8..).zip(&headers) {
            for (method, path) in [
                ("GET", "/api/1.0/suppliers"),
                ("GET", "/api/1.0/suppliers?token=hushhushhush"),
                ("PUT", "/api/1.0/suppliers/InternalTI/indicators"),
                ("POST", "/api/1.0/lookup"),
                ("DELETE", "/nothing"),
            ] {
                let body = br#"[{"indicator":"a.example.com","object":"a.example.com"}]"#;
                let mut connection = Connection::over(connect_from([127, 0, 2, number], process.address()));
                assert!(connection.send(&request(method, path, headers, body)));
                assert!(connection.receive().is_some());
            }
        }
        // Broken heads, which the library answers or not.
        for head in [
            format!("GET /api/1.0/suppliers HTTP/1.1\r\nAuthorization: Basic {secret}\r\nBad header\r\n\r\n"),
            format!("GET / HTTP/9\r\nAuthorization: Bearer {secret}\r\n\r\n"),
            format!("{secret}\r\n\r\n"),
        ] {
            let mut connection = process.connect();
            assert!(connection.send(head.as_bytes()));
        }
        let count = process
            .said()
            .lines()
            .filter(|line| line.contains("login refused") && line.contains("127.0.2."))
            .count();
        assert_eq!(count, 5 * (headers.len() - 2), "{}", process.said());
        check(&process, &made);
        assert!(fs::read_to_string(process.data_dir().join("accounts.json")).unwrap().contains("$argon2"));
    }
}
