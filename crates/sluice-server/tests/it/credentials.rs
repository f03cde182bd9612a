//! Section 2 and S1 to S3: who is let in, what the others see, and how often they may try.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use expect_test::expect;
use sluice_server::auth::{accounts::AccountsFile, password::hash_password};

use crate::daemon::{Running, as_token, as_user, wait_until, with_password};

fn basic(bytes: &[u8]) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(bytes))
}

#[test]
fn every_refused_credential_looks_alike() {
    let daemon = Running::start(&[]);
    let long = "x".repeat(1_025);
    // Each from an address of its own, so that none is refused for the failures of the others.
    let headers = [
        String::new(),
        with_password("admin", "wrong"),
        with_password("admin", ""),
        with_password("admin", "secret "),
        with_password("Admin", "secret"),
        with_password("nobody", "secret"),
        with_password("", ""),
        with_password("admin", &long),
        basic(b"admin"),
        basic(b"\xff\xfe:secret"),
        "Authorization: Basic !\r\n".to_owned(),
        "Authorization: Basic\r\n".to_owned(),
        "Authorization:\r\n".to_owned(),
        "Authorization: Digest YWRtaW46c2VjcmV0\r\n".to_owned(),
        "Authorization: YWRtaW46c2VjcmV0\r\n".to_owned(),
        as_user("admin").repeat(2),
        as_token("nothing"),
        as_token("expired"),
        as_token(""),
        as_token("reader reader"),
    ];
    let mut first = None;
    for (number, headers) in (1_u8..).zip(&headers) {
        let answer = daemon.ask_from([127, 0, 1, number], headers);
        let challenge = answer.header("www-authenticate").unwrap_or_else(|| panic!("{headers}: {answer:?}"));
        assert!(challenge.starts_with("Basic realm=\""), "{challenge}");
        let seen = (answer.status, answer.body.clone(), answer.head.lines().count());
        assert_eq!(&seen, first.get_or_insert_with(|| seen.clone()), "{headers}");
    }
    let (status, body, _) = first.unwrap();
    expect![[r#"401 [{"status":"An error occurred while getting a list of suppliers","reason":"Valid credentials are required"}]"#]].assert_eq(&format!("{status} {body}"));
}

#[test]
fn credentials_come_before_everything_else() {
    let daemon = Running::start(&[]);
    for (method, path, headers) in [
        ("GET", "/nothing", ""),
        ("POST", "/api/8.0/lookup", ""),
        ("PATCH", "/api/1.1/tags", ""),
        ("GET", "/api/1.0/suppliers", "Accept: application/pdf\r\n"),
        ("POST", "/api/1.0/lookup", "Content-Type: text/plain\r\nContent-Encoding: br\r\n"),
        ("POST", "/api/1.0/lookup", "Content-Length: 999999999999\r\n"),
        ("PUT", "/api/1.0/suppliers/F/indicators", "Transfer-Encoding: chunked\r\n"),
        ("GET", "/metrics", ""),
        ("GET", "/healthz?x", "Accept: application/pdf\r\n"),
    ] {
        let answer = daemon.ask_with(method, path, headers, b"");
        assert_eq!(answer.status, if path.starts_with("/healthz") { 200 } else { 401 }, "{method} {path}");
    }
}

#[test]
fn health_needs_no_credentials_and_shows_nothing() {
    let daemon = Running::start(&[]);
    for path in ["/healthz", "/readyz"] {
        let answer = daemon.ask_with("GET", path, "", b"");
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "{path}");
        let answer = daemon.ask_with("POST", path, "", b"");
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.header("allow").unwrap().contains("GET"));
    }
}

