//! Suppliers and tags, profiles, and who asks.

use std::{fs, process::Command};

use expect_test::{Expect, expect};
use serde_json::Value;
use test_support::daemon::CREDENTIALS;

use crate::setup::{SUPPLIER, Setup, daemon_binary, said, until_success};

fn check(setup: &Setup, arguments: &[&str], code: i32, expect: &Expect) {
    let (stdout, stderr) = said(setup.sluice(arguments), b"", code);
    expect.assert_eq(&(stdout + &stderr));
}

#[test]
fn suppliers_are_created_listed_and_removed() {
    let setup = Setup::start();
    let create = [
        "suppliers",
        "create",
        "ExampleFeed",
        "--confidence",
        "80",
        "--retention",
        "1day",
        "--vendor",
        "Example",
    ];
    check(
        &setup,
        &create,
        0,
        &expect![[r#"
        supplier ExampleFeed created
    "#]],
    );
    check(
        &setup,
        &create,
        5,
        &expect![[r#"
        sluice: Supplier already exists (400)
    "#]],
    );
    check(
        &setup,
        &["suppliers", "show", "ExampleFeed"],
        0,
        &expect![[r#"
        NAME         STATUS   CONFIDENCE  RETENTION  VENDOR
        ExampleFeed  enabled  80          1440       Example
    "#]],
    );
    check(
        &setup,
        &["suppliers", "list", "-o", "ndjson"],
        0,
        &expect![[r#"
        {"name":"ExampleFeed","status":"enabled"}
        {"name":"FalsePositive","status":"enabled"}
        {"name":"InternalTI","status":"enabled"}
    "#]],
    );
    check(
        &setup,
        &["suppliers", "delete", "ExampleFeed"],
        0,
        &expect![[r#"
        supplier ExampleFeed removed
    "#]],
    );
    check(
        &setup,
        &["suppliers", "show", "ExampleFeed"],
        5,
        &expect![[r#"
        sluice: Supplier doesn't exist (404)
    "#]],
    );
}

#[test]
fn tags_are_created_listed_and_removed() {
    let setup = Setup::start();
    check(
        &setup,
        &["tags", "create", "malware", "--weight", "5"],
        0,
        &expect![[r#"
        tag malware created
    "#]],
    );
    check(
        &setup,
        &["tags", "list"],
        0,
        &expect![[r#"
        NAME     WEIGHT
        MALWARE  5
    "#]],
    );
    check(
        &setup,
        &["tags", "list", "-o", "json"],
        0,
        &expect![[r#"
        [
          {"name":"MALWARE","weight":5}
        ]
    "#]],
    );
    check(
        &setup,
        &["tags", "delete", "malware"],
        0,
        &expect![[r#"
        tag malware removed
    "#]],
    );
    check(
        &setup,
        &["tags", "list", "-o", "json"],
        0,
        &expect![[r#"
        []
    "#]],
    );
    check(
        &setup,
        &["tags", "create", "malware", "--weight", "6"],
        2,
        &expect![[r#"
        error: invalid value '6' for '--weight <NUMBER>': 6 is not in 0..=5

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn users_are_added_listed_and_removed() {
    let setup = Setup::start();
    let add = ["users", "add", "bob", "--role", "tenant-manager", "--holds", "General", "--holds", "acme"];
    assert_eq!(said(setup.sluice(&add), b"a secret\n", 0).0, "user bob added\n");
    let file = setup.write("password-of-ann", "another\n");
    setup.run(&["users", "add", "ann", "--new-password-file", &file], 0);
    check(
        &setup,
        &["users", "list"],
        0,
        &expect![[r#"
        NAME   ROLE            TENANTS
        admin  administrator
        bob    tenant-manager  General,acme
        ann    analyst
    "#]],
    );
    check(
        &setup,
        &["users", "list", "-o", "ndjson"],
        0,
        &expect![[r#"
        {"name":"admin","role":"administrator","tenants":[]}
        {"name":"bob","role":"tenant-manager","tenants":["General","acme"]}
        {"name":"ann","role":"analyst","tenants":[]}
    "#]],
    );
    let as_bob = |password: &str| {
        let mut command = setup.sluice(&["tags", "list", "-o", "json"]);
        command.env("SLUICE_CLIENT_USER", "bob").env("SLUICE_CLIENT_PASSWORD", password);
        command
    };
    said(as_bob("a secret"), b"", 0);
    said(setup.sluice(&["users", "password", "bob"]), b"a new one", 0);
    said(as_bob("a secret"), b"", 4);
    said(as_bob("a new one"), b"", 0);
    check(
        &setup,
        &["users", "remove", "bob"],
        0,
        &expect![[r#"
        user bob removed
    "#]],
    );
    check(
        &setup,
        &["users", "remove", "bob"],
        5,
        &expect![[r#"
        sluice: Account doesn't exist (404)
    "#]],
    );
}

#[test]
fn what_no_user_can_be_is_refused() {
    let setup = Setup::start();
    let file = setup.write("password-of-ann", "another\n");
    setup.run(&["users", "add", "ann", "--new-password-file", &file], 0);
    check(
        &setup,
        &["users", "remove", CREDENTIALS.0],
        5,
        &expect![[r#"
        sluice: admin is the last administrator; add another one first (409)
    "#]],
    );
    let manager = ["users", "add", "eve", "--role", "tenant-manager", "--new-password-file", &file];
    check(
        &setup,
        &manager,
        5,
        &expect![[r#"
        sluice: a tenant manager holds a tenant or more (422)
    "#]],
    );
    let mut stranger = setup.sluice(&["users", "list"]);
    stranger.env("SLUICE_CLIENT_USER", "ann").env("SLUICE_CLIENT_PASSWORD", "another");
    said(stranger, b"", 4);
}

#[test]
fn tokens_are_created_listed_and_revoked() {
    let setup = Setup::start();
    let token = setup.run(&["tokens", "create", "feed", "--scope", "write", "--days", "30"], 0);
    assert!(token.starts_with("sluice_") && token.lines().count() == 1, "{token}");
    let file = setup.write("token", token);
    let by_token = || setup.sluice(&["tags", "list", "-o", "json", "--token-file", &file]);
    said(by_token(), b"", 0);
    let made: Value =
        serde_json::from_str(&setup.run(&["tokens", "create", "other", "-o", "ndjson"], 0)).unwrap();
    assert_eq!((&made["name"], &made["scope"]), (&Value::from("other"), &Value::from("read")));
    assert!(made["token"].as_str().unwrap().starts_with("sluice_"), "{made}");
    let listed = setup.run(&["tokens", "list"], 0);
    let rows: Vec<Vec<_>> = listed.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(
        rows,
        [["NAME", "SCOPE", "TENANTS"], ["feed", "write", "General"], ["other", "read", "General"]]
    );
    check(
        &setup,
        &["tokens", "create", "feed"],
        5,
        &expect![[r#"
        sluice: the name feed already exists (409)
    "#]],
    );
    check(
        &setup,
        &["tokens", "revoke", "feed"],
        0,
        &expect![[r#"
        token feed revoked
    "#]],
    );
    said(by_token(), b"", 4);
    check(
        &setup,
        &["tokens", "revoke", "feed"],
        5,
        &expect![[r#"
        sluice: Account doesn't exist (404)
    "#]],
    );
}

#[test]
fn batches_are_listed_shown_and_told_of() {
    let setup = Setup::start();
    let path = setup.write("list.txt", "example.com\nbad\\name\n");
    setup.push(&[&path], 1);
    let list = ["batches", "list", "--supplier", SUPPLIER, "-o", "ndjson"];
    let batch: Value = serde_json::from_str(&setup.run(&list, 0)).unwrap();
    let id = batch["batch"].as_str().unwrap();
    assert_eq!((batch["state"].as_str(), batch["refused"].as_u64()), (Some("done"), Some(1)));
    let table = setup.run(&["batches", "show", id], 0);
    let words: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!((&words[..4], &words[5..]), (&[id, SUPPLIER, "add", "done"][..], &["2", "1", "1"][..]));
    let reject: Value = serde_json::from_str(&setup.run(&["batches", "rejects", id], 0)).unwrap();
    assert_eq!(reject["value"], "bad\\name");
    check(
        &setup,
        &["batches", "cancel", id],
        5,
        &expect![[r#"
        sluice: The batch has ended (409)
    "#]],
    );
    assert_eq!(setup.run(&["batches", "list", "--supplier", "OtherFeed", "-o", "json"], 0), "[]\n");
}

#[test]
fn a_profile_says_where_the_daemon_is_and_who_asks() {
    let setup = Setup::start();
    let dir = setup.path("config/sluice");
    fs::create_dir_all(&dir).unwrap();
    let password = setup.write("password-of-admin", format!("{}\n", CREDENTIALS.1));
    let profile = format!(
        "default = \"here\"\n[profiles.here]\nurl = \"http://{}\"\nuser = \"{}\"\npassword_file = \"{password}\"\n\
         [profiles.elsewhere]\nurl = \"http://127.0.0.1:1\"\n",
        setup.daemon.address(),
        CREDENTIALS.0
    );
    fs::write(dir.join("profiles.toml"), profile).unwrap();
    let list = |more: &[&str]| {
        let mut command = setup.sluice(&["tags", "list", "-o", "json"]);
        for name in ["URL", "USER", "PASSWORD"] {
            command.env_remove(format!("SLUICE_CLIENT_{name}"));
        }
        command.args(more);
        command
    };
    assert_eq!(said(list(&[]), b"", 0).0, "[]\n");
    said(list(&["--profile", "elsewhere"]), b"", 2);
    said(list(&["--profile", "elsewhere", "--password-file", &password, "--user", "admin"]), b"", 3);
    said(list(&["--profile", "nowhere"]), b"", 2);
}

#[test]
fn a_token_takes_the_place_of_a_user() {
    let setup = Setup::start();
    let mut create = Command::new(daemon_binary());
    create.args(["token", "create", "reader", "--scope", "read", "--data-dir"]).arg(setup.path("data"));
    let (token, _) = said(create, b"", 0);
    let file = setup.write("token", token);
    // The daemon notices within a second.
    until_success(|| setup.sluice(&["tags", "list", "--token-file", &file]));
    check(
        &setup,
        &["tags", "list", "-o", "json", "--token-file", &file],
        0,
        &expect![[r#"
        []
    "#]],
    );
    check(
        &setup,
        &["tags", "create", "malware", "--token-file", &file],
        4,
        &expect![[r#"
        sluice: The user has no right to this operation (403)
    "#]],
    );
}
