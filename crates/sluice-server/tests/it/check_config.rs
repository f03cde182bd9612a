//! `check-config`: all faults of a configuration at once, beside a running daemon too, without a trace.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use crate::{
    commands::{first_start, for_each_below, sluiced},
    process::Process,
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
    assert!(told.contains("cannot use DIR/data"), "{told}");
    assert_eq!(code, Some(78));
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
