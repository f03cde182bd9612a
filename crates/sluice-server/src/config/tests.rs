//! Layers, bounds, and the words of a refusal.

use std::{collections::BTreeMap, ffi::OsString, fs, os::unix::ffi::OsStringExt as _, path::Path};

use expect_test::{Expect, expect};

use super::{
    Config, ConfigError, Credentials, Flags, Layers, Loaded, LogFormat, load, own_variables, read_layers,
    show,
};

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
fn old_names_and_plain_numbers_are_still_taken() {
    let old = "disk_reserve_bytes = 5\nlog_bytes_max = 16777216\n[http]\nhead_timeout_seconds = 1\n\
        keep_alive_seconds = 2\nbody_stall_seconds = 3\nbody_bytes_per_second_min = 4\n\
        body_deadline_seconds = 5\nwrite_timeout_seconds = 6\ntls_handshake_timeout_seconds = 7\n\
        stop_timeout_seconds = 8\n[ingest]\nbody_bytes_budget = 134217728\n";
    let new = "disk_reserve = \"5B\"\nlog_size_max = \"16MiB\"\nhttp.head_timeout = \"1s\"\n\
        http.keep_alive = \"2s\"\nhttp.body_stall = \"3s\"\nhttp.body_rate_min = \"4B\"\n\
        http.body_deadline = \"5s\"\nhttp.write_timeout = \"6s\"\nhttp.tls_handshake_timeout = \"7s\"\n\
        http.stop_timeout = \"8s\"\ningest.body_budget = \"128 MiB\"\n";
    let variables = [("SLUICE_HTTP__HEAD_TIMEOUT_SECONDS", "1"), ("SLUICE_HTTP__KEEP_ALIVE", "2s")];
    assert_eq!(load_text(old, &[]).unwrap(), load_text(new, &variables).unwrap());
    // A variable overrides a file, whichever name either uses.
    let config = load_text(old, &[("SLUICE_DISK_RESERVE", "1GiB")]).unwrap();
    assert_eq!(config.disk_reserve.get(), 1 << 30);
    let refused = load_text("disk_reserve = 1\n\ndisk_reserve_bytes = 2\n", &[]).unwrap_err().to_string();
    assert!(
        refused.contains(":3: disk_reserve: it has been set under another name already, at /"),
        "{refused}"
    );
}

#[test]
fn an_unknown_key_is_answered_with_the_one_that_was_meant() {
    for text in ["[http]\nworker = 2\n", "workers = 2\n", "http.wrokers = 2\n", "[tls]\nworkers = 2\n"] {
        let refused = load_text(text, &[]).unwrap_err().to_string();
        assert!(refused.ends_with("there is no such key; did you mean http.workers?"), "{refused}");
    }
    check_refused(
        "[htpt]\n\nworkers = 1",
        &[],
        &expect![":3: htpt.workers: there is no such key; did you mean http.workers?"],
    );
    for (text, key) in [("[nothing]\n", "nothing"), ("zzz = 1\n", "zzz"), ("\"a.b\" = 1\n", "a.b")] {
        let refused = load_text(text, &[]).unwrap_err().to_string();
        let told = format!(":1: {key}: there is no such key; `sluiced check-config` shows them all");
        assert!(refused.ends_with(&told), "{refused}");
    }
}

