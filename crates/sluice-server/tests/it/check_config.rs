//! `check-config`: all faults of a configuration at once, beside a running daemon too, without a trace.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use crate::{
    commands::{first_start, for_each_below, run, sluiced},
    process::Process,
    reload::make_certificate,
};

fn check_config(file: &Path, more: &[&str]) -> Output {
    sluiced().arg("check-config").arg("--config").arg(file).args(more).output().unwrap()
}

/// What a command said on standard error, with `DIR` for a directory.
fn said(output: &Output, dir: &Path) -> String {
    String::from_utf8_lossy(&output.stderr).replace(dir.to_str().unwrap(), "DIR")
}

#[test]
fn all_faults_are_told_in_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sluiced.toml");
    fs::write(
        &file,
        "listen = \"127.0.0.1:0\"\ndisk_reserve = \"lots\"\n[tls]\ncertificate = \"/nowhere/c\"\nkye = 5\n\
         key = \"/nowhere/k\"\n[snapshot]\nurl = \"file://host/place\"\n",
    )
    .unwrap();
    let output = check_config(&file, &[]);
    expect_test::expect![[r#"
        sluiced: DIR/sluiced.toml:2: disk_reserve: "lots" is not a size, such as "64KiB" or "1GiB"
        sluiced: DIR/sluiced.toml:5: tls.kye: there is no such key; did you mean tls.key?
        sluiced: DIR/sluiced.toml:4: tls.certificate: TLS cannot use /nowhere/c: No such file or directory (os error 2)
        sluiced: DIR/sluiced.toml:6: tls.key: TLS cannot use /nowhere/k: No such file or directory (os error 2)
        sluiced: DIR/sluiced.toml:8: snapshot.url: file://host/place names no directory; it must be file:///path/of/the/directory
    "#]]
    .assert_eq(&said(&output, dir.path()));
    assert_eq!((output.status.code(), output.stdout.len()), (Some(78), 0));
    // The daemon tells those of the file.
    let output = sluiced().arg("--config").arg(&file).output().unwrap();
    assert_eq!(said(&output, dir.path()).lines().count(), 2);
    assert_eq!(output.status.code(), Some(78));
}

/// The service manager goes by the exit code: it does not try again what only a person can mend.
#[test]
fn a_start_that_cannot_be_mended_by_waiting_has_the_exit_code_of_a_faulty_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sluiced.toml");
    let data_dir = dir.path().join("data");
    let start = |more: &str| {
        fs::write(&file, format!("{more}\n")).unwrap();
        let output = sluiced().arg("--config").arg(&file).arg("--data-dir").arg(&data_dir).output().unwrap();
        (output.status.code(), said(&output, dir.path()))
    };
    let (code, told) = start("admin_password_file = \"/nowhere/password\"");
    assert!(
        told.ends_with("cannot read /nowhere/password: No such file or directory (os error 2)\n"),
        "{told}"
    );
    assert_eq!(code, Some(78));
    let (code, told) =
        start("listen = \"127.0.0.1:0\"\ntls = { certificate = \"/nowhere/c\", key = \"/nowhere/k\" }");
    assert!(told.ends_with("TLS cannot use /nowhere/c: No such file or directory (os error 2)\n"), "{told}");
    assert_eq!(code, Some(78));
    // An address may be free later.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, told) = start(&format!("listen = \"{}\"", taken.local_addr().unwrap()));
    assert!(told.contains("cannot listen on"), "{told}");
    assert_eq!(code, Some(1));
    fs::remove_dir_all(&data_dir).unwrap();
    fs::write(&data_dir, "a file").unwrap();
    let (code, told) = start("");
    assert!(told.contains("cannot create DIR/data"), "{told}");
    assert_eq!(code, Some(78));
}

/// Certificate and key as the shipped unit hands them over, and nothing of them in the configuration. By hand, nothing is
/// handed over.
#[test]
fn the_layout_of_the_unit_is_checked_and_commands_work_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let (file, tls) = (dir.path().join("sluiced.toml"), dir.path().join("tls"));
    fs::create_dir(&tls).unwrap();
    make_certificate(&tls);
    let copies = tempfile::tempdir().unwrap();
    for name in ["certificate.pem", "key.pem"] {
        fs::copy(tls.join(name), copies.path().join(format!("tls_{name}"))).unwrap();
    }
    fs::write(&file, "listen = \"0.0.0.0:0\"\n").unwrap();
    let process = Process::after(&format!(
        "export CREDENTIALS_DIRECTORY={}; set -- \"$@\" --config {}",
        copies.path().display(),
        file.display()
    ));
    let port = process.address().port();
    fs::write(&file, format!("listen = \"0.0.0.0:{port}\"\n")).unwrap();
    let by_hand = |command: &[&str]| {
        let output = run(&process.data_dir(), &[&["--config", file.to_str().unwrap()], command].concat());
        let told = String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap();
        (output.status.code(), told.replace(&port.to_string(), "PORT"))
    };
    let mut healthy = by_hand(&["health"]);
    // Its store may still open.
    while healthy.1.contains("is answered with 425") {
        healthy = by_hand(&["health"]);
    }
    assert_eq!(healthy, (Some(0), "ready: https://127.0.0.1:PORT/readyz is answered with 200\n".to_owned()));
    let (code, told) = by_hand(&["user", "list"]);
    assert!(code == Some(0) && told.starts_with("admin\t"), "{told}");
    let output = check_config(&file, &["--quiet", "--data-dir", process.data_dir().to_str().unwrap()]);
    let told = said(&output, dir.path());
    let unit_only = "DIR/tls/certificate.pem: a daemon that the shipped unit does not start goes without\n";
    assert!(told.contains(&format!("handed over by the unit: tls.certificate: {unit_only}")), "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    fs::write(tls.join("key.pem"), "").unwrap();
    let output = check_config(&file, &["--quiet"]);
    let told = said(&output, dir.path());
    assert!(told.contains("handed over by the unit: tls.key: DIR/tls/key.pem is not a PEM file"), "{told}");
    assert_eq!(output.status.code(), Some(78), "{told}");
}

