//! The binary itself: what it prints, what it leaves on disk, and its commands on a data directory.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
    process::{Command, Output, Stdio},
};

use expect_test::expect;

use crate::daemon::wait_until;

/// The binary, with none of a test's own variables that it goes by.
pub(crate) fn sluiced() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluiced"));
    command.env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET").env("SLUICE_DISK_RESERVE_BYTES", "0");
    command
}

/// Starts a daemon on `data_dir`, waits until it is ready, ends it, and gives what it printed beside its address.
pub(crate) fn first_start(data_dir: &Path, environment: &[(&str, &str)]) -> String {
    let said = tempfile::NamedTempFile::new().unwrap();
    let daemon = sluiced()
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(said.reopen().unwrap())
        .spawn()
        .unwrap();
    wait_until("it is ready", || {
        fs::read_to_string(said.path()).unwrap().contains("ready: requests are taken")
    });
    let ended = Command::new("kill").args(["-s", "TERM", &daemon.id().to_string()]).status().unwrap();
    assert!(ended.success());
    let output = daemon.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let (first, rest) = printed.split_once('\n').unwrap();
    assert!(first.starts_with("sluiced listens on http"), "{printed}");
    rest.to_owned()
}

/// Runs a command with a password on its standard input.
pub(crate) fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    let mut command = sluiced();
    command.arg("--data-dir").arg(data_dir).args(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that needs no password may be gone already.
    let _is_taken = child.stdin.take().unwrap().write_all(b"secret\n");
    child.wait_with_output().unwrap()
}

pub(crate) fn for_each_below(path: &Path, visit: &mut impl FnMut(&Path, &fs::Metadata)) {
    let metadata = fs::symlink_metadata(path).unwrap();
    visit(path, &metadata);
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            for_each_below(&entry.unwrap().path(), visit);
        }
    }
}

#[test]
fn nothing_below_the_data_directory_is_readable_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    let mut count = 0;
    for_each_below(&data_dir, &mut |path, metadata| {
        count += 1;
        let mode = metadata.permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
    });
    assert!(4 < count, "{count} files and directories");
}

/// Whoever keeps what is printed, a journal or a container, keeps no password.
#[test]
fn a_made_up_password_is_printed_on_a_terminal_only() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let printed = first_start(&data_dir, &[]);
    let path = data_dir.join("admin-password");
    let password = fs::read_to_string(&path).unwrap();
    assert!(printed.contains(path.to_str().unwrap()), "{printed}");
    assert!(!printed.contains(password.trim_end()), "{printed}");
    assert!(printed.contains("/lookup -d "), "{printed}");
    assert_eq!(first_start(&data_dir, &[]), "", "it is printed once");
}

/// Somebody pastes them where another directory is the working one.
#[test]
fn hints_have_absolute_paths_and_trust_the_certificate_that_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let setup = [("SLUICE_TLS__SELF_SIGNED", "true")];
    let relative = Path::new("../").join(dir.path().strip_prefix("/").unwrap());
    let up = "../".repeat(std::env::current_dir().unwrap().components().count());
    let printed = first_start(&Path::new(&up).join(relative).join("data"), &setup);
    let word_behind = |word: &str| {
        let (_, rest) = printed.split_once(word).unwrap();
        rest.split([' ', ')', '\n']).next().unwrap().to_owned()
    };
    for (word, name) in [
        ("of the administrator admin is in ", "admin-password"),
        ("$(cat ", "admin-password"),
        ("--cacert ", "tls-certificate.pem"),
    ] {
        let path = word_behind(word);
        assert!(Path::new(&path).is_absolute(), "{path}");
        assert_eq!(
            fs::canonicalize(&path).unwrap(),
            fs::canonicalize(dir.path().join("data").join(name)).unwrap()
        );
    }
    assert!(word_behind("-X POST ").starts_with("https://127.0.0.1:"), "{printed}");
}