#[test]
fn ten_wrong_passwords_a_minute_are_checked_and_the_rest_are_not() {
    let daemon = Running::start(&[]);
    let (bad, here) = (with_password("admin", "wrong"), [127, 0, 0, 1]);
    for attempt in 0..10 {
        assert_eq!(daemon.ask_from(here, &bad).status, 401, "{attempt}");
    }
    let answer = daemon.ask_from(here, &bad);
    assert_eq!(answer.status, 429, "{answer:?}");
    expect![[r#"[{"status":"An error occurred while getting a list of suppliers","reason":"Too many failed attempts to log in"}]"#]].assert_eq(&answer.body);
    // Not even the right one is checked from there, but another user's is, and this user's from elsewhere.
    assert_eq!(daemon.ask_from(here, &as_user("admin")).status, 429);
    assert_eq!(daemon.ask_from(here, &as_user("ann")).status, 200);
    assert_eq!(daemon.ask_from([127, 0, 0, 2], &as_user("admin")).status, 200);
}

#[test]
fn clients_behind_a_named_proxy_are_told_apart_and_others_cannot_pretend_to_be_behind_one() {
    let (bad, proxy) = (with_password("admin", "wrong"), [127, 0, 0, 4]);
    let from = |daemon: &Running, address, client: &str| {
        daemon.ask_from(address, &format!("{bad}X-Forwarded-For: {client}\r\n")).status
    };
    let daemon = Running::start(&[("SLUICE_TRUSTED_PROXIES", r#"["127.0.0.4"]"#)]);
    for attempt in 0..10 {
        assert_eq!(from(&daemon, proxy, "198.51.100.7"), 401, "{attempt}");
    }
    // The client is refused, whatever it says before the proxy does; others behind the proxy are not.
    assert_eq!(from(&daemon, proxy, "203.0.113.5, 198.51.100.7"), 429);
    assert_eq!(from(&daemon, proxy, "198.51.100.8"), 401);
    // Nobody but the proxy is believed.
    for attempt in 0..10 {
        assert_eq!(from(&daemon, [127, 0, 0, 5], &format!("198.51.100.{attempt}")), 401);
    }
    assert_eq!(from(&daemon, [127, 0, 0, 5], "198.51.100.99"), 429);
}

#[test]
fn sixty_wrong_passwords_of_one_address_are_checked() {
    let daemon = Running::start(&[]);
    let from =
        |address, user: usize| daemon.ask_from(address, &with_password(&format!("user{user}"), "x")).status;
    let statuses: Vec<u16> = (0..61).map(|user| from([127, 0, 0, 3], user)).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 60, "{statuses:?}");
    assert_eq!(statuses[60], 429);
    assert_eq!(from([127, 0, 0, 4], 0), 401);
}

/// Asks until the status is the wanted one: the accounts are read again within a second.
fn ask_until(daemon: &Running, headers: &str, wanted: u16) {
    wait_until("the accounts have been read again", || {
        daemon.ask_with("GET", "/api/1.0/suppliers", headers, b"").status == wanted
    });
}

#[test]
fn changed_accounts_count_while_the_daemon_runs() {
    let daemon = Running::start(&[]);
    let accounts = AccountsFile::new(daemon.path());
    for headers in [as_token("reader"), as_user("ann"), as_user("tom")] {
        assert_eq!(daemon.ask_with("GET", "/api/1.0/suppliers", &headers, b"").status, 200);
    }
    let changed = hash_password(b"changed").unwrap();
    let change = accounts.change(|accounts| {
        accounts.revoke_token("reader")?;
        accounts.remove_user("ann")?;
        accounts.set_password("tom", changed)
    });
    change.unwrap();
    ask_until(&daemon, &as_token("reader"), 401);
    // Also those whose success was remembered.
    assert_eq!(daemon.ask_with("GET", "/api/1.0/suppliers", &as_user("ann"), b"").status, 401);
    assert_eq!(daemon.ask_with("GET", "/api/1.0/suppliers", &as_user("tom"), b"").status, 401);
    assert_eq!(
        daemon.ask_with("GET", "/api/1.0/suppliers", &with_password("tom", "changed"), b"").status,
        200
    );
    assert_eq!(daemon.ask_with("GET", "/api/1.0/suppliers", &as_user("admin"), b"").status, 200);
}

#[test]
fn an_unreadable_hash_is_an_error_of_ours_and_of_nobody_else() {
    let daemon = Running::start(&[]);
    let accounts = AccountsFile::new(daemon.path());
    accounts.change(|accounts| accounts.set_password("ann", "no PHC string".to_owned())).unwrap();
    ask_until(&daemon, &as_user("ann"), 500);
    let answer = daemon.ask_with("GET", "/api/1.0/suppliers", &as_user("ann"), b"");
    expect![[
        r#"500 [{"status":"An error occurred while getting a list of suppliers","reason":"Internal error"}]"#
    ]]
    .assert_eq(&format!("{} {}", answer.status, answer.body));
    assert_eq!(daemon.ask("GET", "1.0/suppliers", "").status, 200);
}