/// By hand, nobody has the variables that the unit reads from a file.
#[test]
fn a_place_for_snapshots_that_only_the_unit_can_log_in_to_is_a_remark() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sluiced.toml");
    fs::write(&file, "listen = \"127.0.0.1:0\"\nsnapshot = { url = \"az://container/place\" }\n").unwrap();
    let mut command = sluiced();
    command.args(["check-config", "--quiet", "--config"]).arg(&file).current_dir(&dir);
    for (name, _) in std::env::vars_os() {
        if ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|begin| name.to_string_lossy().starts_with(begin)) {
            command.env_remove(name);
        }
    }
    let output = command.output().unwrap();
    let told = said(&output, dir.path());
    assert!(told.starts_with("sluiced: remark: DIR/sluiced.toml:2: snapshot.url: "), "{told}");
    assert!(told.contains("no variables that tell how to log in there"), "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    let output = command.env("AZURE_SOMETHING", "else").output().unwrap();
    assert!(!said(&output, dir.path()).contains("remark"), "{output:?}");
    assert_eq!(output.status.code(), Some(78), "{output:?}");
}

/// Whatever it calls a fault of a file, the service manager must not try again each second: the daemon ends with the same
/// code. Of data that no start can read, the code is another one, after which it does not try again either.
#[test]
fn a_fault_of_a_file_ends_the_daemon_for_good() {
    const PASSWORD: &str = "admin_password_file = \"DIR/fault\"\n";
    const TLS: &str = "tls = { certificate = \"DIR/certificate.pem\", key = \"DIR/key.pem\" }\n";
    const OTHER_KEY: &str = "tls = { certificate = \"DIR/certificate.pem\", key = \"DIR/fault\" }\n";
    const CLIENT_CA: &str =
        "tls = { certificate = \"DIR/certificate.pem\", key = \"DIR/key.pem\", client_ca = \"DIR/fault\" }\n";
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pair, other) = (made(), made());
    let (certificate, key, other_key) =
        (pair.cert.pem(), pair.signing_key.serialize_pem(), other.signing_key.serialize_pem());
    let (long_password, long_file) = ("x".repeat(1_025), " ".repeat(17 << 20));
    for (what, configuration, fault, text, want) in [
        ("an empty password", PASSWORD, "fault", "\n", 78),
        ("a long password", PASSWORD, "fault", long_password.as_str(), 78),
        ("accounts that are none", "", "data/accounts.json", "{", 78),
        ("long accounts", "", "data/accounts.json", long_file.as_str(), 78),
        ("a certificate that is none", TLS, "certificate.pem", "none", 78),
        ("the key of another", OTHER_KEY, "fault", other_key.as_str(), 78),
        ("an authority that is none", CLIENT_CA, "fault", "none", 78),
        ("a damaged manifest", "", "data/MANIFEST", "none", 65),
        ("a restore that has not ended", "", "data/RESTORING", "", 65),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("data")).unwrap();
        fs::write(path("certificate.pem"), &certificate).unwrap();
        fs::write(path("key.pem"), &key).unwrap();
        fs::write(path(fault), text).unwrap();
        let configuration = configuration.replace("DIR", dir.path().to_str().unwrap());
        fs::write(path("sluiced.toml"), format!("listen = \"127.0.0.1:0\"\n{configuration}")).unwrap();
        let data_dir = path("data");
        let more = ["--data-dir", data_dir.to_str().unwrap()];
        let checked = check_config(&path("sluiced.toml"), &more);
        assert_eq!(checked.status.code(), Some(78), "{what}: {checked:?}");
        let output = sluiced().arg("--config").arg(path("sluiced.toml")).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(want), "{what}: {output:?}");
    }
}

#[test]
fn a_directory_that_was_looked_at_is_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[("SLUICE_TLS__SELF_SIGNED", "true")]);
    let look = || {
        let mut seen = Vec::new();
        for_each_below(&data_dir, &mut |path, metadata| {
            seen.push((path.to_owned(), metadata.len(), metadata.modified().unwrap()));
        });
        seen.sort();
        seen
    };
    let before = look();
    let mut command = sluiced();
    command.args(["check-config", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data_dir);
    let output = command.env("SLUICE_TLS__SELF_SIGNED", "true").output().unwrap();
    assert_eq!((output.status.code(), said(&output, &data_dir).as_str()), (Some(0), ""));
    assert_eq!(look(), before);
}

#[test]
fn beside_a_running_daemon_there_are_remarks() {
    let process = Process::after("");
    let check = |more: &[&str]| -> Output {
        let mut command: Command = sluiced();
        command.arg("check-config").arg("--data-dir").arg(process.data_dir());
        command.args(["--listen", &process.address().to_string()]).args(more).output().unwrap()
    };
    let output = check(&[]);
    let told = said(&output, &process.data_dir());
    let (address, code) = (process.address(), output.status.code());
    let want = format!(
        "sluiced: remark: --data-dir: data_dir: a daemon, or a command, works on DIR now\n\
         sluiced: remark: --listen: listen: {address} is in use now, perhaps by the daemon that runs already\n"
    );
    assert_eq!((told, code), (want, Some(0)));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("# --data-dir") && shown.contains("# Memory plan"), "{shown}");
    let output = check(&["--quiet"]);
    assert_eq!((output.stdout.len(), output.status.code()), (0, Some(0)));
}
