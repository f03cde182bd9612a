//! Users and tokens over HTTP: the same rules and the same file as on the command line.

use std::{fmt::Write as _, fs, process::Command};

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::{
    client::Answer,
    daemon::{Running, as_token, as_user, request, wait_until, with_password},
    importing,
    process::{Process, as_administrator},
};

/// Asks, and reads an answer that is no list.
#[track_caller]
fn ask_with(process: &Process, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut connection = process.connect();
    let _is_taken = connection.send(&request(method, path, headers, body.as_bytes()));
    connection.receive_text().unwrap()
}

#[track_caller]
fn ask(process: &Process, method: &str, path: &str, body: &str) -> Answer {
    ask_with(process, method, path, &as_administrator(), body)
}

#[track_caller]
fn check(process: &Process, method: &str, path: &str, body: &str, expect: &Expect) {
    let answer = ask(process, method, path, body);
    // The id of the request is another one each time.
    let id = format!("\"instance\":\"{}\",", answer.header("sluice-request-id").unwrap());
    expect.assert_eq(&format!("{} {}", answer.status, answer.body.replace(&id, "")));
}

/// Whether somebody may read.
fn may_read(process: &Process, caller: &str) -> bool {
    process.ask_with("GET", "/api/1.3/tags", caller, b"").status == 200
}