/// What a file in a directory, variables and a flag come to, and how that is shown.
fn loaded_from_all_layers(dir: &Path) -> (Loaded, String) {
    let path = dir.join("sluiced.toml");
    fs::write(&path, "tenants = [\"acme\"]\n[http]\nkeep_alive_seconds = 90\n").unwrap();
    let variables = [
        ("SLUICE_HTTP__WORKERS", "4"),
        ("SLUICE_INGEST__THREADS", "2"),
        ("SLUICE_TLS__KEY", ""),
        ("SLUICE_MEMORY", "1152MiB"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let flags = Flags { data_dir: Some("a \"quoted\"\npath".into()), ..Flags::default() };
    let loaded = read_layers(Layers { credentials: Credentials::None, file: Some(path), variables, flags });
    let shown = show(&loaded.config, &loaded.origins);
    (loaded, shown)
}

#[test]
fn what_is_shown_tells_the_origin_of_each_value_and_can_be_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, shown) = loaded_from_all_layers(dir.path());
    expect![[r#"
        listen = "127.0.0.1:9440"                # default
        metrics_listen = ""                      # default
        data_dir = """
        a "quoted"
        path"""        # --data-dir
        admin_password_file = ""                 # default
        tenants = ["acme"]                       # DIR/sluiced.toml:1
        match_scope = "levels"                   # default
        disk_reserve = "1GiB"                    # default
        log_size_max = "2GiB"                    # default
        history = "7days"                        # default
        history_size_max = "4GiB"                # default
        memory = "1152MiB"                       # environment variable SLUICE_MEMORY
        allow_plain_http = false                 # default
        trusted_proxies = []                     # default

        [tls]
        certificate = ""                         # default
        key = ""                                 # default
        self_signed = false                      # default
        names = []                               # default
        client_ca = ""                           # default

        [http]
        workers = 4                              # environment variable SLUICE_HTTP__WORKERS
        connections_per_worker_max = 10000       # default
        head_timeout = "10s"                     # default
        keep_alive = "1m 30s"                    # DIR/sluiced.toml:3
        body_stall = "10s"                       # default
        body_rate_min = "64KiB"                  # default
        body_deadline = "10m"                    # default
        import_stall = "1m"                      # default
        write_timeout = "15s"                    # default
        tls_handshake_timeout = "5s"             # default
        stop_timeout = "30s"                     # default

        [ingest]
        threads = 2                              # environment variable SLUICE_INGEST__THREADS
        body_budget = "0B"                       # default

        [log]
        level = "info"                           # default
        format = "text"                          # default
        filter = ""                              # default
        access = false                           # default
        slow_request = "10s"                     # default

        [snapshot]
        url = ""                                 # default
        interval = "1day"                        # default
        keep = 7                                 # default

        [batches]
        keep = "7days"                           # default
        size_max = "512MiB"                      # default

        [elasticsearch]
        listen = ""                              # default
        indices = {}                             # default

        # Memory plan, in MiB at most:
        #   542  large bodies and answers, all requests together
        #    28  small bodies and answers
        #   202  accepted indicators that are not in the trees yet
        #    39  work on slices of bodies
        #    87  parsers
        #    74  heavy reads of lookups
        #    32  light reads of lookups
        #    10  reads of short lookups
        #    22  blocks at hand for lookups
        #   115  merges, passwords, connections, the cache of the trees
        #  1151  in all
        #   144  beside it filters and indexes of what is stored, 2 to 4 bytes each; large bodies give way to more, down to 24"#]]
    .assert_eq(&shown.replace(dir.path().to_str().unwrap(), "DIR"));
    assert_eq!(load_text(&shown, &[]).unwrap(), loaded.config);
}

#[test]
fn trusted_proxies_are_networks_or_addresses() {
    let config = load_text("trusted_proxies = [\"192.0.2.1\", \"2001:db8::/32\"]\n", &[]).unwrap();
    assert_eq!(format!("{:?}", config.trusted_proxies), "[192.0.2.1/32, 2001:db8::/32]");
    // Addresses of clients have their short form, so networks must have it as well.
    let mapped = r#"trusted_proxies = ["::ffff:192.0.2.0/120", "::ffff:192.0.2.1", "::/0", "::ffff:0:0/95"]"#;
    let config = load_text(mapped, &[]).unwrap();
    assert_eq!(
        format!("{:?}", config.trusted_proxies),
        "[192.0.2.0/24, 192.0.2.1/32, ::/0, ::ffff:0.0.0.0/95]"
    );
    check_refused(
        "trusted_proxies = [\"proxy.example.com\"]\n",
        &[],
        &expect![[
            r#":1: trusted_proxies: "proxy.example.com" is neither a network ("192.0.2.0/24") nor an address"#
        ]],
    );
    let many = format!("trusted_proxies = {:?}\n", vec!["192.0.2.1"; 65]);
    check_refused(&many, &[], &expect![":1: trusted_proxies: more than 64 networks"]);
}

#[test]
fn names_for_a_certificate_are_names_or_addresses() {
    let tls = |names: &str| format!("[tls]\nself_signed = true\nnames = {names}\n");
    let text = tls("[\"Sluice.example.com\", \"*.example.com\", \"192.0.2.1\", \"2001:DB8:0::1\"]");
    let names = ["sluice.example.com", "*.example.com", "192.0.2.1", "2001:db8::1"];
    assert_eq!(load_text(&text, &[]).unwrap().tls.names, names);
    check_refused(
        &tls("[\"https://sluice.example.com\"]"),
        &[],
        &expect![[
            r#":3: tls.names: "https://sluice.example.com" is neither a name ("sluice.example.com") nor an address"#
        ]],
    );
    check_refused(&tls(&format!("{:?}", vec!["a"; 65])), &[], &expect![":3: tls.names: more than 64 names"]);
    check_refused(
        "[tls]\nnames = [\"sluice.example.com\"]\n",
        &[],
        &expect![":2: tls.names: they stand in a self-signed certificate only: needs tls.self_signed = true"],
    );
}

#[test]
fn certificate_and_key_come_from_the_unit_if_nothing_else_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("tls_certificate.pem"), "").unwrap();
    let layers = |text: &str| {
        fs::write(path("sluiced.toml"), text).unwrap();
        let file = Some(path("sluiced.toml"));
        let credentials = Credentials::HandedOver(dir.path().to_owned());
        read_layers(Layers { credentials, file, ..Layers::default() })
    };
    let told = layers("").into_config().unwrap_err().to_string();
    assert_eq!(told, "credential of the unit: tls.certificate: needs tls.key beside it");
    fs::write(path("tls_key.pem"), "").unwrap();
    let tls = layers("").into_config().unwrap().tls;
    assert_eq!((tls.certificate, tls.key), (Some(path("tls_certificate.pem")), Some(path("tls_key.pem"))));
    assert_eq!(tls.client_ca, None);
    fs::write(path("tls_client-ca.pem"), "").unwrap();
    assert_eq!(layers("").into_config().unwrap().tls.client_ca, Some(path("tls_client-ca.pem")));
    let own = layers("[tls]\nclient_ca = \"ca\"\n").into_config().unwrap().tls;
    assert_eq!((own.client_ca, own.key), (Some("ca".into()), Some(path("tls_key.pem"))));
    for text in ["self_signed = true", "certificate = \"c\"\nkey = \"k\""] {
        let config = layers(&format!("[tls]\n{text}\n")).into_config().unwrap();
        assert_ne!(config.tls.certificate, Some(path("tls_certificate.pem")), "{text}");
    }
    // Plain HTTP that was asked for leaves no use for the authority.
    let told = layers("[tls]\nself_signed = false\n").into_config().unwrap_err().to_string();
    assert!(
        told.starts_with("credential of the unit: tls.client_ca: client certificates need TLS"),
        "{told}"
    );
    let credentials = Credentials::HandedOver(path("nowhere"));
    let nowhere = Layers { credentials, ..Layers::default() };
    assert!(read_layers(nowhere).into_config().unwrap().tls.is_off());
}

