//! Every key either changes at a reload or is named as one that waits for a restart.

use std::path::Path;

use expect_test::expect;

use super::{take_over, tell_changes, waiting};
use crate::{
    config::{Config, Flags, load, page::shipped_keys},
    logging::line::tests::written,
};

/// Every key of the shipped file with a value that is not its default; of `tls`, ways to have a certificate.
pub(crate) const CHANGES: [(&str, &str); 44] = [
    ("listen", r#""127.0.0.1:1""#),
    ("data_dir", r#""other""#),
    ("admin_password_file", r#""other""#),
    ("tenants", r#"["acme"]"#),
    ("match_scope", r#""exact""#),
    ("disk_reserve", "1"),
    ("log_size_max", r#""1GiB""#),
    ("history", r#""1day""#),
    ("history_size_max", r#""1GiB""#),
    ("memory", r#""1GiB""#),
    ("allow_plain_http", "true"),
    ("trusted_proxies", r#"["192.0.2.0/24"]"#),
    ("tls", r#"{ certificate = "a", key = "b" }"#),
    ("tls", r#"{ certificate = "c", key = "d" }"#),
    ("tls", "{ self_signed = true }"),
    ("tls", "{ self_signed = true, client_ca = \"ca\" }"),
    ("tls", "{ self_signed = true, names = [\"sluice.example.com\"] }"),
    ("http.workers", "3"),
    ("http.connections_per_worker_max", "1"),
    ("http.head_timeout", "1"),
    ("http.keep_alive", "1"),
    ("http.body_stall", "1"),
    ("http.body_rate_min", "1"),
    ("http.body_deadline", "1"),
    ("http.import_stall", "1"),
    ("http.write_timeout", "1"),
    ("http.tls_handshake_timeout", "1"),
    ("http.stop_timeout", "1"),
    ("ingest.threads", "99"),
    ("ingest.body_budget", r#""200MiB""#),
    ("log.level", r#""debug""#),
    ("log.format", r#""json""#),
    ("log.filter", r#""sluice_store=debug""#),
    ("log.access", "true"),
    ("log.slow_request", "1"),
    ("snapshot.url", r#""file:///backup""#),
    ("snapshot.interval", r#""1h""#),
    ("snapshot.keep", "1"),
    ("batches.keep", "1"),
    ("batches.size_max", r#""1MiB""#),
    ("metrics_listen", r#""127.0.0.1:1""#),
    ("elasticsearch.listen", r#""127.0.0.1:1""#),
    ("elasticsearch.indices", r#"{ filebeat = "Feed", other = { tenant = "acme", supplier = "Feed" } }"#),
    ("", ""),
];

/// A configuration with this key set.
pub(crate) fn config_with((key, value): (&str, &str)) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluiced.toml");
    let text = if key.is_empty() { String::new() } else { format!("{key} = {value}\n") };
    std::fs::write(&path, text).unwrap();
    load(Some(path.as_path()), std::iter::empty(), Flags::default()).unwrap()
}

#[test]
fn a_change_of_any_key_is_taken_over_or_named() {
    for before in CHANGES {
        for after in CHANGES {
            let (now, new) = (config_with(before), config_with(after));
            let in_force = take_over(&now, &new);
            let waiting = waiting(&in_force, &new);
            assert_eq!(waiting.is_empty(), in_force == new, "{before:?} to {after:?}: {waiting:?}");
            for key in &waiting {
                let is_changed = [before.0, after.0]
                    .iter()
                    .any(|name| key == name || key.starts_with(&format!("{name}.")));
                assert!(is_changed, "{before:?} to {after:?}: {waiting:?}");
            }
            // What is not taken over is as it was.
            assert_eq!(take_over(&in_force, &now), now);
        }
    }
}

#[test]
fn every_key_of_the_shipped_file_is_among_them() {
    for key in shipped_keys() {
        let (dotted, is_tls) = (&key.name, key.name.starts_with("tls."));
        let is_there = CHANGES.iter().any(|(known, _)| known == dotted || *known == "tls" && is_tls);
        assert!(is_there, "{dotted} is missing");
    }
}

#[test]
fn a_certificate_changes_but_not_whether_there_is_one() {
    let (plain, first) = (config_with(("", "")), config_with(CHANGES[12]));
    let (second, made) = (config_with(CHANGES[13]), config_with(CHANGES[14]));
    assert_eq!(waiting(&take_over(&plain, &first), &first), ["tls.certificate", "tls.key"]);
    assert_eq!(waiting(&take_over(&made, &plain), &plain), ["tls.self_signed"]);
    let changed = take_over(&first, &second);
    assert_eq!(changed.tls.key.as_deref(), Some(Path::new("d")));
    assert_eq!(take_over(&changed, &made), made);
}

#[test]
fn what_has_changed_is_told_with_both_values() {
    let (plain, first) = (config_with(("", "")), config_with(CHANGES[12]));
    let told = written(false, true, || {
        tell_changes(&plain, &first);
        tell_changes(&config_with(("log.level", "\"warn\"")), &plain);
        tell_changes(&plain, &plain);
    });
    expect![[r#"
        <6>INFO audit: changed in the configuration key="tls.certificate" before="\"\"" after="\"a\""
        <6>INFO audit: changed in the configuration key="tls.key" before="\"\"" after="\"b\""
        <6>INFO audit: changed in the configuration key="log.level" before="\"warn\"" after="\"info\""
    "#]]
    .assert_eq(&told);
}
