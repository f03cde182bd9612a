//! Who has changed what: every change over the wire and on the command line has a line, whatever the level.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use expect_test::expect;

use crate::{daemon::wait_until, process::Process};

/// What the lines of a target say from a field on.
fn told(said: &str, target: &str, from: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| line.contains(target));
    lines.map(|line| line.split_once(from).unwrap_or_else(|| panic!("{line}")).1.to_owned()).collect()
}

#[test]
fn every_change_over_the_wire_is_told_with_its_user() {
    let process = Process::after("export SLUICE_LOG__LEVEL=error");
    for (method, path, body) in [
        ("POST", "1.0/suppliers", r#"[{"name":"Feed","confidence":80,"retention":60,"vendor":"a \"b\""}]"#),
        ("PUT", "1.0/suppliers/Feed", r#"[{"name":"Other","confidence":70}]"#),
        ("PUT", "1.0/suppliers/Other/indicators", r#"[{"indicator":"a.example.com"}]"#),
        ("DELETE", "1.0/suppliers/Other/indicators", r#"[{"indicator":"a.example.com"},{"indicator":""}]"#),
        ("DELETE", "1.0/suppliers/Other", ""),
        ("POST", "1.1/tags", r#"[{"name":"one","weight":5}]"#),
        ("PUT", "1.1/tags/one", r#"[{"weight":4}]"#),
        ("DELETE", "1.1/tags/one", ""),
    ] {
        let answer = process.ask(method, &format!("/api/{path}"), body.as_bytes());
        assert!(answer.status < 300, "{answer:?}");
    }
    // What is refused changes nothing.
    assert_eq!(process.ask("DELETE", "/api/1.1/tags/one", b"").status, 404);
    let told = told(&process.said(), "audit: changed request_id=", " address=127.0.0.1 ");
    expect![[r#"
        user="admin" path="/api/1.0/suppliers" change="supplier Feed created, confidence=80, retention=60, vendor=\"a \\\"b\\\"\", enabled=true, refang=false"
        user="admin" path="/api/1.0/suppliers/Feed" change="supplier Feed updated, name=\"Other\", confidence=70"
        user="admin" path="/api/1.0/suppliers/Other/indicators" change="1 deletions accepted"
        user="admin" path="/api/1.0/suppliers/Other" change="supplier Other removed with its indicators"
        user="admin" path="/api/1.1/tags" change="tag ONE created, weight=5"
        user="admin" path="/api/1.1/tags/one" change="tag ONE updated, weight=4"
        user="admin" path="/api/1.1/tags/one" change="tag ONE removed""#]].assert_eq(&told.join("\n"));
}

/// Whoever may read the data directory can make accounts while no daemon runs.
#[test]
fn what_was_changed_without_a_daemon_is_told_by_the_next_one_and_once() {
    let mut process = Process::after("");
    process.kill();
    run(&process, &["user", "add", "eve", "--role", "administrator"]);
    let process = process.killed_and_started().killed_and_started();
    let said = process.said();
    let told = told(&said, "audit: changed on the command line number=2 ", " by=");
    assert!(
        matches!(told.as_slice(), [line] if line.contains("user eve added, role=administrator")),
        "{said}"
    );
    assert_eq!(said.matches("audit: ").count(), 2, "{said}");
}

/// Runs a command beside the daemon, or without one.
fn run(process: &Process, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluiced"));
    command.env("SUDO_UID", "1234").arg("--data-dir").arg(process.data_dir()).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let _is_taken = child.stdin.take().unwrap().write_all(b"a new secret\n");
    assert!(child.wait().unwrap().success(), "{arguments:?}");
}

#[test]
fn every_change_on_the_command_line_is_told_with_the_user_of_the_system() {
    let process = Process::after("export SLUICE_LOG__LEVEL=error");
    run(&process, &["user", "add", "bob", "--role", "tenant-manager", "--tenant", "acme"]);
    run(&process, &["user", "password", "bob"]);
    run(&process, &["token", "create", "feed", "--scope", "write", "--days", "3"]);
    run(&process, &["token", "revoke", "feed"]);
    run(&process, &["user", "remove", "bob"]);
    let last = "user bob removed";
    // The daemon looks at the file when somebody asks.
    wait_until("the last change is told", || {
        process.ask("GET", "/api/1.0/suppliers", b"");
        process.said().contains(last)
    });
    let uid = rustix::process::getuid().as_raw();
    let by = format!(" by=\"uid {uid}, by sudo from uid 1234\" change=");
    let said = process.said();
    // The first start is a change too, by whoever runs this.
    let (_, since) = said.split_once("change=\"user admin added, role=administrator tenants=\"\n").unwrap();
    let told = told(since, "audit: changed on the command line number=", &by);
    let told = told.iter().map(|line| match line.split_once("expires_at=") {
        Some((before, _)) => format!("{before}expires_at=...\""),
        None => line.clone(),
    });
    expect![[r#"
        "user bob added, role=tenant-manager tenants=acme"
        "password of user bob changed"
        "token feed created, scope=write tenants=General expires_at=..."
        "token feed revoked"
        "user bob removed""#]]
    .assert_eq(&told.collect::<Vec<_>>().join("\n"));
}
