//! Cases: what comes first, and what is refused.

use std::fs;

use expect_test::{Expect, expect};

use super::*;

const FILE: &str = r#"
default = "production"

[profiles.production]
url = "https://sluice.example.com:9440"
user = "feeder"
password_file = "/password"

[profiles.trial]
url = "http://192.0.2.1:9440"
token_file = "/token"
insecure = true
tenant = "Trial"
"#;

fn check(file: &str, arguments: ConnectionArguments, expect: &Expect) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("profiles.toml");
    fs::write(&path, file).unwrap();
    let said = match read(&ConnectionArguments { profiles_file: Some(path), ..arguments }) {
        Ok(profile) => format!("{profile:?}"),
        Err(failure) => failure.to_string(),
    };
    expect.assert_eq(&said.replace(&dir.path().display().to_string(), "DIR"));
}

#[test]
fn the_default_of_the_file_counts() {
    check(
        FILE,
        ConnectionArguments::default(),
        &expect![[
            r#"Profile { url: "https://sluice.example.com:9440", user: Some("feeder"), password_file: Some("/password"), token_file: None, ca_file: None, client_certificate: None, insecure: false, tenant: None }"#
        ]],
    );
}

#[test]
fn a_profile_is_named_and_arguments_come_first() {
    let arguments = ConnectionArguments {
        profile: Some("trial".to_owned()),
        user: Some("somebody".to_owned()),
        url: Some("http://192.0.2.2".to_owned()),
        ..ConnectionArguments::default()
    };
    check(
        FILE,
        arguments,
        &expect![[
            r#"Profile { url: "http://192.0.2.2", user: Some("somebody"), password_file: None, token_file: None, ca_file: None, client_certificate: None, insecure: true, tenant: Some("Trial") }"#
        ]],
    );
}

#[test]
fn without_profiles_the_daemon_is_on_this_machine() {
    check(
        "",
        ConnectionArguments::default(),
        &expect![[
            r#"Profile { url: "http://127.0.0.1:9440", user: None, password_file: None, token_file: None, ca_file: None, client_certificate: None, insecure: false, tenant: None }"#
        ]],
    );
}

#[test]
fn what_is_misspelled_is_told() {
    let named = ConnectionArguments { profile: Some("other".to_owned()), ..ConnectionArguments::default() };
    check(FILE, named, &expect![[r#"there is no profile "other" in DIR/profiles.toml"#]]);
    check(
        "[profiles.a]\npasword_file = \"/a\"\n",
        ConnectionArguments::default(),
        &expect![[r#"
        DIR/profiles.toml: TOML parse error at line 2, column 1
          |
        2 | pasword_file = "/a"
          | ^^^^^^^^^^^^
        unknown field `pasword_file`, expected one of `url`, `user`, `password_file`, `token_file`, `ca_file`, `client_certificate`, `insecure`, `tenant`
    "#]],
    );
}