#[test]
fn a_command_on_a_directory_without_accounts_is_refused_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    for arguments in [
        &["user", "add", "bob"][..],
        &["user", "password", "bob"],
        &["user", "remove", "bob"],
        &["user", "list"],
        &["token", "create", "feed"],
        &["token", "revoke", "feed"],
        &["token", "list"],
    ] {
        let output = run(&data_dir, arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap().replace(data_dir.to_str().unwrap(), "DIR");
        expect![[r#"
            sluiced: DIR holds no accounts; name the daemon's data directory by --data-dir or --config
        "#]]
        .assert_eq(&told);
        assert!(!data_dir.exists());
    }
}

#[test]
fn a_superusers_commands_leave_files_that_the_daemon_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    let is_superuser = rustix::process::geteuid().is_root();
    if is_superuser {
        fs::remove_file(data_dir.join("accounts.lock")).unwrap();
        for_each_below(&data_dir, &mut |path, _| chown(path, Some(54_321), Some(54_322)).unwrap());
    }
    let owner = fs::metadata(&data_dir).unwrap();
    for arguments in [&["user", "add", "bob"][..], &["user", "password", "bob"], &["token", "create", "feed"]]
    {
        let output = run(&data_dir, arguments);
        assert!(output.status.success(), "{output:?}");
        for_each_below(&data_dir, &mut |path, metadata| {
            assert_eq!((metadata.uid(), metadata.gid()), (owner.uid(), owner.gid()), "{}", path.display());
        });
    }
    let listed = String::from_utf8(run(&data_dir, &["user", "list"]).stdout).unwrap();
    assert_eq!(listed, "admin\tadministrator\t\nbob\tanalyst\t\n");
}

#[test]
fn a_variable_of_ours_that_is_no_text_ends_the_start() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let output = sluiced().arg("check-config").env("SLUICE_DATA_DIR", OsStr::from_bytes(b"\xff")).output();
    let told = String::from_utf8(output.unwrap().stderr).unwrap();
    expect![[r#"
        sluiced: environment variable SLUICE_DATA_DIR: name or value is not UTF-8
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_faulty_configuration_has_an_exit_code_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluiced.toml");
    for (text, said) in [
        ("[http]\nworker = 4\n", "there is no such key; did you mean http.workers?"),
        ("listen = \"0.0.0.0:9440\"\n", "anything but loopback needs TLS, or allow_plain_http = true"),
        ("listen = ", "string values must be quoted, expected literal string"),
    ] {
        fs::write(&path, text).unwrap();
        for command in [&["check-config"][..], &[]] {
            let output = sluiced().arg("--config").arg(&path).args(command).output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.trim_end().ends_with(said), "{told}");
            assert_eq!((output.status.code(), output.stdout.len()), (Some(78), 0), "{told}");
        }
    }
}

#[test]
fn the_last_administrator_stays_and_a_manager_has_a_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    let refused = |arguments: &[&str]| {
        let output = run(&data_dir, arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    expect![[r#"
        sluiced: admin is the last administrator; add another one first: sluiced user add NAME --role administrator
    "#]]
    .assert_eq(&refused(&["user", "remove", "admin"]));
    expect![[r#"
        sluiced: a tenant manager holds a tenant or more; name each by --tenant, for example --tenant General
    "#]]
    .assert_eq(&refused(&["user", "add", "bob", "--role", "tenant-manager"]));
    for arguments in [
        &["user", "add", "bob", "--role", "tenant-manager", "--tenant", "General"][..],
        &["user", "add", "eve", "--role", "administrator"],
        &["user", "remove", "admin"],
        &["user", "remove", "bob"],
    ] {
        let output = run(&data_dir, arguments);
        assert!(output.status.success(), "{output:?}");
    }
    refused(&["user", "remove", "eve"]);
}

#[test]
fn a_made_up_password_is_forgotten_when_it_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    let file = data_dir.join("admin-password");
    assert!(run(&data_dir, &["user", "add", "bob"]).status.success());
    assert!(run(&data_dir, &["user", "password", "bob"]).status.success());
    assert!(file.exists());
    for _again in 0..2 {
        assert!(run(&data_dir, &["user", "password", "admin"]).status.success());
        assert!(!file.exists());
    }
}

#[test]
fn the_end_of_a_token_is_a_date() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    assert!(run(&data_dir, &["token", "create", "feed"]).status.success());
    let accounts = data_dir.join("accounts.json");
    let text = fs::read_to_string(&accounts).unwrap();
    for (seconds, date) in [(1_735_689_600, "2025-01-01T00:00:00Z"), (u64::MAX, "9999-12-31T23:59:59Z")] {
        let (before, after) = text.split_once("\"expires_at_seconds\": ").unwrap();
        let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        fs::write(&accounts, format!("{before}\"expires_at_seconds\": {seconds}{after}")).unwrap();
        let listed = String::from_utf8(run(&data_dir, &["token", "list"]).stdout).unwrap();
        assert_eq!(listed, format!("feed\tread\tGeneral\texpires at {date}\n"));
    }
}

#[test]
fn the_plan_of_the_memory_is_printed() {
    let output = sluiced().arg("check-config").env("SLUICE_MEMORY", "256MiB").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    expect![[r#"
        Memory plan, in MiB at most:
        #    60  large bodies and answers, all requests together
        #     8  small bodies and answers
        #    21  accepted indicators that are not in the trees yet
        #    30  work on slices of bodies
        #    24  parsers
        #    16  heavy reads of lookups
        #    16  light reads of lookups
        #     4  reads of short lookups
        #     4  blocks at hand for lookups
        #    73  merges, passwords, connections, the cache of the trees
        #   256  in all
        #    32  beside it filters and indexes of what is stored, 2 to 4 bytes each; large bodies give way to more, down to 24
    "#]]
    .assert_eq(printed.split_once("\n\n# ").unwrap().1);
    let refused = sluiced().arg("check-config").env("SLUICE_MEMORY", "255MiB").output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
}
