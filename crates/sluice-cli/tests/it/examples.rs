//! The examples of the book, run as they stand there, where what they need is there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    fake::Fake,
    setup::{SUPPLIER, Setup, end_of, host, said},
};

#[test]
fn the_python_script_pushes_a_file() {
    // Nothing else needs Python.
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let setup = Setup::start();
    setup.run(&["suppliers", "create", SUPPLIER], 0);
    let token = setup.run(&["tokens", "create", "feed", "--scope", "write"], 0);
    let push = |name: &str, content: &str, supplier: &str, code: i32| {
        setup.write(name, content);
        let mut command = Command::new("python3");
        command.arg(script()).args([name, supplier]).current_dir(setup.dir.path());
        command.env("SLUICE_CLIENT_URL", format!("http://{}", setup.daemon.address()));
        command.env("SLUICE_CLIENT_TOKEN", token.trim());
        said(command, b"", code)
    };
    let rows = format!("{{\"indicator\":\"{}\"}}\n{{\"indicator\":\"bad name\"}}\n", host(1));
    let (stdout, _) = push("feed.ndjson", &rows, SUPPLIER, 0);
    assert_eq!(stdout, "feed.ndjson:2: invalid-indicator: bad name\n1 stored, 1 refused\n");
    assert_eq!(push("feed.csv", &format!("n,url\n1,{}\n", host(2)), SUPPLIER, 0).0, "1 stored, 0 refused\n");
    assert_eq!(push("list.txt", &host(3), SUPPLIER, 0).0, "1 stored, 0 refused\n");
    assert_eq!(setup.detected((1..4).map(host)), 3);
    assert_eq!(push("list.txt", &host(3), "NoSuchFeed", 1).1, "404: Supplier doesn't exist\n");
}

/// Those of the part before a break were never told.
#[test]
fn the_python_script_tells_what_was_refused_of_every_part() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let (dir, fake) = (tempfile::tempdir().unwrap(), Fake::start());
    fs::write(dir.path().join("feed.ndjson"), "1\n2\n3\n").unwrap();
    let mut command = Command::new("python3");
    command.arg(script()).args(["feed.ndjson", SUPPLIER]).current_dir(dir.path());
    command.env("SLUICE_CLIENT_URL", fake.url()).env("SLUICE_CLIENT_TOKEN", "token");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let part = |line: u64| {
        format!("\"accepted\":1,\"refused\":1,\"committed_lines\":{line},\"rejects_url\":\"/rejects/{line}\"")
    };
    for (status, line) in [(503, 2), (200, 3)] {
        let sent = fake.take(status, "Retry-After: 0\r\n", &format!("{{{}}}", part(line)));
        assert!(
            sent.head.contains(&format!("from_line={} ", if line == 2 { 1 } else { 3 })),
            "{}",
            sent.head
        );
        assert_eq!(sent.body, b"1\n2\n3\n");
        let reject = format!("{{\"line\":{line},\"reason\":\"not-json\",\"value\":\"{line}\"}}\n");
        let asked = fake.take(200, "", &reject);
        assert!(asked.head.starts_with(&format!("GET /rejects/{line} ")), "{}", asked.head);
    }
    let (stdout, _) = end_of(child, 0);
    assert_eq!(stdout, "feed.ndjson:2: not-json: 2\nfeed.ndjson:3: not-json: 3\n2 stored, 2 refused\n");
}

fn script() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/push.py")).unwrap()
}