#[test]
fn what_the_unit_would_hand_over_lies_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let layers = |text: &str, credentials| {
        fs::write(path("sluiced.toml"), text).unwrap();
        read_layers(Layers { credentials, file: Some(path("sluiced.toml")), ..Layers::default() })
    };
    let text = "listen = \"192.0.2.1:9440\"\n";
    fs::create_dir(path("tls")).unwrap();
    for name in ["certificate.pem", "key.pem"] {
        fs::write(path("tls").join(name), "").unwrap();
    }
    let loaded = layers(text, Credentials::BesideFile);
    assert_eq!(loaded.origins["tls.key"].to_string(), "handed over by the unit");
    let tls = loaded.into_config().unwrap().tls;
    let want = ["tls/certificate.pem", "tls/key.pem"].map(|name| Some(path(name)));
    assert_eq!(([tls.certificate, tls.key], tls.client_ca), (want, None));
    // Nobody but a check looks there.
    let told = layers(text, Credentials::None).into_config().unwrap_err().to_string();
    assert!(told.ends_with("listen: anything but loopback needs TLS, or allow_plain_http = true"), "{told}");
    assert!(layers(text, Credentials::None).into_values().unwrap().tls.is_off());
    // The service manager hands over no links.
    fs::rename(path("tls/key.pem"), path("key.pem")).unwrap();
    std::os::unix::fs::symlink(path("key.pem"), path("tls/key.pem")).unwrap();
    let told = layers(text, Credentials::BesideFile).into_config().unwrap_err().to_string();
    assert!(told.contains("handed over by the unit: tls.certificate: needs tls.key beside it"), "{told}");
}