#[test]
fn users_are_added_given_passwords_and_removed() {
    let process = Process::after("");
    let manager = r#"{"name":"bob","password":"a secret\n","role":"tenant-manager","tenants":["acme"]}"#;
    check(
        &process,
        "POST",
        "/v1/users",
        manager,
        &expect![[r#"201 {"name":"bob","role":"tenant-manager","tenants":["acme"]}"#]],
    );
    // In force with the answer, and without the end of the line.
    assert!(may_read(&process, &with_password("bob", "a secret")));
    check(
        &process,
        "POST",
        "/v1/users",
        manager,
        &expect![[
            r#"409 {"detail":"the name bob already exists","status":409,"title":"The name is taken","type":"/problems/account-exists"}"#
        ]],
    );
    check(
        &process,
        "POST",
        "/v1/users",
        r#"{"name":"ann","password":"other"}"#,
        &expect![[r#"201 {"name":"ann","role":"analyst","tenants":[]}"#]],
    );
    check(
        &process,
        "GET",
        "/v1/users",
        "",
        &expect![[
            r#"200 [{"name":"admin","role":"administrator","tenants":[]},{"name":"bob","role":"tenant-manager","tenants":["acme"]},{"name":"ann","role":"analyst","tenants":[]}]"#
        ]],
    );
    check(&process, "PUT", "/v1/users/ann/password", r#"{"password":"new one"}"#, &expect!["204 "]);
    assert!(!may_read(&process, &with_password("ann", "other")));
    assert!(may_read(&process, &with_password("ann", "new one")));
    check(&process, "DELETE", "/v1/users/ann", "", &expect!["204 "]);
    assert!(!may_read(&process, &with_password("ann", "new one")));
    check(
        &process,
        "DELETE",
        "/v1/users/ann",
        "",
        &expect![[
            r#"404 {"detail":"Account doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}"#
        ]],
    );
    check(
        &process,
        "PUT",
        "/v1/users/ann/password",
        r#"{"password":"x"}"#,
        &expect![[
            r#"404 {"detail":"Account doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}"#
        ]],
    );
}

#[test]
fn the_last_administrator_stays_and_the_command_line_sees_the_same() {
    let process = Process::after("");
    let manager = r#"{"name":"bob","password":"a secret","role":"tenant-manager","tenants":["acme"]}"#;
    assert_eq!(ask(&process, "POST", "/v1/users", manager).status, 201);
    check(
        &process,
        "DELETE",
        "/v1/users/admin",
        "",
        &expect![[
            r#"409 {"detail":"admin is the last administrator; add another one first","status":409,"title":"The last administrator stays","type":"/problems/last-administrator"}"#
        ]],
    );
    let listed = Command::new(env!("CARGO_BIN_EXE_sluiced"))
        .args(["user", "list", "--data-dir"])
        .arg(process.data_dir())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(listed.stdout).unwrap(),
        "admin\tadministrator\t\nbob\ttenant-manager\tacme\n"
    );
}

#[test]
fn what_no_user_or_token_can_be_is_refused() {
    let process = Process::after("");
    let before = fs::read(process.data_dir().join("accounts.json")).unwrap();
    let mut seen = String::new();
    for (path, body) in [
        ("users", r#"{"name":"","password":"x"}"#),
        ("users", r#"{"name":"a:b","password":"x"}"#),
        ("users", r#"{"name":"ann","password":""}"#),
        ("users", r#"{"name":"ann"}"#),
        ("users", r#"{"password":"x"}"#),
        ("users", r#"{"name":"ann","password":"x","role":"tenant-manager"}"#),
        ("users", r#"{"name":"ann","password":"x","role":"tenant-manager","tenants":["no tenant"]}"#),
        ("users", r#"{"name":"ann","password":"x","role":"metrics"}"#),
        ("users", r#"{"name":"ann","password":"x","role":"king"}"#),
        ("users", r#"{"name":"ann","password":"x","days":1}"#),
        ("users", r#"{"name":"ann","password":"x","name_":1}"#),
        ("users", r#"{"name":"ann","password":5}"#),
        ("users", "[]"),
        ("users", "{"),
        ("users?a=b", r#"{"name":"ann","password":"x"}"#),
        ("tokens", r#"{"name":"feed","days":0}"#),
        ("tokens", r#"{"name":"feed","days":3651}"#),
        ("tokens", r#"{"name":"feed","scope":"all"}"#),
        ("tokens", r#"{"name":"feed","role":"analyst"}"#),
        ("tokens", r#"{"name":"feed","tenants":["lookup"]}"#),
    ] {
        let answer = ask(&process, "POST", &format!("/v1/{path}"), body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        writeln!(seen, "{path} {body}: {} {detail}", answer.status).unwrap();
    }
    expect![[r#"
        users {"name":"","password":"x"}: 422 a name has 1 to 128 bytes, no colon and no control characters
        users {"name":"a:b","password":"x"}: 422 a name has 1 to 128 bytes, no colon and no control characters
        users {"name":"ann","password":""}: 422 a password has 1 to 1024 bytes
        users {"name":"ann"}: 422 password is missing
        users {"password":"x"}: 422 name is missing
        users {"name":"ann","password":"x","role":"tenant-manager"}: 422 a tenant manager holds a tenant or more
        users {"name":"ann","password":"x","role":"tenant-manager","tenants":["no tenant"]}: 422 the name 'no tenant' has a character other than Latin letters, digits, '-' and '_'
        users {"name":"ann","password":"x","role":"metrics"}: 422 role is administrator, analyst or tenant-manager
        users {"name":"ann","password":"x","role":"king"}: 422 The body has a member other than name, password, role, scope, tenants and days, or one of them is none of its values
        users {"name":"ann","password":"x","days":1}: 422 A user has name, password, role and tenants
        users {"name":"ann","password":"x","name_":1}: 422 The body has a member other than name, password, role, scope, tenants and days, or one of them is none of its values
        users {"name":"ann","password":5}: 422 The body has a member other than name, password, role, scope, tenants and days, or one of them is none of its values
        users []: 422 The body has a member other than name, password, role, scope, tenants and days, or one of them is none of its values
        users {: 400 The body is not an object of JSON
        users?a=b {"name":"ann","password":"x"}: 422 There is no parameter 'a' here
        tokens {"name":"feed","days":0}: 422 days is a number from 1 to 3650
        tokens {"name":"feed","days":3651}: 422 days is a number from 1 to 3650
        tokens {"name":"feed","scope":"all"}: 422 The body has a member other than name, password, role, scope, tenants and days, or one of them is none of its values
        tokens {"name":"feed","role":"analyst"}: 422 A token has name, scope, tenants and days
        tokens {"name":"feed","tenants":["lookup"]}: 422 the name 'lookup' is reserved
    "#]].assert_eq(&seen);
    assert_eq!(fs::read(process.data_dir().join("accounts.json")).unwrap(), before);
}

#[test]
fn long_bodies_and_others_than_json_are_refused() {
    let process = Process::after("");
    let before = fs::read(process.data_dir().join("accounts.json")).unwrap();
    let long = format!("{{\"name\":\"ann\",\"password\":\"{}\"}}", "x".repeat(1_025));
    check(
        &process,
        "POST",
        "/v1/users",
        &long,
        &expect![[
            r#"422 {"detail":"a password has 1 to 1024 bytes","status":422,"title":"A user or token cannot be like this","type":"/problems/invalid-account"}"#
        ]],
    );
    let endless = format!("{{\"name\":\"ann\",\"password\":\"{}\"}}", "x".repeat(70_000));
    check(
        &process,
        "POST",
        "/v1/users",
        &endless,
        &expect![[
            r#"413 {"detail":"The body is over the limit of 65536 bytes","status":413,"title":"An element is too long","type":"/problems/too-large"}"#
        ]],
    );
    let text = as_administrator() + "Content-Type: text/plain\r\n";
    assert_eq!(ask_with(&process, "POST", "/v1/users", &text, "{}").status, 415);
    assert_eq!(fs::read(process.data_dir().join("accounts.json")).unwrap(), before);
}

#[test]
fn tokens_are_made_told_once_and_revoked() {
    let process = Process::after("");
    let made = ask(&process, "POST", "/v1/tokens", r#"{"name":"feed","scope":"write","days":3}"#);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("sluice_"), "{made}");
    assert!(may_read(&process, &as_token(token)));
    let listed = ask(&process, "GET", "/v1/tokens", "");
    let listed: Value = serde_json::from_str(&listed.body).unwrap();
    assert_eq!(listed[0]["name"], "feed");
    assert_eq!(listed[0]["tenants"], serde_json::json!(["General"]));
    assert_eq!((&listed[0]["token"], &listed[0]["digest"]), (&Value::Null, &Value::Null));
    assert_eq!(made["expires"], listed[0]["expires"]);
    check(
        &process,
        "POST",
        "/v1/tokens",
        r#"{"name":"feed"}"#,
        &expect![[
            r#"409 {"detail":"the name feed already exists","status":409,"title":"The name is taken","type":"/problems/account-exists"}"#
        ]],
    );
    check(&process, "DELETE", "/v1/tokens/feed", "", &expect!["204 "]);
    assert!(!may_read(&process, &as_token(token)));
    check(
        &process,
        "DELETE",
        "/v1/tokens/feed",
        "",
        &expect![[
            r#"404 {"detail":"Account doesn't exist","status":404,"title":"There is no such thing","type":"/problems/not-found"}"#
        ]],
    );
}

#[test]
fn only_administrators_manage_accounts() {
    let daemon = Running::start(&[]);
    for (method, path, body) in [
        ("GET", "/v1/users", ""),
        ("POST", "/v1/users", r#"{"name":"eve","password":"x","role":"administrator"}"#),
        ("PUT", "/v1/users/admin/password", r#"{"password":"x"}"#),
        ("DELETE", "/v1/users/ann", ""),
        ("GET", "/v1/tokens", ""),
        ("POST", "/v1/tokens", r#"{"name":"eve","scope":"admin"}"#),
        ("DELETE", "/v1/tokens/reader", ""),
    ] {
        let statuses = [
            as_user("ann"),
            as_user("tom"),
            as_token("reader"),
            as_token("writer"),
            as_token("scraper"),
            String::new(),
        ]
        .map(|caller| importing::ask(&daemon, method, path, &caller, body.as_bytes()).status);
        assert_eq!(statuses, [403, 403, 403, 403, 403, 401], "{method} {path}");
    }
    assert_eq!(importing::ask(&daemon, "GET", "/v1/users", &as_token("root"), b"").status, 200);
}

/// Also with the name of whoever asked for it; passwords and tokens are told nowhere.
#[test]
fn each_change_has_a_line_in_the_log() {
    let process = Process::after("export SLUICE_LOG__LEVEL=error");
    ask(&process, "POST", "/v1/users", r#"{"name":"bob","password":"hushhush"}"#);
    ask(&process, "PUT", "/v1/users/bob/password", r#"{"password":"hushhush2"}"#);
    let made = ask(&process, "POST", "/v1/tokens", r#"{"name":"feed"}"#);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    ask(&process, "DELETE", "/v1/tokens/feed", "");
    ask(&process, "DELETE", "/v1/users/bob", "");
    ask(&process, "DELETE", "/v1/users/bob", "");
    wait_until("the last change is told", || process.said().contains("user bob removed"));
    let said = process.said();
    let lines = said.lines().filter(|line| line.contains("audit: changed over HTTP"));
    let told: Vec<_> = lines
        .map(|line| {
            let (by, change) = line.split_once(" by=\"").unwrap().1.split_once(", request ").unwrap();
            let change = change.split_once("\" change=").unwrap().1;
            format!("{by}: {}", change.split(" expires_at").next().unwrap())
        })
        .collect();
    expect![[r#"
        user admin at 127.0.0.1: "user bob added, role=analyst tenants="
        user admin at 127.0.0.1: "password of user bob changed"
        user admin at 127.0.0.1: "token feed created, scope=read tenants=General
        user admin at 127.0.0.1: "token feed revoked"
        user admin at 127.0.0.1: "user bob removed""#]]
    .assert_eq(&told.join("\n"));
    assert!(!said.contains("hushhush") && !said.contains(made["token"].as_str().unwrap()), "{said}");
}

/// The password that was made up for the first administrator is in no file any more once it is another one.
#[test]
fn the_first_password_is_forgotten() {
    let process = Process::after("");
    let file = process.data_dir().join("admin-password");
    fs::write(&file, "secret").unwrap();
    check(&process, "PUT", "/v1/users/admin/password", r#"{"password":"another"}"#, &expect!["204 "]);
    assert!(!file.exists());
}
