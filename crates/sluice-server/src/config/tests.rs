//! Layers, bounds, and the words of a refusal.

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt as _, path::Path};

use expect_test::{Expect, expect};

use super::{Config, ConfigError, Flags, LogFormat, load, own_variables};

fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluiced.toml");
    fs::write(&path, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(Some(&path), variables, Flags::default())
}

#[track_caller]
fn check_refused(text: &str, variables: &[(&str, &str)], want: &Expect) {
    let refused = load_text(text, variables).unwrap_err().to_string();
    let shown = refused.split_once("sluiced.toml").map_or(refused.as_str(), |(_, after)| after);
    want.assert_eq(shown);
}

#[test]
fn nothing_typed_is_the_default() {
    let config = load(None, std::iter::empty(), Flags::default()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:9440");
    assert_eq!(config.data_dir, Path::new("data"));
    assert_eq!(config, load_text("", &[]).unwrap());
}

#[test]
fn flags_override_variables_override_the_file() {
    let text = "listen = \"127.0.0.1:1\"\ndata_dir = \"/file\"\n[http]\nworkers = 3\n";
    let config = load_text(text, &[("SLUICE_LISTEN", "127.0.0.1:2"), ("SLUICE_HTTP__WORKERS", "4")]).unwrap();
    assert_eq!((config.listen.port(), config.http.workers.get()), (2, 4));
    assert_eq!(config.data_dir, Path::new("/file"));
    let flags = Flags { listen: Some("127.0.0.1:3".parse().unwrap()), ..Flags::default() };
    let variables = [("SLUICE_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
    assert_eq!(load(None, variables.into_iter(), flags).unwrap().listen.port(), 3);
}

#[test]
fn a_refusal_names_line_and_key() {
    check_refused(
        "\nlisten = 5\n",
        &[],
        &expect![": line 2: listen: invalid type: integer `5`, expected socket address"],
    );
    check_refused("[http]\n\nworkers = 0\n", &[], &expect![": line 3: workers: 0 is not from 1 to 64"]);
    check_refused(
        "[http]\nworker = 2\n",
        &[],
        &expect![
            ": line 2: unknown field `worker`, expected one of `workers`, `connections_per_worker_max`, `head_timeout_seconds`, `keep_alive_seconds`, `body_stall_seconds`, `body_bytes_per_second_min`, `body_deadline_seconds`, `write_timeout_seconds`, `tls_handshake_timeout_seconds`, `stop_timeout_seconds`"
        ],
    );
    check_refused(
        "data_dir = \"a\"\ntenants = [\"tags\"]\n",
        &[],
        &expect![": line 2: tenants: the name 'tags' is reserved"],
    );
    check_refused(
        "match_scope = \"all\"\n",
        &[],
        &expect![": line 1: match_scope: unknown variant `all`, expected `levels` or `exact`"],
    );
    check_refused(
        "\n\nlisten = \"0.0.0.0:80\"\n",
        &[],
        &expect![": line 3: listen: anything but loopback needs TLS, or allow_plain_http = true"],
    );
    check_refused(
        "[tls]\ncertificate = \"a\"\n",
        &[],
        &expect![": line 2: tls.certificate: needs tls.key beside it"],
    );
    check_refused("data_dir = \"\"\n", &[], &expect![": line 1: data_dir: an empty path"]);
    check_refused(
        "listen = \n",
        &[],
        &expect![": line 1: listen: string values must be quoted, expected literal string"],
    );
}

#[test]
fn a_refusal_names_the_variable() {
    check_refused(
        "",
        &[("SLUICE_HTTP__WORKERS", "many")],
        &expect![[r#"environment variable SLUICE_HTTP__WORKERS: invalid type: string "many", expected i64"#]],
    );
    check_refused(
        "",
        &[("SLUICE_NO_SUCH", "1")],
        &expect![
            "environment variable SLUICE_NO_SUCH: unknown field `no_such`, expected one of `listen`, `data_dir`, `admin_password_file`, `tenants`, `match_scope`, `disk_reserve_bytes`, `log_bytes_max`, `allow_plain_http`, `tls`, `http`, `ingest`, `log`"
        ],
    );
    check_refused(
        "",
        &[("SLUICE_LISTEN", "0.0.0.0:80")],
        &expect![
            "environment variable SLUICE_LISTEN: anything but loopback needs TLS, or allow_plain_http = true"
        ],
    );
    check_refused(
        "",
        &[("SLUICE_HTTP__WORKERS", "0")],
        &expect!["environment variable SLUICE_HTTP__WORKERS: 0 is not from 1 to 64"],
    );
    // What Kubernetes plants for a service named `sluice`.
    check_refused(
        "",
        &[("SLUICE_PORT", "tcp://192.0.2.1:9440")],
        &expect![
            "environment variable SLUICE_PORT: unknown field `port`, expected one of `listen`, `data_dir`, `admin_password_file`, `tenants`, `match_scope`, `disk_reserve_bytes`, `log_bytes_max`, `allow_plain_http`, `tls`, `http`, `ingest`, `log`"
        ],
    );
}

#[test]
fn a_refusal_names_the_layer_that_set_the_value() {
    let text = "listen = \"127.0.0.1:1\"\n[tls]\nkey = \"a\"\n";
    check_refused(
        text,
        &[("SLUICE_TLS__CERTIFICATE", "b"), ("SLUICE_TLS__SELF_SIGNED", "true")],
        &expect!["environment variable SLUICE_TLS__SELF_SIGNED: excludes tls.certificate and tls.key"],
    );
    check_refused(
        text,
        &[("SLUICE_TLS__KEY", "b")],
        &expect!["environment variable SLUICE_TLS__KEY: needs tls.certificate beside it"],
    );
    // An empty path is as if absent, so the file's is the one at fault.
    check_refused(
        text,
        &[("SLUICE_TLS__KEY", "")],
        &expect![": line 3: tls.key: needs tls.certificate beside it"],
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluiced.toml");
    fs::write(&path, "listen = \"127.0.0.1:1\"\n").unwrap();
    let variables = [("SLUICE_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
    let flags = Flags { listen: Some("0.0.0.0:80".parse().unwrap()), ..Flags::default() };
    let refused = load(Some(&path), variables.into_iter(), flags).unwrap_err();
    expect!["--listen: anything but loopback needs TLS, or allow_plain_http = true"]
        .assert_eq(&refused.to_string());
}

#[test]
fn a_variable_may_be_of_any_type() {
    let variables = [
        ("SLUICE_TENANTS", r#"["acme"]"#),
        ("SLUICE_ALLOW_PLAIN_HTTP", "true"),
        ("SLUICE_DATA_DIR", "1234"),
        ("SLUICE_LISTEN", "\"0.0.0.0:1\""),
        ("SLUICE_MATCH_SCOPE", "exact"),
        ("SLUICE_LOG__FORMAT", "json"),
    ];
    let config = load_text("", &variables).unwrap();
    assert_eq!((config.tenants.len(), config.listen.port()), (1, 1));
    assert_eq!(config.data_dir, Path::new("1234"));
    assert_eq!(config.log.format, LogFormat::Json);
    // One variable is one key.
    assert!(load_text("", &[("SLUICE_LISTEN", "\"127.0.0.1:1\"\ndata_dir = \"a\"")]).is_err());
}

#[test]
fn a_variable_of_ours_that_is_no_text_is_refused() {
    let (bad, good) = (OsString::from_vec(b"\xff".to_vec()), OsString::from("a"));
    let of = |name: &[u8], value: &OsString| (OsString::from_vec(name.to_vec()), value.clone());
    let others = [of(b"PATH", &bad), of(b"\xff", &good), of(b"SLUICE_LISTEN", &good)];
    let ours = own_variables(others.into_iter()).unwrap();
    assert_eq!(ours, [("SLUICE_LISTEN".to_owned(), "a".to_owned())]);
    for refused in [of(b"SLUICE_DATA_DIR", &bad), of(b"SLUICE_\xff", &good)] {
        let refused = own_variables([refused].into_iter());
        assert!(matches!(refused, Err(ConfigError::Variable { .. })), "{refused:?}");
    }
}

#[test]
fn plain_http_beyond_loopback_must_be_asked_for() {
    let open = "listen = \"0.0.0.0:80\"\n";
    assert!(load_text(open, &[]).is_err());
    assert!(load_text(&format!("{open}allow_plain_http = true\n"), &[]).is_ok());
    assert!(load_text(&format!("{open}[tls]\nself_signed = true\n"), &[]).is_ok());
}

#[test]
fn the_shipped_file_shows_every_key_with_its_default() {
    let shipped = include_str!("../../../../deploy/sluiced.toml");
    // Prose has a blank after its `#`, a setting has none.
    let active: String = shipped
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => "\n".to_owned(),
        })
        .collect();
    assert_eq!(load_text(&active, &[]).unwrap(), load_text("", &[]).unwrap());
    let keys = active.lines().filter(|line| line.contains('=')).count();
    assert_eq!(keys, 28, "a key was added without its line, or the other way round");
}

#[test]
fn the_log_shows_details_of_our_own_parts_only() {
    let config =
        load_text("[log]\nfilter = \"sluice_store=debug,sluice_ingest::body=trace\"\n", &[]).unwrap();
    assert_eq!(config.log.filter, "sluice_store=debug,sluice_ingest::body=trace");
    for refused in ["actix_http=trace", "trace", "sluice_store=debug,rustls=trace", "sluice_store=loud"] {
        assert!(load_text(&format!("[log]\nfilter = \"{refused}\"\n"), &[]).is_err(), "{refused}");
    }
    let flags = Flags { log_format: Some(LogFormat::Json), ..Flags::default() };
    assert_eq!(load(None, std::iter::empty(), flags).unwrap().log.format, LogFormat::Json);
}