#[test]
fn a_refusal_names_line_and_key() {
    check_refused(
        "\nlisten = 5\n",
        &[],
        &expect![":2: listen: invalid type: integer `5`, expected socket address"],
    );
    check_refused("[http]\n\nworkers = 0\n", &[], &expect![":3: http.workers: 0 is not from 1 to 64"]);
    check_refused(
        "[http]\nworker = 2\n",
        &[],
        &expect![":2: http.worker: there is no such key; did you mean http.workers?"],
    );
    check_refused(
        "data_dir = \"a\"\ntenants = [\"tags\"]\n",
        &[],
        &expect![":2: tenants: the name 'tags' is reserved"],
    );
    check_refused(
        "match_scope = \"all\"\n",
        &[],
        &expect![":1: match_scope: unknown variant `all`, expected `levels` or `exact`"],
    );
    check_refused(
        "\n\nlisten = \"0.0.0.0:80\"\n",
        &[],
        &expect![":3: listen: anything but loopback needs TLS, or allow_plain_http = true"],
    );
    check_refused(
        "[tls]\ncertificate = \"a\"\n",
        &[],
        &expect![":2: tls.certificate: needs tls.key beside it"],
    );
    check_refused("data_dir = \"\"\n", &[], &expect![":1: data_dir: an empty path"]);
    check_refused("listen = \n", &[], &expect![":1: string values must be quoted, expected literal string"]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = "listen = 5\nworkers = 2\nhttp = { workers = 3 }\n";
    let variables = [("SLUICE_HTTP__WORKERS", "0"), ("SLUICE_MEMORY", "1MiB"), ("SLUICE_TLS__KEY", "a")];
    let Err(refused) = load_text(text, &variables) else { panic!("it is taken") };
    let told = refused.lines().join("\n");
    // What goes together is judged when each value is as it should be.
    expect![[r#"
        PATH:1: listen: invalid type: integer `5`, expected socket address
        PATH:2: workers: there is no such key; did you mean http.workers?
        environment variable SLUICE_HTTP__WORKERS: http.workers: 0 is not from 1 to 64"#]]
    .assert_eq(&told.lines().map(without_path).collect::<Vec<_>>().join("\n"));
    assert_eq!(refused.to_string(), told.replace('\n', "; "));
    let refused = load_text("listen = \"0.0.0.0:1\"\n", &variables[1..2]).unwrap_err();
    expect![[r#"
        environment variable SLUICE_MEMORY: memory: 256MiB is the least that works
        PATH:1: listen: anything but loopback needs TLS, or allow_plain_http = true"#]]
    .assert_eq(&refused.lines().iter().map(|line| without_path(line)).collect::<Vec<_>>().join("\n"));
    // A file that is no TOML hides nothing in the environment.
    assert_eq!(load_text("listen = \n", &variables[..1]).unwrap_err().lines().len(), 2);
}

fn without_path(line: &str) -> String {
    line.split_once("sluiced.toml").map_or(line.to_owned(), |(_, rest)| format!("PATH{rest}"))
}

#[test]
fn a_key_that_was_refused_has_no_origin() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluiced.toml");
    fs::write(&path, "listen = \"127.0.0.1:1\"\n[http]\nworkers = 3\n").unwrap();
    let variables = vec![("SLUICE_HTTP__WORKERS".to_owned(), "0".to_owned())];
    let loaded = read_layers(Layers { file: Some(path), variables, ..Layers::default() });
    assert_eq!(loaded.refused.len(), 1);
    // The value of the layer below was not meant.
    assert_eq!(loaded.origins.keys().collect::<Vec<_>>(), ["listen", "memory"]);
}

#[test]
fn a_refusal_names_the_variable() {
    check_refused(
        "",
        &[("SLUICE_HTTP__WORKERS", "many")],
        &expect![[r#"environment variable SLUICE_HTTP__WORKERS: http.workers: "many" is not a number"#]],
    );
    check_refused(
        "",
        &[("SLUICE_NO_SUCH", "1")],
        &expect![
            "environment variable SLUICE_NO_SUCH: no_such: there is no such key; `sluiced check-config` shows them all"
        ],
    );
    check_refused(
        "",
        &[("SLUICE_LISTEN", "0.0.0.0:80")],
        &expect![
            "environment variable SLUICE_LISTEN: listen: anything but loopback needs TLS, or allow_plain_http = true"
        ],
    );
    check_refused(
        "",
        &[("SLUICE_HTTP__WORKERS", "0")],
        &expect!["environment variable SLUICE_HTTP__WORKERS: http.workers: 0 is not from 1 to 64"],
    );
    // What Kubernetes plants for a service named `sluice`.
    check_refused(
        "",
        &[("SLUICE_PORT", "tcp://192.0.2.1:9440")],
        &expect![
            "environment variable SLUICE_PORT: port: there is no such key; `sluiced check-config` shows them all"
        ],
    );
}

#[test]
fn a_refusal_names_the_layer_that_set_the_value() {
    let text = "listen = \"127.0.0.1:1\"\n[tls]\nkey = \"a\"\n";
    check_refused(
        text,
        &[("SLUICE_TLS__CERTIFICATE", "b"), ("SLUICE_TLS__SELF_SIGNED", "true")],
        &expect![
            "environment variable SLUICE_TLS__SELF_SIGNED: tls.self_signed: excludes tls.certificate and tls.key"
        ],
    );
    check_refused(
        text,
        &[("SLUICE_TLS__KEY", "b")],
        &expect!["environment variable SLUICE_TLS__KEY: tls.key: needs tls.certificate beside it"],
    );
    // An empty path is as if absent, so the file's is the one at fault.
    check_refused(text, &[("SLUICE_TLS__KEY", "")], &expect![":3: tls.key: needs tls.certificate beside it"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluiced.toml");
    fs::write(&path, "listen = \"127.0.0.1:1\"\n").unwrap();
    let variables = [("SLUICE_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
    let flags = Flags { listen: Some("0.0.0.0:80".parse().unwrap()), ..Flags::default() };
    let refused = load(Some(&path), variables.into_iter(), flags).unwrap_err();
    expect!["--listen: listen: anything but loopback needs TLS, or allow_plain_http = true"]
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
    let of_client = of(b"SLUICE_CLIENT_URL", &bad);
    let others = [of(b"PATH", &bad), of(b"\xff", &good), of(b"SLUICE_LISTEN", &good), of_client];
    let ours = own_variables(others.into_iter()).unwrap();
    assert_eq!(ours, [("SLUICE_LISTEN".to_owned(), "a".to_owned())]);
    for refused in [of(b"SLUICE_DATA_DIR", &bad), of(b"SLUICE_\xff", &good)] {
        let refused = own_variables([refused].into_iter());
        assert!(matches!(refused, Err(ConfigError::Malformed { .. })), "{refused:?}");
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
    assert_eq!(active.lines().filter(|line| line.contains('=')).count(), 43, "each key has its line");
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

/// A budget beyond the memory was once taken, and the process ended for want of it, or for the limit of its group.
#[test]
fn a_body_budget_has_to_fit_into_the_memory_with_all_else() {
    let load = |memory: &str, budget: &str| {
        load_text(&format!("memory = \"{memory}\"\ningest.body_budget = \"{budget}\"\n"), &[])
    };
    // All else takes a gibibyte of two.
    assert_eq!(load("2GiB", "1GiB").unwrap().memory_plan().body_bytes, 1 << 30);
    assert_eq!(load("4GiB", "2GiB").unwrap().memory_plan().body_bytes, 2 << 30);
    // What blocks have beyond 40 MiB yields to it.
    let plan = load("3GiB", "2GiB").unwrap().memory_plan();
    assert!(plan.sum() <= 3 << 30 && (40 << 20..168 << 20).contains(&plan.block_cache_bytes), "{plan:?}");
    let refused = load("4GiB", "3200MiB").unwrap_err().to_string();
    let (_, told) = refused.split_once("sluiced.toml").unwrap();
    expect![
        ":2: ingest.body_budget: with what all else needs it comes to 4223MiB, and memory is 4096MiB; 0 is what the memory allows"
    ]
    .assert_eq(told);
    assert!(load("256MiB", "128MiB").is_err());
    assert_eq!(load("256MiB", "0").unwrap().memory_plan().body_bytes, 60 << 20);
}

#[test]
fn metrics_have_an_address_of_their_own() {
    let load = |listen: &str, metrics: &str| {
        let text =
            format!("allow_plain_http = true\nlisten = \"{listen}\"\nmetrics_listen = \"{metrics}\"\n");
        load_text(&text, &[])
    };
    for (listen, metrics) in [
        ("127.0.0.1:9440", "127.0.0.1:9440"),
        ("0.0.0.0:9440", "127.0.0.1:9440"),
        ("127.0.0.1:9440", "[::]:9440"),
        ("[::ffff:127.0.0.1]:9440", "127.0.0.1:9440"),
        ("[::]:9440", "[::1]:9440"),
    ] {
        let refused = load(listen, metrics).unwrap_err().to_string();
        assert!(
            refused
                .ends_with(":3: metrics_listen: it is the address of listen; metrics need one of their own"),
            "{refused}"
        );
    }
    for (listen, metrics) in [
        ("127.0.0.1:9440", "127.0.0.1:9441"),
        ("127.0.0.1:9440", "127.0.0.2:9440"),
        ("0.0.0.0:9440", "[::1]:9440"),
        ("[::1]:9440", "127.0.0.1:9440"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:9440", ""),
    ] {
        load(listen, metrics).unwrap();
    }
    check_refused(
        "\nmetrics_listen = \"9441\"\n",
        &[],
        &expect![":2: metrics_listen: invalid socket address syntax"],
    );
}

#[test]
fn clients_of_elasticsearch_have_an_address_and_a_table_of_their_own() {
    let text = "listen = \"127.0.0.1:1\"\nmetrics_listen = \"127.0.0.1:2\"\n[elasticsearch]\nlisten = ";
    for (address, rule) in [
        ("127.0.0.1:3", None),
        ("127.0.0.1:1", Some("another key has this address; it needs one of its own")),
        ("127.0.0.1:2", Some("another key has this address; it needs one of its own")),
        ("192.0.2.1:3", Some("anything but loopback needs TLS, or allow_plain_http = true")),
    ] {
        let refused = load_text(&format!("{text}\"{address}\"\n"), &[]).err().map(|error| error.to_string());
        match (refused, rule) {
            (None, None) => {}
            (Some(told), Some(rule)) => {
                assert!(told.ends_with(&format!(":4: elasticsearch.listen: {rule}")), "{told}");
            }
            other => panic!("{address}: {other:?}"),
        }
    }
    let table =
        "[elasticsearch.indices]\na = \"Feed\"\n\"b.c\" = { tenant = \"acme\", supplier = \"Feed\" }\n";
    let config = load_text(table, &[]).unwrap();
    let indices: Vec<_> = config
        .elasticsearch
        .indices
        .iter()
        .map(|(index, found)| format!("{index} {} {}", found.tenant, found.supplier))
        .collect();
    assert_eq!(indices, ["a General Feed", "b.c acme Feed"]);
    assert_eq!(load_text(&show(&config, &BTreeMap::new()), &[]).unwrap(), config);
    for value in ["5", "[]", "{ tenant = \"acme\" }", "{ tenant = \"acme\", supplier = \"Feed\", more = 1 }"]
    {
        let told =
            load_text(&format!("[elasticsearch.indices]\na = {value}\n"), &[]).unwrap_err().to_string();
        assert!(told.contains("elasticsearch.indices: expected the name of a supplier"), "{told}");
    }
}
